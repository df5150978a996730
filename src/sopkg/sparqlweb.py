"""The SPARQL endpoint: the query operation of the SPARQL 1.1 Protocol, and the service's description."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Flask, Response, request
from werkzeug.datastructures import MultiDict

from sopkg import asked, replies
from sopkg.dataset import Selection
from sopkg.errors import BadInput, Forbidden, NotFound, UnsupportedMediaType
from sopkg.middle import middle
from sopkg.operations import STRING, Parameter, Schema, names, operation
from sopkg.parameters import AS_OF, CITY, ENTAILMENT, TIMEOUT
from sopkg.results import GRAPHS, ROWS, chosen
from sopkg.sparql import answer, describe

QUERY, UPDATE = "application/sparql-query", "application/sparql-update"
_IRI: Schema = {"type": "string", "format": "iri"}
_DATASET = (
    Parameter("default-graph-uri", "a graph that the query reads by default", _IRI, many=True),
    Parameter("named-graph-uri", "a graph that the query can name", _IRI, many=True),
    *(CITY, AS_OF, ENTAILMENT),
)
_QUERY = Parameter("query", "a SPARQL query; without one the service describes itself")


def add_sparql(app: Flask) -> None:
    """Adds the endpoint."""
    app.add_url_rule("/sparql", view_func=sparql, methods=["GET", "POST"])


def _bodies() -> Mapping[str, Schema]:
    fields = {each.name: each.described() for each in (_QUERY, *_DATASET, TIMEOUT)}
    return {QUERY: STRING, asked.FORM: {"type": "object", "properties": fields, "required": [_QUERY.name]}}


@operation(
    *(_QUERY, *_DATASET, TIMEOUT), formats=(*ROWS, *GRAPHS), body=_bodies, raises=(NotFound, Forbidden), others=True
)
def sparql() -> Response:
    """The SPARQL 1.1 Protocol's query operation; asked for nothing, the service describes itself.

    Beside a query other parameters are passed over, as the protocol leaves room for them.
    """
    text, given = _asked()
    selection, seconds = _selection(given), asked.seconds(given)
    if text is None:
        asked.known(given, names())
        found = describe(request.base_url, chosen(asked.accept(), GRAPHS, given.get("format")))
    else:
        found = answer(
            middle().pool,
            middle().settings,
            text,
            selection,
            accept=asked.accept(),
            form=given.get("format"),
            seconds=seconds,
        )
    return replies.written(found.body, found.content_type)


def _asked() -> tuple[str | None, MultiDict[str, str]]:
    """The query's text, and the parameters beside it (SPARQL 1.1 Protocol, 2.1)."""
    given = request.args
    if request.method == "POST" and request.mimetype == QUERY:
        return asked.utf8(request.get_data()), given
    if request.method == "POST":
        given = _form()
    if "update" in given:
        raise Forbidden("updates are refused until there are roles")
    texts = given.getlist("query")
    if len(texts) > 1 or (request.method == "POST" and not texts):
        raise BadInput(f"expected is one query, found are {len(texts)}")
    return (texts[0] if texts else None), given


def _form() -> MultiDict[str, str]:
    if request.mimetype == UPDATE:
        raise Forbidden("updates are refused until there are roles")
    if request.mimetype != asked.FORM:
        offer = f"{QUERY} or {asked.FORM}"
        given = request.mimetype or "of no stated type"
        raise UnsupportedMediaType(f"the body is {given}; expected is {offer}")
    return MultiDict([*request.args.items(multi=True), *request.form.items(multi=True)])


def _selection(given: MultiDict[str, str]) -> Selection:
    default, named = given.getlist("default-graph-uri"), given.getlist("named-graph-uri")
    entailment, as_of = asked.entailment(given), asked.date(given, "as-of")
    if default or named:
        return Selection(asked.iris(default), asked.iris(named))
    return Selection(city=given.get("city"), as_of=as_of, entailment=entailment)
