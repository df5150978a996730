"""The catalogue of a store: which graphs there are, of which step and observation, and which are in force."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pyoxigraph import Literal, NamedNode, Store, Triple

from sopkg.files import BASE, system_query
from sopkg.rows import select
from sopkg.staging import Cells

CATALOGUE = f"{BASE}graph/catalogue"
GAPS, EXTENSION_GAPS = AUDITS = ("gaps", "extension-gaps")
"""The steps that detect: the paper's kinds, and the others, whose graph is read by who asks for it only."""
CLIENT, DEFAULT = "client", f"{BASE}graph/default"
"""The step of the graphs that callers name, and the one of them that is written to where no graph is named."""
XSD_DATE = "http://www.w3.org/2001/XMLSchema#date"


@dataclass(frozen=True)
class Graph:
    """A named graph: the step that it is of, the observation with its city and date, and the method that made it."""

    iri: str
    step: str
    observation: str | None
    city: str | None
    date: str | None
    method: str
    current: bool

    def row(self) -> Cells:
        """This graph as a row to be staged."""
        links = {"observation": self.observation, "city": self.city}
        named = {name: NamedNode(iri) for name, iri in links.items() if iri is not None}
        dated = {} if self.date is None else {"date": Literal(self.date, datatype=NamedNode(XSD_DATE))}
        said: dict[str, NamedNode | Literal | str] = {"graph": NamedNode(self.iri), "current": Literal(self.current)}
        return {**said, **named, **dated, "step": self.step, "method": self.method}

    def superseded_by(self, others: Iterable[Graph]) -> Graph:
        """This graph, no longer current if another is of the same step and observation."""
        replaced = any(other.step == self.step and other.observation == self.observation for other in others)
        return replace(self, current=self.current and not replaced)


def known_graphs(store: Store) -> list[Graph]:
    """Every graph of the catalogue, superseded ones too."""
    rows = select(store, system_query("graphs"), [NamedNode(CATALOGUE)])
    return [
        Graph(
            row["graph"].value,
            row["step"].value,
            _text(row["observation"]),
            _text(row["city"]),
            _text(row["date"]),
            row["method"].value,
            row["current"].value in ("true", "1"),
        )
        for row in rows
    ]


def current_graphs(store: Store) -> list[Graph]:
    """The graphs that are in force."""
    return [graph for graph in known_graphs(store) if graph.current]


def triples_of(store: Store, graph: str) -> list[Triple]:
    """The triples of one graph."""
    return [quad.triple for quad in store.quads_for_pattern(None, None, None, NamedNode(graph))]


def _text(term: NamedNode | Literal | None) -> str | None:
    return None if term is None else term.value
