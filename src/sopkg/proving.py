"""A worker's operation: proves one triple from the published graphs."""

from __future__ import annotations

import hashlib
import json
from functools import cache, lru_cache
from typing import Any

from pyoxigraph import NamedNode, Store, Triple

from sopkg.auditgraphs import Dataset
from sopkg.errors import NotFound
from sopkg.files import BASE
from sopkg.pipeline import closed_ontology, data_rules
from sopkg.proof import Proof, Prover, as_record, as_text, as_turtle, in_words
from sopkg.results import to_term
from sopkg.turtle import ontology
from sopkg.wording import Speaker
from sopkg.worker import Job

PROOFS = f"{BASE}id/proof/"


def prove(job: Job) -> str:
    """Up to `most` proofs of a triple, the shallowest first, as `format`: json, text or turtle.

    The payload names the triple's terms in N-Triples and the graphs: `given` by sources and ontology, and `inferred`.
    Raises NotFound where the triple is neither given nor follows.
    """
    given, inferred = (tuple(job.payload[name]) for name in ("given", "inferred"))
    terms: list[Any] = [to_term(text) for text in job.payload["triple"]]
    triple = Triple(*terms)
    speaker = Speaker(Dataset(job.store, map(NamedNode, (*given, *inferred))))
    proofs = _prover(job.store, job.snapshot, given, inferred).proofs(triple, job.payload["most"])
    if not proofs:
        raise NotFound(f"{triple} . is not given here, and does not follow from what is by a rule of OWL 2 RL")
    return _written(triple, proofs, speaker, job.payload["format"])


@lru_cache(maxsize=1)
def _prover(store: Store, snapshot: str, given: tuple[str, ...], inferred: tuple[str, ...]) -> Prover:
    """The prover of a snapshot's graphs, kept for the next question: it has read the rules."""
    said, derived = ([NamedNode(each) for each in names] for names in (given, inferred))
    return Prover(store, data_rules(), said, derived, _follows())


@cache
def _follows() -> frozenset[Triple]:
    """What the ontology's graph holds because it follows from the ontology."""
    return frozenset(closed_ontology()) - frozenset(ontology())


def _written(triple: Triple, proofs: list[Proof], speaker: Speaker, form: str) -> str:
    if form == "turtle":
        name = hashlib.sha256(str(triple).encode()).hexdigest()[:12]
        return as_turtle(proofs, f"{PROOFS}{name}/").decode()
    if form == "json":
        told = {"triple": f"{triple} .", "label": in_words(triple, speaker.label)}
        proved = [as_record(each, speaker.label) for each in proofs]
        return json.dumps({**told, "proofs": proved}, ensure_ascii=False, indent=1) + "\n"
    return "\n".join(as_text(each, speaker.label, lambda graph: graph.value) for each in proofs)
