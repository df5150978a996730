"""The first page: each city, what is known of it, where coordination fails, and what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from flask import request

from sopkg import asked
from sopkg.findings import GRADES, VERDICTS
from sopkg.heatmap import heat_map, otherwise
from sopkg.lifeline import changes, unsettled
from sopkg.middle import middle
from sopkg.operations import operation
from sopkg.render import focus_text, kind_text, language, page, together
from sopkg.reportforms import forms
from sopkg.results import HTML

Row = Mapping[str, Any]
_WORST, _EXAMPLES, _CHANGED = 4, 3, 5
_UNSETTLED = "undetermined"


@operation(media_type=HTML.header)
def overview() -> str:
    """Every city at its latest observation."""
    _known()
    observed, held = by_city(middle().cities()), middle()
    if observed:  # the cells of each take a while the first time, and are kept
        together({name: partial(held.cube, name) for name in observed})
    return page("overview.html", reports=list(forms()), cities=[_city(name, rows) for name, rows in observed.items()])


def cities() -> str:
    """Every observation of every city, with its source."""
    _known()
    return page("cities.html", cities=by_city(middle().cities()))


def by_city(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The observations of each city, the earliest first."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["city"], []).append(row)
    return found


def dates_of(rows: Sequence[Row]) -> list[str]:
    """The dates of observations, each once, the earliest first."""
    return sorted({row["date"] for row in rows})


def _known() -> None:
    asked.known(request.args, ("format",))


def _city(name: str, rows: Sequence[Row]) -> dict[str, Any]:
    dates = dates_of(rows)
    cells = middle().cube(name)
    found = middle().gaps({"city": name})
    settled = [row for row in found if row["verdict"] != _UNSETTLED]
    return {
        "name": name,
        "label": rows[-1]["label"] or name,
        "date": dates[-1],
        "dates": dates,
        "sources": sources([row for row in rows if row["date"] == dates[-1]]),
        "settled": len(settled),
        "unsettled": len(found) - len(settled),
        "counts": graded(settled),
        "verdicts": [each for each in VERDICTS if any(row["verdict"] == each for row in settled)],
        "worst": _worst(settled),
        "map": heat_map(cells, language()),
        "otherwise": otherwise(cells, language()),
        "changed": _changed(name, dates),
    }


def sources(rows: Sequence[Row]) -> list[Row]:
    """Where an observation comes from, each source once."""
    return list({row["source"]: row for row in rows}.values())


def graded(rows: Sequence[Row]) -> list[tuple[str, dict[str, int]]]:
    """How many findings have each severity and verdict, the worst severity first."""
    counted = Counter((row["severity"], row["verdict"]) for row in rows)
    present = [grade for grade in reversed(GRADES) if any(severity == grade for severity, _ in counted)]
    return [(grade, {verdict: counted[grade, verdict] for verdict in VERDICTS}) for grade in present]


def _worst(settled: Sequence[Row]) -> list[dict[str, Any]]:
    """The kinds with the worst findings, each with what it means and a few of them."""
    kinds: dict[str, list[Row]] = {}
    for row in settled:
        kinds.setdefault(row["kind"], []).append(row)
    return [
        {
            **_told(rows[0]),
            "meaning": language().about(kind, "definition"),
            "examples": [_told(row) for row in rows[:_EXAMPLES]],
            "more": len(rows) - _EXAMPLES,
        }
        for kind, rows in list(kinds.items())[:_WORST]
    ]


def _told(row: Row) -> dict[str, Any]:
    return {**row, "kindText": kind_text(row), "aboutText": focus_text(row)}


def _changed(city: str, dates: Sequence[str]) -> dict[str, Any] | None:
    """What became of the gaps since the observation before the latest one."""
    if len(dates) < 2:
        return None
    earlier, later = dates[-2:]
    found = [row for row in middle().diff(city, earlier, later).events if changes(row) and not unsettled(row)]
    counted = Counter((row["event"], cause) for row in found for cause in row["because"])
    return {
        "from": earlier,
        "to": later,
        "counts": sorted(counted.items()),
        "events": [_told(row) for row in found[:_CHANGED]],
        "total": len(found),
    }
