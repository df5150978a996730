"""The model's cells of subject, object and stage: what is expected, on record and missing in each; and projections.

What belongs to which cell is said by reports, one a sort of thing; here distinct things are counted for each place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations_with_replacement, product
from typing import Any
from urllib.parse import urlencode

from sopkg.catalog import QueryFile, named_query
from sopkg.printer import print_query
from sopkg.syntax import Select
from sopkg.tabulate import as_csv, as_json, as_table
from sopkg.trees import read_file_query

Row = dict[str, Any]
Place = tuple[str, ...]
ALL = "all"  # what a thing does not name
DIMENSIONS = ("subject", "object", "stage")
PROJECTIONS = (("subject", "object"), ("subject", "stage"), ("object", "stage"))
PAIR = ("subject", "counterpart")
SUREST = ("confirmed", "presumed", "contested")
UNSETTLED = "undetermined"
# The report that lists what a column counts, and the column that tells one thing from another.
LISTS = {"expected": ("norms-in-cell", "norm"), "observed": ("engagements-in-cell", "engagement")}
CELLS, GAPS, PAIRS, STRUCTURE = "cells", "gaps-in-cell", "interactions-between-subjects", "points-lines-surface"
UNORDERED = (*(report for report, _ in LISTS.values()), GAPS, PAIRS)  # of these only the number of rows tells
COUNTS = ("expected", "observed", "gaps", "undetermined", "open", "verdict", "readOtherwise")
COLUMNS = (
    "projection",
    *DIMENSIONS,
    "counterpart",
    *COUNTS,
    "measure",
    "value",
    "norms",
    "engagements",
    "interactions",
    "evidence",
)
Ask = Callable[[str], Sequence[Row]]


@dataclass(frozen=True)
class Cube:
    """The cells of one observation; the margins hold what names not all of subject, object and stage."""

    city: str
    date: str
    cells: Sequence[Row]
    margins: Sequence[Row]
    projections: Mapping[str, Sequence[Row]]
    structure: Sequence[Row]

    def written(self, form: str) -> str:
        """The cube as table, json or csv."""
        match form:
            case "json":
                return as_json(vars(self))
            case "csv":
                return as_csv(list(self._lines()), COLUMNS)
            case _:
                return self._text()

    def _lines(self) -> Iterator[Row]:
        parts = {" × ".join(DIMENSIONS): [*self.cells, *self.margins], **self.projections, "structure": self.structure}
        for name, rows in parts.items():
            for row in rows:
                yield {**dict.fromkeys(COLUMNS), **_flat(row), **row["addresses"], "projection": name}

    def _text(self) -> str:
        parts = {"Cells": self.cells, "What names not all three": self.margins, **self.projections}
        lines = [f"{self.city} {self.date}: what the model expects in each cell, and what the records show", ""]
        for title, rows in {**parts, "Points, lines and surface": self.structure}.items():
            lines += [title, as_table([_shown(row) for row in rows])]
        return "\n".join(lines)


def cube(city: str, date: str, ask: Ask) -> Cube:
    """The cube of one observation. `ask` gives the rows of a report, by its name, over that observation."""
    cells = ask(CELLS)
    words = {name: list(dict.fromkeys(row[name] for row in cells)) for name in DIMENSIONS}
    readings = {row["object"]: sorted(row["readOtherwise"].split("; ")) for row in cells if row["readOtherwise"]}
    things = {name: (ask(report), key) for name, (report, key) in LISTS.items()}
    counter = _Counter(city, date, words, readings, things, ask(GAPS))
    every = counter.places(DIMENSIONS)
    pairs = _pairs(city, date, words["subject"], ask(PAIRS))
    flat = {" × ".join(each): counter.places(each) for each in PROJECTIONS}
    return Cube(
        city,
        date,
        [row for row in every if ALL not in _place(row, DIMENSIONS)],
        [row for row in every if ALL in _place(row, DIMENSIONS)],
        {**flat, "subject × subject": pairs},
        [_measure(city, date, row) for row in ask(STRUCTURE)],
    )


@cache
def counted_over(name: str) -> QueryFile:
    """A report whose rows the cube counts: without its order, which takes longer than all else of it."""
    query = named_query("reports", name)
    if name not in UNORDERED:
        return query
    read = read_file_query(query.text)
    assert isinstance(read, Select)
    return replace(query, text=print_query(replace(read, order_by=())))


@dataclass(frozen=True)
class _Counter:
    """Counts the distinct things in each place of a projection."""

    city: str
    date: str
    words: Mapping[str, Sequence[str]]
    readings: Mapping[str, Sequence[str]]
    things: Mapping[str, tuple[Sequence[Row], str]]
    gaps: Sequence[Row]

    def places(self, names: Sequence[str]) -> list[Row]:
        """Every place of the closed lists, and after them those where something leaves a dimension open."""
        found = {column: _kept(rows, names, key) for column, (rows, key) in self.things.items()}
        gaps = _kept(self.gaps, names, "id")
        closed = dict.fromkeys(product(*(self.words[name] for name in names)))
        left_open = {place for each in (*found.values(), gaps) for place in each if ALL in place}
        return [self._cell(names, place, found, gaps) for place in (*closed, *sorted(left_open))]

    def _cell(
        self,
        names: Sequence[str],
        place: Place,
        found: Mapping[str, Mapping[Place, Mapping[str, Row]]],
        gaps: Mapping[Place, Mapping[str, Row]],
    ) -> Row:
        # Of what no record of the city tells there is no number.
        counted = {name: len(found[name].get(place, ())) if found[name] else None for name in found}
        mine = gaps.get(place, {})
        above = {id_ for other, held in gaps.items() if _covers(other, place) for id_ in held}
        given = dict(zip(names, place, strict=True))
        return {
            **given,
            **counted,
            **_judged(mine.values(), len(above - set(mine)), any(counted.values())),
            "readOtherwise": list(self.readings.get(given.get("object", ""), ())),
            "addresses": self._addresses(given),
        }

    def _addresses(self, given: Mapping[str, str]) -> Row:
        observed = {"city": self.city, "as-of": self.date, **given}
        return {
            "norms": _address(f"/queries/{LISTS['expected'][0]}", given),
            "engagements": _address(f"/queries/{LISTS['observed'][0]}", observed),
            "evidence": _address(f"/queries/{GAPS}", observed),
        }


def _judged(found: Iterable[Row], left_open: int, something: bool, nothing: str = "nothing expected") -> Row:
    """How many gaps there are, undetermined ones apart, and the verdict of the place."""
    verdicts = [row["verdict"] for row in found]
    settled = [each for each in verdicts if each != UNSETTLED]
    if settled:
        verdict = min(settled, key=SUREST.index)
    elif verdicts:
        verdict = UNSETTLED
    elif left_open:
        verdict = "left open"
    else:
        verdict = "no gap" if something else nothing
    return {
        "gaps": len(settled),
        "undetermined": len(verdicts) - len(settled),
        "open": left_open,
        "verdict": verdict,
    }


def _covers(wider: Place, place: Place) -> bool:
    """Whether a margin that names something leaves open what else a place names."""
    named = any(word != ALL for word in wider)
    return wider != place and named and all(word in (ALL, mine) for word, mine in zip(wider, place, strict=True))


def _pairs(city: str, date: str, subjects: Iterable[str], rows: Sequence[Row]) -> list[Row]:
    """Interactions on record and missing ones, for each two subjects and each subject with itself."""
    kept = {of: _kept([row for row in rows if row["of"] == of], PAIR, "id") for of in ("interaction", "gap")}
    told = []
    for place in combinations_with_replacement(sorted(subjects), 2):
        observed = len(kept["interaction"].get(place, ())) if kept["interaction"] else None
        given = dict(zip(PAIR, place, strict=True))
        about = {"city": city, "as-of": date, **given}
        told.append(
            {
                **given,
                "observed": observed,
                **_judged(kept["gap"].get(place, {}).values(), 0, bool(observed), nothing="nothing on record"),
                "addresses": {
                    "interactions": _address(f"/queries/{PAIRS}", {**about, "of": "interaction"}),
                    "evidence": _address(f"/queries/{PAIRS}", {**about, "of": "gap"}),
                },
            }
        )
    return told


def _measure(city: str, date: str, row: Row) -> Row:
    value = row["value"]
    about = {"city": city, "date": date, "kind": row["kind"]}
    return {
        "measure": row["measure"],
        "value": float(value) if isinstance(value, str) else value,
        "addresses": {"evidence": _address("/gaps", about)} if row["kind"] else {},
    }


def _kept(rows: Iterable[Row], names: Sequence[str], key: str) -> dict[Place, dict[str, Row]]:
    """The distinct things in each place."""
    kept: dict[Place, dict[str, Row]] = {}
    for row in rows:
        kept.setdefault(_place(row, names), {})[row[key]] = row
    return kept


def _place(row: Mapping[str, Any], names: Sequence[str]) -> Place:
    return tuple(row[name] for name in names)


def _address(path: str, given: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(given)}"


def _flat(row: Row) -> Row:
    """A row without addresses, the readings side by side."""
    told = {name: value for name, value in row.items() if name != "addresses"}
    return {name: "; ".join(value) if isinstance(value, list) else value for name, value in told.items()}


def _shown(row: Row) -> Row:
    """A row for a terminal: what is not recorded says so."""
    return {name: "not recorded" if value is None else value for name, value in _flat(row).items()}
