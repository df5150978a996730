"""Every setting once: its name, type, default, meaning and SOPKG_* variable."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Annotated, NamedTuple, get_type_hints

from sopkg.errors import BadInput
from sopkg.files import BASE, OWN_CITIES, root


class About(NamedTuple):
    """How a setting is read from text, what is expected there, and what it means."""

    read: Callable[[str], object]
    expected: str
    help: str


def _flag(text: str) -> bool:
    answers = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    return answers[text.strip().lower()]


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _from_zero(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def _megabytes(text: str) -> int:
    number = int(text)
    if number < SMALLEST_WORKER:
        raise ValueError(text)
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError(text)
    return number


def _base(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s<>\"{}|\\^`#?]+/", text):
        raise ValueError(text)
    return text


def _sha256(text: str) -> str:
    digest = text.strip().lower()
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise ValueError(text)
    return digest


def _durability(text: str) -> str:
    return {each: each for each in ("process", "fsync")}[text.strip().lower()]


SMALLEST_WORKER = 500  # megabytes of address space; a worker takes 340 before its first query
_SHIPPED_ONTOLOGY = root() / "ontology"
_DIGEST = "a SHA-256, 64 hexadecimal digits"
_COUNT = "a whole number above 0"
_SECONDS = "seconds above 0"


@dataclass(frozen=True)
class Settings:
    """What can be set; each field is read from SOPKG_ and its name in capitals."""

    store: Annotated[Path, About(Path, "a folder", "folder of the built store")] = Path("sopkg-store")
    ontology: Annotated[Path, About(Path, "a folder", "folder of the ontology")] = _SHIPPED_ONTOLOGY
    cities: Annotated[Path, About(Path, "a folder", "folder of the cities of one's own, beside the shipped ones")] = (
        OWN_CITIES
    )
    cache: Annotated[Path, About(Path, "a folder", "folder for what was found once and would be found again")] = (
        Path.home() / ".cache" / "sopkg"
    )
    host: Annotated[str, About(str, "a name or address", "address that `serve` listens on")] = "127.0.0.1"
    port: Annotated[int, About(int, "a whole number", "port that `serve` listens on")] = 8080
    proxies: Annotated[
        int,
        About(
            _from_zero, "a whole number", "proxies in front whose X-Forwarded headers are believed, one behind another"
        ),
    ] = 0
    base: Annotated[
        str, About(_base, "an http or https IRI that ends in /", "what every IRI of ours begins with, terms too")
    ] = BASE
    workers: Annotated[int, About(_positive, _COUNT, "queries that run at the same time")] = 2
    query_seconds: Annotated[float, About(_seconds, _SECONDS, "time that one query may take")] = 30.0
    queue_seconds: Annotated[float, About(_seconds, _SECONDS, "time that a query waits for a worker")] = 10.0
    queue: Annotated[int, About(_positive, _COUNT, "queries that wait for a worker; one more is refused at once")] = 16
    query_megabytes: Annotated[
        int, About(_megabytes, f"a whole number from {SMALLEST_WORKER}", "address space of one query worker")
    ] = 2048
    nesting: Annotated[int, About(_positive, _COUNT, "brackets and chained operators a query may nest")] = 200
    body_bytes: Annotated[int, About(_positive, _COUNT, "largest request body and query text")] = 262_144
    result_bytes: Annotated[int, About(_positive, _COUNT, "largest result of one query")] = 268_435_456
    kept_bytes: Annotated[
        int, About(_positive, _COUNT, "bytes of predefined queries' answers that are kept until something is published")
    ] = 67_108_864
    result_rows: Annotated[int, About(_positive, _COUNT, "most rows, or triples, that one query may give")] = 2_000_000
    reason_seconds: Annotated[float, About(_seconds, _SECONDS, "time that reasoning may take")] = 60.0
    reason_megabytes: Annotated[int, About(_positive, _COUNT, "memory that reasoning may take")] = 2048
    graph_bytes: Annotated[int, About(_positive, _COUNT, "largest graph that is sent to be reasoned over")] = 33_554_432
    write_seconds: Annotated[float, About(_seconds, _SECONDS, "time that one change over HTTP may take")] = 300.0
    write_megabytes: Annotated[
        int, About(_megabytes, f"a whole number from {SMALLEST_WORKER}", "address space of the process that writes")
    ] = 8192
    body_seconds: Annotated[float, About(_seconds, _SECONDS, "time that a request's body may take to arrive")] = 30.0
    ending_seconds: Annotated[
        int, About(_positive, f"{_COUNT}, in seconds", "time that requests have when `serve` is told to end")
    ] = 8
    lock_seconds: Annotated[float, About(_seconds, _SECONDS, "time that a write waits for another")] = 60.0
    read_ahead: Annotated[
        bool, About(_flag, "0 or 1", "have `serve`, and a large `load`, read ahead what the first pages ask")
    ] = True
    lasting_bytes: Annotated[
        int, About(_positive, _COUNT, "answers of slow queries that are kept beside the store")
    ] = 536_870_912
    log: Annotated[bool, About(_flag, "0 or 1", "write a line of JSON to standard error for each request")] = False
    reader_hash: Annotated[
        str, About(_sha256, _DIGEST, "SHA-256 of the token that lets read, where reads are closed")
    ] = ""
    auditor_hash: Annotated[str, About(_sha256, _DIGEST, "SHA-256 of the token that lets answer to gaps over HTTP")] = (
        ""
    )
    editor_hash: Annotated[str, About(_sha256, _DIGEST, "SHA-256 of the token that lets change data over HTTP")] = ""
    admin_hash: Annotated[str, About(_sha256, _DIGEST, "SHA-256 of the token that lets remove data over HTTP")] = ""
    closed: Annotated[bool, About(_flag, "0 or 1", "let only who has a token read over HTTP")] = False
    load_bytes: Annotated[int, About(_positive, _COUNT, "largest file or graph that is loaded over HTTP")] = 268_435_456
    durability: Annotated[
        str, About(_durability, "process or fsync", "what a write outlives: the end of the process, or of the power")
    ] = "process"
    allow_no_netns: Annotated[
        bool, About(_flag, "0 or 1", "run workers without a network namespace where the system refuses one")
    ] = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None, **given: object) -> Settings:
        """The settings of the environment; `given` values that are not None win (a command's options)."""
        source = os.environ if environ is None else environ
        texts = {each.name: source.get(variable(each.name), "") for each in fields(cls)}
        read = {name: _read(name, text) for name, text in texts.items() if text}
        stated = {name: value for name, value in given.items() if value is not None}
        return replace(cls(), **{**read, **stated})  # type: ignore[arg-type]


def described() -> list[dict[str, str]]:
    """Each setting's name, variable, default, expected value and meaning, in the order of definition."""
    return [
        {
            "name": each.name,
            "variable": variable(each.name),
            "default": str(each.default),
            "expected": _about(each.name).expected,
            "help": _about(each.name).help,
        }
        for each in fields(Settings)
    ]


@cache
def _about(name: str) -> About:
    about: About = get_type_hints(Settings, include_extras=True)[name].__metadata__[0]
    return about


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"SOPKG_{name.upper()}"


def _read(name: str, text: str) -> object:
    about = _about(name)
    try:
        return about.read(text)
    except (ValueError, KeyError):
        # A token that was put in place of its hash must not be told on.
        given = "something else" if about.read is _sha256 else repr(text)
        raise BadInput(f"{variable(name)} is {given}; expected is {about.expected}") from None
