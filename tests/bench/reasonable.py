"""Closes one generated city by another reasoner of OWL 2 RL: `python -m tests.bench.reasonable FILE` prints JSON.

https://github.com/gtfierro/reasonable, in Rust.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import pyoxigraph as ox
from reasonable import PyReasoner

from sopkg.turtle import ontology


def main(path: Path) -> None:
    """Loads city and ontology, closes them, and says how long that took and how much memory (MB) it all took."""
    reasoner = PyReasoner()
    with tempfile.TemporaryDirectory() as folder:
        # It reads Turtle, of which N-Triples is a part, and goes by the file's ending.
        city, model = Path(folder) / "city.ttl", Path(folder) / "ontology.ttl"
        city.symlink_to(path)
        model.write_bytes(ox.serialize(ontology(), format=ox.RdfFormat.N_TRIPLES) or b"")
        for each in (city, model):
            reasoner.load_file(str(each))
        started = time.perf_counter()
        reasoner.reason()
        seconds = time.perf_counter() - started
    json.dump({"seconds": seconds, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
