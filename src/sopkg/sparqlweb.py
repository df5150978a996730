"""The SPARQL endpoint: the operations of the SPARQL 1.1 Protocol, and the service's description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, current_app, g, request
from werkzeug.datastructures import MultiDict

from sopkg import asked, replies
from sopkg.access import EDITOR, admit, taken
from sopkg.dataset import Selection, current_graphs
from sopkg.description import describe
from sopkg.errors import BadInput, Conflict, Forbidden, NotFound, Unauthorized, Unprocessable, UnsupportedMediaType
from sopkg.middle import middle
from sopkg.operations import STRING, Parameter, Schema, names, operation
from sopkg.parameters import AS_OF, CITY, DATE, ENTAILMENT, LENIENT, MOST_ROWS, TIMEOUT
from sopkg.results import GRAPHS, JSON, ROWS, chosen
from sopkg.sparql import answer

QUERY, UPDATE = "application/sparql-query", "application/sparql-update"
_IRI: Schema = {"type": "string", "format": "iri"}
_DATASET = (
    Parameter("default-graph-uri", "a graph that the query reads by default", _IRI, many=True),
    Parameter("named-graph-uri", "a graph that the query can name", _IRI, many=True),
    *(CITY, AS_OF, ENTAILMENT),
)
_USING = (
    Parameter("using-graph-uri", "a graph that the update reads by default", _IRI, many=True),
    Parameter("using-named-graph-uri", "a graph that the update can name", _IRI, many=True),
    *(DATE, LENIENT),
)
_RUN = (
    Parameter("optimise", "false runs the query as it is written", {"type": "boolean"}, asked.truth),
    Parameter("explain", "true tells what was run, in place of the answer", {"type": "boolean"}, asked.truth),
)
_QUERY = Parameter("query", "a SPARQL query; without one the service describes itself")
_UPDATE = Parameter("update", "a SPARQL update, for editors; city and date make an observation its default graph")


def add_sparql(app: Flask) -> None:
    """Adds the endpoint."""
    app.add_url_rule("/sparql", view_func=sparql, methods=["GET", "POST"])


def _bodies() -> Mapping[str, Schema]:
    fields = {each.name: each.described() for each in (_QUERY, _UPDATE, *_DATASET, *_USING, TIMEOUT, MOST_ROWS, *_RUN)}
    one = {"anyOf": [{"required": [_QUERY.name]}, {"required": [_UPDATE.name]}]}
    return {QUERY: STRING, UPDATE: STRING, asked.FORM: {"type": "object", "properties": fields, **one}}


@operation(
    *(_QUERY, *_DATASET, *_USING, TIMEOUT, MOST_ROWS, *_RUN),
    formats=(*ROWS, *GRAPHS),
    beside=(JSON.header,),  # what an update says
    body=_bodies,
    raises=(NotFound, Unauthorized, Forbidden, Conflict, Unprocessable),
    others=True,
)
def sparql() -> Response:
    """The SPARQL 1.1 Protocol's query and update operations; asked for nothing, the service describes itself.

    Beside a query or an update other parameters are passed over, as the protocol leaves room for them.
    """
    operation, text, given = _asked()
    if operation == _UPDATE.name:
        return _updated(text or "", given)
    selection, limits = _selection(given), middle().settings
    seconds = asked.at_most("timeout", asked.seconds(given), limits.query_seconds)
    rows = asked.at_most("rows", asked.whole(given, "rows") if "rows" in given else None, limits.result_rows)
    if text is None:
        asked.known(given, names())
        wanted = chosen(asked.accept(), GRAPHS, given.get("format"))
        graphs = [each.graph for each in current_graphs(middle().pool)]
        found = describe(request.base_url, wanted, graphs, taken(EDITOR, middle().settings))
    else:
        found = answer(
            middle().pool,
            middle().settings,
            text,
            selection,
            accept=asked.accept(),
            form=given.get("format"),
            seconds=seconds,
            rows=None if rows is None else int(rows),
            optimise=asked.truth(given, "optimise") is not False,
            explain=bool(asked.truth(given, "explain")),
        )
    return replies.written(found.body, found.content_type)


def _asked() -> tuple[str, str | None, MultiDict[str, str]]:
    """Whether a query or an update is asked for, its text, and the parameters beside it (SPARQL 1.1 Protocol, 2)."""
    given = request.args
    if request.method == "POST" and request.mimetype in (QUERY, UPDATE):
        kind = _QUERY.name if request.mimetype == QUERY else _UPDATE.name
        return kind, asked.utf8(request.get_data(), kind), given
    if request.method == "POST":
        given = _form()
    elif _UPDATE.name in given:
        raise BadInput("an update is asked for by POST")
    texts = {kind: given.getlist(kind) for kind in (_QUERY.name, _UPDATE.name) if kind in given}
    count = sum(map(len, texts.values()))
    if count > 1 or (request.method == "POST" and not count):
        raise BadInput(f"expected is one query or one update, found are {count}")
    kind, (text,) = next(iter(texts.items()), (_QUERY.name, [None]))
    return kind, text, given


def _form() -> MultiDict[str, str]:
    if request.mimetype != asked.FORM:
        offer = f"{QUERY}, {UPDATE} or {asked.FORM}"
        given = request.mimetype or "of no stated type"
        raise UnsupportedMediaType(f"the body is {given}; expected is {offer}")
    return MultiDict([*request.args.items(multi=True), *request.form.items(multi=True)])


def _selection(given: MultiDict[str, str]) -> Selection:
    default, named = given.getlist("default-graph-uri"), given.getlist("named-graph-uri")
    entailment, as_of = asked.entailment(given), asked.date(given, "as-of")
    if default or named:
        return Selection(asked.iris(default), asked.iris(named))
    return Selection(city=given.get("city"), as_of=as_of, entailment=entailment)


def _updated(text: str, given: MultiDict[str, str]) -> Response:
    """Has an update made, for an editor."""
    admit(EDITOR)
    city, date = given.get("city"), asked.date(given)
    if (city is None) != (date is None):
        raise BadInput("city and date name the observation that is an update's default graph: one is not given")
    told: dict[str, Any] = {
        "update": text,
        "base": request.base_url,
        "city": city,
        "date": date,
        "using": asked.iris(given.getlist("using-graph-uri")),
        "using_named": asked.iris(given.getlist("using-named-graph-uri")),
        "lenient": asked.truth(given, "lenient") or False,
    }
    return replies.json_of(current_app.extensions["sopkg-writer"].run("write", told, g.who))
