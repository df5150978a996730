"""The page of a city's stages over time: by part of city life, and initiative by initiative."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from flask import request
from pyoxigraph import NamedNode

from sopkg import asked
from sopkg.errors import not_found
from sopkg.languages import closed_list
from sopkg.linkedweb import reference
from sopkg.middle import middle
from sopkg.observationform import STAGE_SHAPES, narrowed, observed, options, stage_names, stage_place
from sopkg.overview import by_city, dates_of
from sopkg.paging import part_of
from sopkg.render import changed, language, page, together
from sopkg.timeline import Axis, Course, counts, courses, span

Row = Mapping[str, Any]
CLOSED = ("object", "stage")
REPORTS = (_REPORT,) = ("stages-of-initiatives",)
_SIZE = 30
_WIDTH, _LEFT, _RIGHT, _TOP = 940.0, 250.0, 920.0, 34.0
_ROW = 22.0  # of one initiative
_BAND, _BAR = 66.0, 34.0  # of one part of city life, and its tallest bar
_LETTERS = 33
_MOST_DATES = 8  # that bars are drawn of


def courses_of(city: str, given: Mapping[str, str]) -> list[Course]:
    """The course of each initiative of a city that fits, over all of its observations."""
    held, chosen = middle(), narrowed({name: value for name, value in given.items() if name in CLOSED})
    observations = by_city(held.cities())
    if city not in observations:
        raise not_found("city", city, observations)
    dates = dates_of(observations[city])
    found = together({date: partial(held.observed, _REPORT, [(city, date)]) for date in dates})
    return courses(found, chosen)


def timeline_page() -> str:
    """The stages of one city's initiatives over time."""
    given = asked.known(request.args, ("city", *CLOSED, "page", "format"))
    given = {name: value for name, value in given.items() if value}  # a form sends what is left open, too
    seen = observed(given)
    if seen is None:
        return page("timeline.html", seen=None)
    told = courses_of(seen.city, given)
    dates, part = sorted(seen.dates), part_of(told, _SIZE)
    axis = Axis(span(told, dates), _LEFT, _RIGHT)
    planned = [each.planned for each in told]
    return page(
        "timeline.html",
        seen=seen,
        fields=[(sort, options(sort, given.get(sort))) for sort in CLOSED],
        narrowed=any(sort in given for sort in CLOSED),
        total=len(told),
        dates=dates,
        unplanned=sum(start is None and end is None for start, end in planned),
        half=sum((start is None) != (end is None) for start, end in planned),
        unstaged=sum(each.last["stage"] is None for each in told),
        legend=list(zip(STAGE_SHAPES, stage_names(), strict=True)),
        parts=_parts(told, dates),
        drawing=_drawn(part.rows, dates, axis),
        part=replace(part, rows=[_line(each) for each in part.rows]),
        formats=[(each, changed(format=each, lang=None, page=None)) for each in ("json", "csv")],
    )


def _parts(told: Sequence[Course], dates: Sequence[str]) -> dict[str, Any]:
    """Each part of city life with how many initiatives are at which stage at each date: as bars, and as numbers."""
    counted = counts(told, dates)
    names = [name for name in (*closed_list("object"), "") if name in counted]
    most = max((number for mine in counted.values() for at in mine.values() for number in at.values()), default=1)
    drawn = dates[-_MOST_DATES:]
    slot = (_RIGHT - _LEFT) / len(drawn)
    middles = [round(_LEFT + (place + 0.5) * slot, 1) for place in range(len(drawn))]
    rows = []
    for place, name in enumerate(names):
        floor = _TOP + (place + 1) * _BAND - 10
        numbers = [_by_stage(counted[name][date]) for date in dates]
        shown = zip(middles, numbers[-len(drawn) :], strict=True)
        bars = [bar for x, at_date in shown for bar in _bars(x, floor, at_date, most)]
        text = language().called("object", name) if name else language().message("timeline.no_object")
        each_stage = zip(stage_names(), zip(*numbers, strict=True), strict=True)
        lines = [(stage, each) for stage, each in each_stage if any(each)]
        rows.append({"text": text, "floor": floor, "bars": bars, "lines": lines})
    return {
        "rows": rows,
        "width": _WIDTH,
        "height": _TOP + len(names) * _BAND + 6,
        "dates": list(zip(middles, drawn, strict=True)),
        "leftOut": len(dates) - len(drawn),
    }


def _by_stage(counted: Mapping[str | None, int]) -> list[int]:
    numbers = [0] * len(STAGE_SHAPES)
    for stage, number in counted.items():
        numbers[stage_place(stage)] += number
    return numbers


def _bars(x: float, floor: float, numbers: Sequence[int], most: int) -> list[dict[str, Any]]:
    """A bar for each stage that something is at, side by side around the middle of a date's room."""
    return [
        {
            "x": round(x + (place - 1) * 22 - 8, 1),
            "y": round(floor - max(1.5, _BAR * number / most), 1),
            "height": round(max(1.5, _BAR * number / most), 1),
            "stage": place,
            "number": number,
        }
        for place, number in enumerate(numbers)
        if number
    ]


def _drawn(told: Sequence[Course], dates: Sequence[str], axis: Axis) -> dict[str, Any]:
    """The initiatives of a page: what is planned as a line, what each observation shows as a sign."""
    return {
        "width": _WIDTH,
        "height": _TOP + len(told) * _ROW + 8,
        "years": axis.years(),
        "dates": [axis.at(date) for date in dates],
        "rows": [_row(each, _TOP + (place + 0.5) * _ROW, axis) for place, each in enumerate(told)],
    }


def _row(course: Course, y: float, axis: Axis) -> dict[str, Any]:
    start, end = course.planned
    title = course.last["title"]
    ends = [day for day in (start, end) if day]
    return {
        "y": y,
        "text": title if len(title) <= _LETTERS else f"{title[: _LETTERS - 1]}…",
        "title": title,
        "href": reference(NamedNode(course.iri), {})["href"],
        "line": (axis.at(ends[0]), axis.at(ends[-1])) if ends else None,
        "beyond": any(axis.beyond(day) for day in ends),
        "signs": [
            {"x": axis.at(date), "shape": STAGE_SHAPES[stage_place(row["stage"])], "stage": stage_place(row["stage"])}
            for date, row in course.rows.items()
        ],
    }


def _line(course: Course) -> dict[str, Any]:
    """An initiative as a line of the table; a run of observations that show the same is told once."""
    mine, runs = language(), list[dict[str, Any]]()
    for date, row in course.rows.items():
        stage = mine.called("stage", row["stage"]) if row["stage"] else mine.message("view.no_stage")
        status = mine.called("status", row["status"]) if row["status"] else ""
        if runs and (runs[-1]["stage"], runs[-1]["status"]) == (stage, status):
            runs[-1]["to"] = date
        else:
            runs.append({"stage": stage, "status": status, "from": date, "to": date})
    start, end = course.planned
    return {
        "text": course.last["title"],
        "href": reference(NamedNode(course.iri), {})["href"],
        "objects": [mine.called("object", each) for each in course.objects],
        "start": start,
        "end": end,
        "runs": runs,
    }
