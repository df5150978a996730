"""What a gap touches: works, and what the data says of the money and the people in them. It changes no severity.

A measure is a file of `queries/weight/`, with the value of each work in a unit; its tag says what several works have
together: their sum, or the most of one where they may count the same twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sopkg.catalog import QueryFile, named_query, query_files
from sopkg.cities import city_key
from sopkg.errors import BadInput, InternalFault
from sopkg.published import Published

Row = dict[str, Any]
WORKS = "works"
Together = Callable[[Iterable[Decimal]], Decimal]
_TOGETHER: Mapping[str, Together] = {"sum": lambda values: sum(values, Decimal()), "most": max}


@dataclass(frozen=True)
class Measure:
    """Each work's value by unit, and what several have together."""

    together: Together
    values: Mapping[str, Mapping[str, Decimal]]

    def of(self, works: Iterable[str]) -> list[Row]:
        """What these works have together, for each unit apart; of how many of them it is known."""
        known: dict[str, list[Decimal]] = {}
        for work in works:
            for unit, value in self.values.get(work, {}).items():
                known.setdefault(unit, []).append(value)
        return [
            {"value": _number(self.together(values)), "unit": unit, WORKS: len(values)}
            for unit, values in sorted(known.items())
        ]


def measures() -> dict[str, QueryFile]:
    """The query of each measure, by its name."""
    return dict(query_files("weight"))


def sorts() -> list[str]:
    """What gaps can be sorted by, besides how severe they are."""
    return sorted([WORKS, *measures()])


def check_sort(sort: str) -> None:
    """Raises BadInput for what gaps can't be sorted by."""
    if sort not in sorts():
        raise BadInput(f"sort is one of {', '.join(sorts())}, not {sort!r}")


def measure(query: QueryFile, rows: Iterable[Mapping[str, Any]]) -> Measure:
    """A measure from the rows of its query: the columns work, unit and value."""
    tags = " ".join(query.headers.get("tags", ()))
    if tags not in _TOGETHER:
        raise InternalFault(f"{query.name}: `#+ tags: {tags}`; expected is one of {', '.join(_TOGETHER)}")
    values: dict[str, dict[str, Decimal]] = {}
    for row in rows:
        values.setdefault(row["work"], {})[row["unit"]] = Decimal(str(row["value"]))
    return Measure(_TOGETHER[tags], values)


def weigh(works: Sequence[str], known: Mapping[str, Measure]) -> Row:
    """The weight of a gap that touches these works. What is not known is not 0: it has no value."""
    told = {name: each.of(works) for name, each in known.items()}
    return {WORKS: [{"value": len(works), "unit": WORKS, WORKS: len(works)}] if works else [], **told}


def weights(
    published: Published,
    findings: Iterable[Row],
    read: Sequence[str],
    given: Sequence[str],
    audits: Sequence[str],
) -> dict[tuple[str, str], Row]:
    """What each finding touches, by gap and date, as these graphs tell: data, provenance and audits.

    The works are those that its evidence names; where it names none, the open ones on the object or of the line
    that it is about.
    """
    named, held = dict[str, list[str]](), dict[tuple[str, str], dict[str, None]]()
    for row in published.rows(named_query("system", "touched"), {}, [*read, *audits]):
        named.setdefault(row["gap"], []).append(row["work"])
    for row in published.rows(named_query("system", "open-works"), {}, list(read)):
        held.setdefault((city_key(row["city"]), row["field"]), {})[row["work"]] = None
    known = {name: measure(file, published.rows(file, {}, [*read, *given])) for name, file in measures().items()}
    fields = {place: weigh(list(works), known) for place, works in held.items()}
    nothing, found = weigh([], known), dict[tuple[str, str], Row]()
    for row in findings:
        about = (fields[place] for iri in row["focus"] if (place := (row["city"], iri)) in fields)
        works = named.get(row["gap"])
        found[row["gap"], row["date"]] = weigh(works, known) if works else next(about, nothing)
    return found


def heaviest(findings: Iterable[Row], sort: str) -> list[Row]:
    """The heaviest by a measure first, one unit after another, and last what is not known; undetermined ones apart."""
    return sorted(findings, key=lambda row: (row["verdict"] == "undetermined", *_heft(row["weight"][sort])))


def _heft(values: Sequence[Row]) -> tuple[bool, str, float]:
    return (False, values[0]["unit"], -values[0]["value"]) if values else (True, "", 0)


def columns() -> list[str]:
    """The columns that a table has for a weight."""
    return [WORKS, *(f"{name}{part}" for name in measures() for part in ("", "Unit", "Works"))]


def cells(weight: Row) -> Row:
    """A weight as cells of a table; of several units each cell has one after another."""
    told: Row = {WORKS: _joined(weight[WORKS], "value")}
    for name in measures():
        parts = {"": "value", "Unit": "unit", "Works": WORKS}
        told |= {f"{name}{suffix}": _joined(weight[name], part) for suffix, part in parts.items()}
    return told


def _joined(values: Iterable[Row], part: str) -> str:
    return "; ".join(str(each[part]) for each in values)


def said(weight: Row) -> str:
    """A weight in words, for people."""
    values = [each for name in measures() for each in weight[name]]
    known = [f"{each['value']:,} {each['unit']} (known of {each[WORKS]})" for each in values]
    works = [f"{each['value']} {WORKS if each['value'] != 1 else 'work'}" for each in weight[WORKS]]
    return "; ".join([*works, *known]) or "no work that the data tells"


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
