"""Stages plain rows as triples, and turns them into ontology terms by one of the system's CONSTRUCT files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from urllib.parse import quote

from pyoxigraph import Literal, NamedNode, Quad, QueryTriples, Store, Triple, Variable

from sopkg.files import BASE, system_query
from sopkg.rules import meets, reach, reach_of
from sopkg.touched import sites
from sopkg.trees import read_file_query
from sopkg.turtle import ontology as whole_ontology

Term = NamedNode | Literal
Cells = Mapping[str, Term | str]
"""A plain row: a str is a plain literal."""
COLUMN = f"{BASE}column#"


@cache
def column(name: str) -> NamedNode:
    """The predicate of a column: its name, percent-encoded where an IRI can't have it."""
    return NamedNode(COLUMN + quote(name, safe=""))


def stage(rows: Iterable[Cells], base: str) -> Store:
    """A fresh store: a node below `base` for each row, a triple for each cell; a str is a plain literal."""
    store = Store()
    store.extend(_cells(rows, base))
    return store


def _cells(rows: Iterable[Cells], base: str) -> Iterator[Quad]:
    for number, row in enumerate(rows):
        node = NamedNode(f"{base}staged/{number}")
        for name, value in row.items():
            yield Quad(node, column(name), Literal(value) if isinstance(value, str) else value)


def construct(
    query_name: str,
    rows: Iterable[Cells],
    base: str,
    *,
    ontology: Iterable[Triple] | None = None,
    **constants: Term,
) -> list[Triple]:
    """The triples that `queries/system/<query_name>.rq` makes of rows, each once.

    The query also sees what it can match of the ontology (or what is given for it; an empty tuple for nothing), and
    each constant as the variable of its name.
    """
    store = stage(rows, base)
    seen = _of_ontology(query_name) if ontology is None else ontology
    store.extend(Quad(triple.subject, triple.predicate, triple.object) for triple in seen)
    triples = store.query(system_query(query_name), substitutions={Variable(n): term for n, term in constants.items()})
    assert isinstance(triples, QueryTriples)
    return list(dict.fromkeys(triples))


@cache
def _of_ontology(query_name: str) -> tuple[Triple, ...]:
    wanted = {reach(site.pattern) for site in sites(read_file_query(system_query(query_name)).where)}
    return tuple(triple for triple in whole_ontology() if meets(reach_of(triple), wanted))
