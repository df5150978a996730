"""Limits hold over real HTTP: too much is refused at once, who leaves ends a query, what runs can be ended."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import pytest
from stores import numbered, small_store
from test_service import Answer, Server, serving

from sopkg.amounts import check_rows
from sopkg.catalog import query_files, read_query_file
from sopkg.errors import InternalFault, TooLarge
from sopkg.runningweb import add_running
from tests.amount import ALL, one_in

NUMBERS = "http://example.org/numbers"
T = TypeVar("T")
LIMIT, QUEUE, WORKERS = (2.0, 4, 2) if ALL else (1.5, 4, 2)
GRACE = 0.25 if ALL else 1.0  # how soon one ends is for the long run on an idle machine
LISTED = ("Authorization", "Bearer token of the tests")
FROM = f"FROM <{NUMBERS}>"
ENDLESS = f"SELECT (COUNT(*) AS ?n) {FROM} {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }}"
# Shapes that take for ever in the engine, or as good as.
SHAPES = (Path(__file__).parent / "limits" / "pathological.txt").read_text("utf-8").splitlines()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    store = small_store(tmp_path_factory.mktemp("limits") / "s")
    with store.writing() as draft:
        draft.load({NUMBERS: numbered(5000)})
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("QUERY_SECONDS", LIMIT), ("QUEUE", QUEUE), ("RESULT_ROWS", 6000), ("BODY_SECONDS", 1)):
            patch.setenv(f"SOPKG_{name}", str(value))
        patch.setenv("SOPKG_ADMIN_HASH", hashlib.sha256(LISTED[1].partition(" ")[2].encode()).hexdigest())
        with serving(store.path) as running:
            yield running


def asking(text: str, **given: object) -> str:
    """The address that asks a query."""
    return "/sparql?" + "&".join(f"{name}={quote(str(value))}" for name, value in {"query": text, **given}.items())


def idle(server: Server, seconds: float = 10) -> float:
    """Waits until no query runs and all workers are there; how long that took."""
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        health = json.loads(server.ask("/health").text)
        if (health["running"], health["waiting"], health["processes"]) == (0, 0, WORKERS + 1):
            return time.monotonic() - began
        time.sleep(0.01)
    raise AssertionError(health)


def with_token(server: Server, method: str, path: str) -> Answer:
    """A request of who administers the service."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request(method, path, headers=dict([LISTED]))
    response = connection.getresponse()
    answer = Answer(response.status, dict(response.getheaders()), response.read().decode())
    connection.close()
    return answer


def listed(server: Server) -> list[dict[str, object]]:
    """The queries that run."""
    answer = with_token(server, "GET", "/queries/running")
    assert answer.status == 200
    told: list[dict[str, object]] = json.loads(answer.text)
    return told


def processor_seconds(server: Server) -> float:
    """The processor time that the server's workers have taken, in seconds."""
    fields = [_stat(pid) for pid in workers_of(server)]
    return sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")


def workers_of(server: Server) -> list[int]:
    """The numbers of the server's worker processes."""
    pids = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if _is_worker(path)]
    return [pid for pid in pids if _parent(_parent(pid)) == server.process.pid]


def _is_worker(cmdline: Path) -> bool:
    with suppress(OSError):
        return b"sopkg.worker" in cmdline.read_bytes()
    return False  # it has ended


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _stat(pid: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return ["0"] * 50


@pytest.mark.parametrize("text", one_in(7, SHAPES), ids=one_in(7, range(len(SHAPES))))
def test_a_pathological_query_ends_at_its_limit(server: Server, text: str) -> None:
    idle(server)
    began = time.monotonic()
    answer = server.ask(asking(text))
    took = time.monotonic() - began
    assert (answer.status, answer.type) == (503, "application/problem+json"), answer.text[:300]
    assert LIMIT <= took <= LIMIT + GRACE
    assert "ended" in answer.text
    assert "retry-after" not in answer.headers  # the same again takes as long
    if ALL:
        time.sleep(0.5)
        idle(server)  # the process that takes the place of the one that was ended has started
        before = processor_seconds(server)
        time.sleep(0.3)
        assert processor_seconds(server) - before <= 0.05
    assert json.loads(server.ask("/health").text)["running"] == 0


def test_a_caller_may_lower_a_limit_and_is_told_that_it_can_not_raise_it(server: Server) -> None:
    numbers = f"SELECT ?s {FROM} {{ ?s ?p ?o }}"
    assert server.ask(asking(ENDLESS, timeout=0.05)).status == 503
    for name, value in (("timeout", LIMIT + 1), ("rows", 6001), ("timeout", "nan"), ("rows", 0), ("rows", "x")):
        answer = server.ask(asking(numbers, **{name: value}))
        assert (answer.status, answer.type) == (400, "application/problem+json")
    assert server.ask(asking(numbers, rows=5000)).status == 200
    for form in ("json", "xml", "csv", "tsv"):
        assert server.ask(asking(numbers, rows=4999, format=form)).status == 413
    graph = f"CONSTRUCT {{ ?s ?p ?o }} {FROM} {{ ?s ?p ?o }}"
    assert (server.ask(asking(graph, rows=5000)).status, server.ask(asking(graph, rows=4999)).status) == (200, 413)
    assert server.ask(asking(f"SELECT * {FROM} {{ ?s ?p ?o }} LIMIT 6000", rows=6000)).status == 200
    assert (
        server.ask(asking(f"SELECT * {FROM} {{ {{ ?s ?p ?o }} UNION {{ ?o ?p ?x }} UNION {{ ?s ?p ?x }} }}")).status
        == 413
    )


@pytest.mark.parametrize(
    ("written", "media_type"),
    [
        (
            b'{"head":{"vars":["o"]},"results":{"bindings":[{"o":{"value":"},{\\"},{"}},{}]}}',
            "application/sparql-results+json",
        ),
        (b'o\r\n"a\r\nb\r\n"\r\nc\r\n', "text/csv"),
        (b'?o\n"a\\nb"\n"c"\n', "text/tab-separated-values"),
    ],
)
def test_rows_are_counted_and_not_what_looks_like_one(written: bytes, media_type: str) -> None:
    check_rows(written, media_type, 2)
    with pytest.raises(TooLarge):
        check_rows(written, media_type, 1)


def test_beyond_the_queue_a_query_is_refused_at_once_and_health_answers(server: Server) -> None:
    idle(server)

    def timed(path: str) -> tuple[Answer, float]:
        began = time.monotonic()
        return server.ask(path), time.monotonic() - began

    count = 60 if ALL else 16
    with ThreadPoolExecutor(count + 1) as callers:
        asked = [callers.submit(timed, asking(ENDLESS)) for _ in range(count)]
        time.sleep(0.1)
        health = timed("/health")
        answers = [each.result() for each in asked]
    refused = [(answer, took) for answer, took in answers if "retry-after" in answer.headers]
    assert {answer.status for answer, _ in answers} == {503}
    assert len(refused) >= count - WORKERS - QUEUE
    assert health[0].status == 200
    if ALL:
        assert max(took for _, took in (health, *refused) if took) <= 0.1


def until(found: Callable[[], T]) -> T:
    """What is found, as soon as something is; an error after a while."""
    for _ in range(2000):
        if told := found():
            return told
        time.sleep(0.01)
    raise AssertionError("nothing was found in 20 s")


def test_who_leaves_ends_the_query(server: Server) -> None:
    idle(server)
    replaced = json.loads(server.ask("/health").text)["replaced"]
    with socket.create_connection(("127.0.0.1", server.port)) as caller:
        caller.sendall(f"GET {asking(ENDLESS)} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        until(lambda: listed(server))
    began = time.monotonic()
    while listed(server):
        time.sleep(0.005)
    assert time.monotonic() - began < min(LIMIT, 1) / 2
    idle(server)
    assert json.loads(server.ask("/health").text)["replaced"] == replaced + 1


def test_what_runs_is_listed_and_can_be_ended(server: Server) -> None:
    assert server.ask("/queries/running").status == 401
    assert server.ask("/queries/running/1", method="DELETE").status == 401
    assert with_token(server, "DELETE", "/queries/running/0").status == 404
    idle(server)
    with ThreadPoolExecutor(1) as caller:
        asked = caller.submit(server.ask, asking(ENDLESS + " # " + "x" * 300))
        found = until(lambda: listed(server))
        assert set(found[0]) == {"id", "start", "seconds", "query", "request"}
        assert str(found[0]["query"]).startswith("SELECT (COUNT")
        assert len(str(found[0]["query"])) == 200
        assert with_token(server, "DELETE", f"/queries/running/{found[0]['id']}").status == 204
        answer = asked.result()
    assert (answer.status, "administrator" in answer.text) == (503, True)
    assert answer.headers["x-request-id"] == found[0]["request"]


def test_no_query_takes_the_name_of_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "running.rq").write_text("#+ summary: What runs?\nASK {}\n")
    taken = {"running": read_query_file(tmp_path / "running.rq")}
    monkeypatch.setattr("sopkg.runningweb.query_files", lambda role: {**query_files(role), **taken})
    with pytest.raises(InternalFault, match=r"running\.rq"):
        add_running(None)  # type: ignore[arg-type]  # it is refused before the application is touched


def test_a_body_that_does_not_come_is_not_waited_for(server: Server) -> None:
    for sent, status in (
        ("Content-Length: 99\r\n\r\nASK", b"408"),
        ("Content-Length: 99999999\r\n\r\n" + "x" * 40_000_000, b"413"),
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as caller:
            caller.sendall(b"POST /sparql HTTP/1.1\r\nHost: here\r\nContent-Type: application/sparql-query\r\n")
            try:
                caller.sendall(sent.encode())
            except OSError:
                continue  # refused before all of it was sent
            assert caller.recv(12).endswith(status)
        assert server.ask("/health").status == 200


def test_workers_killed_at_random_fail_only_their_requests(server: Server) -> None:
    chance, seen, seconds = random.Random(3), Counter[int](), 60 if ALL else 1.5
    quick = asking(f"SELECT (COUNT(*) AS ?n) {FROM} {{ ?s ?p ?o }}")
    idle(server)
    ends = time.monotonic() + seconds

    def ask() -> None:
        while time.monotonic() < ends:
            answer = server.ask(quick)
            seen[answer.status] += 1
            assert answer.status == 503 or '"5000"' in answer.text, answer.text

    with ThreadPoolExecutor(4) as callers:
        asked = [callers.submit(ask) for _ in range(4)]
        kills = 0
        while time.monotonic() < ends:
            time.sleep(0.4)
            kills += _kill_one(server, chance)
        for each in asked:
            each.result()
    assert kills
    assert seen[503] <= kills
    assert seen[200] > 10 * seen[503]
    idle(server)


def _kill_one(server: Server, chance: random.Random) -> int:
    """Kills one of the server's workers; how many were killed."""
    mine = workers_of(server)
    if mine:
        os.kill(chance.choice(mine), signal.SIGKILL)
    return min(1, len(mine))


def test_what_runs_is_finished_when_the_service_is_told_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = small_store(tmp_path / "s")
    with store.writing() as draft:
        draft.load({NUMBERS: numbered(5000)})
    monkeypatch.setenv("SOPKG_QUERY_SECONDS", "1")
    with serving(store.path) as server, ThreadPoolExecutor(1) as caller:
        asked = caller.submit(server.ask, asking(ENDLESS))
        time.sleep(0.4)
        server.process.send_signal(signal.SIGTERM)
        answer = asked.result()
        assert server.process.wait(10) == 0
    assert (answer.status, "ran longer than 1 s" in answer.text) == (503, True)
