"""From a table to the graphs of one city at one date: ingest, validate, entail, detect.

Each step's result is a list of triples for a graph of its own. Nothing here is published: `load` does that, whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pyoxigraph import Store, Triple

from sopkg.detect import Audit, detect
from sopkg.entail import entail
from sopkg.turtle import ontology, store_of
from sopkg.validate import validate

Progress = Callable[[str], None]
Triples = list[Triple]


@dataclass(frozen=True)
class Derived:
    """What follows from the asserted triples of one observation."""

    validation: Triples
    inferred: Triples
    gaps: Triples


def derive(
    audit: Audit,
    asserted: Triples,
    provenance: Triples,
    earlier: Iterable[Triple] = (),
    mapping_hash: str = "",
    progress: Progress = lambda _: None,
) -> Derived:
    """Validates, entails and detects, in memory.

    `earlier` holds the findings of earlier observations, with these observations' city and date.
    """
    schema = store_of(ontology())
    store = store_of([*asserted, *provenance])
    progress("validate")
    validation = validate(store, schema, audit.base)
    progress("entail")
    inferred = entail(store, schema)
    add(store, [*ontology(), *earlier])
    gaps = detect(store, audit, mapping_hash, progress)
    return Derived(validation, inferred, gaps)


def add(store: Store, triples: Iterable[Triple]) -> None:
    """Adds triples to the default graph of a store in memory."""
    store.extend(quads(triples))
