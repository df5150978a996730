"""The published state: the graphs in force, and what predefined queries say of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple
from functools import lru_cache, partial
from typing import Any

from sopkg.catalog import QueryFile, check_names, named_query
from sopkg.cities import city_key
from sopkg.dataset import CurrentGraph, current_graphs
from sopkg.errors import BadInput, not_found, not_observed
from sopkg.graphs import CATALOGUE, CLIENT, GAPS
from sopkg.lasting import Lasting
from sopkg.pool import Pool
from sopkg.settings import Settings
from sopkg.sparql import ROWS
from sopkg.store import SnapshotStore
from sopkg.terms import plain, rows_of, term

FINDINGS = ("asserted", "inferred", GAPS, "provenance")
Row = dict[str, Any]


class Published:
    """The published state, read through the query workers.

    `snapshot` tells what that state is called, where it is not the store that the settings name.
    """

    def __init__(self, settings: Settings, pool: Pool, snapshot: Callable[[], str] | None = None) -> None:
        self.settings, self.pool = settings, pool
        self.snapshot = snapshot or (lambda: SnapshotStore(settings.store).current().name)
        # Another server's graphs may change under their names.
        self._lasting = Lasting(settings.store, settings.lasting_bytes) if snapshot is None else None
        # A snapshot never changes: what was read from it stays true.
        self._graphs = lru_cache(1)(self._read_graphs)

    def graphs(self) -> list[CurrentGraph]:
        """The graphs in force."""
        published = SnapshotStore(self.settings.store)
        return self._graphs(published.version()) if published.exists() else current_graphs(self.pool)

    def _read_graphs(self, _: str) -> list[CurrentGraph]:
        found = current_graphs(self.pool)
        if self._lasting is not None:
            self._lasting.keep_only([each.graph for each in found])
        return found

    def cities(self) -> list[Row]:
        """Each observation of each city, with file, source and licence."""
        rows = self.rows(named_query("system", "cities"), {}, [])
        return [{**row, "city": city_key(row["city"])} for row in rows]

    def dated(self, steps: Iterable[str], city: str | None, date: str | None, as_of: str | None = None) -> list[str]:
        """The graphs of these steps and the ontology: at a date that must be there, or the latest of each city.

        With `as_of` the latest that is not after it; a city without any such is left out, and named it is an error.
        """
        graphs = self.graphs()
        mine = observations(graphs, city)
        if date is not None and as_of is not None:
            raise BadInput("a date and as-of say both which observation to read; one of them is enough")
        if date is not None and date not in {graph.date for graph in mine}:
            raise not_observed(_on(city), date, (graph.date for graph in mine))
        early = [graph for graph in mine if as_of is None or graph.date <= as_of]
        if as_of is not None and not early:
            raise not_observed(f"of {city} on or before" if city else "on or before", as_of, (g.date for g in mine))
        latest = {each: max(graph.date for graph in early if graph.city == each) for each in {g.city for g in early}}
        wanted = set(steps)
        dated = [g.graph for g in early if g.step in wanted and g.date == (date or latest[g.city])]
        return dated + [graph.graph for graph in graphs if graph.step == "ontology"]

    def rows(
        self, query: QueryFile, given: Mapping[str, str], graphs: list[str], as_of: str | None = None
    ) -> list[Row]:
        """The rows of a predefined query as plain values, every column in each."""
        return self.rows_for(self.payload(query, given, graphs, as_of))

    def rows_for(self, payload: Row) -> list[Row]:
        """The rows of what a query worker is told, as plain values; what slow queries found is kept."""
        asked = payload | {"format": ROWS}
        ask = partial(self.pool.run, "query", asked)
        read = {*payload["default_graphs"], *payload.get("named_graphs", [])}
        published = SnapshotStore(self.settings.store)
        if self._lasting is None or not published.exists() or not self._is_told_by_names(payload, read):
            return rows_of(ask(), plain)
        # The catalogue, which has one name for ever, tells of these graphs; what else it says no query here reads.
        question = asked | ({"catalogue": list(map(astuple, self.graphs()))} if CATALOGUE in read else {})
        return rows_of(self._lasting.answer(question, read - {CATALOGUE}, published.version, ask), plain)

    def _is_told_by_names(self, payload: Row, read: set[str]) -> bool:
        """Whether the names of the graphs that a query reads tell all of what is in them."""
        reads_others = "named_graphs" not in payload and "GRAPH" in payload["query"]
        by_content = {each.graph for each in self.graphs() if each.step != CLIENT} | {CATALOGUE}
        return bool(read) and not reads_others and read <= by_content

    def payload(self, query: QueryFile, given: Mapping[str, str], graphs: list[str], as_of: str | None = None) -> Row:
        """What a query worker is told of a predefined query: its text, its default graphs and its parameters' terms."""
        check_names(query, given)
        types = {parameter.name: parameter.type for parameter in query.parameters}
        for name, text in given.items():
            if types[name] == "iri" and ":" not in text:
                self.dated((), text, None, as_of)  # a bare word is a city's name
        terms = {name: str(term(text, types[name], name)) for name, text in given.items()}
        return {"query": query.text, "default_graphs": graphs, "substitutions": terms}


def observations(graphs: list[CurrentGraph], city: str | None) -> list[CurrentGraph]:
    """The graphs of a city's observations, or of all cities'. Raises NotFound for a city that has none."""
    mine = [graph for graph in graphs if graph.city and city in (None, graph.city)]
    if city is not None and not mine:
        raise not_found("city", city, {graph.city for graph in graphs if graph.city})
    return mine


def _on(city: str | None) -> str:
    return f"of {city} on" if city else "on"
