"""Reads Turtle files whole: blank nodes become IRIs, the same at every reading, so that any node can be named again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pyoxigraph import BlankNode, NamedNode, Quad, RdfFormat, Store, Triple, parse

from sopkg.errors import BadInput
from sopkg.files import BASE, found, rebased, system_query
from sopkg.rows import select

# RDF 1.1 Concepts, 3.5: a well-known place for IRIs that stand for blank nodes.
GENID = f"{BASE}.well-known/genid/"
ALIGNMENTS = "alignments"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
IS_DEFINED_BY = NamedNode(f"{RDFS}isDefinedBy")
KIND_OF = {NamedNode(f"{RDFS}subClassOf"), NamedNode(f"{RDFS}subPropertyOf")}


def read_turtle(path: Path) -> list[Triple]:
    """The triples of a Turtle file, skolemised. Raises BadInput with file, line and reason."""
    text = rebased(path.read_bytes())
    try:
        quads = list(parse(text, RdfFormat.TURTLE, base_iri=BASE))
    except SyntaxError as error:
        raise BadInput(f"{path.name}, line {error.lineno}: {error.msg}", {"line": error.lineno}) from error
    return skolemised(quads, text)


def skolemised(quads: Iterable[Quad], text: bytes) -> list[Triple]:
    """The triples that were read from a text, in its order, with IRIs in place of blank nodes."""
    # Numbered as they come: canonical labels (RDFC-1.0) take cubic time for a list of nodes without a name.
    salt, names = hashlib.sha256(text).hexdigest()[:12], dict[object, NamedNode]()

    def name(term: object) -> object:
        if not isinstance(term, BlankNode):
            return term
        return names.setdefault(term, NamedNode(f"{GENID}{salt}-b{len(names)}"))

    return [Triple(name(quad.subject), quad.predicate, name(quad.object)) for quad in quads]  # type: ignore[arg-type]


@cache
def ontology() -> tuple[Triple, ...]:
    """Every triple of the ontology: prefixes, core, norms, shapes, and what of the alignments makes our terms.

    An alignment also says of our terms what they are in its vocabulary (a subclass or subproperty axiom about a term
    that is defined here). That is for whoever publishes: followed here, it would say each record a second time.
    """
    paths = (*found("ontology", "*.ttl"), *found("ontology", "*/*.ttl"))
    aligned = [triple for path in paths if path.parent.name == ALIGNMENTS for triple in read_turtle(path)]
    own = [triple for path in paths if path.parent.name != ALIGNMENTS for triple in read_turtle(path)]
    defined = {triple.subject for triple in own if triple.predicate == IS_DEFINED_BY}
    inward = (t for t in aligned if t.subject not in defined or t.predicate not in KIND_OF)
    return tuple(dict.fromkeys((*own, *inward)))


@cache
def model() -> tuple[Triple, ...]:
    """The ontology without its shapes and prefixes: what a reasoner reads."""
    paths = [path for path in found("ontology", "*/*.ttl") if path.parent.name != "shapes"]
    return tuple(dict.fromkeys(triple for path in paths for triple in read_turtle(path)))


@cache
def prefix_table() -> dict[str, str]:
    """Every prefix with its namespace, as the ontology declares them (sh:declare)."""
    rows = select(store_of(ontology()), system_query("prefixes"))
    return {row["prefix"].value: row["namespace"].value for row in rows}


def store_of(triples: list[Triple] | tuple[Triple, ...]) -> Store:
    """A store in memory with the triples in its default graph."""
    store = Store()
    store.bulk_extend(Quad(triple.subject, triple.predicate, triple.object) for triple in triples)
    return store
