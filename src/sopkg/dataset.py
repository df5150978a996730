"""Which graphs a query reads: those of each city's latest observation, unless the caller says otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from pyoxigraph import NamedNode, Store

from sopkg import graphs
from sopkg.errors import not_found, not_observed
from sopkg.pool import Pool
from sopkg.worker import Job

ASSERTED, INFERRED, ONTOLOGY = "asserted", "inferred", "ontology"
"""The pipeline's steps whose graphs are read if nothing else is said."""


@dataclass(frozen=True)
class CurrentGraph:
    """A graph in force: its city's name and observation's date ("" for the ontology), its step, its IRI."""

    city: str
    date: str
    step: str
    graph: str


@dataclass(frozen=True)
class Selection:
    """The graphs that a query reads. Names win; else each city's latest observation, and the ontology.

    `city` is its name, `as_of` an ISO 8601 date; without entailment only what the sources say is read.
    """

    default_graphs: Sequence[str] | None = None
    named_graphs: Sequence[str] | None = None
    city: str | None = None
    as_of: str | None = None
    entailment: bool = True

    def payload(self, names_dataset: bool) -> dict[str, object]:
        """What a worker has to know. Graphs of the protocol win over FROM (2.1.4), and FROM over ours."""
        if self.default_graphs is not None or self.named_graphs is not None:
            named = list(self.named_graphs or ())
            return {"default_graphs": list(self.default_graphs or ()), "named_graphs": named, "chosen": True}
        if names_dataset:
            return {"chosen": True}
        return {"select": {"city": self.city, "as_of": self.as_of, "entailment": self.entailment}}

    def entailed(self, names_dataset: bool) -> str:
        """What the graphs read hold of what follows: OWL 2 RL, nothing, or what the chosen graphs have."""
        if names_dataset or self.default_graphs is not None or self.named_graphs is not None:
            return "as the graphs chosen"
        return "rl" if self.entailment else "none"


def in_store(store: Store) -> list[CurrentGraph]:
    """The graphs in force that a store's catalogue names."""
    return [
        CurrentGraph((each.city or "").rpartition("/")[2], each.date or "", each.step, each.iri)
        for each in graphs.current_graphs(store)
    ]


@lru_cache(1)
def in_snapshot(store: Store) -> tuple[CurrentGraph, ...]:
    """The same of a snapshot, which never changes: it is read once."""
    return tuple(in_store(store))


def read_current_graphs(job: Job) -> list[Any]:
    """A worker's operation: the graphs in force of its snapshot."""
    return [asdict(each) for each in in_snapshot(job.store)]


def resolved(store: Store, names: Sequence[str]) -> list[str]:
    """The graphs in force that names stand for: what sources say of an observation has a name that stays."""
    now = _in_force(store)
    return [now.get(name, name) for name in names]


@lru_cache(maxsize=1)
def _in_force(store: Store) -> dict[str, str]:
    return {each.iri.rpartition("/")[0]: each.iri for each in graphs.current_graphs(store) if each.step == ASSERTED}


def has_graph(job: Job) -> bool:
    """A worker's operation: whether there is a graph of a name."""
    (name,) = resolved(job.store, [job.payload["graph"]])
    return job.store.contains_named_graph(NamedNode(name))


def current_graphs(pool: Pool) -> list[CurrentGraph]:
    """The graphs in force of the published snapshot."""
    return [CurrentGraph(**row) for row in pool.run("current-graphs", {})]


def observed_graphs(store: Store, city: str, date: str | None) -> list[str]:
    """The asserted graphs of a city's observation: of that date, or the latest. Raises NotFound with what there is."""
    observed = [graph for graph in in_store(store) if graph.city and graph.step == ASSERTED]
    mine = _of_city(observed, city)
    dates = {graph.date for graph in mine}
    if date is not None and date not in dates:
        raise not_found("observation", date, dates)
    return [graph.graph for graph in mine if graph.date == (date or max(dates))]


def default_graphs(
    known: Sequence[CurrentGraph], city: str | None = None, as_of: str | None = None, entailment: bool = True
) -> list[str]:
    """IRIs of the graphs to read together. Raises NotFound for an unknown city, or if nothing is that old."""
    observed = _of_city([graph for graph in known if graph.city], city)
    latest = _latest(observed, as_of)
    steps = (ASSERTED, INFERRED) if entailment else (ASSERTED,)
    dated = [each.graph for each in observed if each.step in steps and latest.get(each.city) == each.date]
    # What callers wrote to no graph of theirs is read where nothing is chosen.
    beside = [graph.graph for graph in known if graph.graph == graphs.DEFAULT and city is as_of is None]
    return dated + [graph.graph for graph in known if graph.step == ONTOLOGY] + beside


def _of_city(observed: list[CurrentGraph], city: str | None) -> list[CurrentGraph]:
    kept = [graph for graph in observed if city in (None, graph.city)]
    if city is not None and not kept:
        raise not_found("city", city, {graph.city for graph in observed})
    return kept


def _latest(observed: Iterable[CurrentGraph], as_of: str | None) -> dict[str, str]:
    """Each city's latest observation date not after another; ISO 8601 dates sort as text."""
    dated = sorted((graph.date, graph.city) for graph in observed)
    latest = {city: date for date, city in dated if as_of is None or date <= as_of}
    if as_of is not None and not latest:
        raise not_observed("on or before", as_of, (date for date, _ in dated))
    return latest
