"""The plain-Python way to the same findings, to compare with: rdflib, owlrl and the query files as they stand.

`python -m tests.bench.plain FILE` prints one JSON line a step, so that what is done counts even if the rest is ended.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import owlrl
import pyoxigraph as ox
from rdflib import Graph, Literal, URIRef

from sopkg.detect import read_kinds
from sopkg.gapquery import gap_queries, parameters
from sopkg.schema import ontology_store
from sopkg.turtle import ontology
from tests.bench.city import DATE


def main(path: Path) -> None:
    """Loads, entails and detects."""
    started = time.perf_counter()
    graph = Graph()
    graph.parse(path, format="nt")
    graph.parse(data=ox.serialize(ontology(), format=ox.RdfFormat.N_TRIPLES), format="nt")
    started = say("load", started)
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics).expand(graph)
    started = say("entail", started)
    kinds = read_kinds(ontology_store())
    for name, gap in gap_queries().items():
        known = parameters(DATE, kinds[gap.kind].thresholds).items()
        given = {each.value: Literal(term.value, datatype=URIRef(term.datatype.value)) for each, term in known}
        for _ in graph.query(gap.file.text, initBindings=given):
            pass
        started = say(name, started)


def say(step: str, started: float) -> float:
    """Prints how long a step took and gives the time from which the next one counts."""
    now = time.perf_counter()
    print(json.dumps([step, now - started]), flush=True)
    return now


if __name__ == "__main__":
    main(Path(sys.argv[1]))
