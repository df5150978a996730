"""The events of gaps between the observations of the published state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any

from sopkg.catalog import named_query
from sopkg.cities import city_key
from sopkg.errors import BadInput
from sopkg.filters import check_event_filters, happened
from sopkg.graphs import EXTENSION_GAPS, GAPS
from sopkg.lifeline import Difference, changes, events, life_at, unsettled
from sopkg.onegap import findings_of
from sopkg.published import Published, observations

KEPT_COMPARISONS = 32
Row = dict[str, Any]


class History:
    """The events between observations; `gaps` tells the findings that meet filters."""

    def __init__(self, published: Published, gaps: Callable[[Mapping[str, str]], list[Row]]) -> None:
        self._published, self._gaps = published, gaps
        # A snapshot never changes: what was read from it stays true.
        self._event_rows = lru_cache(KEPT_COMPARISONS)(self._read_event_rows)

    def _read_event_rows(
        self, given: tuple[tuple[str, str], ...], read: tuple[str, ...], named: tuple[str, ...]
    ) -> list[Row]:
        """How the gaps of two audits are classified, beside the graphs of the audits before them."""
        payload = self._published.payload(named_query("system", "gap-events"), dict(given), list(read))
        return self._published.rows_for(payload | {"named_graphs": list(named)})

    def diff(self, city: str, earlier: str, later: str, filters: Mapping[str, str] | None = None) -> Difference:
        """What became of each gap of a city between two observations, by their dates (ISO 8601).

        Raises NotFound for a city or a date without an observation, and BadInput where the dates are the wrong way
        round or a filter is none.
        """
        for date in (earlier, later):
            self._published.dated((), city, date)
        if earlier > later:
            raise BadInput(f"from {earlier} is after to {later}: the earlier observation comes first")
        given = dict(filters or {})
        check_event_filters(given)
        found = self._events(city, earlier, later)
        return Difference(city, earlier, later, [row for row in found if happened(row, given)])

    def _events(
        self, city: str, earlier: str, later: str, identifier: str | None = None, step: str = GAPS
    ) -> list[Row]:
        mine = observations(self._published.graphs(), city)
        graph = {(each.step, each.date): each.graph for each in mine}
        given = {
            "earlierFindings": graph[step, earlier],
            "laterFindings": graph[step, later],
            "earlierData": graph["asserted", earlier],
            "laterData": graph["asserted", later],
        }
        formerly = [each.graph for each in mine if each.step == step and each.date < earlier]
        named = (*dict.fromkeys(given.values()), *formerly)
        found = self._event_rows(tuple(given.items()), tuple(self._published.dated((), city, later)), named)
        rows = [row for row in found if identifier in (None, row["id"])]
        asked = {"city": city, "extensions": "true" if step == EXTENSION_GAPS else "false"}
        at = [{row["id"]: row for row in self._gaps({**asked, "date": date})} for date in (earlier, later)]
        return events(rows, at[0], at[1], (earlier, later))

    def news(self, city: str | None) -> tuple[list[Row], str]:
        """Every event that shows a change between successive observations of a city or all, and the latest date.

        What can be known at neither observation is left out. Raises NotFound for an unknown city.
        """
        mine, found = observations(self._published.graphs(), city), list[Row]()
        for name in sorted({graph.city for graph in mine}):
            dates = sorted({graph.date for graph in mine if graph.city == name})
            for earlier, later in pairwise(dates):
                found += [row for row in self._events(name, earlier, later) if changes(row) and not unsettled(row)]
        return found, max((graph.date for graph in mine), default="")

    def life(self, identifier: str) -> Row:
        """The life line of a gap: at each observation of its city whether it was found, and what became of it."""
        found = findings_of(self._published, identifier)
        city, step = city_key(found[0]["gap"]), GAPS if found[0]["inPaper"] == "true" else EXTENSION_GAPS
        dates = sorted({graph.date for graph in observations(self._published.graphs(), city) if graph.step == step})
        happened = {later: self._events(city, earlier, later, identifier, step) for earlier, later in pairwise(dates)}
        at = {row["date"]: row for row in found}
        asked = {"city": city, "date": max(at), "kind": found[0]["notation"]}
        told = next(row for row in self._gaps(asked) if row["id"] == identifier)
        about = {name: told[name] for name in ("id", "city", "notation", "kindLabel", "about", "kind", "gap")}
        return {**about, "life": [life_at(date, at.get(date), happened.get(date)) for date in dates]}
