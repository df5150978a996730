"""Asks the service for its pages, each twice: `python -m tests.bench.pages FILE` prints JSON."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyoxigraph import RdfFormat, Store

from sopkg.cities import City
from sopkg.detect import Audit
from sopkg.graphs import EXTENSION_GAPS, GAPS
from sopkg.load import method_hash, observation, publish
from sopkg.pipeline import closed_ontology, derive
from sopkg.store import SnapshotStore
from tests.bench.city import BEFORE, DATE
from tests.bench.service import LATE, free_port, running

CITY = City("bench", Path())  # no file of it is read
LEFT_OUT = 50  # triples that the earlier observation lacks
PAGES = {
    "overview": "/",
    "cities": "/cities",
    "gaps": "/gaps",
    "gaps of a city": "/gaps?city=bench",
    "gaps by weight": "/gaps?city=bench&sort=works",
    "undetermined gaps": "/gaps?city=bench&verdict=undetermined",
    "cells": f"/cube?city=bench&date={DATE}",
    "difference": f"/gaps/diff?city=bench&from={BEFORE}&to={DATE}",
}


def main(path: Path) -> None:
    """Milliseconds of each page, the first time and again."""
    with tempfile.TemporaryDirectory() as folder:
        build(path, Path(folder) / "store")
        json.dump(measured(Path(folder) / "store"), sys.stdout)


def build(path: Path, folder: Path) -> None:
    """A store with two observations of the generated city: the file, and before it one that lacks some of it."""
    store = Store()
    store.bulk_load(path=str(path), format=RdfFormat.N_TRIPLES)
    known = set(closed_ontology())
    asserted = [quad.triple for quad in store if quad.triple not in known]
    snapshots = SnapshotStore(folder)
    for date, said in ((BEFORE, asserted[LEFT_OUT:]), (DATE, asserted)):
        audit = Audit(CITY.base, observation(CITY, date), date)
        derived = derive(audit, said, [])
        steps = {
            "asserted": said,
            "validation": derived.validation,
            "inferred": derived.inferred,
            GAPS: derived.gaps,
            EXTENSION_GAPS: derived.extension_gaps,
            "provenance": [],
        }
        with snapshots.writing() as draft:
            publish(draft, CITY, date, steps, method_hash())


def measured(folder: Path) -> Mapping[str, Mapping[str, float]]:
    """What each page takes after a start that reads nothing ahead, and again without a page that is kept."""
    port = free_port()
    words = ["-c", "from sopkg.cli import main; main()", "--store", str(folder)]
    command = [sys.executable, *words, "serve", "--port", str(port), "--allow-no-netns"]
    base = f"http://127.0.0.1:{port}"
    with running(command, f"{base}/sparql", {**os.environ, "SOPKG_READ_AHEAD": "0"}):
        return {name: both(base + at) for name, at in with_gaps(base).items()}


def with_gaps(base: str) -> dict[str, str]:
    """The pages, and those of the gaps that there are first of each kind among the worst."""
    with urllib.request.urlopen(f"{base}/gaps?city=bench&per_page=1000&format=json", timeout=LATE) as answer:
        found: list[dict[str, Any]] = json.load(answer)
    first = {row["notation"]: row["id"] for row in reversed(found)}
    return PAGES | {f"gap {kind}": f"/gaps/{identifier}" for kind, identifier in sorted(first.items())}


def both(url: str) -> dict[str, float]:
    """The first answer, and one to the same question with a language of its own, for which nothing is kept."""
    return {"cold": seconds(url), "warm": seconds(f"{url}{'&' if '?' in url else '?'}lang=zh")}


def seconds(url: str) -> float:
    """Milliseconds of one page."""
    started = time.perf_counter()
    asked = urllib.request.Request(url, headers={"Accept": "text/html"})
    with urllib.request.urlopen(asked, timeout=LATE) as answer:
        answer.read()
    return 1000 * (time.perf_counter() - started)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
