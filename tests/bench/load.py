"""Sixteen callers at once: `python -m tests.bench.load URL SECONDS` asks a running service and prints what came back.

Of a hundred requests eighty are points and lists, fifteen reports, five heavy: statuses, times, and the memory of the
service's processes at each tenth of the run.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections import Counter
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote, urlsplit

CALLERS = 16
PREFIX = "PREFIX sop: <https://w3id.org/sopkg/ns#> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> "
LIGHT = [
    "/sparql?query=" + quote(PREFIX + "SELECT ?l { ?w a sop:Initiative ; rdfs:label ?l } LIMIT 20"),
    "/sparql?query=" + quote(PREFIX + "ASK { ?w a sop:Initiative }"),
    "/gaps?city=buenos-aires&per_page=20",
    "/cities",
    "/queries",
]
REPORTS = ["/queries/who-leads-what?format=csv", "/gaps?severity=high", "/queries/problems"]
HEAVY = ["/sparql?query=" + quote(PREFIX + "SELECT ?c (COUNT(*) AS ?n) { ?w a ?c . ?w ?p ?o } GROUP BY ?c")]
EXPECTED = (200, 503)  # the latter with Retry-After: more than may wait


class Callers:
    """What the callers saw."""

    def __init__(self, address: str, seconds: float) -> None:
        self._host = urlsplit(address).netloc
        self._ends = time.monotonic() + seconds
        self.times: list[float] = []
        self.statuses: Counter[tuple[int, bool]] = Counter()

    def run(self, number: int) -> None:
        """One caller's requests, one after the other on one connection."""
        chance, connection = random.Random(number), HTTPConnection(self._host, timeout=60)
        while time.monotonic() < self._ends:
            began, kind = time.monotonic(), chance.random()
            connection.request("GET", chance.choice(LIGHT if kind < 0.8 else REPORTS if kind < 0.95 else HEAVY))
            response = connection.getresponse()
            response.read()
            self.times.append(time.monotonic() - began)
            self.statuses[response.status, response.getheader("Retry-After") is not None] += 1


def megabytes(session: int) -> float:
    """The memory that all processes of the service have to themselves and share (Pss), given one of its processes."""
    kilobytes = 0
    for pid in _below(session):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue  # it has ended
        kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kilobytes / 1024


def _below(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        parents.setdefault(parent, []).append(int(stat.parent.name))
    found = [pid]
    for each in found:
        found.extend(parents.get(each, []))
    return found


def main() -> None:
    """Runs the callers and prints what they saw; the third argument is the service's process, for its memory."""
    address, seconds, process = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    callers = Callers(address, seconds)
    threads = [threading.Thread(target=callers.run, args=(number,)) for number in range(CALLERS)]
    for thread in threads:
        thread.start()
    memory = []
    for _ in range(10):
        time.sleep(seconds / 10)
        memory.append(megabytes(process))
    for thread in threads:
        thread.join()
    times = sorted(callers.times)
    print(f"{len(times)} requests of {CALLERS} callers in {seconds:g} s")
    print("status, with Retry-After: " + ", ".join(f"{key}: {count}" for key, count in callers.statuses.items()))
    for name, share in (("median", 0.5), ("p95", 0.95), ("p99", 0.99)):
        print(f"{name} {times[int(share * len(times))] * 1000:.1f} ms")
    print("memory, MB: " + " ".join(f"{each:.0f}" for each in memory))
    if {status for status, _ in callers.statuses} - set(EXPECTED):
        sys.exit("an unexpected status")


if __name__ == "__main__":
    main()
