"""A default graph of the caller's choice is a merge: what two graphs say counts once (SPARQL 1.1 Query, 13.2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from pyoxigraph import NamedNode, Quad, Store

from sopkg.dataset import ASSERTED, INFERRED, ONTOLOGY
from sopkg.graphs import known_graphs

_APART = {ASSERTED, INFERRED, ONTOLOGY}
_KEPT = 1  # a merge may be as large as the store


class Merge:
    """Merges graphs of one snapshot; the last merge is kept, since who chose graphs once asks again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.merged = lru_cache(_KEPT)(self._merged)
        self.repeats = lru_cache(_KEPT)(self._repeats)

    def overlap(self, graphs: Sequence[str]) -> bool:
        """Whether graphs may share a triple.

        The engine reads one graph after the other, so that a shared triple would count twice. What is asserted and
        inferred of one observation a city, and the ontology, share none.
        """
        known = {each.iri: each for each in known_graphs(self._store)}
        if len(set(graphs)) < 2:
            return False
        if any(each not in known or known[each].step not in _APART for each in graphs):
            return True
        seen = {(known[each].city, known[each].step) for each in graphs}
        dates = {(known[each].city, known[each].date) for each in graphs}
        return len(seen) < len(set(graphs)) or len(dates) > len({city for city, _ in dates})

    def _repeats(self, graph: str, graphs: tuple[str, ...]) -> bool:
        """Whether one of these graphs says something that another says."""
        others = [NamedNode(each) for each in graphs if each != graph]
        found = self._store.quads_for_pattern(None, None, None, NamedNode(graph))
        triples = ((each.subject, each.predicate, each.object) for each in found)
        return any(Quad(*triple, other) in self._store for triple in triples for other in others)

    def named(self) -> list[str]:
        """Every named graph."""
        return [each.value for each in self._store.named_graphs() if isinstance(each, NamedNode)]

    def _merged(self, default: tuple[str, ...], named: tuple[str, ...]) -> Store:
        """A store in memory whose default graph is the merge of some graphs, beside the named ones."""
        store = Store()
        for name in default:
            found = self._store.quads_for_pattern(None, None, None, NamedNode(name))
            store.bulk_extend(Quad(each.subject, each.predicate, each.object) for each in found)
        for name in named:
            store.add_graph(NamedNode(name))
            store.bulk_extend(self._store.quads_for_pattern(None, None, None, NamedNode(name)))
        return store


@lru_cache(_KEPT)
def merge_of(store: Store) -> Merge:
    """What merges the graphs of a snapshot."""
    return Merge(store)
