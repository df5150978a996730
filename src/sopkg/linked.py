"""Linked data as graphs: documents about things, fragments, the catalogue and the query catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Triple, serialize

from sopkg.catalog import query_files
from sopkg.files import system_query
from sopkg.pool import Pool
from sopkg.results import Format, to_term
from sopkg.staging import Cells, construct
from sopkg.turtle import prefix_table

_LOCAL = "urn:sopkg:"
_QUAD_FORMATS = ("nq", "trig", "jsonld")


@dataclass(frozen=True)
class Pages:
    """The addresses of a page and of those beside it."""

    view: str
    first: str
    last: str
    previous: str | None = None
    next: str | None = None

    def cells(self) -> dict[str, NamedNode]:
        """The addresses as cells of a row."""
        return {name: NamedNode(address) for name, address in vars(self).items() if address is not None}

    def links(self) -> list[tuple[str, str]]:
        """The addresses with their relation (RFC 8288)."""
        relations = {"first": self.first, "prev": self.previous, "next": self.next, "last": self.last}
        return [(address, relation) for relation, address in relations.items() if address is not None]


def document(told: Mapping[str, Any], iri: str, address: str, dataset: str, pages: Pages) -> list[Quad]:
    """A document about a thing: each statement in the graph that says it, and what the document says of itself."""
    said = [quad for part in ("outgoing", "incoming", "origins") for quad in map(_quad, told[part])]
    about = construct("document", _rows(told, iri, address, dataset, pages, said), _LOCAL, ontology=())
    return list(dict.fromkeys([*said, *(_in(triple, DefaultGraph()) for triple in about)]))


def _rows(
    told: Mapping[str, Any], iri: str, address: str, dataset: str, pages: Pages, said: Iterable[Quad]
) -> Iterable[Cells]:
    document = NamedNode(address)
    yield {
        "document": document,
        "thing": NamedNode(iri),
        "title": told["title"],
        "dataset": NamedNode(dataset),
        "incoming": NamedNode(f"{address}#incoming"),
        "total": Literal(told["total"]),
        **pages.cells(),
    }
    graphs = dict.fromkeys(quad.graph_name for quad in said)
    yield from ({"document": document, "graph": graph} for graph in graphs if isinstance(graph, NamedNode))
    for labelled, label in told["labels"].items():
        yield {"labelled": NamedNode(labelled), "label": to_term(label)}  # type: ignore[dict-item]


def fragment(told: Mapping[str, Any], dataset: str, at: str, template: str, size: int, pages: Pages) -> list[Quad]:
    """A page of a fragment with its controls; in formats for quads these stand in a graph of their own."""
    metadata = NamedNode(f"{pages.view}#metadata")
    row: Cells = {
        "dataset": NamedNode(dataset),
        "metadata": metadata,
        "fragment": NamedNode(at),
        "template": template,
        "total": Literal(told["total"]),
        "size": Literal(size),
        **pages.cells(),
    }
    controls = construct("fragment", [row], _LOCAL, ontology=())
    data = [_quad([*triple, "DEFAULT"]) for triple in told["triples"]]
    return [*data, *(_in(triple, metadata) for triple in controls)]


def query_catalogue(queries: str, endpoint: str, prefixes: str) -> list[Triple]:
    """The predefined queries as RDF: `queries` is the address that each one's name stands behind."""
    rows: Iterable[Cells] = (
        {
            "query": NamedNode(f"{queries}/{query.name}"),
            "name": query.name,
            "summary": Literal(query.summary, language="en"),
            "select": query.text,
            "endpoint": NamedNode(endpoint),
            "prefixes": NamedNode(prefixes),
            **({"description": Literal(query.description, language="en")} if query.description else {}),
        }
        for query in query_files("reports").values()
    )
    return construct("query-catalogue", rows, _LOCAL, ontology=())


def described(pool: Pool, name: str, given: Mapping[str, str], graphs: Mapping[str, Any], form: Format) -> bytes:
    """What a CONSTRUCT of `queries/system/` makes of the published state; its parameters are IRIs.

    They stand first in its outermost group, as VALUES of terms: bound by the engine, BIND would not see them.
    """
    terms = " ".join(str(to_term(f"<{iri}>")) for iri in given.values())
    values = f"VALUES ({' '.join(f'?{key}' for key in given)}) {{ ({terms}) }}"
    payload = {
        "query": system_query(name).replace("\nWHERE {", f"\nWHERE {{ {values}", 1),
        "format": form.media_type,
        "prefixes": prefix_table(),
        **graphs,
    }
    body: bytes = pool.run("query", payload)
    return body


def serialised(statements: Sequence[Triple | Quad], form: Format) -> bytes:
    """Statements in a format; one for triples leaves out which graph says each."""
    rdf = RdfFormat.from_media_type(form.media_type)
    kept: Any = statements
    if form.name not in _QUAD_FORMATS:
        kept = dict.fromkeys(each.triple if isinstance(each, Quad) else each for each in statements)
    return serialize(kept, format=rdf, prefixes=_prefixes_of(statements)) or b""


def _prefixes_of(statements: Iterable[Triple | Quad]) -> dict[str, str]:
    """The prefixes that these statements use."""
    terms = {term.value for each in statements for term in each if isinstance(term, NamedNode)}
    terms |= {term.datatype.value for each in statements for term in each if isinstance(term, Literal)}
    return {prefix: base for prefix, base in prefix_table().items() if any(each.startswith(base) for each in terms)}


def _quad(texts: Sequence[str]) -> Quad:
    subject, predicate, value = map(to_term, texts[:3])
    graph = DefaultGraph() if texts[3] == str(DefaultGraph()) else to_term(texts[3])
    return Quad(subject, predicate, value, graph)  # type: ignore[arg-type]


def _in(triple: Triple, graph: NamedNode | DefaultGraph) -> Quad:
    return Quad(triple.subject, triple.predicate, triple.object, graph)
