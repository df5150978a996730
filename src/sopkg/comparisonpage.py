"""The page that holds two cities, or two observations, side by side on the same scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from flask import request

from sopkg import asked
from sopkg.cities import city_key
from sopkg.comparison import GAPS, RECORDED, Pair, Side, pairs
from sopkg.errors import not_found, not_observed
from sopkg.languages import Said
from sopkg.middle import middle
from sopkg.overview import by_city, dates_of
from sopkg.querypages import worded
from sopkg.render import changed, language, page

Row = Mapping[str, Any]
SIDES = ("first", "second")
_UNSETTLED = "undetermined"
_LEFT, _FULL, _ROW, _TOP = 330.0, 480.0, 44.0, 30.0  # of the bars
_LETTERS = 46


def ends_of(given: Mapping[str, str]) -> list[tuple[str, str]]:
    """The two observations that are asked for, city and date. Raises NotFound for what there is not."""
    known = by_city(middle().cities())
    told = []
    for side in SIDES:
        city, date = given[side], asked.date(given, f"{side}-date")
        if city not in known:
            raise not_found("city", city, known)
        dates = dates_of(known[city])
        if date is not None and date not in dates:
            raise not_observed(f"of {city} on", date, dates)
        told.append((city, date or dates[-1]))
    return told


def compared(report: str, ends: Sequence[tuple[str, str]]) -> list[Pair]:
    """The lines of a report of two observations. Of two of one city each is asked alone, so that they stay apart."""
    held, (one, other) = middle(), ends
    if one[0] == other[0]:
        return pairs(report, (held.observed(report, [one]), held.observed(report, [other])))
    rows = held.observed(report, ends)
    mine = [[row for row in rows if city_key(row["city"]) == city] for city, _ in ends]
    return pairs(report, (mine[0], mine[1]))


def comparison_page() -> str:
    """Two observations side by side; where one is not chosen, the first two cities."""
    given = asked.known(request.args, ("first", "second", "first-date", "second-date", "format"))
    given = {name: value for name, value in given.items() if value}  # a form sends what is left open, too
    known = by_city(middle().cities())
    if len(known) < 2 and not all(side in given for side in SIDES):
        return page("comparison.html", known=known, ends=None)
    first = given.get("first") or next(name for name in known if name != given.get("second"))
    second = given.get("second") or next(name for name in known if name != first)
    chosen = {**given, "first": first, "second": second}
    dropped = [side for side in SIDES if _elsewhere(chosen, side, known)]
    for side in dropped:
        del chosen[f"{side}-date"]
    ends = ends_of(chosen)
    gaps, recorded = compared(GAPS, ends), compared(RECORDED, ends)
    labels = {name: rows[-1]["label"] or name for name, rows in known.items()}
    return page(
        "comparison.html",
        known=known,
        labels=labels,
        chosen=chosen,
        dropped=dropped,
        ends=[{"name": city, "label": labels[city], "date": date, **_found(city, date)} for city, date in ends],
        dates={side: dates_of(known[city])[::-1] for side, (city, _) in zip(SIDES, ends, strict=True)},
        same=ends[0] == ends[1],
        one_city=ends[0][0] == ends[1][0],
        parts=[
            {"name": name, "rows": [_line(each) for each in told], "drawing": _drawn(told), "comparable": _both(told)}
            for name, told in (("gaps", gaps), ("recorded", recorded))
        ],
        formats=[(each, changed(**chosen, format=each, lang=None)) for each in ("json", "csv")],
    )


def _elsewhere(chosen: Mapping[str, str], side: str, known: Mapping[str, Sequence[Row]]) -> bool:
    """Whether a date is that of the city that the form had before."""
    date = asked.date(chosen, f"{side}-date")
    return date is not None and chosen[side] in known and date not in dates_of(known[chosen[side]])


def _found(city: str, date: str) -> dict[str, int]:
    rows = middle().gaps({"city": city, "date": date})
    unsettled = sum(row["verdict"] == _UNSETTLED for row in rows)
    return {"settled": len(rows) - unsettled, "unsettled": unsettled}


def _both(told: Sequence[Pair]) -> int:
    return sum(each.comparable for each in told)


def _text(pair: Pair) -> Said:
    """What a line is about: a kind of gap, or what is told."""
    if pair.report == GAPS:
        return Said(language().named("kind", pair.names[-1]), language().code)
    return worded(pair.report, pair.names[-1])


def _side(side: Side | None, report: str) -> dict[str, Any] | None:
    return None if side is None else {**asdict(side), "said": worded(report, side.said)}


def _line(pair: Pair) -> dict[str, Any]:
    return {
        "text": _text(pair),
        "of": worded(pair.report, pair.names[0]),
        "sides": [_side(each, pair.report) for each in pair.sides],
        "comparable": pair.comparable,
    }


def _drawn(told: Sequence[Pair]) -> dict[str, Any]:
    """The lines that can be compared as two bars each, on one scale from none to all."""
    rows = []
    for place, pair in enumerate(each for each in told if each.comparable):
        y = _TOP + place * _ROW
        shares = [side.share or 0.0 for side in pair.sides if side]
        bars = [
            {"y": y + 4 + number * 16, "width": round(_FULL * share, 1), "share": share, "side": number}
            for number, share in enumerate(shares)
        ]
        text = f"{_text(pair).text} ({worded(pair.report, pair.names[0]).text})"
        rows.append({"y": y, "text": text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…", "bars": bars})
    marks = [(_LEFT + _FULL * quarter / 4, quarter * 25) for quarter in range(5)]
    return {
        "rows": rows,
        "left": _LEFT,
        "width": _LEFT + _FULL + 80,
        "height": _TOP + len(rows) * _ROW + 4,
        "marks": marks,
    }
