"""Another SPARQL server in the place of the store: `oxigraph serve`, which holds what `sopkg dump` wrote."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner
from conftest import Demo, Sopkg
from pyoxigraph import NamedNode, RdfFormat, Store, Triple, Variable, serialize

from sopkg.answers import Answers
from sopkg.catalog import query_files
from sopkg.cli import main
from sopkg.errors import BadInput, NotFound, RemoteFault
from sopkg.graphs import CATALOGUE, current_graphs, triples_of
from sopkg.load import catalogue_triples
from sopkg.pool import Pool
from sopkg.remote import Endpoint, RemotePool, RemoteStore, bind
from sopkg.settings import Settings
from sopkg.store import SnapshotStore

OXIGRAPH = Path(sys.executable).parent / "oxigraph"
# Observations that are small and have something to tell.
PART = ("/amsterdam/2021-12-31/", "/amsterdam/2022-12-31/", "/buenos-aires/2019-11-30/", "/ontology/")


@dataclass(frozen=True)
class Both:
    """A store, and the address of a server that holds the same."""

    store: Path
    base: str

    @property
    def endpoint(self) -> Endpoint:
        """The server's endpoints."""
        return Endpoint(f"{self.base}/query", f"{self.base}/update", 60)

    @property
    def remote(self) -> Answers:
        """Answers from the server."""
        settings = Settings(store=self.store / "none")
        return Answers(settings, cast(Pool, RemotePool(self.endpoint, settings)), lambda: "")


@pytest.fixture(scope="module")
def both(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder, port = tmp_path_factory.mktemp("remote"), free_port()
    take_part(demo.store, folder / "store")
    dumped = CliRunner().invoke(main, ["--store", str(folder / "store"), "dump", str(folder / "dump.nq")])
    assert dumped.exit_code == 0, dumped.output
    words = [OXIGRAPH, "serve", "--bind", f"127.0.0.1:{port}"]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
        try:
            _send(f"http://127.0.0.1:{port}/store", (folder / "dump.nq").read_bytes())
            yield Both(folder / "store", f"http://127.0.0.1:{port}")
        finally:
            process.kill()


def take_part(source: Path, target: Path) -> None:
    with SnapshotStore(source).reading() as store:
        mine = [graph for graph in current_graphs(store) if any(part in graph.iri for part in PART)]
        graphs = {graph.iri: _n_triples(triples_of(store, graph.iri)) for graph in mine}
    SnapshotStore(target).publish(graphs, CATALOGUE, catalogue_triples(mine))


def _n_triples(triples: list[Triple]) -> bytes:
    return serialize(triples, format=RdfFormat.N_TRIPLES) or b""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _send(address: str, body: bytes, tries: int = 100) -> None:
    request = urllib.request.Request(address, body, {"Content-Type": "application/n-quads"})
    for left in reversed(range(tries)):
        try:
            urllib.request.urlopen(request, timeout=60).close()
            return
        except urllib.error.URLError:
            if not left:
                raise
            time.sleep(0.1)


def test_named_queries_audits_and_ones_own_have_the_rows_that_the_store_gives(both: Both) -> None:
    given = {"city": "buenos-aires", "date": "2019-11-30"}
    with Pool(Settings(store=both.store, workers=1, allow_no_netns=True)) as pool:
        local, remote = Answers(Settings(store=both.store), pool), both.remote
        for number, (name, query) in enumerate(query_files("reports").items()):
            asked = {each.name: given[each.name] for each in query.parameters if each.name in given}
            entailment = number % 4 > 0
            assert remote.ask(name, asked, entailment) == local.ask(name, asked, entailment), name
        for text in ("SELECT ?s { ?s a ?c } ORDER BY ?s LIMIT 3", "ASK { ?s ?p 7 }", "CONSTRUCT WHERE { ?s a <x:y> }"):
            assert remote.sparql(text) == local.sparql(text)
        audits = [each.audit("amsterdam", "2021-12-31") for each in (local, remote)]
        assert audits[0].written("table") == audits[1].written("table")
        assert audits[0].written("json") == audits[1].written("json")


def test_an_explanation_asks_another_server_in_plain_sparql(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    sent, ask = list[str](), Endpoint.ask
    monkeypatch.setattr(Endpoint, "ask", lambda self, text, *given: sent.append(text) or ask(self, text, *given))
    both.remote.why(both.remote.gaps({"city": "buenos-aires"})[0]["id"])
    assert [text for text in sent if "LATERAL" in text] == []
    assert len(sent) < 100


def test_an_observation_derived_where_it_lies_has_the_triples_of_a_load(both: Both, sopkg: Sopkg) -> None:
    query, update = f"{both.base}/query", f"{both.base}/update"
    words = ("--city", "amsterdam", "--date", "2022-12", "--endpoint", query, "--update-endpoint", update)
    assert sopkg(both.store, "derive", *words, given="n\n").exit_code == 1
    before = _derived(cast(Store, RemoteStore(both.endpoint)))
    assert sopkg(both.store, "derive", *words, "--yes").exit_code == 0
    after = _derived(cast(Store, RemoteStore(both.endpoint)))
    assert {step: name for step, (name, _) in before.items()} != {step: name for step, (name, _) in after.items()}
    assert {step: triples for step, (_, triples) in before.items()} == {s: triples for s, (_, triples) in after.items()}


def _derived(store: Store) -> dict[str, tuple[str, frozenset[str]]]:
    mine = [
        each for each in current_graphs(store) if "/amsterdam/2022" in each.iri and each.step in ("inferred", "gaps")
    ]
    told = {each.step: (each.iri, store.quads_for_pattern(None, None, None, NamedNode(each.iri))) for each in mine}
    return {step: (name, frozenset(str(each.triple) for each in quads)) for step, (name, quads) in told.items()}


def test_what_a_server_lacks_is_said(both: Both, tmp_path: Path, sopkg: Sopkg) -> None:
    asked = RemoteStore(both.endpoint)
    with pytest.raises(RemoteFault, match="refuses the query"):
        asked.query("SELECT ?s { ?s ?p }")
    with pytest.raises(RemoteFault, match="can't be asked"):
        RemoteStore(Endpoint("http://127.0.0.1:9/query", None, 5)).query("ASK {}")
    with pytest.raises(BadInput, match="--update-endpoint"):
        Endpoint(asked.endpoint.address, None, 5).update("CLEAR ALL")
    with pytest.raises(NotFound, match="no SPARQL endpoint"):
        RemoteStore(Endpoint(f"{both.base}/nothing", None, 5)).query("ASK {}")
    with pytest.raises(BadInput, match="takes the store itself"):
        both.remote.what_if("", "amsterdam", None)
    refused = sopkg(tmp_path, "ask", "who-leads-what", "--endpoint", "file:///etc/passwd")
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)


def test_parameters_stand_first_in_the_outermost_group() -> None:
    terms = {Variable("x"): NamedNode("a:b")}
    asked = "#+ summary: { ?\nSELECT ?x { FILTER NOT EXISTS { ?x ?p ?o FILTER(?x = <a:b>) } }"
    assert bind(asked, "SELECT", terms).startswith("#+ summary: { ?\nSELECT ?x { VALUES (?x) { (<a:b>) }  FILTER")
    made = bind("CONSTRUCT { ?x a ?c } WHERE { ?x a ?c }", "CONSTRUCT", terms)
    assert made == "CONSTRUCT { ?x a ?c } WHERE { VALUES (?x) { (<a:b>) }  ?x a ?c }"
