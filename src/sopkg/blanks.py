"""Names for blank nodes while a graph is closed: a rule can't hold a node that has none (RDF 1.1 Concepts, 3.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyoxigraph import BlankNode, DefaultGraph, NamedNode, Quad, QuerySolutions, Store, Triple

from sopkg.files import system_query
from sopkg.turtle import GENID

Names = Mapping[NamedNode, BlankNode]


def skolemise(store: Store) -> Names:
    """Gives every blank node of a default graph an IRI, in place."""
    found = store.query(system_query("blank-nodes"))
    assert isinstance(found, QuerySolutions)
    names = {NamedNode(f"{GENID}graph-{row['node'].value}"): row["node"] for row in found}
    for iri, node in names.items():
        _replace(store, node, iri)
    return names


def restore(store: Store, names: Names) -> None:
    """Gives the blank nodes back, in place; what has one as its predicate, which RDF can't say, keeps the IRI."""
    for iri, node in names.items():
        _replace(store, iri, node)


def with_blanks(triple: Triple, names: Mapping[Any, Any]) -> Triple:
    """A triple with other names at its ends: IRIs for blank nodes, or the blank nodes given back."""
    return Triple(names.get(triple.subject, triple.subject), triple.predicate, names.get(triple.object, triple.object))


def _replace(store: Store, old: Any, new: Any) -> None:
    quads = {*store.quads_for_pattern(old, None, None, DefaultGraph())}
    quads |= {*store.quads_for_pattern(None, None, old, DefaultGraph())}
    for quad in quads:
        store.remove(quad)
        ends: list[Any] = [new if term == old else term for term in (quad.subject, quad.object)]
        store.add(Quad(ends[0], quad.predicate, ends[1]))
