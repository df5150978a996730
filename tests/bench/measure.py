"""Measures every step of one generated city in this process: `python -m tests.bench.measure FILE` prints JSON."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pyoxigraph import NamedNode, RdfFormat, Store, Triple, serialize

from sopkg.detect import Audit, detect
from sopkg.entail import entail
from sopkg.gapquery import gap_queries
from sopkg.graphs import CATALOGUE
from sopkg.pipeline import data_rules
from sopkg.schema import ontology_store
from sopkg.store import SnapshotStore
from sopkg.validate import report, validate
from tests.bench.city import BASE, DATE
from tests.bench.expectations import Expectations, read_expectations
from tests.findings import read_findings

Result = TypeVar("Result")


def main(path: Path) -> None:
    """Loads, validates, entails, detects and publishes; then compares what was found with what was planted."""
    steps, queries = Clock(), Clock()
    audit = Audit(BASE, NamedNode(f"{BASE}observation/{DATE}"), DATE)
    schema, store = ontology_store(), Store()
    steps.run("load", lambda: store.bulk_load(path=str(path), format=RdfFormat.N_TRIPLES))
    validation = steps.run("validate", lambda: report(validate(store, schema), audit.base))
    inferred = steps.run("entail", lambda: list(entail(store, data_rules(), schema).triples))
    gaps = steps.run("detect", lambda: detect(store, audit, progress=queries.mark, asked=gap_queries()))
    queries.mark("")
    graphs = {"asserted": path.read_bytes(), "validation": validation, "inferred": inferred, "gaps": gaps}
    with tempfile.TemporaryDirectory() as folder:
        steps.run("publish", lambda: publish(SnapshotStore(Path(folder) / "store"), graphs))
    faults = differences(read_expectations(path.with_suffix(".json")), gaps, audit.observation)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    counts = {"inferred": len(inferred), "findings": len(read_findings(gaps, audit.observation))}
    said = {"steps": steps.seconds, "queries": queries.seconds, "megabytes": steps.megabytes, "peak": peak}
    json.dump({**said, **counts, "faults": faults}, sys.stdout)


class Clock:
    """Seconds by name, and the peak memory (MB) up to the end of each."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.megabytes: dict[str, float] = {}
        self.started: tuple[str, float] | None = None

    def run(self, name: str, work: Callable[[], Result]) -> Result:
        """Does the work and notes its time."""
        started = time.perf_counter()
        result = work()
        self.seconds[name] = time.perf_counter() - started
        self.megabytes[name] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return result

    def mark(self, name: str) -> None:
        """Ends what ran until now and begins something else."""
        now = time.perf_counter()
        if self.started is not None:
            self.seconds[self.started[0]] = now - self.started[1]
        self.started = (name, now) if name else None


def publish(snapshots: SnapshotStore, graphs: dict[str, object]) -> None:
    """Writes the graphs to disk and moves the pointer."""
    snapshots.publish({f"{BASE}{name}": _lines(triples) for name, triples in graphs.items()}, CATALOGUE, [])


def _lines(triples: object) -> bytes:
    return triples if isinstance(triples, bytes) else serialize(triples, format=RdfFormat.N_TRIPLES) or b""


def differences(planted: Expectations, gaps: list[Triple], observation: NamedNode) -> list[str]:
    """What was planted and not found, found and not planted, or found with another verdict."""
    expected = planted.expected
    found: dict[str, dict[tuple[str, ...], str]] = {}
    for each in read_findings(gaps, observation):
        found.setdefault(each.query, {})[each.focus] = each.verdict
    faults = []
    for kind in sorted(set(expected) | set(found)):
        wanted, got = expected.get(kind, {}), found.get(kind, {})
        faults += [f"{kind} not found: {focus}" for focus in wanted if focus not in got]
        faults += [f"{kind} not planted: {focus}" for focus in got if focus not in wanted]
        faults += [f"{kind} {got[f]}, planted as {v}: {f}" for f, v in wanted.items() if f in got and got[f] != v]
    return faults


if __name__ == "__main__":
    main(Path(sys.argv[1]))
