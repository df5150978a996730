"""Says what the checkout that it runs in infers: for each city's latest observation, and for the catalogue's findings.

Run as a program of its own, so that a checkout without the alignments can be asked the same. It has no network.
"""

from __future__ import annotations

import hashlib
import json
import socket
import sys
from pathlib import Path

from pyoxigraph import NamedNode, Triple

from sopkg.cities import cities
from sopkg.detect import Audit
from sopkg.ingest import ingest
from sopkg.load import observation
from sopkg.pipeline import Derived, derive
from sopkg.turtle import read_turtle
from tests.findings import read_findings

BASE, DATE = "https://w3id.org/sopkg/id/t/", "2024-06-30"
CATALOGUE = Path(__file__).parent / "catalogue"


def main() -> None:
    """Prints it as JSON."""
    socket.socket = None  # type: ignore[assignment, misc]
    json.dump({"inferred": dict(shipped()), "findings": catalogue()}, sys.stdout)


def shipped() -> list[tuple[str, str]]:
    """What is inferred of the latest shipped observation of each city, as a number and a hash."""
    dated = [(city, *max(city.tables().items())) for city in cities().values()]
    said = []
    for city, date, path in dated:
        asserted = [*ingest(path, city.folder, date, None).triples, *city.facts()]
        derived = derive(Audit(city.base, observation(city, date), date), asserted, [], asked=[])
        lines = "\n".join(sorted(map(str, derived.inferred)))
        said.append((f"{city.name} {date}", f"{len(derived.inferred)} {hashlib.sha256(lines.encode()).hexdigest()}"))
    return said


def catalogue() -> list[str]:
    """The findings on the catalogue, each in a line: query, verdict, severity, focus."""
    files = ("city.ttl", "lists.ttl", "data.ttl")
    found = read_findings(derived_of([t for file in files for t in read_turtle(CATALOGUE / file)]).gaps, seen())
    return sorted(" ".join([each.query, each.verdict, each.severity, *each.focus]) for each in found)


def derived_of(asserted: list[Triple]) -> Derived:
    return derive(Audit(BASE, seen(), DATE), asserted, [])


def seen() -> NamedNode:
    return NamedNode(f"{BASE}observation/{DATE}")


if __name__ == "__main__":
    main()
