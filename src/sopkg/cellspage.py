"""The page of the model's cells: one observation of a city, and what is summed over subject, object or stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import request

from sopkg import asked
from sopkg.cube import ALL, STRUCTURE
from sopkg.errors import not_found
from sopkg.heatmap import heat_map, otherwise
from sopkg.languages import Language
from sopkg.middle import middle
from sopkg.overview import by_city, dates_of
from sopkg.querypages import worded
from sopkg.render import changed, language, local, page

Row = Mapping[str, Any]
_SORTS = {"subject": "subject", "object": "object", "stage": "stage", "counterpart": "subject"}


def cube() -> str:
    """The cells of one observation; without a city, those of the first."""
    given = asked.known(request.args, ("city", "date", "as-of", "format"))
    given = {name: value for name, value in given.items() if value}  # a form sends what is left open, too
    observed = by_city(middle().cities())
    city = given.get("city") or next(iter(observed), None)
    if city is None:
        return page("cube.html", cities=[], city=None)
    if city not in observed:
        raise not_found("city", city, observed)
    dates = dates_of(observed[city])
    date, as_of = asked.date(given), asked.date(given, "as-of")
    elsewhere = date is not None and date not in dates  # that of the city that the form had before
    told = middle().cube(city, None if elsewhere else date, as_of)
    mine = language()
    return page(
        "cube.html",
        cities=[(name, rows[-1]["label"] or name) for name, rows in observed.items()],
        city=city,
        label=observed[city][-1]["label"] or city,
        date=told.date,
        dropped=date if elsewhere else None,
        dates=dates[::-1],
        map=heat_map(told, mine),
        otherwise=otherwise(told, mine),
        projections=[_projection(name, rows, mine) for name, rows in told.projections.items()],
        structure=[_measure(row) for row in told.structure],
        formats=[(each, changed(city=city, date=told.date, format=each, lang=None)) for each in ("json", "csv")],
    )


def _projection(name: str, rows: Sequence[Row], mine: Language) -> dict[str, Any]:
    """The places of a projection, each with its names, its numbers and where these are listed."""
    dimensions = [each for each in rows[0] if each in _SORTS] if rows else []
    return {
        "name": " × ".join(mine.message(f"cells.{each}") for each in dimensions) or name,
        "dimensions": dimensions,
        "expects": any("expected" in row for row in rows),
        "rows": [_place(row, dimensions, mine) for row in rows],
    }


def _place(row: Row, dimensions: Sequence[str], mine: Language) -> dict[str, Any]:
    addresses = row["addresses"]
    names = [
        mine.message("cells.all") if row[each] == ALL else mine.named(_SORTS[each], row[each]) for each in dimensions
    ]
    recorded = addresses.get("engagements", addresses.get("interactions"))
    return {
        "names": names,
        "expected": row.get("expected"),
        "observed": row["observed"],
        "gaps": row["gaps"],
        "undetermined": row["undetermined"],
        "verdict": mine.message(f"cells.{row['verdict'].replace(' ', '_')}"),
        "norms": local(addresses["norms"]) if "norms" in addresses else None,
        "recorded": local(recorded),
        "evidence": local(addresses["evidence"]),
    }


def _measure(row: Row) -> dict[str, Any]:
    evidence = row["addresses"].get("evidence")
    href = local(evidence) if evidence else None
    return {"measure": worded(STRUCTURE, row["measure"]), "value": row["value"], "href": href}
