"""The query workers: limits hold, and whoever breaks one harms nobody else."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from stores import naming, numbered, small_store

from sopkg.dataset import Selection
from sopkg.errors import (
    BadInput,
    Busy,
    Forbidden,
    MemoryExceeded,
    NotFound,
    QueryTimeout,
    SopkgError,
    StoreMissing,
    TooLarge,
    WorkerDied,
)
from sopkg.graphs import CATALOGUE
from sopkg.pool import Pool
from sopkg.settings import Settings
from sopkg.sparql import ROWS, answer
from sopkg.store import SnapshotStore

NUMBERS = "http://example.org/numbers"
SRC = str(Path(__file__).parents[1] / "src")
LIMIT = 0.6
GRACE = 1.0  # a query that goes on is what this finds; how soon one ends is for the long run on an idle machine
CROSS_PRODUCT = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
COUNT_LABELS = "SELECT (COUNT(*) AS ?n) { ?s <http://www.w3.org/2000/01/rdf-schema#label> ?o }"
MEMORY_BOMB = "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } ORDER BY ?c ?f ?i"
ALL_NUMBERS = Selection(default_graphs=[NUMBERS])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> SnapshotStore:
    made = small_store(tmp_path_factory.mktemp("pool") / "s")
    with made.writing() as draft:
        draft.load({NUMBERS: numbered(5000)})
    return made


@pytest.fixture(scope="module")
def settings(store: SnapshotStore) -> Settings:
    return Settings(store=store.path, query_seconds=LIMIT, queue_seconds=5, allow_no_netns=True)


@pytest.fixture
def pool(settings: Settings) -> Iterator[Pool]:
    with Pool(settings) as made:
        yield made


def rows(
    pool: Pool, text: str, selection: Selection, given: Mapping[str, str], seconds: float | None = None
) -> dict[str, Any]:
    """A query's columns and rows, past the guard."""
    payload = {"query": text, "format": ROWS, "substitutions": given, **selection.payload(names_dataset=False)}
    found: dict[str, Any] = pool.run("query", payload, seconds)
    return found


def count(pool: Pool, selection: Selection = Selection()) -> str:  # noqa: B008 - it is frozen
    """How many labels a selection has."""
    found = rows(pool, COUNT_LABELS, selection, {})
    return str(found["rows"][0]["n"]).split('"')[1]


def workers(pool: Pool) -> list[int]:
    """The processes' numbers."""
    return [worker.pid for worker in pool._all]


def wait_for(pool: Pool, replaced: int) -> None:
    """Waits until so many workers were replaced and all are there again."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        health = pool.health()
        if (health["replaced"], health["processes"], health["running"]) == (replaced, 3, 0):
            return
        time.sleep(0.02)
    pytest.fail(f"workers were not replaced: {pool.health()}")


def test_a_query_past_its_limit_ends_and_others_do_not_notice(pool: Pool) -> None:
    seen: list[float] = []
    done = threading.Event()

    def others() -> None:
        while not done.is_set():
            start = time.monotonic()
            assert count(pool) == "3"
            seen.append(time.monotonic() - start)

    wait_for(pool, replaced=0)
    other = threading.Thread(target=others)
    other.start()
    start = time.monotonic()
    with pytest.raises(QueryTimeout):
        rows(pool, CROSS_PRODUCT, ALL_NUMBERS, {})
    took = time.monotonic() - start
    done.set()
    other.join()
    assert LIMIT <= took <= LIMIT + GRACE
    assert len(seen) > 10
    wait_for(pool, replaced=1)


def test_a_caller_may_lower_the_limit_but_not_raise_it(pool: Pool) -> None:
    for seconds, expected in ((0.1, 0.1), (60, LIMIT)):
        with pytest.raises(QueryTimeout) as error:
            rows(pool, CROSS_PRODUCT, ALL_NUMBERS, {}, seconds)
        assert error.value.extra["seconds"] == expected


def test_a_killed_worker_is_replaced_and_only_its_caller_sees_an_error(pool: Pool) -> None:
    wait_for(pool, replaced=0)
    for pid in workers(pool):
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)
    assert count(pool) == "3"  # dead while idle: nobody's error
    caught: list[SopkgError] = []

    def ask() -> None:
        try:
            rows(pool, CROSS_PRODUCT, ALL_NUMBERS, {})
        except SopkgError as error:
            caught.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.2)
    busy = set(workers(pool)) - {worker.pid for worker in pool._idle}
    for pid in busy:
        os.kill(pid, signal.SIGKILL)
    asking.join()
    assert [type(each) for each in caught] == [WorkerDied]
    assert count(pool) == "3"


def test_a_memory_bomb_is_an_error_and_the_service_goes_on(settings: Settings) -> None:
    with Pool(replace(settings, query_megabytes=700, query_seconds=20)) as pool:
        with pytest.raises(MemoryExceeded):
            rows(pool, MEMORY_BOMB, ALL_NUMBERS, {})
        assert count(pool) == "3"


def test_a_result_past_its_size_is_an_error_and_never_cut_short(settings: Settings) -> None:
    with Pool(replace(settings, result_bytes=10_000)) as pool:
        with pytest.raises(TooLarge):
            answer(pool, settings, "SELECT * { ?s ?p ?o }", ALL_NUMBERS)
        assert count(pool) == "3"


def test_callers_wait_for_a_worker_and_then_get_an_error(settings: Settings) -> None:
    with Pool(replace(settings, workers=1, queue_seconds=0.1, query_seconds=1.5)) as pool:

        def ask() -> None:
            with pytest.raises(QueryTimeout):
                rows(pool, CROSS_PRODUCT, ALL_NUMBERS, {})

        slow = threading.Thread(target=ask)
        slow.start()
        time.sleep(0.2)
        health = pool.health()
        with pytest.raises(Busy) as error:
            count(pool)
        slow.join()
    assert (health["workers"], health["running"], health["waiting"]) == (1, 1, 0)
    assert error.value.extra["retry_after"] == 1


def test_workers_follow_the_pointer(tmp_path: Path, settings: Settings) -> None:
    store = SnapshotStore(tmp_path / "s")
    with Pool(replace(settings, store=store.path)) as pool:
        with pytest.raises(StoreMissing):
            count(pool)
        small_store(store.path)
        assert count(pool) == "3"
        store.publish({}, CATALOGUE, naming(NUMBERS), remove=["https://w3id.org/sopkg/graph/ontology/0"])
        assert count(pool) == "0"


def test_no_query_reaches_the_network(pool: Pool, settings: Settings) -> None:
    if not pool.health()["network_isolated"]:
        pytest.skip("this system refuses network namespaces")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        service = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        call = f"SELECT * {{ SERVICE <{service}> {{ ?s ?p ?o }} }}"
        with pytest.raises(Forbidden):
            answer(pool, settings, call, Selection())
        with pytest.raises(SopkgError):  # and past the guard, the worker has no network
            rows(pool, call, Selection(), {})
        with pytest.raises(TimeoutError):
            listener.accept()


def test_where_namespaces_are_refused_the_service_starts_only_if_told_to(store: SnapshotStore) -> None:
    refusing = "for each in user net; do echo 0 > /proc/sys/user/max_${each}_namespaces; done"
    inside = ["unshare", "--user", "--map-root-user", "sh", "-c"]
    if subprocess.run([*inside, refusing], check=False, capture_output=True).returncode:
        pytest.skip("this system does not let a test forbid namespaces")
    code = "from sopkg.pool import Pool; from sopkg.settings import Settings as S; "
    code += "print(Pool(S.from_environment()).health()['network_isolated'])"
    command = [*inside, f'{refusing}; exec "$0" -c "$1"', sys.executable, code]
    for allowed, said in (("0", "--allow-no-netns"), ("1", "False")):
        settings = {"SOPKG_STORE": str(store.path), "SOPKG_ALLOW_NO_NETNS": allowed, "PYTHONPATH": SRC}
        done = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, check=False)
        assert said in done.stdout + done.stderr


def test_workers_end_with_the_service(settings: Settings) -> None:
    pool = Pool(settings)
    wait_for(pool, replaced=0)
    pids = workers(pool)
    pool.close()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_the_default_dataset_and_its_alternatives(pool: Pool) -> None:
    assert count(pool, Selection(as_of="2020-12-31")) == "2"
    assert count(pool, Selection(default_graphs=["https://w3id.org/sopkg/graph/ontology/0"])) == "1"
    assert count(pool, Selection(named_graphs=[])) == "0"
    with pytest.raises(NotFound, match="testville"):
        count(pool, Selection(city="testvile"))
    with pytest.raises(NotFound, match="2020-12-31"):
        count(pool, Selection(as_of="1999-12-31"))


def test_from_in_the_query_is_honoured(pool: Pool, settings: Settings) -> None:
    text = "SELECT ?o FROM <https://w3id.org/sopkg/graph/testville/2020-12-31/asserted/1> { ?s ?p ?o }"
    assert answer(pool, settings, text, Selection(), form="csv").body == b"o\r\nold\r\n"


def test_bad_syntax_says_where(pool: Pool) -> None:
    with pytest.raises(BadInput) as error:
        rows(pool, "SELECT *\n{ ?s ?p }", Selection(), {})
    assert error.value.extra == {"line": 2, "column": 3}  # where what can't be read begins


def test_a_parameter_that_the_query_does_not_project_is_an_error(pool: Pool) -> None:
    with pytest.raises(BadInput, match=r"\?p"):
        rows(pool, "SELECT ?s { ?s ?p ?o }", Selection(), {"p": "<http://example.org/p>"})
