"""The stages of a city's initiatives over time: what each observation shows of each, and what was planned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date as calendar_date
from typing import Any

Row = Mapping[str, Any]
COLUMNS = ("initiative", "title", "objects", "plannedStart", "plannedEnd", "date", "stage", "status")
_SEPARATOR = "; "
_FENCE = 3.0  # ranges of the middle half beyond which a planned day is taken for a slip (Tukey's far out)
_LEAST = 366  # days that the middle half counts for at least


@dataclass(frozen=True)
class Course:
    """What is known of one initiative: its rows by the date of their observation, the earliest first."""

    iri: str
    rows: Mapping[str, Row]

    @property
    def last(self) -> Row:
        """What the latest observation that lists it says."""
        return self.rows[max(self.rows)]

    @property
    def planned(self) -> tuple[str | None, str | None]:
        """When it is planned to start and to end, by the latest observation that lists it."""
        return _written(self.last["plannedStart"]), _written(self.last["plannedEnd"])

    @property
    def objects(self) -> Sequence[str]:
        """The objects that it is on, each by the last part of its IRI."""
        return self.last["objects"].split(_SEPARATOR) if self.last["objects"] else ()

    def lines(self) -> list[dict[str, Any]]:
        """A line of a table for each observation."""
        return [{**{name: row.get(name) for name in COLUMNS}, "date": date} for date, row in self.rows.items()]


def courses(found: Mapping[str, Sequence[Row]], chosen: Mapping[str, str]) -> list[Course]:
    """The course of each initiative that fits, by the planned start, those without one last.

    `found` are the rows of each observation; an object and a stage are those of the latest that lists the initiative.
    """
    rows: dict[str, dict[str, Row]] = {}
    for date in sorted(found):
        for row in found[date]:
            rows.setdefault(row["initiative"], {})[date] = row
    told = [Course(iri, mine) for iri, mine in rows.items()]
    fitting = (
        each
        for each in told
        if ("object" not in chosen or chosen["object"] in each.objects)
        and ("stage" not in chosen or chosen["stage"] == each.last["stage"])
    )
    return sorted(fitting, key=_order)


def _order(course: Course) -> tuple[bool, str, str, str, str]:
    start, end = course.planned
    return (start is None and end is None, start or end or "", end or "", course.last["title"], course.iri)


def counts(told: Sequence[Course], dates: Sequence[str]) -> dict[str, dict[str, Counter[str | None]]]:
    """How many initiatives of each object are at each stage at each date; "" is for those without an object."""
    counted: dict[str, dict[str, Counter[str | None]]] = {}
    for course in told:
        for date, row in course.rows.items():
            for name in row["objects"].split(_SEPARATOR) if row["objects"] else ("",):
                counted.setdefault(name, {each: Counter() for each in dates})[date][row["stage"]] += 1
    return counted


def span(told: Sequence[Course], dates: Sequence[str]) -> tuple[int, int]:
    """The first and the last day (proleptic Gregorian ordinal) that a drawing shows: without days that are slips."""
    planned = sorted(_day(each) for course in told for each in course.planned if each)
    days = [_day(date) for date in dates]
    if planned:
        lower, upper = planned[len(planned) // 4], planned[(3 * len(planned)) // 4]
        reach = _FENCE * max(upper - lower, _LEAST)
        days += [each for each in planned if lower - reach <= each <= upper + reach]
    return min(days), max(days)


def _written(day: str | None) -> str | None:
    """A day as ISO 8601 writes it, without a time zone, or None if it is no day of the years 1 to 9999."""
    try:
        return calendar_date.fromisoformat(day[:10]).isoformat() if day else None
    except ValueError:
        return None


def _day(iso: str) -> int:
    return calendar_date.fromisoformat(iso).toordinal()


class Axis:
    """Time from left to right: days as they are drawn."""

    def __init__(self, days: tuple[int, int], left: float, right: float) -> None:
        self._first, self._last = days[0], max(days[1], days[0] + 30)
        self._left, self._right = left, right

    def at(self, iso: str) -> float:
        """Where a day is drawn; one beyond the ends is drawn at the end."""
        share = (_day(iso) - self._first) / (self._last - self._first)
        return round(self._left + (self._right - self._left) * min(1.0, max(0.0, share)), 1)

    def beyond(self, iso: str) -> bool:
        """Whether a day lies beyond the ends."""
        return not self._first <= _day(iso) <= self._last

    def years(self) -> list[tuple[float, int]]:
        """Where each year begins, or each second, fifth … if there are many."""
        first, last = (calendar_date.fromordinal(each).year for each in (self._first, self._last))
        step = next(each for each in (1, 2, 5, 10, 20, 50, 100, 1000) if (last - first) / each <= 12)
        years = [year for year in range(first + 1, last + 1) if year % step == 0]
        return [(self.at(f"{year:04}-01-01"), year) for year in years]
