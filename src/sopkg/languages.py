"""The languages that pages speak: one catalogue of messages each, and the ontology's own words for its terms."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date as calendar_date
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from pyoxigraph import Literal, NamedNode, Variable
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from sopkg.errors import BadInput
from sopkg.files import system_query
from sopkg.rows import select
from sopkg.schema import ontology_store

DEFAULT = "en"
_DATE_OR_NAME = re.compile(r"\b(\d{4}-\d\d-\d\d)\b|“[^”]*”")
_FOLDER = Path(__file__).parent / "messages"


class Said(NamedTuple):
    """A text and the language that it is in (BCP 47)."""

    text: str
    language: str


@dataclass(frozen=True)
class Language:
    """One language: its messages by key, and what the ontology calls its terms in it."""

    code: str
    messages: Mapping[str, Any]

    def message(self, key: str, /, **given: object) -> str:
        """The message of a key, `section.name`, with what is given filled in. Raises KeyError for a key without one."""
        section, _, name = key.partition(".")
        text: str = self.messages[section][name]
        return text.format(**given) if given else text

    def counted(self, key: str, count: int, **given: object) -> str:
        """The message for a number of things; one of a thing may have a form of its own, `key_one`."""
        section, _, name = key.partition(".")
        own = f"{key}_one" if count == 1 and f"{name}_one" in self.messages[section] else key
        return self.message(own, count=self.number(count), **given)

    def word(self, sort: str, notation: str) -> str:
        """What a term of a closed list is called, by its sort and its notation."""
        iri = _notations().get((sort, notation))
        return self.label(iri, notation).text if iri else notation

    def meaning(self, sort: str, notation: str) -> Said | None:
        """The definition of a term of a closed list."""
        iri = _notations().get((sort, notation))
        return self.about(iri, "definition") if iri else None

    def named(self, sort: str, english: str) -> str:
        """What a term is called that is known by its English label."""
        iri = _english().get((sort, english))
        return self.label(iri, english).text if iri else english

    def called(self, sort: str, name: str) -> str:
        """What a term of a closed list is called that is known by the last part of its IRI."""
        iri = closed_list(sort).get(name)
        return self.label(iri, name).text if iri else name

    def term(self, english: str) -> Said | None:
        """What the ontology calls what it calls so in English; None for no term, and for several told apart."""
        found = {said for iri in _labelled().get(english, ()) if (said := self.about(iri, "label"))}
        return found.pop() if len(found) == 1 else None

    def label(self, iri: str, otherwise: str) -> Said:
        """What a term of the ontology is called; what is none keeps its name."""
        return Said(otherwise, DEFAULT) if iri not in _words(DEFAULT) else self.about(iri, "label") or _own(otherwise)

    def about(self, iri: str, what: str) -> Said | None:
        """What the ontology says of a term, in this language or else in English."""
        for code in dict.fromkeys((self.code, DEFAULT)):
            text = _words(code).get(iri, {}).get(what)
            if text:
                return Said(text, code)
        return None

    def number(self, value: float) -> str:
        """A number with separators."""
        return f"{value:,}"

    def unit(self, unit: str) -> str:
        """What a unit is called; a currency keeps its code."""
        named: str = self.messages["unit"].get(unit, unit)
        return named

    def speech(self) -> dict[str, Any]:
        """What a template says things with."""
        names = ("counted", "word", "meaning", "named", "number", "day", "dated")
        return {"t": self.message, "language": self, **{name: getattr(self, name) for name in names}}

    def day(self, iso: str) -> str:
        """A date (ISO 8601) as people write it."""
        read = calendar_date.fromisoformat(iso)
        months = self.messages["date"]["months"]
        return self.message("date.day", day=read.day, month=months[read.month - 1], year=read.year)

    def dated(self, text: str) -> str:
        """A sentence with its dates (ISO 8601) as people write them; what stands in quotation marks stays a name."""
        return _DATE_OR_NAME.sub(lambda found: self._day_or(found[0]) if found[1] else found[0], text)

    def _day_or(self, text: str) -> str:
        try:
            return self.day(text)
        except ValueError:  # of a source, which may write anything
            return text


def _own(text: str) -> Said:
    return Said(text, DEFAULT)


@cache
def languages() -> Mapping[str, Language]:
    """Every language with a catalogue of messages, the default first."""
    paths = sorted(_FOLDER.glob("*.toml"), key=lambda path: (path.stem != DEFAULT, path.stem))
    return {path.stem: Language(path.stem, tomllib.loads(path.read_text("utf-8"))) for path in paths}


def chosen_language(name: str | None, accept: str) -> Language:
    """The language by name, else by the header Accept-Language (RFC 9110, 12.5.4). Raises BadInput for another name."""
    known = languages()
    if name is not None:
        if name not in known:
            raise BadInput(f"lang is {name!r}; expected is one of {', '.join(known)}", {"expected": list(known)})
        return known[name]
    best = parse_accept_header(accept, LanguageAccept).best_match(known, DEFAULT)
    return known[best or DEFAULT]


def literature(language: Language, kind: str) -> list[tuple[str, str]]:
    """What other frameworks call a kind of gap: framework and category."""
    given: dict[Variable, NamedNode | Literal] = {
        Variable("kind"): NamedNode(kind),
        Variable("language"): Literal(language.code),
    }
    rows = select(ontology_store(), system_query("literature"), given=given)
    return [(row["framework"].value, row["category"].value) for row in rows]


@cache
def papers() -> list[str]:
    """What the model is taken from."""
    return [row["paper"].value for row in select(ontology_store(), system_query("paper"))]


def notations(sort: str) -> list[str]:
    """The notations of a closed list."""
    return [notation for mine, notation in _notations() if mine == sort]


@cache
def _words(code: str) -> dict[str, dict[str, str]]:
    """What is said of each term in a language, by its IRI."""
    rows = select(ontology_store(), system_query("words"), given={Variable("language"): Literal(code)})
    columns = ("sort", "notation", "english", "label", "definition", "question", "remedy")
    return {row["term"].value: {name: row[name].value for name in columns if row[name]} for row in rows}


@cache
def _notations() -> dict[tuple[str, str], str]:
    known = {iri: word for iri, word in _words(DEFAULT).items() if "sort" in word and "notation" in word}
    return {(word["sort"], word["notation"]): iri for iri, word in known.items()}


@cache
def _labelled() -> dict[str, list[str]]:
    """Every term by its English label; the comma or colon that ends one for a sentence's sake is left out."""
    terms: dict[str, list[str]] = {}
    for iri, word in _words(DEFAULT).items():
        terms.setdefault(word.get("label", "").rstrip(",:"), []).append(iri)
    return terms


@cache
def closed_list(sort: str) -> Mapping[str, str]:
    """The terms of a closed list by the last part of their IRIs, in the order of their English labels."""
    named = sorted((english, iri) for (mine, english), iri in _english().items() if mine == sort)
    return {iri.replace("#", "/").rpartition("/")[2]: iri for _, iri in named}


@cache
def _english() -> dict[tuple[str, str], str]:
    return {(word["sort"], word["english"]): iri for iri, word in _words(DEFAULT).items() if "sort" in word}
