"""The page of all gaps: filters with counts, the worst first, and what can't be known apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import request

from sopkg import asked
from sopkg.filters import FILTERS
from sopkg.findings import GRADES, VERDICTS
from sopkg.middle import middle
from sopkg.overview import by_city, dates_of
from sopkg.paging import part_of
from sopkg.render import changed, focus_text, kind_text, language, page, weight_text
from sopkg.terms import local
from sopkg.weight import sorts

Row = Mapping[str, Any]
_SIZE = 50
_UNSETTLED = "undetermined"
_PAGING = ("page", "per_page")
# The filters, and the order of their values where it is not by name.
_ORDERS: Mapping[str, Sequence[str]] = {
    "city": (),
    "kind": (),
    "object": (),
    "severity": GRADES[::-1],
    "verdict": VERDICTS,
}


def gaps() -> str:
    """The gaps that fit the filters."""
    given = asked.known(request.args, (*FILTERS, "sort", *_PAGING, "format"))
    given = {name: value for name, value in given.items() if value}  # a form sends what is left open, too
    given |= {name: asked.date(given, name) or "" for name in ("date", "as-of") if name in given}
    filters, sort = {name: given[name] for name in FILTERS if name in given}, given.get("sort")
    observed = by_city(middle().cities())
    dropped = filters.pop("date") if _elsewhere(filters, observed) else None
    found = middle().gaps(filters, sort)
    settled = [row for row in found if row["verdict"] != _UNSETTLED]
    unknown = [row for row in found if row["verdict"] == _UNSETTLED]
    part = part_of([_shown(row) for row in settled or (unknown if _asks_unknown(filters) else [])], _SIZE)
    return page(
        "gaps.html",
        filters=_filters(filters, observed),
        dropped=dropped,
        given=filters,
        narrowed=bool(filters),
        sorts=[("", sort is None), *((each, each == sort) for each in sorts())],
        sort=sort,
        cities={name: rows[-1]["label"] or name for name, rows in observed.items()},
        part=part,
        settled=len(settled),
        unknown_total=len(unknown),
        unknown=_unknown(unknown),
        asks_unknown=_asks_unknown(filters),
        kept=[(name, filters[name]) for name in ("as-of", "extensions") if name in filters],
        formats=[(each, changed(format=each, lang=None, page=None)) for each in ("json", "csv")],
    )


def _elsewhere(filters: Mapping[str, str], observed: Mapping[str, Sequence[Row]]) -> bool:
    """Whether the date is one of another city: whoever chooses a city in the form has the date of the one before."""
    return filters.get("city") in observed and filters.get("date", "") not in {"", *dates_of(observed[filters["city"]])}


def _asks_unknown(filters: Mapping[str, str]) -> bool:
    return filters.get("verdict") == _UNSETTLED


def _shown(row: Row) -> dict[str, Any]:
    weight = weight_text(row["weight"]) if "weight" in row else ""
    return {**row, "kindText": kind_text(row), "aboutText": focus_text(row), "weightText": weight}


def _unknown(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """What can't be known, counted by city and kind."""
    counted = Counter((row["city"], row["notation"], kind_text(row)) for row in rows)
    return [
        {"city": city, "notation": notation, "kindText": text, "count": count}
        for (city, notation, text), count in sorted(counted.items())
    ]


def _filters(given: Mapping[str, str], observed: Mapping[str, Sequence[Row]]) -> list[dict[str, Any]]:
    """Each filter with its values, and how many gaps each would show beside the other filters."""
    told = [_filter(name, given, observed) for name in _ORDERS]
    told.insert(1, _date_filter(given, observed))
    return told


def _filter(name: str, given: Mapping[str, str], observed: Mapping[str, Sequence[Row]]) -> dict[str, Any]:
    beside = {"city", "date", "as-of"} if name == "city" else {name}  # another city has other dates
    rows = middle().gaps({key: value for key, value in given.items() if key not in beside})
    counted = Counter(word for row in rows for word in _values(row, name))
    words = [word for word in _ORDERS[name] if word in counted] or sorted(counted)
    called = _names(name, rows, observed)
    return _select(name, given.get(name), [(word, called.get(word, word), counted[word]) for word in words])


def _values(row: Row, name: str) -> Sequence[str]:
    """The words by which a gap is found by a filter."""
    match name:
        case "kind":
            return [row["notation"]]
        case "object":
            return [local(iri) for iri in row["objects"]]
        case _:
            return [row[name]]


def _names(name: str, rows: Iterable[Row], observed: Mapping[str, Sequence[Row]]) -> dict[str, str]:
    """What the words of a filter are called."""
    mine = language()
    match name:
        case "city":
            return {city: mine_rows[-1]["label"] or city for city, mine_rows in observed.items()}
        case "kind":
            return {row["notation"]: f"{row['notation']} {kind_text(row)}" for row in rows}
        case "object":
            return {local(iri): mine.label(iri, local(iri)).text for row in rows for iri in row["objects"]}
        case _:
            return {word: mine.word(name, word) for word in _ORDERS[name]}


def _date_filter(given: Mapping[str, str], observed: Mapping[str, Sequence[Row]]) -> dict[str, Any]:
    """The dates of a city, or of all; counted where one city is chosen, since each date is an audit of its own."""
    city = given.get("city")
    dates = dates_of(observed.get(city, ()) if city else [row for rows in observed.values() for row in rows])
    others = {key: value for key, value in given.items() if key not in ("date", "as-of")}
    counts = {date: len(middle().gaps({**others, "date": date})) for date in dates} if city in observed else {}
    return _select("date", given.get("date"), [(date, language().day(date), counts.get(date)) for date in dates[::-1]])


def _select(name: str, chosen: str | None, options: Sequence[tuple[str, str, int | None]]) -> dict[str, Any]:
    known = {word for word, _, _ in options}
    more = [(chosen, chosen, None)] if chosen is not None and chosen not in known else []
    return {"name": name, "chosen": chosen, "options": [*options, *more]}
