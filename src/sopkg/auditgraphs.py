"""The graphs of one audit: what queries find in them, and what a step in them touches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from pyoxigraph import NamedNode, Store, Variable

from sopkg.files import system_query
from sopkg.gapquery import Ground
from sopkg.negation import Fanout
from sopkg.printer import print_query
from sopkg.rows import select
from sopkg.sampling import samples_of
from sopkg.syntax import Select, Triple


class Dataset:
    """The graphs of one audit: a store, their names, and of which of them queries are asked, of all without `read`."""

    def __init__(self, store: Store, graphs: Iterable[NamedNode], read: Iterable[NamedNode] | None = None) -> None:
        self.store = store
        self.graphs = list(graphs)
        self._read = self.graphs if read is None else list(read)

    def rows(self, query: Select) -> Iterator[dict[Variable, Ground]]:
        """The rows of a query over the graphs that are read; an unbound variable is left out."""
        columns = [variable for _, variable in query.projection]
        for row in select(self.store, print_query(query), self._read):
            yield {c: term for c in columns if isinstance(term := row[c.value], Ground)}

    @cached_property
    def thresholds(self) -> list[Mapping[str, Any]]:
        """The thresholds of the kinds of gap: kind, name and value."""
        return list(select(self.store, system_query("thresholds"), self.graphs))

    @cached_property
    def denials(self) -> list[Mapping[str, Any]]:
        """What sources deny (owl:NegativePropertyAssertion, OWL 2 Syntax 9.6.5): the denial and the triple's terms."""
        return list(select(self.store, system_query("denials"), self.graphs))

    @property
    def fanout(self) -> Fanout:
        """What a step touches, by samples; of another server none is taken, since each would be a request."""
        if not isinstance(self.store, Store):
            return Fanout()
        return samples_of(self.store).fanout([graph.value for graph in self._read])

    def graph_of(self, triple: Triple) -> NamedNode | None:
        """The first of these graphs that holds a triple."""
        subject, predicate, value = triple.subject, triple.predicate, triple.object
        if not isinstance(subject, NamedNode) or not isinstance(predicate, NamedNode) or isinstance(value, Variable):
            return None
        for graph in self.graphs:
            if any(self.store.quads_for_pattern(subject, predicate, value, graph)):
                return graph
        return None
