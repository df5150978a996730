"""Closes one generated city by another reasoner of OWL 2 RL: `python -m tests.bench.others NAME FILE` prints JSON."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import owlrl
import pyoxigraph as ox
from rdflib import Graph
from reasonable import PyReasoner

from sopkg.turtle import ontology


def main(name: str, path: Path) -> None:
    """Loads city and ontology, closes them, and says how long that took and how much memory (MB) it all took."""
    with tempfile.TemporaryDirectory() as folder:
        # One of the two reads Turtle, of which N-Triples is a part, and goes by the file's ending.
        city, model = Path(folder) / "city.ttl", Path(folder) / "ontology.ttl"
        city.symlink_to(path)
        model.write_bytes(ox.serialize(ontology(), format=ox.RdfFormat.N_TRIPLES) or b"")
        close = REASONERS[name](city, model)
        started = time.perf_counter()
        close()
        seconds = time.perf_counter() - started
    json.dump({"seconds": seconds, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}, sys.stdout)


def by_owlrl(*paths: Path) -> Callable[[], object]:
    """https://github.com/RDFLib/OWL-RL, in Python."""
    graph = Graph()
    for path in paths:
        graph.parse(path, format="nt")
    return lambda: owlrl.DeductiveClosure(owlrl.OWLRL_Semantics).expand(graph)


def by_reasonable(*paths: Path) -> Callable[[], object]:
    """https://github.com/gtfierro/reasonable, in Rust."""
    reasoner = PyReasoner()
    for path in paths:
        reasoner.load_file(str(path))
    return reasoner.reason


REASONERS = {"owlrl": by_owlrl, "reasonable": by_reasonable}

if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
