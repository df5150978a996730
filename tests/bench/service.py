"""Asks the service over HTTP, and two others of the same data: `python -m tests.bench.service FILE` prints JSON.

The others are the engine's own server (https://pypi.org/project/oxigraph/) and rdflib-endpoint, which asks rdflib.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pyoxigraph as ox

from sopkg.catalog import named_query
from sopkg.graphs import CATALOGUE, Graph
from sopkg.load import catalogue_triples
from sopkg.pipeline import closed_ontology
from sopkg.store import SnapshotStore
from tests.bench.city import BASE, DATE, SOP

CLIENTS = (1, 16)
SECONDS, MOST, START_SECONDS, LATE = 2.0, 200, 120.0, 30.0  # for each query and number of clients; asked at most
BIN = Path(sys.executable).parent
PREFIX = f"PREFIX sop: <{SOP}> "
REPORT, BY_NAME = "who-leads-what", "report, by name"
QUERIES = {
    "point": PREFIX + f"SELECT ?p ?o {{ <{BASE}work/000199> ?p ?o }}",
    "list": PREFIX
    + "SELECT ?w ?o ?s { ?w a sop:Initiative ; sop:onObject ?o ; sop:inStage ?s } ORDER BY ?w LIMIT 1000",
    "aggregate": PREFIX + "SELECT ?o ?r (COUNT(DISTINCT ?e) AS ?n) { ?e sop:onObject ?o ; sop:role ?r } GROUP BY ?o ?r",
    "report": named_query("reports", REPORT).text,
    "negated": PREFIX
    + "SELECT ?w { ?w a sop:Initiative FILTER NOT EXISTS "
    + "{ ?e sop:onInitiative ?w . ?e a sop:Engagement . ?e sop:role sop:Guiding } }",
}
Address = Callable[[str], str]
Times = dict[str, dict[str, float | None]]


def main(path: Path) -> None:
    """Milliseconds of each query, by server and number of clients."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers: dict[str, Address] = {}
        for name, start in SERVERS.items():
            address = stack.enter_context(start(path, Path(folder)))
            if address is not None:
                servers[name] = address
        told = {name: measured(address, QUERIES) for name, address in servers.items()}
        named = {BY_NAME: f"/queries/{REPORT}?format=json"}
        told["ours"] |= measured(lambda query: servers["ours"]("").partition("/sparql")[0] + query, named)
    json.dump(told, sys.stdout)


def measured(address: Address, queries: Mapping[str, str]) -> Times:
    """The median of what one answer takes after the first, in milliseconds; None where it took too long."""
    told: Times = {}
    for name, query in queries.items():
        print(f"  {address('')[:30]} {name}", file=sys.stderr)
        first = once(address(query), LATE)
        again = None if first is None else once(address(query), LATE)
        told[name] = {"first": first}
        for clients in CLIENTS:
            slow = again is None or again > 1000 * SECONDS
            told[name][str(clients)] = again if slow else asked(address(query), clients)
    return told


def once(url: str, seconds: float) -> float | None:
    started = time.perf_counter()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=HEADERS), timeout=seconds) as response:
            while response.read(1 << 16):
                if time.perf_counter() - started > seconds:
                    return None
    except (TimeoutError, urllib.error.URLError):
        return None
    return 1000 * (time.perf_counter() - started)


HEADERS = {"Accept": "application/sparql-results+json"}


def asked(url: str, clients: int) -> float:
    """The median time of an answer where so many ask at the same time, each on one connection."""
    times: list[float] = []
    ends = time.perf_counter() + SECONDS
    threads = [threading.Thread(target=_client, args=(url, ends, times)) for _ in range(clients)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return 1000 * statistics.median(times)


def _client(url: str, ends: float, times: list[float]) -> None:
    parts = urllib.parse.urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=LATE)
    for _ in range(MOST):
        started = time.perf_counter()
        connection.request("GET", f"{parts.path}?{parts.query}", headers=HEADERS)
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"{response.status} of {url}: {body[:200]!r}")
        times.append(time.perf_counter() - started)
        if time.perf_counter() > ends:
            break
    connection.close()


@contextmanager
def ours(path: Path, folder: Path) -> Iterator[Address]:
    """Our service over what the file says and the ontology."""
    city, observation = f"{BASE}city", f"{BASE}observation/{DATE}"
    asserted = Graph(f"{BASE}asserted", "asserted", observation, city, DATE, "bench", True)
    ontology = Graph(f"{BASE}ontology", "ontology", None, None, None, "bench", True)
    graphs = {asserted.iri: path.read_bytes(), ontology.iri: _lines()}
    SnapshotStore(folder / "store").publish(graphs, CATALOGUE, catalogue_triples([asserted, ontology]))
    port = free_port()
    words = ["-c", "from sopkg.cli import main; main()", "--store", str(folder / "store")]
    command = [sys.executable, *words, "serve", "--port", str(port), "--allow-no-netns"]
    environ = {**os.environ, "SOPKG_QUERY_SECONDS": str(LATE), "SOPKG_QUEUE_SECONDS": str(LATE)}
    with running(command, f"http://127.0.0.1:{port}/sparql", environ) as address:
        yield address


@contextmanager
def oxigraph(path: Path, folder: Path) -> Iterator[Address]:
    """The engine's own server."""
    at, told = str(folder / "oxigraph"), folder / "ontology.nt"
    told.write_bytes(_lines())
    for file in (path, told):
        subprocess.run([BIN / "oxigraph", "load", "--location", at, "--file", file], check=True, capture_output=True)
    subprocess.run([BIN / "oxigraph", "optimize", "--location", at], check=True, capture_output=True)
    port = free_port()
    command = [str(BIN / "oxigraph"), "serve-read-only", "--location", at, "--bind", f"127.0.0.1:{port}"]
    with running(command, f"http://127.0.0.1:{port}/query") as address:
        yield address


@contextmanager
def rdflib_endpoint(path: Path, folder: Path) -> Iterator[Address | None]:
    """rdflib behind HTTP; None where it is not installed, or does not start in time."""
    found = shutil.which("rdflib-endpoint", path=f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        print("rdflib-endpoint is not installed: pip install -e '.[bench]'", file=sys.stderr)
        yield None
        return
    port = free_port()
    command = [found, "serve", "--host", "127.0.0.1", "--port", str(port), str(path), str(folder / "ontology.nt")]
    try:
        with running(command, f"http://127.0.0.1:{port}/") as address:
            yield address
    except TimeoutError:
        yield None


SERVERS = {"ours": ours, "oxigraph": oxigraph, "rdflib-endpoint": rdflib_endpoint}


def _lines() -> bytes:
    return ox.serialize(closed_ontology(), format=ox.RdfFormat.N_TRIPLES) or b""


@contextmanager
def running(command: list[str], base: str, environ: Mapping[str, str] | None = None) -> Iterator[Address]:
    """A server, from when it answers until the end of the block."""
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=silent, stderr=silent, env=environ, start_new_session=True) as process:

        def address(query: str) -> str:
            return f"{base}?{urllib.parse.urlencode({'query': query})}"

        try:
            ends = time.monotonic() + START_SECONDS
            while once(address("ASK {}"), 5) is None:
                if process.poll() is not None or time.monotonic() > ends:
                    raise TimeoutError(f"{command[0]} does not answer")
                time.sleep(0.2)
            yield address
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # one of them does not end as long as it works on an answer


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main(Path(sys.argv[1]))
