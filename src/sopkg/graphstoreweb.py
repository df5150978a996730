"""Graphs over HTTP: the SPARQL 1.1 Graph Store HTTP Protocol, named indirectly (`?graph=`, `?default`) and directly."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, g, request
from pyoxigraph import RdfFormat

from sopkg import asked, replies
from sopkg.access import EDITOR
from sopkg.dataset import Selection
from sopkg.errors import BadInput, Conflict, Forbidden, NotFound, Unprocessable
from sopkg.graphs import DEFAULT
from sopkg.middle import middle
from sopkg.operations import STRING, Parameter, Schema, form, given, operation
from sopkg.parameters import LENIENT
from sopkg.rdfinput import MEDIA_TYPES, format_of_type, refuse_declaration
from sopkg.results import GRAPHS, Answer
from sopkg.sparql import answer
from sopkg.writing import MINTED, no_graph

_GRAPH = Parameter("graph", "the graph's IRI", {"type": "string", "format": "iri"}, lambda told, name: _iri(told[name]))
_DEFAULT = Parameter("default", "given without a value: the default graph", {"type": "string", "maxLength": 0})
_PATH = Parameter("name", "what the graph's IRI ends with: the address of the request is its name")
_READS: Mapping[str, Any] = {"formats": GRAPHS, "raises": (NotFound,)}
_ALL = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"
_FORM_DATA = "multipart/form-data"


def _bodies() -> Mapping[str, Schema]:
    return dict.fromkeys([*MEDIA_TYPES, _FORM_DATA], STRING)


_WRITES: Mapping[str, Any] = {
    "status": (200, 201),
    "role": EDITOR,
    "raises": (NotFound, Forbidden, Conflict, Unprocessable),
}


def add_graph_store(app: Flask) -> None:
    """Adds both ways to name a graph."""
    for address in ("/graph-store", "/graphs/<path:name>"):
        direct = address.startswith("/graphs/")
        for methods, view in _VIEWS[direct]:
            app.add_url_rule(address, view_func=view, methods=methods)


@operation(_GRAPH, _DEFAULT, **_READS)
def graph() -> Response:
    """The triples of a graph; of the default graph, those that a query reads where it names none."""
    return _read(_indirect())


@operation(_PATH, **_READS)
def direct_graph(name: str) -> Response:
    """The triples of the graph that has this address as its name."""
    given()
    return _read(request.base_url)


@operation(_GRAPH, _DEFAULT, LENIENT, body=_bodies, **_WRITES)
def write_graph() -> Response:
    """Puts a graph in place of another (PUT), or adds to it (POST); POST without a name makes a new graph."""
    made = request.method == "POST" and not {"graph", "default"} & set(request.args)
    return _write(f"{MINTED}{uuid.uuid4()}" if made else _indirect())


@operation(_PATH, LENIENT, body=_bodies, **_WRITES)
def write_direct_graph(name: str) -> Response:
    """Puts a graph in place of the one of this name (PUT), or adds to it (POST)."""
    return _write(request.base_url)


@operation(_GRAPH, _DEFAULT, **{**_WRITES, "status": (200,)})
def drop_graph() -> Response:
    """Drops a graph."""
    return _written(_indirect(), [])


@operation(_PATH, **{**_WRITES, "status": (200,)})
def drop_direct_graph(name: str) -> Response:
    """Drops the graph of this name."""
    return _written(request.base_url, [])


_VIEWS = (
    ((("GET",), graph), (("PUT", "POST"), write_graph), (("DELETE",), drop_graph)),
    ((("GET",), direct_graph), (("PUT", "POST"), write_direct_graph), (("DELETE",), drop_direct_graph)),
)


def _indirect() -> str:
    """The graph that the request names. Raises BadInput unless it names one."""
    told = given()
    if ("graph" in told) == ("default" in told):
        raise BadInput("expected is either graph, with the IRI of a graph, or default, without a value")
    name: str = told.get("graph", DEFAULT)
    return name


def _iri(text: str) -> str:
    return asked.iris([text])[0]


def _read(name: str) -> Response:
    wanted = form()
    named = Selection([name]) if name != DEFAULT else Selection()
    if name != DEFAULT and not middle().pool.run("has-graph", {"graph": name}):
        raise no_graph(name)
    found: Answer = answer(middle().pool, middle().settings, _ALL, named, form=wanted.name)
    return replies.written(found.body, found.content_type)


def _write(name: str) -> Response:
    request.max_content_length = middle().settings.load_bytes
    with tempfile.TemporaryDirectory(prefix="sopkg-graph-") as folder:
        return _written(name, [*_parts(Path(folder))])


def _parts(folder: Path) -> Iterator[Mapping[str, str]]:
    """The graphs in the body: itself, or the files of a form."""
    files = list(request.files.values()) if request.mimetype == _FORM_DATA else []
    bodies = [(each.mimetype, each.read()) for each in files] or [(request.mimetype, request.get_data())]
    for number, (media_type, data) in enumerate(bodies):
        known: RdfFormat = format_of_type(media_type)
        refuse_declaration(data, known)
        path = folder / str(number)
        path.write_bytes(data)
        yield {"file": str(path), "media_type": known.media_type}


def _written(name: str, bodies: list[Mapping[str, str]]) -> Response:
    there = bool(middle().pool.run("has-graph", {"graph": name}))
    lenient = given().get("lenient") or False
    told = {"graph": name, "method": request.method, "bodies": bodies, "lenient": lenient}
    return _answer(current_app.extensions["sopkg-writer"].run("write", told, g.who), not there, name)


def _answer(told: Mapping[str, Any], new: bool, name: str) -> Response:
    response = replies.json_of(told)
    if new and request.method != "DELETE":
        response.status_code = 201
        response.headers["Location"] = name
    return response
