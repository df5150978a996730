"""Nothing that a caller sends makes the service call out: a listener counts connections, and there are none.

All runs in this process, which has the network that workers lack, so that each check is tried without the next.
"""

from __future__ import annotations

import itertools
import random
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest
from pyoxigraph import RdfFormat, Store
from stores import small_store

from sopkg.dataset import Selection
from sopkg.errors import SopkgError
from sopkg.guard import inspect_update
from sopkg.rdfinput import read_graph
from sopkg.settings import Settings
from sopkg.sparql import answer
from sopkg.store import Reader
from sopkg.worker import OPERATIONS, Job, operation
from tests.amount import ALL

KEYWORDS = ["SERVICE", "service", "SeRvIcE", "\\u0053ERVICE", "s\\u0065rvice", "\\U00000053ERVICE", "SERVIC\\u0045"]
SILENT = ["", " SILENT", " silent", " \\u0053ILENT", "#\n SILENT #'\n"]
SPACE = [" ", "", "\n", "\t", "#c\n", "# <a>\r", ' #"""\n']
BODY = ["{ ?s ?p ?o }", "{ }", "{ ?s ?p ?o FILTER(?s < ?o) }", "{ SELECT * { ?s ?p ?o } }"]
TARGETS = ["<URL>", "?v", "$v", "here:x", "<x>", "<\\u0068ttpREST>", ":"]
PLACES = [
    "SELECT * { CALL }",
    "SELECT * { BIND(<URL> AS ?v) CALL }",
    "SELECT * { VALUES ?v { <URL> } CALL }",
    "ASK { OPTIONAL { CALL } }",
    "ASK { { } UNION { CALL } }",
    "ASK { ?a ?b ?c MINUS { CALL } }",
    "ASK { ?a ?b ?c FILTER EXISTS { CALL } }",
    "ASK { ?a ?b ?c FILTER NOT EXISTS { { CALL } } }",
    "SELECT * { { SELECT * { CALL } } }",
    "SELECT * { GRAPH ?g { CALL } }",
    "CONSTRUCT { ?s ?p ?o } { CALL }",
    "DESCRIBE ?s { CALL }",
    "SELECT * { ?a ?b ?c LATERAL { CALL } }",
    "SELECT * { ?a ?b ?c FILTER(?a<?b)CALL FILTER(?b>?c) }",
    "SELECT * { ?a ?b ?c FILTER(?a<'x>')CALL FILTER(?b='') }",
    "SELECT * { ?a ?b '''it\\'s''' . CALL }",
    'SELECT * { ?a ?b "\\"" . CALL }',
    "SELECT * { CALL CALL }",
    "SELECT * FROM <URL> { CALL }",
]
# What is no query, with its kind: of each the URL is to be fetched, if anybody would.
OTHERS: list[tuple[str, str]] = [
    *(("query", f"SELECT * {clause} {{ ?s ?p ?o }}") for clause in ("FROM <URL>", "FROM NAMED <URL>", "FROM <URL#x>")),
    *(("query", f"SELECT * {{ GRAPH <URL> {{ ?s ?p ?o }} {each} }}") for each in ("", "BIND(<URL>() AS ?x)")),
    ("query", "DESCRIBE <URL>"),
    ("query", "SELECT * { <URL> <http://www.w3.org/2002/07/owl#imports> ?x }"),
    *(
        ("update", text)
        for text in ("LOAD <URL>", "LOAD SILENT <URL> INTO GRAPH <a:b>", "lo\\u0061d <URL>", "LOAD#\n<URL>")
    ),
    # The engine needs no space around a keyword.
    *(
        ("query", f"PREFIX here: <URL> PREFIX : <URL> SELECT * {{ {before}{call} }}")
        for before in ("", "?a ?b 1e5", "?a ?b true", "?a ?b 1 ", "FILTER(?a<'x>') ")
        for call in (
            "SERVICEhere:x{ }",
            "SERVICE:x { }",
            "SERVICESILENT<URL>{ }",
            "SERVICESILENThere:x#{\n{ }",
            "SERVICE<URL>{ }",
        )
    ),
    *(
        ("update", f"PREFIX here: <URL> PREFIX : <URL> {text}")
        for text in ("LOADhere:x", "LOAD:x", "LOADSILENT<URL>", "loadSilenthere:x")
    ),
    ("update", "PREFIX here: <URL> INSERT DATA { <a:b> <a:c> 1 } ;LOADhere:x"),
    ("update", "INSERT { ?s ?p ?o } WHERE { SERVICE <URL> { ?s ?p ?o } }"),
    ("update", "INSERT { ?s ?p ?o } USING <URL> WHERE { ?s ?p ?o }"),
    ("update", "ADD <URL> TO DEFAULT"),
    ("update", "INSERT DATA { <a:b> <a:c> 1 } ; LOAD <URL>"),
    *(
        ("jsonld", f'{{"@context": {each}, "@id": "a:b", "a:c": 1}}')
        for each in ('"URL"', '["URL"]', '{"@import": "URL"}')
    ),
    ("jsonld", '{"@context": {"x": {"@id": "a:c", "@context": "URL"}}, "@id": "a:b", "x": {"x": 1}}'),
    ("jsonld", '{"@graph": [{"@context": "URL", "a:c": 1}]}'),
    ("rdf", "<!DOCTYPE x SYSTEM 'URL'><x/>"),
    ("rdf", "<!DOCTYPE x PUBLIC '-//W3C//DTD' 'URL'><x/>"),
    ("rdf", "<!DOCTYPE x [<!ENTITY a SYSTEM 'URL'>]><x>&a;</x>"),
    ("rdf", "<!DOCTYPE x [<!ENTITY % a SYSTEM 'URL'> %a;]><x/>"),
    (
        "rdf",
        "<?xml-stylesheet href='URL'?><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='URL'/>",
    ),
    ("rdf", "<x xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='URL'/></x>"),
    ("ttl", "<> a <http://www.w3.org/2002/07/owl#Ontology> ; <http://www.w3.org/2002/07/owl#imports> <URL> ."),
    ("ttl", "@prefix : <URL#> . :a <http://www.w3.org/2000/01/rdf-schema#seeAlso> <URL> ."),
]
FORMATS = {"jsonld": RdfFormat.JSON_LD, "rdf": RdfFormat.RDF_XML, "ttl": RdfFormat.TURTLE}


class Here:
    """A pool that has the work done in this process, with its network."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def run(self, name: str, payload: Mapping[str, Any], _: float | None = None) -> Any:
        assert name in OPERATIONS
        return operation(name)(Job(self._reader.store(), self._reader.snapshot, payload, 1 << 24))


class Listener:
    """Counts connections, and sends each one on to itself."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        self.connections = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._socket.accept()
                self.connections += 1
                with caller:
                    caller.recv(1 << 16)
                    caller.sendall(
                        f"HTTP/1.1 303 See Other\r\nLocation: {self.url}\r\nContent-Length: 0\r\n\r\n".encode()
                    )

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with small_store(tmp_path_factory.mktemp("outbound") / "s").reader() as reader:
        yield Here(reader)


def attempts() -> list[tuple[str, str]]:
    """Attempts with their kind: calls in all places and spellings, drawn by seed, and all others."""
    chance = random.Random(11)
    spelled = list(itertools.product(KEYWORDS, SILENT, SPACE, TARGETS, BODY, PLACES))
    drawn = chance.sample(spelled, 1000 if ALL else 180)
    prologue = "PREFIX here: <URL> PREFIX : <URL> BASE <URL> "
    calls = [
        place.replace("CALL", f" {keyword}{silent}{space}{target}{space}{body}")
        for keyword, silent, space, target, body, place in drawn
    ]
    return [*OTHERS, *(("query", prologue + call) for call in calls)]


def attempt(kind: str, text: str, here: Any) -> None:
    """Sends it the way that a caller's text goes."""
    if kind == "query":
        answer(here, Settings(), text, Selection())
        answer(here, Settings(), text, Selection(default_graphs=["http://example.org/x"]))
    elif kind == "update":
        inspect_update(text, 200)
        Store().update(text)
    else:
        read_graph(text.encode(), FORMATS[kind])


def test_nothing_calls_out(here: Any, listener: Listener) -> None:
    tried = attempts()
    assert len(tried) >= 200
    for kind, text in tried:
        before = listener.connections
        with suppress(SopkgError, SyntaxError, RuntimeError):
            attempt(kind, text.replace("URL", listener.url).replace("REST", listener.url[4:]), here)
        assert listener.connections == before, text


@pytest.mark.parametrize(
    "text",
    [
        "PREFIX service: <a:> SELECT * { ?s service:area ?o . GRAPH service:g { ?s a service:x } FILTER(?s<?o) }",
        "PREFIX load: <a:> DESCRIBE <a:b> load:b ?x { ?x load:c load:d }",
        "PREFIX preload: <a:> ASK { preload:x ?p 1e5 }",
    ],
)
def test_a_prefix_may_be_called_like_a_keyword(text: str, here: Any) -> None:
    answer(here, Settings(), text, Selection())


def test_an_update_may_use_such_a_prefix() -> None:
    inspect_update("PREFIX load: <a:> PREFIX service: <a:> WITH load:g DELETE { ?s load:p service:o } WHERE { }", 200)


def test_a_graph_that_a_request_names_is_not_fetched(here: Any, listener: Listener) -> None:
    before = listener.connections
    for chosen in (Selection(default_graphs=[listener.url]), Selection(named_graphs=[listener.url])):
        answer(here, Settings(), "ASK { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }", chosen)
    assert listener.connections == before


def test_without_the_guard_the_engine_does_call_out(listener: Listener) -> None:
    before = listener.connections
    with suppress(OSError, RuntimeError):
        list(Store().query(f"SELECT * {{ SERVICE <{listener.url}> {{ ?s ?p ?o }} }}"))
    assert listener.connections > before


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "FILE:/etc/passwd", "ftp://127.0.0.1/", "data:,x", "../../x"]
)
def test_no_scheme_is_read(here: Any, address: str) -> None:
    for kind, text in OTHERS:
        with suppress(SopkgError, SyntaxError, RuntimeError):
            attempt(kind, text.replace("URL", address), here)
    for call in ("SERVICE", "SERVICE SILENT"):
        with pytest.raises(SopkgError):
            attempt("query", f"SELECT * {{ {call} <{address}> {{ ?s ?p ?o }} }}", here)
    with pytest.raises(SopkgError):
        attempt("update", f"LOAD <{address}>", here)
