"""The SPARQL endpoint: the query operation of the SPARQL 1.1 Protocol, and the service's description."""

from __future__ import annotations

from flask import Flask, Response, request
from werkzeug.datastructures import MultiDict

from sopkg import asked, replies
from sopkg.dataset import Selection
from sopkg.errors import BadInput, Forbidden, UnsupportedMediaType
from sopkg.middle import middle
from sopkg.results import GRAPHS, chosen
from sopkg.sparql import answer, describe

UPDATE = "application/sparql-update"
_DATASET = ("default-graph-uri", "named-graph-uri", "city", "as-of", "entailment")
_PROTOCOL = ("query", *_DATASET, "timeout", "format", "optimise", "explain")


def add_sparql(app: Flask) -> None:
    """Adds the endpoint."""
    app.add_url_rule("/sparql", view_func=sparql, methods=["GET", "POST"])


def sparql() -> Response:
    """The SPARQL 1.1 Protocol's query operation; asked for nothing, the service describes itself.

    Beside a query other parameters are passed over, as the protocol leaves room for them.
    """
    text, given = _asked()
    if text is None:
        asked.known(given, _PROTOCOL)
        found = describe(request.base_url, chosen(asked.accept(), GRAPHS, given.get("format")))
    else:
        found = answer(
            middle().pool,
            middle().settings,
            text,
            _selection(given),
            accept=asked.accept(),
            form=given.get("format"),
            seconds=asked.seconds(given),
            optimise=asked.truth(given, "optimise") is not False,
            explain=bool(asked.truth(given, "explain")),
        )
    return replies.written(found.body, found.content_type)


def _asked() -> tuple[str | None, MultiDict[str, str]]:
    """The query's text, and the parameters beside it (SPARQL 1.1 Protocol, 2.1)."""
    given = request.args
    if request.method == "POST" and request.mimetype == "application/sparql-query":
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
        offer = f"application/sparql-query or {asked.FORM}"
        given = request.mimetype or "of no stated type"
        raise UnsupportedMediaType(f"the body is {given}; expected is {offer}")
    return MultiDict([*request.args.items(multi=True), *request.form.items(multi=True)])


def _selection(given: MultiDict[str, str]) -> Selection:
    default, named = given.getlist("default-graph-uri"), given.getlist("named-graph-uri")
    entailment = asked.entailment(given)
    if default or named:
        return Selection(asked.iris(default), asked.iris(named))
    return Selection(city=given.get("city"), as_of=asked.date(given, "as-of"), entailment=entailment)
