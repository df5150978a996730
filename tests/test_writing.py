"""Changes over HTTP: the W3C's protocol tests, roles, and one transaction for each change."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pyoxigraph import DefaultGraph, RdfFormat, Store, parse
from rdflib import Graph
from rdflib.compare import isomorphic

from sopkg.access import ROLES
from sopkg.cities import cities
from sopkg.errors import BadInput
from sopkg.guard import using
from sopkg.load import load
from sopkg.openapi import rules
from sopkg.operations import operation_of
from sopkg.settings import Settings
from sopkg.sparql import run_update
from sopkg.store import SnapshotStore
from sopkg.web import create_app

CASES = Path(__file__).parent / "protocol"
CITY, DATE = cities()["buenos-aires"], "2019-11-30"
HASHES = {f"{role}_hash": hashlib.sha256(role.encode()).hexdigest() for role in ROLES}
DATA = " ".join(
    f"GRAPH <http://x.example/{graph}> {{ <http://x.example/{thing}> a <http://xmlns.com/foaf/0.1/Document> }}"
    for graph, thing in (("data1", "data1"), ("data2", "data2"), ("copy", "data1"))
)
UPDATE = "application/sparql-update"


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((CASES / name).read_text("utf-8").splitlines()))


def bearer(role: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {role}"}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, works: Callable[[str, int], Path]) -> Iterator[Flask]:
    """A service of its own with a few works, to write to."""
    store = tmp_path_factory.mktemp("written") / "s"
    load(SnapshotStore(store), works(DATE, 30), CITY, DATE)
    app = create_app(Settings(store=store, workers=1, allow_no_netns=True, lock_seconds=0.5, **HASHES))
    app.test_client().post("/sparql", data=f"INSERT DATA {{ {DATA} }}", content_type=UPDATE, headers=bearer("editor"))
    yield app
    for each in ("sopkg-writer", "sopkg"):
        getattr(app.extensions[each], "pool", app.extensions[each]).close()


@pytest.fixture(scope="module")
def client(written: Flask) -> FlaskClient:
    return written.test_client()


def body(text: str) -> bytes:
    return text.removeprefix("latin-1:").encode("latin-1") if text.startswith("latin-1:") else text.encode()


def test_the_protocols(client: FlaskClient) -> None:
    for case in rows("cases.csv"):
        given = {"data": body(case["body"]), "content_type": case["type"] or None}
        found = client.open(case["address"], method=case["method"], headers=bearer("editor"), **given)
        assert (case["name"], found.status_code) == (case["name"], int(case["status"])), found.text
        if found.status_code >= 400:
            assert found.content_type == "application/problem+json"
        then = case["then"].replace("%2C", ",")
        told = client.get(f"/sparql?query={quote(then)}&format=csv").text if then else found.text
        if case["answer"] and not (then or "format=" in case["address"]):
            told = str(found.json["boolean"]).lower()
        assert not case["answer"] or (case["name"], told.split()) == (case["name"], case["answer"].split())


def test_a_graph_store_says_which_methods_it_has(client: FlaskClient) -> None:
    for address in ("/graph-store?default=", "/graphs/direct"):
        told = {each.strip() for each in client.patch(address, headers=bearer("editor")).headers["Allow"].split(",")}
        assert told == {"GET", "HEAD", "OPTIONS", "PUT", "POST", "DELETE"}


def test_a_change_of_an_observation_tells_what_became_of_the_gaps(client: FlaskClient) -> None:
    leading = "<https://w3id.org/sopkg/ns#role> <https://w3id.org/sopkg/ns#Leading>"
    leaders = f"DELETE {{ ?e ?p ?o }} WHERE {{ ?e {leading} ; ?p ?o }}"
    address = f"/sparql?city=buenos-aires&date={DATE}"
    (told,) = client.post(address, data=leaders, content_type=UPDATE, headers=bearer("editor")).json["observations"]
    opened = {row["id"] for row in told["opened"]}
    assert told["removed"] > 0 < len(opened)
    now = {row["id"] for row in client.get(f"/gaps?city=buenos-aires&date={DATE}&per_page=1000").json}
    assert opened <= now
    assert not now & {row["id"] for row in told["closed"]}
    (line,) = client.get("/changes", headers=bearer("auditor")).json[-1:]
    assert line["who"].startswith(f"editor {HASHES['editor_hash'][:8]}, request ")
    assert "editor" not in line["who"].replace("editor ", "", 1)


def test_who_may_what_is_what_the_description_says(written: Flask) -> None:
    client, matrix = written.test_client(), (CASES / "roles.csv").read_text("utf-8").splitlines()
    needed = {}
    for rule in rules(written):
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            needed[f"{method} {rule.rule}"] = operation_of(written.view_functions[rule.endpoint]).role or "anybody"
    documented = dict(line.rsplit(",", 1) for line in matrix[1:])
    assert {**needed, "POST /sparql with an update": "editor"} == documented
    for route, role in documented.items():
        method, path = route.split()[:2]
        for caller in ("", *ROLES):
            if role != "anybody" and (not caller or ROLES.index(caller) < ROLES.index(role)):
                update = {"data": "CLEAR DEFAULT", "content_type": UPDATE} if "update" in route else {}
                headers = bearer(caller) if caller else {}
                refused = client.open(path, method=method, headers=headers, **update)
                assert refused.status_code == (403 if caller else 401), (route, caller)


def test_reads_can_be_closed(written: Flask) -> None:
    settings = Settings(store=written.extensions["sopkg"].settings.store, closed=True, **HASHES)
    closed = create_app(settings, written.extensions["sopkg"])
    written.extensions["sopkg"].settings, before = settings, written.extensions["sopkg"].settings
    try:
        asked = closed.test_client()
        assert [asked.get(path).status_code for path in ("/health", "/cities", "/sparql", "/")] == [200, 401, 401, 401]
        assert asked.get("/cities", headers=bearer("reader")).status_code == 200
        assert asked.get("/cities", headers=bearer("nobody")).status_code == 401
    finally:
        written.extensions["sopkg"].settings = before


def test_the_service_describes_the_graphs_and_updates_that_there_are(written: Flask) -> None:
    told = parse(written.test_client().get("/sparql?format=nt").data, RdfFormat.N_TRIPLES)
    said = {(quad.predicate.value.rpartition("#")[2], getattr(quad.object, "value", "")) for quad in told}
    graphs = {graph.graph for graph in written.extensions["sopkg"].graphs()}
    assert {value for name, value in said if name == "name"} == graphs
    assert ("supportedLanguage", "http://www.w3.org/ns/sparql-service-description#SPARQL11Update") in said


def test_one_of_two_writers_waits_and_then_hears_so(client: FlaskClient, written: Flask) -> None:
    with SnapshotStore(written.extensions["sopkg"].settings.store).writing():
        refused = client.delete("/graph-store?graph=http://x.example/data2", headers=bearer("editor"))
    assert (refused.status_code, refused.headers["Retry-After"]) == (409, "1")


def test_changes_at_the_same_time_are_all_made(client: FlaskClient, written: Flask) -> None:
    def put(number: int) -> None:
        body = {"data": f"<http://x.example/s> <http://x.example/p> {number} .", "content_type": "text/turtle"}
        # Who is told that another writes tries again.
        while written.test_client().put(f"/graphs/n{number}", headers=bearer("editor"), **body).status_code != 201:
            pass

    threads = [Thread(target=put, args=(number,)) for number in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    query = "SELECT (COUNT(*) AS ?n) { GRAPH ?g { <http://x.example/s> <http://x.example/p> ?o FILTER(?o < 3) } }"
    assert client.get(f"/sparql?query={quote(query)}&format=csv").text.split() == ["n", "3"]


@pytest.mark.parametrize("case", rows("using.csv"), ids=lambda case: case["update"])
def test_the_graphs_of_a_request_become_clauses(case: dict[str, str]) -> None:
    assert " ".join(using(case["update"], ["x:d"], ["x:n"]).split()) == case["becomes"]


def test_a_dataset_is_said_once() -> None:
    with pytest.raises(BadInput, match="not both"):
        using("WITH <x:g> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }", ["x:d"], [])


@pytest.mark.parametrize("update", [row["update"] for row in rows("sequences.csv")])
def test_a_prologue_may_stand_before_each_operation(update: str) -> None:
    graph, store = Graph(), Store()
    graph.update(update)
    run_update(update, store, "http://x.example/")
    assert isomorphic(graph, Graph().parse(data=store.dump(format=RdfFormat.N_TRIPLES, from_graph=DefaultGraph())))


def test_an_error_after_a_second_prologue_is_told_where_it_stands() -> None:
    update = "INSERT DATA { } ;\nPREFIX a: <http://a.example/>\nINSERT DATA { a:a a:b }"
    with pytest.raises(BadInput) as refused:
        run_update(update, Store(), "http://x.example/")
    assert refused.value.extra["line"] == 3
