"""The queries that run: who administers the service sees and ends them."""

from __future__ import annotations

from flask import Flask, Response

from sopkg import replies
from sopkg.access import ADMIN
from sopkg.catalog import query_files
from sopkg.errors import InternalFault
from sopkg.middle import middle
from sopkg.operations import ROWS, Parameter, form, given, operation
from sopkg.results import JSON

_NAME = "running"
PATH = f"/queries/{_NAME}"


def add_running(app: Flask) -> None:
    """Adds the two addresses. Raises InternalFault where a query has the name that they need."""
    if _NAME in query_files("reports"):
        raise InternalFault(f"queries/reports/{_NAME}.rq: {PATH} lists the queries that run; it needs another name")
    app.add_url_rule(PATH, view_func=running)
    app.add_url_rule(f"{PATH}/<identifier>", view_func=end_running, methods=["DELETE"])


@operation(formats=(JSON,), answer=ROWS, role=ADMIN)
def running() -> Response:
    """Each query that runs: since when, for which request, and how its text begins."""
    given()
    form()
    response = replies.json_of(middle().pool.running.told())
    response.headers["Cache-Control"] = "no-store"
    return response


@operation(Parameter("identifier", "a query's, as the list has it"), status=(204,), role=ADMIN)
def end_running(identifier: str) -> Response:
    """Ends a query; its caller is told so."""
    given()
    middle().pool.running.end(identifier)
    return Response(status=204)
