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
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import pytest
from stores import numbered, small_store
from test_service import Answer, Server, serving

from sopkg.amounts import check_rows
from sopkg.catalog import query_files, read_query_file
from sopkg.errors import InternalFault, TooLarge
from sopkg.runningweb import add_running
from tests.amount import ALL

NUMBERS = "http://example.org/numbers"
LIMIT, QUEUE, WORKERS = (2.0, 4, 2) if ALL else (0.5, 4, 2)
GRACE = 0.25 if ALL else 1.0  # how soon one ends is for the long run on an idle machine
LISTED = ("Authorization", "Bearer token of the tests")
FROM = f"FROM <{NUMBERS}>"
ENDLESS = f"SELECT (COUNT(*) AS ?n) {FROM} {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }}"
# Shapes that take for ever in the engine, or as good as.
SHAPES = [
    ENDLESS,
    f"SELECT * {FROM} {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }} ORDER BY ?c ?f LIMIT 1",
    f"SELECT (SUM(STRLEN(CONCAT(?c, ?f))) AS ?n) {FROM} {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i FILTER(REGEX(?c, '(.*)*x')) }}",
    f"ASK {FROM} {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i FILTER(?c + ?f + ?i < -1) }}",
    f"SELECT (COUNT(DISTINCT ?c) AS ?n) {FROM} {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }}",
    f"SELECT ?c {FROM} {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }} GROUP BY ?c HAVING (COUNT(?f) > 1000000000)",
    f"SELECT (COUNT(*) AS ?n) {FROM} {{ ?a ?b ?c OPTIONAL {{ ?d ?e ?f OPTIONAL {{ ?g ?h ?i }} }} }}",
    f"SELECT (COUNT(*) AS ?n) {FROM} {{ ?a ?b ?c FILTER NOT EXISTS {{ ?d ?e ?f FILTER(STRLEN(?f) > STRLEN(?c) + 99) }} }}",
    f"SELECT (COUNT(*) AS ?n) {FROM} {{ {{ ?a ?b ?c }} UNION {{ ?a ?b ?x }} ?d ?e ?f . ?g ?h ?i }}",
    f"SELECT (COUNT(*) AS ?n) {FROM} {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i MINUS {{ ?a ?e ?i }} }}",
    f"SELECT (GROUP_CONCAT(?c) AS ?n) {FROM} {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }} GROUP BY ?b",
    f"ASK {FROM} {{ ?a (!<a:b>/^!<a:b>)* ?c . ?d (!<a:b>|^!<a:b>)* ?f . ?c (!<a:b>)+ ?f . FILTER(?a = 1) }}",
    f"SELECT (COUNT(*) AS ?n) {FROM} {{ {{ SELECT ?a ?c {{ ?a ?b ?c }} }} {{ SELECT ?d ?f {{ ?d ?e ?f }} }} ?g ?h ?i }}",
    f"SELECT (MAX(RAND()) AS ?n) {FROM} {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }}",
    f"SELECT (COUNT(*) AS ?n) {FROM} {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i BIND(SHA512(CONCAT(?c, ?f, ?i)) AS ?k) FILTER(?k = '') }}",
    f"ASK {FROM} {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i FILTER(REPLACE(CONCAT(?c, ?f), '(a|b)*', '') = 'never') }}",
    f"CONSTRUCT {{ ?a ?b ?i }} {FROM} {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i FILTER(?c = ?f && ?f = ?i && ?c = 'never') }}",
    f"DESCRIBE ?a {FROM} {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i FILTER(?c < ?f && ?f < ?i && ?i < ?c) }}",
    f"SELECT (COUNT(*) AS ?n) {FROM} {{ ?a ?b ?c . ?d ?e ?f FILTER EXISTS {{ ?g ?h ?i . ?j ?k ?l FILTER(?i = ?c && ?l = 'x') }} }}",
    f"SELECT (COUNT(*) AS ?n) {FROM} {{ VALUES ?v {{ {' '.join(str(n) for n in range(500))} }} ?a ?b ?c . ?d ?e ?f FILTER(?v > STRLEN(?c)+9999) }}",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    store = small_store(tmp_path_factory.mktemp("limits") / "s")
    with store.writing() as draft:
        draft.load({NUMBERS: numbered(5000)})
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("QUERY_SECONDS", LIMIT), ("QUEUE", QUEUE), ("RESULT_ROWS", 6000), ("BODY_SECONDS", 1)):
            patch.setenv(f"SOPKG_{name}", str(value))
        patch.setenv("SOPKG_EDITOR_HASH", hashlib.sha256(LISTED[1].partition(" ")[2].encode()).hexdigest())
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
    told: list[dict[str, object]] = json.loads(with_token(server, "GET", "/queries/running").text)
    return told


def cpu_of_children(server: Server) -> float:
    """Seconds of processor time of all processes below the server that are there."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            command = (stat.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if b"sopkg.worker" in command:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("text", SHAPES if ALL else SHAPES[:3], ids=range(len(SHAPES) if ALL else 3))
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
        before = cpu_of_children(server)
        time.sleep(0.2)
        assert cpu_of_children(server) - before <= 0.05
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


def test_who_leaves_ends_the_query(server: Server) -> None:
    idle(server)
    replaced = json.loads(server.ask("/health").text)["replaced"]
    with socket.create_connection(("127.0.0.1", server.port)) as caller:
        caller.sendall(f"GET {asking(ENDLESS)} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        while not listed(server):
            time.sleep(0.01)
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
        while not (found := listed(server)):
            time.sleep(0.01)
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
            assert answer.status == 200 and '"5000"' in answer.text or answer.status == 503, answer.text

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
    mine = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if _works_for(server, path)]
    if mine:
        os.kill(chance.choice(mine), signal.SIGKILL)
    return min(1, len(mine))


def _works_for(server: Server, cmdline: Path) -> bool:
    try:
        words = cmdline.read_bytes()
        parent = cmdline.with_name("stat").read_text().rpartition(")")[2].split()[1]
        grandparent = Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[1]
    except OSError:
        return False
    return b"sopkg.worker" in words and grandparent == str(server.process.pid)


def test_what_runs_is_finished_when_the_service_is_told_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait: Callable[[float], None] = time.sleep
) -> None:
    store = small_store(tmp_path / "s")
    with store.writing() as draft:
        draft.load({NUMBERS: numbered(5000)})
    monkeypatch.setenv("SOPKG_QUERY_SECONDS", "1")
    with serving(store.path) as server, ThreadPoolExecutor(1) as caller:
        asked = caller.submit(server.ask, asking(ENDLESS))
        wait(0.4)
        server.process.send_signal(signal.SIGTERM)
        answer = asked.result()
        assert server.process.wait(10) == 0
    assert (answer.status, "ran longer than 1 s" in answer.text) == (503, True)
