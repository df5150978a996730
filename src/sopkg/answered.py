"""What is answered to the gaps of the published state."""

from __future__ import annotations

from typing import Any

from sopkg.catalog import named_query
from sopkg.cities import city_key
from sopkg.dates import today
from sopkg.graphs import AUDITS, CATALOGUE
from sopkg.published import Published, observations
from sopkg.responses import STEP as RESPONSES
from sopkg.responses import standing

Row = dict[str, Any]


def answered(published: Published) -> dict[str, list[Row]]:
    """What was answered to each gap, by its IRI, as the query gives it."""
    graphs = [graph.graph for graph in published.graphs() if graph.step == RESPONSES]
    found: dict[str, list[Row]] = {}
    for row in published.rows(named_query("system", "responses"), {}, graphs) if graphs else ():
        found.setdefault(row["gap"], []).append(row)
    return found


def responses(published: Published, city: str | None = None) -> list[Row]:
    """The responses to the gaps of a city or all, each as it stands beside the latest finding of its gap."""
    observations(published.graphs(), city)
    told = answered(published)
    read = [graph.graph for graph in published.graphs() if graph.step in (*AUDITS, RESPONSES)]
    dated = published.rows(named_query("system", "responded"), {}, [CATALOGUE, *read]) if told else []
    latest = {row["gap"]: row["date"] for row in dated}
    mine = {gap: rows for gap, rows in told.items() if city in (None, city_key(gap))}
    return [row for gap, rows in mine.items() for row in standing(rows, latest.get(gap), today())]
