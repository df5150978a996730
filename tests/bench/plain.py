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
from rdflib import Graph, Literal, Variable
from rdflib.namespace import XSD

from sopkg.catalog import query_files
from sopkg.turtle import ontology
from tests.bench.city import DATE

PARAMETERS = {"asOf": Literal(DATE, datatype=XSD.date), "share": Literal("0.8", datatype=XSD.decimal)}


def main(path: Path) -> None:
    """Loads, entails and detects."""
    started = time.perf_counter()
    graph = Graph()
    graph.parse(path, format="nt")
    graph.parse(data=ox.serialize(ontology(), format=ox.RdfFormat.N_TRIPLES), format="nt")
    started = say("load", started)
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics).expand(graph)
    started = say("entail", started)
    for name, query in query_files("gaps").items():
        given = {Variable(parameter.name): PARAMETERS[parameter.name] for parameter in query.parameters}
        for _ in graph.query(query.text, initBindings=given):
            pass
        started = say(name, started)


def say(step: str, started: float) -> float:
    """Prints how long a step took and gives the time from which the next one counts."""
    now = time.perf_counter()
    print(json.dumps([step, now - started]), flush=True)
    return now


if __name__ == "__main__":
    main(Path(sys.argv[1]))
