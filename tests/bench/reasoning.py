"""Measures reasoning over one generated city in this process: `python -m tests.bench.reasoning FILE` prints JSON."""

from __future__ import annotations

import json
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pyoxigraph import NamedNode, Quad, RdfFormat, Store, Triple

from sopkg.change import Closed
from sopkg.entail import entail
from sopkg.pipeline import closed_ontology, data_rules, is_named
from sopkg.proof import Prover
from sopkg.schema import ontology_store
from sopkg.turtle import ontology

SAID, FOLLOWS, MODEL = (NamedNode(f"http://example.org/{name}") for name in ("said", "follows", "model"))
SAMPLE = 200


def main(path: Path) -> None:
    """Closes, proves inferred triples, and removes and adds asserted ones."""
    closure, again = closed(path), closed(path)
    model, dice = frozenset(closed_ontology()), random.Random(1)
    # What the ontology implies by itself is published with the ontology.
    store = graphs(path, [triple for triple in closure.pop("triples") if is_named(triple) and triple not in model])
    said = [quad.triple for quad in store.quads_for_pattern(None, None, None, SAID)]
    follows = [quad.triple for quad in store.quads_for_pattern(None, None, None, FOLLOWS)]
    prover = Prover(store, data_rules(), [SAID, MODEL], [FOLLOWS], model - frozenset(ontology()))
    proofs = timed(prover.proofs, dice.sample(follows, min(SAMPLE, len(follows))))
    changing = Closed(store, data_rules(), SAID, FOLLOWS, [MODEL], is_named)
    chosen = dice.sample(said, SAMPLE)
    removals = timed(lambda triple: changing.change(removed=[triple]), chosen)
    additions = timed(lambda triple: changing.change(added=[triple]), chosen)
    same = set(follows) == {quad.triple for quad in store.quads_for_pattern(None, None, None, FOLLOWS)}
    times = {"proof": spread(proofs), "deletion": spread(removals), "addition": spread(additions)}
    again = {name: again[name] for name in ("seconds", "megabytes")}
    json.dump({"closure": closure, "again": again, "milliseconds": times, "same": same}, sys.stdout)


def closed(path: Path) -> dict[str, Any]:
    """The closure of a city: its triples, seconds, peak memory (MB) and size; the ontology's is kept for the next."""
    schema, store = ontology_store(), Store()
    store.bulk_load(path=str(path), format=RdfFormat.N_TRIPLES)
    started = time.perf_counter()
    triples = list(entail(store, data_rules(), schema).triples)
    seconds = time.perf_counter() - started
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"triples": triples, "seconds": seconds, "megabytes": megabytes, "inferred": len(triples)}


def graphs(path: Path, inferred: Iterable[Triple]) -> Store:
    """The city as it is published: a graph for what is said, what follows, and the ontology."""
    store = Store()
    store.bulk_load(path=str(path), format=RdfFormat.N_TRIPLES, to_graph=SAID)
    for graph, triples in ((FOLLOWS, inferred), (MODEL, closed_ontology())):
        store.bulk_extend(Quad(triple.subject, triple.predicate, triple.object, graph) for triple in triples)
    return store


def timed(work: Callable[[Triple], object], triples: Iterable[Triple]) -> list[float]:
    """Milliseconds for each triple."""
    found = []
    for triple in triples:
        started = time.perf_counter()
        work(triple)
        found.append(1000 * (time.perf_counter() - started))
    return found


def spread(milliseconds: list[float]) -> dict[str, float]:
    """The median, the 95th percentile and the largest."""
    ranked = sorted(milliseconds)
    return {"median": statistics.median(ranked), "p95": ranked[int(0.95 * len(ranked))], "max": ranked[-1]}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
