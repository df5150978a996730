"""A worker's operations on single things and triple patterns: what the published graphs say, page by page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, cast

from pyoxigraph import Literal, NamedNode, Quad, Store, Variable

from sopkg.auditgraphs import Dataset
from sopkg.dataset import default_graphs, in_store
from sopkg.files import system_query
from sopkg.graphs import Graph, known_graphs
from sopkg.languages import DEFAULT, Language, languages
from sopkg.naming import Names
from sopkg.printer import print_query
from sopkg.results import to_term
from sopkg.syntax import Aggregate, GraphPattern, Group, Select, Triple
from sopkg.worker import Job

_NAMING = [
    NamedNode("http://www.w3.org/2000/01/rdf-schema#label"),
    NamedNode("http://www.w3.org/2004/02/skos/core#prefLabel"),
    NamedNode("http://purl.org/dc/terms/title"),
]
_PROV = "http://www.w3.org/ns/prov#"
_PART_OF = NamedNode("http://purl.org/dc/terms/isPartOf")
_ORIGINS = (NamedNode(f"{_PROV}wasDerivedFrom"), NamedNode(f"{_PROV}wasGeneratedBy"), NamedNode(f"{_PROV}used"))
_STATED_ORIGINS = 3  # steps back from a thing: row, file; from its graph: load, file


def known_of(job: Job) -> str | None:
    """The first of the payload's IRIs that is spoken of, or that is a graph's; None if none is."""
    store = job.store
    for iri in job.payload["iris"]:
        node = NamedNode(iri)
        found = chain(store.quads_for_pattern(node, None, None), store.quads_for_pattern(None, None, node))
        if any(found) or store.contains_named_graph(node):
            return str(iri)
    return None


def read_resource(job: Job) -> dict[str, Any]:
    """What the payload's IRI is: its statements and, from `offset` on, `size` of those that lead to it, with graphs.

    Of each city the latest observation that speaks of the thing is read (not after `as_of`), else the city's latest;
    and every graph of no city. Superseded graphs are read where nothing in force speaks of the thing. Things are
    called as in the language with the code `language` of the payload, where they can be.
    """
    store, payload = job.store, job.payload
    thing = NamedNode(payload["iri"])
    known = known_graphs(store)
    graphs = _read(store, thing, known, payload.get("as_of"))
    outgoing = [quad for graph in graphs for quad in store.quads_for_pattern(thing, None, None, graph)]
    incoming, total = _page(store, {"object": thing}, graphs, payload["offset"], payload["size"])
    origins = list(_origins(store, thing, outgoing, graphs))
    language = languages()[payload["language"]]
    names = _Labels(store, graphs, language)
    spoken = dict.fromkeys(term for quad in (*outgoing, *incoming, *origins) for term in _nodes(quad))
    labels = {node.value: label for node in spoken if (label := names.of(node))}
    return {
        "outgoing": [_written(quad) for quad in sorted(outgoing, key=str)],
        "incoming": [_written(quad) for quad in incoming],
        "total": total,
        "origins": [_written(quad) for quad in origins],
        "labels": {iri: str(label) for iri, label in labels.items()},
        "title": Names(Dataset(store, graphs), language).label(thing),
        "dates": sorted({graph.date for graph in known if graph.date and _speaks(store, thing, graph.iri)}),
        "size": _graph_size(store, thing),
    }


def read_fragment(job: Job) -> dict[str, Any]:
    """The triples of the default dataset that fit the payload's pattern: how many there are, and one page of them."""
    store, payload = job.store, job.payload
    pattern = {name: to_term(text) for name, text in payload["pattern"].items()}
    graphs = [NamedNode(graph) for graph in default_graphs(in_store(store))]
    page, total = _page(store, pattern, graphs, payload["offset"], payload["size"])
    return {"total": total, "triples": [_written(quad)[:3] for quad in page]}


def _read(store: Store, thing: NamedNode, known: Sequence[Graph], as_of: str | None) -> list[NamedNode]:
    """The graphs that tell of a thing."""
    catalogued = {graph.iri for graph in known}
    outside = [each for each in store.named_graphs() if isinstance(each, NamedNode) and each.value not in catalogued]
    undated = [NamedNode(graph.iri) for graph in known if graph.city is None and graph.current]
    dated = [graph for graph in known if graph.city and (as_of is None or (graph.date or "") <= as_of)]
    telling = {graph.iri for graph in dated if _tells(store, thing, graph.iri)}
    read = list[NamedNode]()
    for city in sorted({graph.city or "" for graph in dated}):
        mine = [graph for graph in dated if graph.city == city]
        best = max((graph.iri in telling, graph.current, graph.date or "") for graph in mine)
        read += [NamedNode(g.iri) for g in mine if (g.current, g.date or "") == best[1:]]
    graphs = [*dict.fromkeys((*outside, *undated, *sorted(read, key=str)))]
    if any(_speaks(store, thing, graph.value) for graph in graphs):
        return graphs
    superseded = (graph.iri for graph in known if graph.city is None and not graph.current)
    return [*graphs, *(NamedNode(iri) for iri in superseded if _speaks(store, thing, iri))]


def _tells(store: Store, thing: NamedNode, graph: str) -> bool:
    return any(store.quads_for_pattern(thing, None, None, NamedNode(graph)))


def _speaks(store: Store, thing: NamedNode, graph: str) -> bool:
    return _tells(store, thing, graph) or any(store.quads_for_pattern(None, None, thing, NamedNode(graph)))


def _page(
    store: Store, pattern: Mapping[str, Any], graphs: Sequence[NamedNode], offset: int, size: int
) -> tuple[list[Quad], int]:
    """A page of the statements that fit a pattern, and how many there are in all.

    The engine skips and counts, since it need not look up the terms of what it passes over.
    """
    given: Any = {Variable(name): term for name, term in pattern.items()}
    named: Any = list(graphs)
    text = f"{system_query('quads')}OFFSET {offset:d} LIMIT {size:d}"
    page = [Quad(*row) for row in cast(Any, store.query(text, named_graphs=named, substitutions=given))]
    counted = cast(Any, store.query(print_query(_count(given)), named_graphs=named))
    return page, int(next(counted)[0].value)


def _count(given: Mapping[Variable, Any]) -> Select:
    subject, predicate, value = (given.get(each, each) for each in map(Variable, ("subject", "predicate", "object")))
    where = Group((GraphPattern(Variable("graph"), Group((Triple(subject, predicate, value),))),))
    return Select(((Aggregate("COUNT", False, None), Variable("total")),), where)


def _origins(store: Store, thing: NamedNode, outgoing: Iterable[Quad], graphs: Sequence[NamedNode]) -> Iterator[Quad]:
    """Where the thing and the graphs that speak of it come from: observations, loads, files, rows."""
    said = dict.fromkeys(quad.graph_name for quad in outgoing)
    todo = [*said, *(quad.object for quad in outgoing if quad.predicate in _ORIGINS)]
    seen = {thing}
    for _ in range(_STATED_ORIGINS):
        new = [node for node in dict.fromkeys(todo) if isinstance(node, NamedNode) and node not in seen]
        seen.update(new)
        quads = [q for node in new for graph in graphs for q in store.quads_for_pattern(node, None, None, graph)]
        yield from quads
        todo = [quad.object for quad in quads if quad.predicate in (*_ORIGINS, _PART_OF)]


def _graph_size(store: Store, thing: NamedNode) -> int | None:
    return _page(store, {}, [thing], 0, 0)[1] if store.contains_named_graph(thing) else None


class _Labels:
    """What things are called in some graphs, in a language or else in English where they can be."""

    def __init__(self, store: Store, graphs: Sequence[NamedNode], language: Language) -> None:
        self._store, self._graphs = store, graphs
        order = [*dict.fromkeys((language.code, DEFAULT)), None]
        self._places = {code: place for place, code in enumerate(order)}

    def of(self, node: NamedNode) -> Literal | None:
        """A thing's label, or None."""
        for predicate in _NAMING:
            found = chain.from_iterable(self._store.quads_for_pattern(node, predicate, None, g) for g in self._graphs)
            labels = [quad.object for quad in found if isinstance(quad.object, Literal)]
            if labels:
                return min(labels, key=lambda each: (self._places.get(each.language, len(self._places)), each.value))
        return None


def _nodes(quad: Quad) -> list[NamedNode]:
    return [term for term in (quad.subject, quad.predicate, quad.object) if isinstance(term, NamedNode)]


def _written(quad: Quad) -> list[str]:
    return [str(quad.subject), str(quad.predicate), str(quad.object), str(quad.graph_name)]
