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
        found = {"view": self.view, "first": self.first, "last": self.last, "previous": self.previous, "next": self.next}
        return {name: NamedNode(address) for name, address in found.items() if address is not None}

    def links(self) -> list[tuple[str, str]]:
        """The addresses with their relation (RFC 8288)."""
        relations = {"first": self.first, "prev": self.previous, "next": self.next, "last": self.last}
        return [(address, relation) for relation, address in relations.items() if address is not None]


def document(told: Mapping[str, Any], iri: str, address: str, dataset: str, pages: Pages) -> list[Quad]:
    """A document about a thing: each statement in the graph that says it, and what the document says of itself."""
    said = [quad for part in ("outgoing", "incoming", "origins") for quad in map(_quad, told[part])]
    about = construct("document", _rows(told, iri, address, dataset, pages, said), _LOCAL, ontology=())
    return list(dict.fromkeys([*said, *(Quad(*triple, DefaultGraph()) for triple in about)]))


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


def fragment(
    told: Mapping[str, Any], dataset: str, at: str, template: str, size: int, pages: Pages
) -> list[Triple | Quad]:
    """A page of a fragment with its controls; in formats for quads these stand in a graph of their own."""
    row: Cells = {
        "dataset": NamedNode(dataset),
        "fragment": NamedNode(at),
        "template": template,
        "total": Literal(told["total"]),
        "size": Literal(size),
        **pages.cells(),
    }
    controls = construct("fragment", [row], _LOCAL, ontology=())
    data = [Quad(*map(to_term, triple), DefaultGraph()) for triple in told["triples"]]  # type: ignore[arg-type]
    return [*data, *(Quad(*triple, NamedNode(f"{pages.view}#metadata")) for triple in controls)]


def query_catalogue(queries: str, endpoint: str, prefixes: str) -> list[Triple]:
    """The predefined queries as RDF: `queries` is the address that each one's name stands behind."""
    rows = (
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
    """What a CONSTRUCT of `queries/system/` makes of the published state; its constants are IRIs."""
    payload = {
        "query": system_query(name),
        "substitutions": {key: f"<{iri}>" for key, iri in given.items()},
        "format": form.media_type,
        "prefixes": prefix_table(),
        **graphs,
    }
    body: bytes = pool.run("query", payload)
    return body


def serialised(statements: Sequence[Triple | Quad], form: Format) -> bytes:
    """Statements in a format; one for triples leaves out which graph says each."""
    rdf = RdfFormat.from_media_type(form.media_type)
    kept: Iterable[Triple | Quad] = statements
    if form.name not in _QUAD_FORMATS:
        kept = dict.fromkeys(each.triple if isinstance(each, Quad) else each for each in statements)
    return serialize(kept, format=rdf, prefixes=prefix_table()) or b""


def _quad(texts: Sequence[str]) -> Quad:
    return Quad(*map(to_term, texts))  # type: ignore[arg-type]
