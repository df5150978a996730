"""The query files: their headers, parameters and roles, read once and checked at start-up."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from sopkg.errors import BadInput, InternalFault, not_found, unknown_names
from sopkg.files import found, knowledge

HEADER = re.compile(r"^#\+ ?([a-z]+)(?: ([^:]+))?: (.*)$")
PREFIX = re.compile(r"^\s*PREFIX\s+([\w-]*):\s*<([^>]*)>", re.IGNORECASE | re.MULTILINE)
PARAMETER_TYPES = ("iri", "integer", "decimal", "date", "text", "boolean")
# What a header line may say. An unknown key stops start-up: a typing error must not pass as a comment.
KEYS = {
    "summary",
    "asked",
    "description",
    "described",
    "columns",
    "says",
    "param",
    "gap",
    "focus",
    "inherits",
    "tags",
    "split",
    "source",
    "step",
    "note",
}
# Of mappings (see `ingest`).
KEYS |= {"reads", "rows", "required"}
# Of rules over lists (see `rules`).
KEYS |= {"every", "chain"}


@dataclass(frozen=True)
class Parameter:
    """A value that the caller gives: its name, type, and whether the query runs without it."""

    name: str
    type: str
    optional: bool = False


@dataclass(frozen=True)
class QueryFile:
    """One file: its id is the stem, its role the folder."""

    name: str
    role: str
    text: str
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()

    @property
    def summary(self) -> str:
        """The question in words."""
        return " ".join(self.headers["summary"])

    def asked(self, code: str) -> str | None:
        """The question in another language, by its code; None where the file does not have it."""
        return self._said("asked", code)

    @property
    def description(self) -> str:
        """What the answer means and does not mean."""
        return " ".join(self.headers.get("description", ()))

    def described(self, code: str) -> str | None:
        """The description in another language, by its code; None where the file does not have it."""
        return self._said("described", code)

    def columns(self, code: str) -> tuple[str, ...]:
        """The heads of the answer's columns in another language, in their order; none where the file has none."""
        said = self._said("columns", code)
        return tuple(said.split(" | ")) if said else ()

    def says(self, code: str, text: str, term: Callable[[str], str] = str) -> str | None:
        """What a text that the query makes is in another language; None where the file does not have it.

        A line `#+ says CODE: ENGLISH = TEXT` tells it; `{}` stands for what the query puts in, told
        by another line or else by `term`.
        """
        for line in self._lines("says", code):
            english, _, said = line.partition(" = ")
            match = re.fullmatch(re.escape(english).replace(r"\{\}", "(.+)"), text)
            if match:
                return said.format(*(self.says(code, each, term) or term(each) for each in match.groups()))
        return None

    def _said(self, key: str, code: str) -> str | None:
        return next(iter(self._lines(key, code)), None)

    def _lines(self, key: str, code: str) -> list[str]:
        said = (line.partition(": ") for line in self.headers.get(key, ()))
        return [text for language, _, text in said if language == code]


def read_headers(text: str) -> dict[str, list[str]]:
    """The `#+ key: value` lines of a query; `#+ param NAME: type` and the like keep the word before their colon.

    Raises InternalFault for a line that has another form or an unknown key.
    """
    headers: dict[str, list[str]] = {}
    for line in text.splitlines():
        if not line.startswith("#+"):
            continue
        match = HEADER.match(line)
        if not match or match[1] not in KEYS:
            raise InternalFault(f"unknown header line {line!r}: known keys are {', '.join(sorted(KEYS))}")
        headers.setdefault(match[1], []).append(f"{match[2]}: {match[3]}" if match[2] else match[3])
    return headers


def read_query_file(path: Path) -> QueryFile:
    """A query file with its headers; it must have a summary."""
    text = knowledge(path)
    headers = {key: tuple(values) for key, values in read_headers(text).items()}
    if "summary" not in headers:
        raise InternalFault(f"{path.name} has no `#+ summary:` line")
    parameters = tuple(_parameter(path, line) for line in headers.get("param", ()))
    return QueryFile(path.stem, path.parent.name, text, headers, parameters)


def prefixes(text: str) -> dict[str, str]:
    """The PREFIX lines of a query."""
    return dict(PREFIX.findall(text))


def _parameter(path: Path, line: str) -> Parameter:
    name, _, kind = line.partition(": ")
    words = kind.split()
    if not words or words[0] not in PARAMETER_TYPES or words[1:] not in ([], ["optional"]):
        raise InternalFault(f"{path.name}: `#+ param {line}`: a type is one of {', '.join(PARAMETER_TYPES)}")
    return Parameter(name, words[0], len(words) == 2)


@cache
def query_files(role: str) -> Mapping[str, QueryFile]:
    """The files of one folder below `queries/`, by name."""
    return {path.stem: read_query_file(path) for path in found(f"queries/{role}", "*.rq")}


def named_query(role: str, name: str) -> QueryFile:
    """One query by name, or NotFound with the near names."""
    known = query_files(role)
    if name not in known:
        raise not_found("query", name, known)
    return known[name]


def check_names(query: QueryFile, given: Mapping[str, object]) -> None:
    """Raises BadInput for a parameter that the query does not have, or one that it lacks."""
    known = [parameter.name for parameter in query.parameters]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise unknown_names("parameter", unknown, known, f" of {query.name}")
    missing = [p.name for p in query.parameters if not p.optional and p.name not in given]
    if missing:
        raise BadInput(f"{query.name} needs the parameter {', '.join(missing)}")
