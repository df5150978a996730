"""Every setting once: its name, type, default, meaning and SOPKG_* variable."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Annotated, NamedTuple, get_type_hints

from sopkg.errors import BadInput
from sopkg.files import OWN_CITIES, root


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


def _sha256(text: str) -> str:
    digest = text.strip().lower()
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise ValueError(text)
    return digest


SMALLEST_WORKER = 500  # megabytes of address space; a worker takes 340 before its first query
_SHIPPED_ONTOLOGY = root() / "ontology"
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
    base: Annotated[str, About(str, "an IRI", "what all IRIs of ours begin with")] = "https://w3id.org/sopkg/"
    workers: Annotated[int, About(_positive, _COUNT, "queries that run at the same time")] = 2
    query_seconds: Annotated[float, About(_seconds, _SECONDS, "time that one query may take")] = 30.0
    queue_seconds: Annotated[float, About(_seconds, _SECONDS, "time that a query waits for a worker")] = 10.0
    query_megabytes: Annotated[
        int, About(_megabytes, f"a whole number from {SMALLEST_WORKER}", "address space of one query worker")
    ] = 2048
    nesting: Annotated[int, About(_positive, _COUNT, "brackets and chained operators a query may nest")] = 200
    body_bytes: Annotated[int, About(_positive, _COUNT, "largest request body and query text")] = 262_144
    result_bytes: Annotated[int, About(_positive, _COUNT, "largest result of one query")] = 268_435_456
    kept_bytes: Annotated[
        int, About(_positive, _COUNT, "bytes of predefined queries' answers that are kept until something is published")
    ] = 67_108_864
    reason_seconds: Annotated[float, About(_seconds, _SECONDS, "time that reasoning may take")] = 60.0
    reason_megabytes: Annotated[int, About(_positive, _COUNT, "memory that reasoning may take")] = 2048
    graph_bytes: Annotated[int, About(_positive, _COUNT, "largest graph that is sent to be reasoned over")] = 33_554_432
    lock_seconds: Annotated[float, About(_seconds, _SECONDS, "time that a write waits for another")] = 60.0
    log: Annotated[bool, About(_flag, "0 or 1", "write a line of JSON to standard error for each request")] = False
    editor_hash: Annotated[
        str, About(_sha256, "a SHA-256, 64 hexadecimal digits", "SHA-256 of the token that lets write over HTTP")
    ] = ""
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
