"""A service under load: killed while four write to it, and asked by sixteen at a time for long."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from statistics import median
from urllib.parse import quote

import pytest
from stores import numbered, small_store
from test_limits import NUMBERS, _parent
from test_service import Server, serving

from sopkg.store import SnapshotStore
from tests.amount import ALL

KILLS, WRITERS = (100, 4) if ALL else (1, 4)
READY = 2.0 if ALL else 10.0  # how soon it is ready again is for the long run on an idle machine
CLIENTS, SECONDS = 16, 600 if ALL else 1.5
SHARES = (80, 15, 5)  # of a hundred requests: quick queries, aggregates, writes
GROWTH = 1.25  # of the memory of all processes, from a third of the time on
TRIPLES = 6
"""Of one write: all of them are there, or none."""
EX = "http://x.example/"
TOKEN = "token of the tests"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store, and settings by which an editor may write to it."""
    monkeypatch.setenv("SOPKG_EDITOR_HASH", hashlib.sha256(TOKEN.encode()).hexdigest())
    monkeypatch.setenv("SOPKG_DURABILITY", "process")
    return small_store(tmp_path / "s").path


class Writing:
    """One who writes to a service until it is gone, by turns an update and a graph in place of another."""

    def __init__(self, number: int) -> None:
        self.number, self.last = number, 0
        self.updated: set[int] = set()
        self.put = 0
        self.statuses = Counter[int]()

    def run(self, port: int) -> None:
        """Writes; what the service has acknowledged is noted."""
        with suppress(OSError, HTTPException), closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            while True:
                self.last += 1
                status = self._update(connection) if self.last % 2 else self._replace(connection)
                self.statuses[status] += 1
                if status < 400 and self.last % 2:
                    self.updated.add(self.last)
                elif status < 400:
                    self.put = self.last

    def _update(self, connection: HTTPConnection) -> int:
        text = f"INSERT DATA {{ GRAPH <{EX}updated/{self.number}> {{ {_triples(self.last)} }} }}"
        return _send(connection, "POST", "/sparql", text, "application/sparql-update")

    def _replace(self, connection: HTTPConnection) -> int:
        address = f"/graph-store?graph={EX}put/{self.number}"
        return _send(connection, "PUT", address, _triples(self.last), "text/turtle")


def _triples(number: int) -> str:
    return " ".join(f"<{EX}{number}> <{EX}p{each}> {number} ." for each in range(TRIPLES))


def _send(connection: HTTPConnection, method: str, address: str, text: str, media_type: str) -> int:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": media_type}
    connection.request(method, address, text.encode(), headers)
    response = connection.getresponse()
    response.read()
    return response.status


def test_what_was_acknowledged_outlives_a_kill_and_nothing_is_torn(store: Path) -> None:
    chance, took = random.Random(12), list[float]()
    writers = [Writing(number) for number in range(WRITERS)]
    for kill in range(KILLS + 1):
        begun = time.monotonic()
        with serving(store) as server, ThreadPoolExecutor(WRITERS) as threads:
            while server.ask("/ready").status != 200:
                time.sleep(0.02)
            took.append(time.monotonic() - begun)
            for each in writers:
                check(server, each)
            if kill < KILLS:
                runs = [threads.submit(each.run, server.port) for each in writers]
                wait_for_one_more(writers)
                time.sleep(chance.uniform(0, 1))
                killed_with_all_its_processes(server)
                for each in runs:
                    each.result()
    again = sorted(took[1:])
    acknowledged = sum(each.statuses.total() for each in writers)
    print(f"{acknowledged} writes; ready again in {median(again):.2f} s, at most {again[-1]:.2f} s")
    assert not {status for each in writers for status in each.statuses} - {200, 201}
    assert again[-1] < READY


def wait_for_one_more(writers: list[Writing]) -> None:
    """Waits until the service has acknowledged a write since this is asked; its first write starts a process."""
    before, deadline = sum(each.statuses.total() for each in writers), time.monotonic() + 30
    while sum(each.statuses.total() for each in writers) == before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert time.monotonic() < deadline


def check(server: Server, writer: Writing) -> None:
    """Each write that is there is whole; of updates all that were acknowledged, of graphs the last one or a later."""
    there = numbers(server, f"{EX}updated/{writer.number}")
    assert set(there.values()) <= {TRIPLES}, there
    assert writer.updated <= set(there)
    put = numbers(server, f"{EX}put/{writer.number}")
    assert list(put.values()) in ([TRIPLES], []), put
    assert max(put, default=0) >= writer.put


def numbers(server: Server, graph: str) -> Counter[int]:
    """How many triples of each write are in a graph."""
    query = f"SELECT ?n (COUNT(*) AS ?c) {{ GRAPH <{graph}> {{ ?s ?p ?n }} }} GROUP BY ?n"
    rows = json.loads(server.ask(f"/sparql?query={quote(query)}&format=json").text)["results"]["bindings"]
    return Counter({int(row["n"]["value"]): int(row["c"]["value"]) for row in rows})


def killed_with_all_its_processes(server: Server) -> None:
    """SIGKILL for the service and all that it has started, at once."""
    for pid in [server.process.pid, *descendants(server.process.pid)]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server.process.wait()


def descendants(pid: int) -> Iterator[int]:
    """The processes that a process has started, and those that they have."""
    for each in [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]:
        with suppress(FileNotFoundError, ProcessLookupError):
            if _parent(each) == pid:
                yield each
                yield from descendants(each)


def test_sixteen_clients_see_no_unexpected_status_and_memory_does_not_grow(store: Path) -> None:
    with SnapshotStore(store).writing() as draft:
        draft.load({NUMBERS: numbered(5000)})
    took: dict[str, list[float]] = {"query": [], "aggregate": [], "write": []}
    statuses, memory = Counter[int](), list[int]()
    with serving(store) as server, ThreadPoolExecutor(CLIENTS) as threads:
        ends = time.monotonic() + SECONDS
        runs = [threads.submit(client, server.port, number, ends, took, statuses) for number in range(CLIENTS)]
        while time.monotonic() < ends:
            time.sleep(SECONDS / 30)
            memory.append(resident(server))
        for each in runs:
            each.result()
    for kind, seconds in took.items():
        found = sorted(seconds)
        print(f"{kind}: {len(found)}, median {median(found):.3f} s, p99 {found[len(found) * 99 // 100]:.3f} s")
    print(f"statuses {dict(statuses)}; memory {memory} MB")
    assert not set(statuses) - {200, 201}
    assert not ALL or max(memory[20:]) < GROWTH * max(memory[10:20])


def client(port: int, number: int, ends: float, took: dict[str, list[float]], statuses: Counter[int]) -> None:
    """Sends requests one after the other until the end, drawn by seed, and notes what came back and when."""
    chance = random.Random(number)
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        while time.monotonic() < ends:
            kind, drawn = chance.choices(list(took), SHARES)[0], chance.randrange(5000)
            begun = time.monotonic()
            if kind == "write":
                status = _send(
                    connection, "PUT", f"/graph-store?graph={EX}put/{number}", _triples(drawn), "text/turtle"
                )
            else:
                which = f"<http://example.org/{drawn}> ?p ?o" if kind == "query" else "?s ?p ?o"
                query = f"SELECT (COUNT(*) AS ?n) FROM <{NUMBERS}> {{ {which} }}"
                status = _send(connection, "GET", f"/sparql?query={quote(query)}", "", "")
            took[kind].append(time.monotonic() - begun)
            statuses[status] += 1


def resident(server: Server) -> int:
    """The memory of a service's processes that is in use, in megabytes."""
    pages = 0
    for pid in [server.process.pid, *descendants(server.process.pid)]:
        with suppress(OSError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20
