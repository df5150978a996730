"""The service over real HTTP, on the demonstration cities: addresses, formats, paging, faults, and its end."""

from __future__ import annotations

import csv
import http.client
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import pyoxigraph as ox
import pytest
from conftest import Demo, Sopkg

from sopkg.clients import snippets

CASES = Path(__file__).parent / "service"
SRC = Path(__file__).parents[1] / "src"
#: By what each snippet is run, and where what it needs is installed.
RUN = {
    ".sh": ("bash", SRC),
    ".py": (sys.executable, SRC),
    ".mjs": ("node", Path(__file__).parents[1] / "build" / "clients" / "node_modules"),
}
COUNT = "SELECT (COUNT(*) AS ?n) WHERE { ?s a <https://w3id.org/sopkg/ns#Initiative> }"
INITIATIVES = 159 + 1467 + 1665  # of each city's latest observation
FORM, QUERY = "application/x-www-form-urlencoded", "application/sparql-query"


@dataclass(frozen=True)
class Answer:
    """What came back over the wire."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def type(self) -> str:
        """The media type without parameters."""
        return self.headers.get("content-type", "").partition(";")[0]


@dataclass(frozen=True)
class Server:
    """A running service."""

    process: subprocess.Popen[str]
    port: int

    def ask(self, path: str, accept: str = "", method: str = "GET", body: str | None = None, type: str = "") -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        given = {"Accept": accept, "Content-Type": type}
        headers = {name: value for name, value in given.items() if value}
        connection.request(method, path, body and body.encode(), headers)
        response = connection.getresponse()
        answer = Answer(
            response.status, {name.lower(): value for name, value in response.getheaders()}, response.read().decode()
        )
        connection.close()
        return answer


@contextmanager
def serving(store: Path) -> Iterator[Server]:
    """`sopkg serve` in a process of its own, which is not left behind."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    words = ["--store", str(store), "serve", "--port", str(port), "--allow-no-netns"]
    program = [sys.executable, "-c", "from sopkg.cli import main; main()", *words]
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(SRC), "SOPKG_READ_AHEAD": "0"}
    ) as process:
        try:
            yield _ready(Server(process, port))
        finally:
            process.terminate()


def _ready(server: Server) -> Server:
    assert server.process.stdout is not None
    assert f"http://127.0.0.1:{server.port}" in server.process.stdout.readline()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            server.ask("/health")
            break
        except OSError:
            time.sleep(0.05)
    return server


@pytest.fixture(scope="module")
def server(demo: Demo) -> Iterator[Server]:
    """Serves the demonstration cities."""
    with serving(demo.store) as running:
        yield running


def cases(name: str) -> list[dict[str, str]]:
    """A table of requests and what comes back."""
    with open(CASES / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def gap(server: Server) -> str:
    """A gap that Buenos Aires has at both of its dates."""
    return str(json.loads(server.ask("/gaps?city=buenos-aires&kind=G08&verdict=presumed").text)[0]["id"])


READERS: Mapping[str, Callable[[str], object]] = {
    "application/json": json.loads,
    "application/sparql-results+json": json.loads,
    "application/ld+json": json.loads,
    "application/sparql-results+xml": ElementTree.fromstring,
    "application/rdf+xml": ElementTree.fromstring,
    "application/atom+xml": ElementTree.fromstring,
    "text/csv": lambda text: list(csv.reader(io.StringIO(text)))[1],
    "text/tab-separated-values": lambda text: text.splitlines()[1],
    "text/turtle": lambda text: next(iter(ox.parse(text.encode(), ox.RdfFormat.TURTLE))),
    "application/n-triples": lambda text: next(iter(ox.parse(text.encode(), ox.RdfFormat.N_TRIPLES))),
    "text/plain": lambda text: text.splitlines()[0],
    "text/html": lambda text: text.index("</html>"),
}


@pytest.mark.parametrize("case", cases("routes.csv"), ids=lambda case: f"{case['path']} {case['accept']}")
def test_each_address_in_each_format(case: dict[str, str], server: Server, gap: str) -> None:
    answer = server.ask(case["path"].replace("{gap}", gap), case["accept"])
    assert (answer.status, answer.type) == (200, case["type"]), answer.text[:300]
    READERS[case["type"]](answer.text)


@pytest.mark.parametrize("case", cases("faults.csv"), ids=lambda case: f"{case['status']} {case['path'][:50]}")
def test_each_fault_is_a_problem_document(case: dict[str, str], server: Server, gap: str) -> None:
    path = case["path"].replace("{gap}", gap)
    answer = server.ask(path, case["accept"], case["method"], case["body"] or None, case["type"])
    assert (answer.status, answer.type) == (int(case["status"]), "application/problem+json"), answer.text[:300]
    told = json.loads(answer.text)
    assert {"type", "title", "status", "detail"} <= set(told)
    assert case["says"] in answer.text


def test_malformed_sparql_says_where(server: Server) -> None:
    told = json.loads(server.ask("/sparql", method="POST", body="SELECT *\nWHERE { ?s ?p }", type=QUERY).text)
    assert (told["line"], told["column"]) == (2, 9)


@pytest.mark.parametrize("way", ["get", "form", "body"])
def test_the_query_operation_in_its_three_forms(way: str, server: Server) -> None:
    answer = {
        "get": lambda: server.ask(f"/sparql?query={quote(COUNT)}"),
        "form": lambda: server.ask("/sparql", "", "POST", urlencode({"query": COUNT}), FORM),
        "body": lambda: server.ask("/sparql", "", "POST", COUNT, QUERY),
    }[way]()
    assert json.loads(answer.text)["results"]["bindings"][0]["n"]["value"] == str(INITIATIVES)


@pytest.mark.parametrize("name", snippets())
def test_each_client_of_the_page_can_ask(server: Server, name: str, tmp_path: Path) -> None:
    program, modules = RUN[Path(name).suffix]
    if not shutil.which(program) or not modules.is_dir():
        pytest.skip(f"{program} is missing, or {modules}, which `make clients` installs")
    (tmp_path / "node_modules").symlink_to(modules)
    (tmp_path / name).write_text(snippets()[name].at(f"http://127.0.0.1:{server.port}/sparql"), "utf-8")
    said = subprocess.run([program, tmp_path / name], capture_output=True, text=True, timeout=60, check=True).stdout
    rows = [line.rpartition(",") for line in said.splitlines() if line.startswith("http")]
    count = f"SELECT (COUNT(*) AS ?n) {{ ?thing a <{rows[0][0]}> }}"
    assert server.ask(f"/sparql?query={quote(count)}&format=csv").text.splitlines()[1:] == [rows[0][2]]
    assert len(rows) == 5


def test_head_and_options(server: Server) -> None:
    whole, head = (server.ask("/gaps?per_page=2", method=method) for method in ("GET", "HEAD"))
    assert (head.status, head.text, head.type) == (200, "", whole.type)
    assert head.headers["link"] == whole.headers["link"]
    options = server.ask("/sparql", method="OPTIONS")
    assert (options.status, options.text) == (200, "")
    assert {"GET", "HEAD", "POST", "OPTIONS"} == set(options.headers["allow"].split(", "))


def test_pages_hold_every_gap_once(server: Server) -> None:
    path, seen = "/gaps?city=barcelona&per_page=400", []
    while path:
        page = server.ask(path)
        seen += [each["id"] for each in json.loads(page.text)]
        following = re.search(r'<([^>]*)>; rel="next"', page.headers["link"])
        path = following[1] if following else ""
    assert len(seen) == len(set(seen)) == int(page.headers["x-total-count"]) > 800


@pytest.mark.parametrize("case", cases("filters.csv"), ids=lambda case: case["filter"])
def test_filters_keep_what_they_name(case: dict[str, str], server: Server) -> None:
    answer = server.ask(f"/gaps?city=buenos-aires&date=2024-06&per_page=1000&{case['filter']}")
    rows = json.loads(answer.text)
    assert len(rows) == int(case["gaps"])
    assert {row["date"] for row in rows} <= {"2024-06-30"}


def test_both_faces_say_the_same(server: Server, demo: Demo, sopkg: Sopkg, gap: str) -> None:
    words = ("audit", "--city", "buenos-aires", "--format", "json")
    served = json.loads(server.ask("/gaps?city=buenos-aires&per_page=1000").text)
    assert json.loads(sopkg(demo.store, *words).stdout) == served
    assert sopkg(demo.store, "why", gap).stdout == server.ask(f"/gaps/{gap}/why", "text/plain").text
    report = "/queries/who-leads-what?city=buenos-aires"
    told = sopkg(demo.store, "ask", "who-leads-what", "-p", "city=buenos-aires", "--format", "csv").stdout
    assert told.splitlines() == server.ask(report, "text/csv").text.splitlines()


def test_what_would_be_is_the_same_on_both_faces_and_changes_nothing(
    server: Server, demo: Demo, sopkg: Sopkg, tmp_path: Path
) -> None:
    status, gaps = "<https://w3id.org/sopkg/ns#status>", server.ask("/gaps").text
    update = f"DELETE {{ ?i {status} ?s }} WHERE {{ SELECT * {{ ?i {status} ?s }} ORDER BY ?i LIMIT 20 }}"
    (tmp_path / "edit.ru").write_text(update, "utf-8")
    type, words = "application/sparql-update", ("--city", "barcelona", "--format", "json")
    served = server.ask("/what-if?city=barcelona", method="POST", body=update, type=type).text
    assert json.loads(served) == json.loads(sopkg(demo.store, "what-if", str(tmp_path / "edit.ru"), *words).stdout)
    assert len(json.loads(served)["closed"]) > 10
    assert server.ask("/gaps").text == gaps


def test_what_is_loaded_while_it_serves_is_answered(
    tmp_path: Path, sopkg: Sopkg, works: Callable[[str, int], Path]
) -> None:
    words = ("--city", "buenos-aires", "--date")
    sopkg(tmp_path / "s", "load", str(works("2019-11-30", 40)), *words, "2019-11")
    with serving(tmp_path / "s") as server:
        before = served(server)
        loaded = sopkg(tmp_path / "s", "load", str(works("2024-06-30", 55)), *words, "2024-06")
        assert (before, loaded.exit_code, served(server)) == (
            ("40", ["2019-11-30"]),
            0,
            ("55", ["2019-11-30", "2024-06-30"]),
        )
        sopkg(tmp_path / "s", "forget", *words, "2024-06")
        assert served(server) == before


def served(server: Server) -> tuple[str, list[str]]:
    """How many initiatives the latest observation has, and the dates."""
    counted = json.loads(server.ask(f"/sparql?query={quote(COUNT)}").text)["results"]["bindings"][0]["n"]["value"]
    return counted, [row["date"] for row in json.loads(server.ask("/cities").text)]


def test_it_ends_cleanly_in_the_middle_of_a_query(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOPKG_ENDING_SECONDS", "2")
    endless = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
    with serving(demo.store) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as caller:
            caller.sendall(f"GET /sparql?query={quote(endless)} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
            time.sleep(0.3)
            server.process.send_signal(signal.SIGINT)
            began = time.monotonic()
            assert server.process.wait(10) == 0
        assert time.monotonic() - began < 5
        with pytest.raises(OSError, match="refused"):
            server.ask("/health")


def test_a_taken_port_is_said(server: Server, demo: Demo, sopkg: Sopkg) -> None:
    result = sopkg(demo.store, "serve", "--allow-no-netns", "--port", str(server.port))
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert f"port {server.port}" in result.stderr
