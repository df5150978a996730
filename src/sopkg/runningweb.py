"""The queries that run: who administers the service sees and ends them."""

from __future__ import annotations

from flask import Flask, Response, request

from sopkg import asked, replies
from sopkg.access import require
from sopkg.catalog import query_files
from sopkg.errors import InternalFault
from sopkg.middle import middle
from sopkg.results import JSON, chosen

_NAME = "running"
PATH = f"/queries/{_NAME}"


def add_running(app: Flask) -> None:
    """Adds the two addresses. Raises InternalFault where a query has the name that they need."""
    if _NAME in query_files("reports"):
        raise InternalFault(f"queries/reports/{_NAME}.rq: {PATH} lists the queries that run; it needs another name")
    app.add_url_rule(PATH, view_func=running)
    app.add_url_rule(f"{PATH}/<identifier>", view_func=end_running, methods=["DELETE"])


def running() -> Response:
    """Each query that runs: since when, for which request, and how its text begins."""
    _may()
    given = asked.known(request.args, ("format",))
    chosen(asked.accept(), (JSON,), given.get("format"))
    response = replies.json_of(middle().pool.running.told())
    response.headers["Cache-Control"] = "no-store"
    return response


def end_running(identifier: str) -> Response:
    """Ends a query; its caller is told so."""
    _may()
    asked.known(request.args, ())
    middle().pool.running.end(identifier)
    return Response(status=204)


def _may() -> None:
    require("editor", request.headers.get("Authorization"), middle().settings)
