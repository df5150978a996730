"""From the asserted triples of one city at one date to what follows: validate, entail, detect.

Each step's result is a list of triples for a graph of its own. Nothing here is published: `load` does that, whole.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cache

from pyoxigraph import NamedNode, Quad, Store, Triple

from sopkg.catalog import QueryFile, query_files
from sopkg.detect import Audit, detect, detect_apart
from sopkg.entail import Inconsistency, entail
from sopkg.graphs import EXTENSION_GAPS, GAPS
from sopkg.rules import ON_REQUEST, tags
from sopkg.schema import ontology_store
from sopkg.turtle import GENID, ontology, store_of
from sopkg.validate import report, validate

Progress = Callable[[str], None]
Triples = list[Triple]


@dataclass(frozen=True)
class Derived:
    """What follows from one observation: which of it can't all be true, and how often it breaks a rule."""

    validation: Triples
    inferred: Triples
    gaps: Triples
    extension_gaps: Triples
    inconsistencies: list[Inconsistency]
    broken: int


def derive(
    audit: Audit,
    asserted: Triples,
    provenance: Triples,
    earlier: Iterable[Triple] = (),
    mapping_hash: str = "",
    progress: Progress = lambda _: None,
    asked: Collection[str] | None = None,
) -> Derived:
    """Validates, entails and detects, in memory.

    `earlier` holds the findings of earlier observations, with these observations' city and date; `asked` names the gap
    queries to run; if None those of the paper's kinds, and apart from them those of the others.
    """
    schema = closed_schema()
    store = store_of(asserted)
    progress("validate")
    results = validate(store, schema)
    progress("entail")
    entailment = entail(store, data_rules(), open_schema())
    store.extend(Quad(triple.subject, triple.predicate, triple.object) for triple in (*provenance, *earlier))
    if asked is None:
        found = detect_apart(store, audit, mapping_hash, progress)
    else:
        found = {GAPS: detect(store, audit, mapping_hash, progress, asked), EXTENSION_GAPS: []}
    inferred = [each for each in entailment.triples if is_named(each)]
    steps = found[GAPS], found[EXTENSION_GAPS]
    return Derived(report(results, audit.base), inferred, *steps, entailment.inconsistencies, len(results))


@cache
def data_rules() -> tuple[QueryFile, ...]:
    """The rules that an observation is closed under.

    Left out are those that say of each class, property and number what is true of all of them: each thing would be an
    owl:Thing in so many words, and each count of classes would count the empty one.
    """
    return tuple(file for file in query_files("entailment").values() if ON_REQUEST not in tags(file))


@cache
def open_schema() -> Store:
    """The ontology as it is written, in a store, which is only read."""
    return ontology_store()


@cache
def closed_ontology() -> tuple[Triple, ...]:
    """The ontology with what follows from it alone.

    Else each city's inferred graph would say it again, and over two cities a count would count it twice.
    """
    entailment = entail(Store(), data_rules(), open_schema())
    return (*ontology(), *(each for each in entailment.triples if is_named(each)))


@cache
def closed_schema() -> Store:
    """The closed ontology in a store, which is only read."""
    return store_of(closed_ontology())


def is_named(triple: Triple) -> bool:
    """Whether a triple says nothing of class expressions without a name, which nobody asks for."""
    terms = (triple.predicate, triple.object)
    return not any(isinstance(term, NamedNode) and term.value.startswith(GENID) for term in terms)
