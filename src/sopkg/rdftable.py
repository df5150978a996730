"""Reads what a city publishes: a table, or an RDF graph, whose blank nodes are named by what is said of them."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pyoxigraph import BlankNode, NamedNode, Quad, Triple

from sopkg.blanks import with_blanks
from sopkg.errors import BadInput
from sopkg.rdfinput import format_of_name, read_quads
from sopkg.tables import NO_LINE, Record, Table, read_table

SUFFIXES = {".ttl", ".nt", ".nq", ".trig", ".rdf", ".owl", ".xml", ".jsonld"}
# How far a blank node is described by the blank nodes that its description names.
DEPTH = 8
Names = Mapping[object, str]


def read_source(path: Path) -> Table:
    """The table in a file or folder, or the graph in a file with a suffix of RDF. Raises BadInput with the line."""
    if path.is_dir() or path.suffix.lower() not in SUFFIXES:
        return read_table(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} can't be read: {error.strerror}") from error
    quads = read_quads(content, format_of_name(path.name), path.name)
    triples = tuple(renamed(dict.fromkeys(Triple(quad.subject, quad.predicate, quad.object) for quad in quads)))
    described = sorted({t.subject.value for t in triples if isinstance(t.subject, NamedNode)})
    records = tuple(Record(ordinal, NO_LINE, (), url=iri) for ordinal, iri in enumerate(described, 1))
    return Table(path.name, hashlib.sha256(content).hexdigest(), "utf-8", "", (), records, triples)


def renamed(triples: Iterable[Triple]) -> Iterator[Triple]:
    """The triples with blank nodes labelled by what is said of them: the same in every serialisation and later copy.

    Of those that the same is said of, what is said with them counts too; then they are numbered.
    """
    known = list(triples)
    names = _labels(known)
    labels = {node: BlankNode(name) for node, name in names.items()}
    for triple in known:
        yield with_blanks(triple, labels)


def graph_quads(table: Table, base: str, graph: NamedNode) -> Iterator[Quad]:
    """The triples of a graph as quads; each blank node has an IRI below `base`."""
    triples = table.triples or ()
    nodes = {t for triple in triples for t in (triple.subject, triple.object) if isinstance(t, BlankNode)}
    iris = {node: NamedNode(f"{base}node/{node.value}") for node in nodes}
    for triple in triples:
        named = with_blanks(triple, iris)
        yield Quad(named.subject, named.predicate, named.object, graph)


def _labels(triples: list[Triple]) -> dict[object, str]:
    outgoing, incoming = defaultdict(list), defaultdict(list)
    for triple in triples:
        outgoing[triple.subject].append((triple.predicate, triple.object))
        incoming[triple.object].append((triple.predicate, triple.subject))
    nodes = dict.fromkeys(t for triple in triples for t in (triple.subject, triple.object) if isinstance(t, BlankNode))
    names: dict[object, str] = dict.fromkeys(nodes, "")
    for _ in range(DEPTH):
        names = {node: _digest(outgoing[node], names) for node in nodes}
    shared = Counter(names.values())
    alike = {node: _digest(incoming[node], names) for node in nodes if shared[names[node]] > 1}
    names = {node: names[node] + alike.get(node, "") for node in nodes}
    seen: Counter[str] = Counter()
    for node, name in names.items():
        seen[name] += 1
        names[node] = name if seen[name] == 1 else f"{name}-{seen[name]}"
    return names


def _digest(said: Iterable[tuple[object, object]], names: Names) -> str:
    lines = sorted(f"{predicate} {names.get(term, str(term))}" for predicate, term in said)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
