"""The ontology's documents: which files answer for which IRI, whole and with their blank nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pyoxigraph import NamedNode, RdfFormat, Triple, parse, serialize

from sopkg.files import found, rebased, system_query
from sopkg.results import Format
from sopkg.rows import Row, select
from sopkg.turtle import prefix_table, store_of


@cache
def vocabulary_files() -> Mapping[str, tuple[Path, ...]]:
    """The files that answer for an ontology's IRI, its version IRI, or a namespace that ends in `#`, without that.

    A file without a header of its own belongs to the ontology that is part of no other. What the remaining namespaces
    are stands beside the queries that use them.
    """
    paths = (*found("ontology", "*.ttl"), *found("ontology", "*/*.ttl"), *found("queries", "*/*.ttl"))
    headers = {path: list(select(store_of(_triples(path)), system_query("ontologies"))) for path in paths}
    whole = {row["ontology"].value for rows in headers.values() for row in rows if not row["part"] and row["version"]}
    files: dict[str, dict[Path, None]] = {}
    for path, rows in headers.items():
        for iri in {row["ontology"].value for row in rows} or whole:
            files.setdefault(iri, {})[path] = None
    named = [row for rows in headers.values() for row in rows if row["version"]]
    files |= {row["version"].value: files[row["ontology"].value] for row in named}
    return {iri: tuple(mine) for iri, mine in (*_by_namespace(paths), *files.items())}


def _by_namespace(paths: Iterable[Path]) -> list[tuple[str, tuple[Path, ...]]]:
    """Each namespace that ends in `#` with the files that say something of its terms."""
    said = {path: {t.subject.value for t in _triples(path) if isinstance(t.subject, NamedNode)} for path in paths}
    hashed = [each for each in prefix_table().values() if each.endswith("#")]
    telling = {each: tuple(p for p, iris in said.items() if any(i.startswith(each) for i in iris)) for each in hashed}
    return [(namespace.removesuffix("#"), files) for namespace, files in telling.items() if files]


@cache
def _triples(path: Path) -> tuple[Triple, ...]:
    text, address = rebased(path.read_bytes()), path.absolute().as_uri()
    quads = parse(text, RdfFormat.TURTLE, base_iri=address, rename_blank_nodes=True)
    return tuple(quad.triple for quad in quads)


@cache
def vocabulary(iri: str) -> tuple[Triple, ...]:
    """The triples of a vocabulary's document, blank nodes kept: OWL's class expressions must not have names."""
    return tuple(dict.fromkeys(triple for path in vocabulary_files()[iri] for triple in _triples(path)))


@cache
def written(iri: str, form: Format) -> bytes:
    """A vocabulary's document in a format of RDF."""
    rdf = RdfFormat.from_media_type(form.media_type)
    return serialize(vocabulary(iri), format=rdf, prefixes=prefix_table()) or b""


@cache
def described(iri: str) -> tuple[Row, list[Row]]:
    """What a page says of a vocabulary: its header, and a row for each term and class or property above it."""
    store = store_of(vocabulary(iri))
    headers = [row for row in select(store, system_query("ontologies")) if row["title"]]
    title = next((row for row in headers if iri in (row["ontology"].value, _value(row["version"]))), headers[0])
    return title, list(select(store, system_query("terms")))


@cache
def context() -> dict[str, Any]:
    """A JSON-LD 1.1 context: every prefix, and each of the ontology's terms under its local name."""
    terms: dict[str, Any] = {"id": "@id", "type": "@type"}
    for iri in sorted(vocabulary_files()):
        for row in select(store_of(vocabulary(iri)), system_query("context-terms")):
            name = row["term"].value.rpartition("#")[2]
            terms.setdefault(name, _definition(row))
    return {"@context": {"@version": 1.1, **prefix_table(), **terms}}


def _definition(row: Row) -> dict[str, str]:
    """A term's expanded definition: `@type` says that its values are IRIs, or of which datatype."""
    defined = {"@id": row["term"].value}
    return {**defined, "@type": row["type"].value} if row["type"] else defined


def _value(term: Any) -> str | None:
    return None if term is None else str(term.value)
