"""What gaps and their events can be asked for by: the filters, their words, and what meets them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sopkg.errors import BadInput, near_names, unknown_names
from sopkg.files import system_query
from sopkg.findings import GRADES, VERDICTS
from sopkg.lifeline import FILTERS as EVENT_FILTERS
from sopkg.lifeline import event_words
from sopkg.rows import select
from sopkg.schema import ontology_store
from sopkg.terms import local

FILTERS = ("city", "date", "as-of", "kind", "object", "severity", "verdict", "extensions")
Row = dict[str, Any]


def check_filters(filters: Mapping[str, str]) -> None:
    """Raises BadInput for a filter that is not one, or a word that is none of its values."""
    unknown = sorted(set(filters) - set(FILTERS))
    if unknown:
        raise unknown_names("filter", unknown, FILTERS)
    for name, words in (("severity", GRADES), ("verdict", VERDICTS), ("extensions", ("true", "false"))):
        if name in filters and filters[name] not in words:
            raise BadInput(f"{name} is one of {', '.join(words)}, not {filters[name]!r}")
    for name, known in filter_words().items():
        word = filters.get(name)
        if word is not None and word not in known:
            near = near_names(word, known)
            hint = f"near are {', '.join(near)}" if near else f"known are {', '.join(known)}"
            raise BadInput(f"there is no {name} {word!r}; {hint}", {"near": near})


@cache
def filter_words() -> dict[str, list[str]]:
    """The words that gaps can be asked for by: a kind's notation, stem, name and IRI; an object's name and IRI."""
    words: dict[str, dict[str, None]] = {}
    for row in select(ontology_store(), system_query("filter-words")):
        iri, notation = row["term"].value, row["notation"].value if row["notation"] else ""
        known = (notation, notation.rstrip("abc"), local(iri), iri)
        words.setdefault(row["filter"].value, {}).update(dict.fromkeys(filter(None, known)))
    return {name: list(known) for name, known in words.items()}


def meets(row: Row, filters: Mapping[str, str]) -> bool:
    """Whether a finding meets the filters by kind, object, severity and verdict; a word may be an IRI's last part."""
    objects = [*row["objects"], *map(local, row["objects"])]
    found = {"kind": kind_words(row), "object": objects, "severity": [row["severity"]], "verdict": [row["verdict"]]}
    return all(filters[name] in words for name, words in found.items() if name in filters)


def kind_words(row: Row) -> tuple[str, ...]:
    """What the kind of a finding or an event can be called."""
    return row["notation"], row["notation"].rstrip("abc"), row["kind"], local(row["kind"])


def check_event_filters(filters: Mapping[str, str]) -> None:
    """Raises BadInput for a filter of events that is not one, or a word that is none of its values."""
    unknown = sorted(set(filters) - set(EVENT_FILTERS))
    if unknown:
        raise unknown_names("filter", unknown, EVENT_FILTERS)
    check_filters({name: word for name, word in filters.items() if name == "kind"})
    words = event_words()
    for name in ("event", "because"):
        if name in filters and filters[name] not in words[name]:
            raise BadInput(f"{name} is one of {', '.join(words[name])}, not {filters[name]!r}")


def happened(row: Row, filters: Mapping[str, str]) -> bool:
    """Whether an event meets the filters."""
    met = "event" not in filters or row["event"] == filters["event"]
    met = met and ("because" not in filters or filters["because"] in row["because"])
    return met and ("kind" not in filters or filters["kind"] in kind_words(row))
