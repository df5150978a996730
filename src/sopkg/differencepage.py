"""The page that compares two observations of a city: what became of each gap, and what can't be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import request

from sopkg import asked
from sopkg.dates import observation_date
from sopkg.lifeline import FILTERS, changes, unsettled
from sopkg.middle import middle
from sopkg.overview import by_city, dates_of
from sopkg.paging import part_of
from sopkg.render import changed, focus_text, kind_text, language, page

Row = Mapping[str, Any]
_SIZE = 50
_ENDS = ("city", "from", "to")
_SORTS = {"event": "event", "because": "cause", "kind": "kind"}


def diff() -> str:
    """What became of a city's gaps from one date to another; where these are not given, a form to choose them."""
    given = asked.known(request.args, (*_ENDS, *FILTERS, "page", "format"))
    given = {name: value for name, value in given.items() if value}
    observed = {name: rows for name, rows in by_city(middle().cities()).items() if len(dates_of(rows)) > 1}
    city = given.get("city") or next(iter(observed), None)
    dates = dates_of(observed.get(city or "", ()))
    shown: dict[str, Any] = {
        "cities": [(name, rows[-1]["label"] or name) for name, rows in observed.items()],
        "city": city,
        "dates": dates,
        "earlier": given.get("from") if given.get("from") in dates else dates[-2] if dates else None,
        "later": given.get("to") if given.get("to") in dates else dates[-1] if dates else None,
    }
    if not all(name in given for name in _ENDS):
        latest = {name: dates_of(rows)[-2:] for name, rows in observed.items()}
        spans = {name: {"from": earlier, "to": later} for name, (earlier, later) in latest.items()}
        return page("difference.html", asked=False, spans=spans, **shown)
    earlier, later = (observation_date(given[name]) for name in ("from", "to"))
    chosen = {name: given[name] for name in FILTERS if name in given}
    every = middle().diff(given["city"], earlier, later).events
    told = middle().diff(given["city"], earlier, later, chosen).events
    return page(
        "difference.html",
        asked=True,
        **{**shown, "earlier": earlier, "later": later},
        label=dict(shown["cities"]).get(given["city"], given["city"]),
        counts=_counts(row for row in told if not unsettled(row)),
        unknown=_counts(row for row in told if unsettled(row)),
        filters=[_filter(name, chosen, every) for name in FILTERS],
        narrowed=bool(chosen),
        part=part_of([_shown(row) for row in told if changes(row) and not unsettled(row)], _SIZE),
        total=sum(changes(row) and not unsettled(row) for row in told),
        causes=_causes(told),
        happened=sorted({row["event"] for row in told}),
        formats=[(each, changed(format=each, lang=None, page=None)) for each in ("json", "csv", "turtle")],
    )


def _counts(rows: Iterable[Row]) -> list[dict[str, Any]]:
    counted = Counter((row["event"], tuple(row["because"])) for row in rows)
    return [{"event": event, "because": because, "count": count} for (event, because), count in sorted(counted.items())]


def _filter(name: str, chosen: Mapping[str, str], rows: Sequence[Row]) -> dict[str, Any]:
    """A filter with its values, counted over all events."""
    if name == "kind":
        counted = Counter(row["notation"] for row in rows)
        texts = {row["notation"]: f"{row['notation']} {kind_text(row)}" for row in rows}
    else:
        counted = Counter(word for row in rows for word in (row[name] if name == "because" else [row[name]]))
        texts = {word: language().word(_SORTS[name], word) for word in counted}
    return {
        "name": name,
        "chosen": chosen.get(name),
        "options": [(word, texts[word], counted[word]) for word in sorted(counted)],
    }


def _shown(row: Row) -> dict[str, Any]:
    return {**row, "kindText": kind_text(row), "aboutText": focus_text(row)}


def _causes(rows: Iterable[Row]) -> list[tuple[str, int]]:
    """On whose side something changed, and how many changes have that cause."""
    return sorted(Counter(cause for row in rows if not unsettled(row) for cause in row["because"]).items())
