"""Debian's Virtuoso as the endpoint (`make remote`): the rows that the store gives, but for some."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from conftest import Demo
from pyoxigraph import RdfFormat
from test_remote import free_port, take_part

from sopkg.answers import Answers
from sopkg.catalog import query_files
from sopkg.errors import RemoteFault
from sopkg.pool import Pool
from sopkg.remote import Endpoint, RemotePool
from sopkg.settings import Settings
from sopkg.store import SnapshotStore

pytestmark = pytest.mark.skipif("SOPKG_VIRTUOSO" not in os.environ, reason="installs Virtuoso: `make remote`")
# What Virtuoso 7.2.5 answers otherwise, and why.
OTHERWISE = {
    "contractors-by-object": "COUNT of a variable counts rows that leave it unbound",
    "interactions-between-subjects": "ORDER BY sorts IRIs by an order of its own",
    "participatory-structures": "it refuses the query, which it estimates to take days",
    "points-lines-surface": "a group without rows is given columns of other rows",
}
GIVEN = {"city": "buenos-aires", "date": "2019-11-30"}
INI = """
[Database]
DatabaseFile = {0}/virtuoso.db
ErrorLogFile = {0}/virtuoso.log
LockFile = {0}/virtuoso.lck
TransactionFile = {0}/virtuoso.trx
xa_persistent_file = {0}/virtuoso.pxa
[TempDatabase]
DatabaseFile = {0}/virtuoso-temp.db
TransactionFile = {0}/virtuoso-temp.trx
[Parameters]
ServerPort = {1}
DirsAllowed = {0}
NumberOfBuffers = 20000
[HTTPServer]
ServerPort = {2}
[SPARQL]
ResultSetMaxRows = 10000000
MaxQueryCostEstimationTime = 100000
"""
LOAD = "DB.DBA.TTLP(file_to_string_output('{0}/dump.nq'), '', 'urn:none', 512); checkpoint;"


@dataclass(frozen=True)
class Both:
    """Answers from a store, and from a server that holds the same."""

    local: Answers
    remote: Answers


@pytest.fixture(scope="module")
def both(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder, ports = tmp_path_factory.mktemp("virtuoso"), (free_port(), free_port())
    take_part(demo.store, folder / "store")
    with SnapshotStore(folder / "store").reading() as store:
        store.dump(output=folder / "dump.nq", format=RdfFormat.N_QUADS)
    (folder / "virtuoso.ini").write_text(INI.format(folder, *ports), "utf-8")
    settings = Settings(store=folder / "store", workers=1, allow_no_netns=True)
    address = f"http://127.0.0.1:{ports[1]}/sparql"
    pool = cast(Pool, RemotePool(Endpoint(address, None, 60), settings))
    with _running(folder, address), Pool(settings) as workers:
        load = ["isql-vt", f"127.0.0.1:{ports[0]}", "dba", "dba", f"exec={LOAD.format(folder)}"]
        subprocess.run(load, check=True, capture_output=True)
        yield Both(Answers(settings, workers), Answers(settings, pool, lambda: ""))


@contextmanager
def _running(folder: Path, address: str) -> Iterator[None]:
    """Virtuoso, from when it answers until the end of the block."""
    command = ["virtuoso-t", "+configfile", str(folder / "virtuoso.ini"), "+foreground"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            for left in reversed(range(600)):
                try:
                    urllib.request.urlopen(address, timeout=10).close()
                    break
                except urllib.error.URLError:
                    if not left:
                        raise
                    time.sleep(0.1)
            yield
        finally:
            process.kill()


@pytest.mark.parametrize("name", sorted(set(query_files("reports")) - OTHERWISE.keys()))
def test_a_report_has_the_rows_that_the_store_gives(name: str, both: Both) -> None:
    given = {each.name: GIVEN[each.name] for each in query_files("reports")[name].parameters if each.name in GIVEN}
    assert both.remote.ask(name, given) == both.local.ask(name, given)


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_virtuoso_answers_otherwise_is_still_so(name: str, both: Both) -> None:
    given = {each.name: GIVEN[each.name] for each in query_files("reports")[name].parameters if each.name in GIVEN}
    try:
        rows = both.remote.ask(name, given)
    except RemoteFault:
        return
    assert rows != both.local.ask(name, given), OTHERWISE[name]


def test_an_audit_and_ones_own_queries_have_the_rows_too(both: Both) -> None:
    audits = [each.audit("amsterdam", "2021-12-31") for each in (both.local, both.remote)]
    assert audits[0].written("json") == audits[1].written("json")
    for text in ("SELECT ?s { ?s a ?c } ORDER BY ?s LIMIT 3", "ASK { ?s ?p 'no' }", "CONSTRUCT WHERE { ?s a <x:y> }"):
        assert both.remote.sparql(text) == both.local.sparql(text)
