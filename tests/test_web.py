"""HTTP: addresses, formats, paging, and an error's one form."""

import csv
import gzip
import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from pyoxigraph import RdfFormat, Store
from stores import small_store

from sopkg.cube import Cube
from sopkg.errors import not_found
from sopkg.pool import Pool
from sopkg.replies import Row
from sopkg.results import Answer
from sopkg.settings import Settings
from sopkg.web import create_app

CASES = Path(__file__).parent / "web"
SRC = Path(__file__).parents[1] / "src"
LABELS = "SELECT ?o { ?s <http://www.w3.org/2000/01/rdf-schema#label> ?o } ORDER BY ?o"
OLD = "https://w3id.org/sopkg/graph/testville/2020-12-31/asserted/1"


class Double:
    """Stands for the answers, on a real store and real workers."""

    def __init__(self, settings: Settings, pool: Pool) -> None:
        self.settings, self.pool = settings, pool

    def cities(self) -> Sequence[Row]:
        return [{"city": "testville", "label": "Test<ville>", "date": "2021-12-31"}]

    def gaps(self, filters: Mapping[str, str], sort: str | None = None) -> Sequence[Row]:
        return [{"id": f"G05-{n:012}", "focus": ["a:b", "a:c"], **filters} for n in range(7)]

    def gap(self, identifier: str, date: str | None = None) -> Row:
        if identifier != "G05-aaaaaaaaaaaa":
            raise not_found("gap", identifier, ["G05-aaaaaaaaaaaa"])
        return {"id": identifier, "date": date}

    def cube(self, city: str, date: str | None = None, as_of: str | None = None) -> Cube:
        return Cube(city, date or "2021-12-31", [], [], {}, [])

    def why(self, identifier: str, form: str = "json", date: str | None = None) -> str:
        return {"json": "{}", "text": "Därum", "turtle": "<a:b> <a:c> <a:d> ."}[form]

    def why_triple(
        self, triple: Sequence[str], form: str, most: int = 1, city: str | None = None, date: str | None = None
    ) -> str:
        return self.why(" ".join(triple), form)

    def queries(self) -> Sequence[Row]:
        return [{"name": "who-leads-what", "summary": "Who leads what?"}]

    def ask_as(
        self,
        name: str,
        given: Mapping[str, str],
        accept: str,
        form: str | None,
        entailment: bool = True,
        as_of: str | None = None,
    ) -> Answer:
        if name == "broken":
            raise ZeroDivisionError("a secret")
        if name != "who-leads-what":
            raise not_found("query", name, ["who-leads-what"])
        asked = given if entailment else {**given, "without": "entailment"}
        asked = asked if as_of is None else {**asked, "until": as_of}
        return Answer(json.dumps(asked).encode(), "application/json")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    store = small_store(tmp_path_factory.mktemp("web") / "s")
    settings = Settings(store=store.path, allow_no_netns=True, body_bytes=20_000)
    with Pool(settings) as pool:
        yield create_app(settings, Double(settings, pool)).test_client()


def faults() -> list[dict[str, str]]:
    """Each fault: what is asked and what comes back."""
    with open(CASES / "faults.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("case", faults(), ids=lambda case: f"{case['status']} {case['path'][:50]} {case['body'][:20]}")
def test_every_fault_is_a_problem_document(client: FlaskClient, case: dict[str, str]) -> None:
    headers = {"Accept": "image/png" if case["status"] == "406" else "*/*"}
    response = client.open(
        case["path"],
        method=case["method"],
        data=case["body"],
        content_type=case["type"] or None,
        headers=headers,
    )
    assert (str(response.status_code), response.content_type) == (case["status"], "application/problem+json")
    assert response.get_json(force=True)["status"] == response.status_code
    assert case["says"] in response.text


def test_a_fault_of_ours_tells_nothing_of_the_inside(client: FlaskClient) -> None:
    response = client.get("/queries/broken")
    assert (response.status_code, response.content_type) == (500, "application/problem+json")
    assert "secret" not in response.text
    assert "Traceback" not in response.text


def test_deep_nesting_and_large_bodies(client: FlaskClient) -> None:
    nested = client.post(
        "/sparql", data="ASK {" + "{" * 5000 + "}" * 5000 + "}", content_type="application/sparql-query"
    )
    large = client.post("/sparql", data="#" * 30_000, content_type="application/sparql-query")
    assert (nested.status_code, large.status_code) == (400, 413)
    assert nested.get_json(force=True)["title"] == "Query nested too deeply"


def test_other_methods(client: FlaskClient) -> None:
    assert client.head("/gaps").status_code == 200
    assert "GET" in client.options("/gaps").headers["Allow"]
    assert "GET" in client.post("/gaps").headers["Allow"]


@pytest.mark.parametrize("way", ["get", "form", "body"])
def test_the_query_operation_in_its_three_forms(client: FlaskClient, way: str) -> None:
    accept = {"Accept": "text/csv"}
    graph = {"default-graph-uri": OLD}
    response = {
        "get": lambda: client.get("/sparql", query_string={"query": LABELS, **graph}, headers=accept),
        "form": lambda: client.post("/sparql", data={"query": LABELS, **graph}, headers=accept),
        "body": lambda: client.post(
            "/sparql",
            query_string=graph,
            data=LABELS,
            headers=accept,
            content_type="application/sparql-query",
        ),
    }[way]()
    assert (response.text, response.headers["Vary"]) == ("o\r\nold\r\n", "Accept, Accept-Encoding")


@pytest.mark.parametrize(
    ("given", "labels"),
    [
        ("", ["city", "new", "second"]),
        ("as-of=2020-12", ["city", "old"]),
        ("city=testville", ["city", "new", "second"]),
        (f"named-graph-uri={OLD}", []),
        (f"default-graph-uri={OLD}&named-graph-uri={OLD}", ["old"]),
    ],
)
def test_the_default_dataset(client: FlaskClient, given: str, labels: list[str]) -> None:
    found = client.post(f"/sparql?{given}", data=LABELS, content_type="application/sparql-query").get_json(force=True)
    assert [row["o"]["value"] for row in found["results"]["bindings"]] == labels


@pytest.mark.parametrize("way", ["protocol", "clause"])
def test_what_two_chosen_graphs_say_counts_once(client: FlaskClient, way: str) -> None:
    graphs = [f"https://w3id.org/sopkg/graph/testville/2021-12-31/asserted/{number}" for number in (2, 0)]
    clauses = " ".join(f"FROM <{each}>" for each in graphs) if way == "clause" else ""
    chosen = {"default-graph-uri": graphs} if way == "protocol" else {}
    count = f"SELECT (COUNT(*) AS ?n) {clauses} {{ ?s ?p ?o }}"
    found = client.get("/sparql", query_string={"query": count, "format": "csv", **chosen})
    assert found.text == "n\r\n3\r\n"


@pytest.mark.parametrize(
    "path", ["/cities", "/gaps?city=testville", "/sparql?query=ASK{}", "/queries", "/queries?format=html"]
)
def test_who_has_an_answer_is_told_so(client: FlaskClient, path: str) -> None:
    tag = {"If-None-Match": client.get(path).headers["ETag"]}
    again, other = (client.get(path, headers={**tag, "Accept": accept}) for accept in ("", "text/csv;q=0.5, */*"))
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag["If-None-Match"])
    assert other.status_code == 200


def test_each_request_has_an_identifier_and_is_counted(client: FlaskClient) -> None:
    given, made = (
        client.get("/gaps", headers={"X-Request-Id": each}).headers["X-Request-Id"] for each in ("a-1", "a b\x7f")
    )
    client.open("/nothing-here", method="BREW")
    told = client.get("/metrics").text
    assert (given, len(made)) == ("a-1", 32)
    assert 'sopkg_requests_total{method="GET",route="/gaps",status="200"}' in told
    assert 'sopkg_requests_total{method="none",route="none",status="405"}' in told
    assert "sopkg_query_workers " in told
    assert "nothing-here" not in told


def test_a_log_line_tells_what_was_asked_and_no_parameter(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(client.application.config, "SOPKG_LOG", True)
    client.get("/gaps?city=secret", headers={"Authorization": "Bearer secret"})
    line = capsys.readouterr().err
    assert {"method": "GET", "path": "/gaps", "status": 200}.items() <= json.loads(line).items()
    assert "secret" not in line


def test_it_is_ready_when_queries_are_answered(client: FlaskClient) -> None:
    assert client.get("/ready").json == {"status": "ready", "graphs": 4}


@pytest.mark.parametrize("word", ["now() > 2", "RAND() > 2", r"\u0072and() > 2"])
def test_an_answer_of_the_moment_is_asked_for_again(client: FlaskClient, word: str) -> None:
    assert "ETag" not in client.get("/sparql", query_string={"query": f"ASK {{ FILTER({word}) }}"}).headers


def test_a_large_answer_is_compressed_for_who_can_read_it(client: FlaskClient) -> None:
    query = f"SELECT ?n {{ VALUES ?n {{ {' '.join(map(str, range(99)))} }} }}"
    plain, packed, refused = (
        client.get("/sparql", query_string={"query": query}, headers={"Accept-Encoding": each})
        for each in ("", "br, gzip", "gzip;q=0")
    )
    assert gzip.decompress(packed.data) == plain.data == refused.data
    assert [each.headers.get("Content-Encoding") for each in (plain, packed, refused)] == [None, "gzip", None]
    assert all("Accept-Encoding" in each.headers["Vary"] for each in (plain, packed, refused))


def test_a_page_of_another_origin_may_ask(client: FlaskClient) -> None:
    asked = client.options("/sparql", headers={"Access-Control-Request-Method": "POST"})
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]
    assert client.get("/gaps?nonsense=1").headers["Access-Control-Allow-Origin"] == "*"


def test_entailment_can_be_left_out(client: FlaskClient) -> None:
    ask = "/sparql?query=ASK{?s+a+?t}&format=csv"
    assert (client.get(ask).text, client.get(f"{ask}&entailment=none").text) == ("true", "false")


def test_the_service_describes_itself(client: FlaskClient) -> None:
    response = client.get("/sparql", headers={"Accept": "text/turtle"})
    assert "sd:defaultDataset" in response.text
    assert "latest observation" in response.text


def test_pages_link_to_each_other(client: FlaskClient) -> None:
    response = client.get("/gaps?city=testville&per_page=3&page=2")
    links = {name: url for url, name in re.findall(r'<([^>]*)>; rel="(\w+)"', response.headers["Link"])}
    assert [gap["id"][-1] for gap in response.get_json()] == ["3", "4", "5"]
    assert response.headers["X-Total-Count"] == "7"
    assert [gap["id"][-1] for gap in client.get(links["next"]).get_json()] == ["6"]
    assert {name: url[-1] for name, url in links.items()} == {
        "first": "1",
        "prev": "1",
        "next": "3",
        "last": "3",
    }
    assert "city=testville" in links["next"]


def test_tables_as_csv(client: FlaskClient) -> None:
    answer = client.get("/gaps?per_page=1", headers={"Accept": "text/csv"}).text
    assert [(row["id"], row["focus"]) for row in csv.DictReader(answer.splitlines())] == [
        ("G05-000000000000", "a:b a:c")
    ]


@pytest.mark.parametrize(
    ("accept", "text"),
    [
        ("application/json", "{}"),
        ("text/plain", "Därum"),
        ("text/turtle", "<a:b> <a:c> <a:d> ."),
        ("*/*", "{}"),
    ],
)
def test_why_in_three_formats(client: FlaskClient, accept: str, text: str) -> None:
    response = client.get("/gaps/G05-aaaaaaaaaaaa/why", headers={"Accept": accept})
    assert response.text == text


def test_parameters_reach_the_query(client: FlaskClient) -> None:
    assert client.get("/queries/who-leads-what?city=testville&format=json").get_json() == {"city": "testville"}


def test_entailment_can_be_left_out_of_a_named_query(client: FlaskClient) -> None:
    assert client.get("/queries/who-leads-what?entailment=none").get_json(force=True) == {"without": "entailment"}


def test_the_rules_reason_over_what_is_posted(client: FlaskClient) -> None:
    sub_class = "<http://www.w3.org/2000/01/rdf-schema#subClassOf>"
    graph = f"<a:b> {sub_class} <a:c> . <a:x> a <a:b> ."
    response = client.post("/reason/entailments?format=nt", data=graph, content_type="text/turtle")
    assert "<a:x> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <a:c> ." in response.text
    told = client.post("/reason/consistency?reasoner=rl", data=graph, content_type="text/turtle").get_json()
    assert told == {"reasoner": "rl", "consistent": True, "inconsistencies": []}


def test_a_graph_is_told_whole_with_what_follows_if_asked(client: FlaskClient) -> None:
    graph = "[] <a:p> [ <a:q> <a:x> ] . <a:q> <http://www.w3.org/2000/01/rdf-schema#domain> <a:c> ."
    told = client.post("/reason/entailments?format=nt&whole=true", data=graph, content_type="text/turtle").data
    asked = "ASK { ?one <a:p> ?other . ?other <a:q> <a:x> ; a <a:c> }"
    store = Store()
    store.load(told, RdfFormat.N_TRIPLES)
    assert store.query(asked)


def test_a_graph_may_be_larger_than_a_query_but_not_endless(client: FlaskClient) -> None:
    size = client.application.extensions["sopkg"].settings.graph_bytes
    told = [
        client.post("/reason/consistency?reasoner=rl", data=b"#" * length, content_type="text/turtle").status_code
        for length in (30_000, size + 1)
    ]
    assert told == [200, 413]


def test_an_empty_table_has_its_header(client: FlaskClient) -> None:
    head = client.get("/gaps?page=9", headers={"Accept": "text/csv"}).text
    assert head.startswith("id,city,date,")
    assert head.count("\r\n") == 1


def test_beside_a_query_other_parameters_are_passed_over(client: FlaskClient) -> None:
    assert client.get("/sparql?query=ASK{}&foo=1").status_code == 200


def test_health(client: FlaskClient) -> None:
    told = client.get("/health").get_json()
    assert (told["status"], told["snapshot"]) == ("ok", "000001")
    assert {"network_isolated", "processes", "limits"} <= set(told)
    assert (told["workers"], told["running"], told["waiting"]) == (2, 0, 0)


def test_no_store_is_said_and_not_hidden(tmp_path: Path) -> None:
    settings = Settings(store=tmp_path / "nowhere", allow_no_netns=True)
    with Pool(settings) as pool:
        empty = create_app(settings, Double(settings, pool)).test_client()
        for address in ("/health", "/sparql?query=ASK{}"):
            response = empty.get(address)
            assert response.status_code == 503
            assert "sopkg load" in response.text


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_serve_answers_and_ends_cleanly(tmp_path: Path, ending: signal.Signals) -> None:
    settings = replace(Settings(store=small_store(tmp_path / "s").path), port=_free_port())
    code = "from sopkg import serve, settings; serve.serve(settings.Settings.from_environment())"
    environment = {
        "PYTHONPATH": str(SRC),
        "SOPKG_STORE": str(settings.store),
        "SOPKG_PORT": str(settings.port),
        "SOPKG_ALLOW_NO_NETNS": "1",
    }
    server = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    with server.stdout:
        assert f"http://127.0.0.1:{settings.port}" in server.stdout.readline()
        told = _asked(f"http://127.0.0.1:{settings.port}/health")
        server.send_signal(ending)
        assert server.wait(10) == 0
    assert told["status"] == "ok"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _asked(address: str) -> dict[str, object]:
    deadline = time.monotonic() + 15
    while True:
        try:
            with urllib.request.urlopen(address) as response:
                told: dict[str, object] = json.load(response)
                return told
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_explain_tells_what_was_run_over_which_graphs(client: FlaskClient) -> None:
    text = "SELECT ?s { ?s ?p ?o FILTER NOT EXISTS { ?s <a:b> ?x . ?x <a:c> ?y } } ORDER BY ?s"
    told = client.get("/sparql", query_string={"query": text, "explain": "1"}).get_json()
    assert told["query"] == text != told["run"]
    assert told["entailment"] == "rl"
    assert told["defaultGraphs"]
    as_written = client.get("/sparql", query_string={"query": text, "explain": "1", "optimise": "false"}).get_json()
    assert as_written["run"] == text
    assert as_written["bytes"] == told["bytes"] == len(client.get("/sparql", query_string={"query": text}).data)
    fault = client.get("/sparql", query_string={"query": text + " ?", "optimise": "perhaps"})
    assert (fault.status_code, fault.content_type) == (400, "application/problem+json")
