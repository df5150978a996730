"""How an answer leaves over HTTP: in the format that was chosen, an error as a problem document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from flask import Flask, Response
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed

from sopkg.errors import InternalFault, SopkgError, Unauthorized
from sopkg.results import CSV, JSON, Format
from sopkg.tabulate import as_csv, as_json

Row = Mapping[str, object]
TABLES = (JSON, CSV)


def add_problems(app: Flask) -> None:
    """Has every error leave as a problem document."""
    app.register_error_handler(SopkgError, _ours)
    app.register_error_handler(HTTPException, _theirs)


def table(rows: Sequence[Row], columns: Sequence[str], form: Format) -> Response:
    """Rows as JSON or CSV."""
    return written(as_csv(rows, columns) if form is CSV else as_json(rows), form.header)


def written(body: bytes | str, content_type: str) -> Response:
    """An answer whose format was negotiated."""
    response = Response(body, content_type=content_type)
    response.headers["Vary"] = "Accept"
    return response


def json_of(value: object) -> Response:
    """A value as JSON."""
    return Response(json.dumps(value, ensure_ascii=False), content_type=JSON.header)


def _ours(error: SopkgError) -> Response:
    """An error of ours as a problem document (RFC 9457)."""
    response = _problem(error.problem(), error.status)
    if "retry_after" in error.extra:
        response.headers["Retry-After"] = str(error.extra["retry_after"])
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = error.challenge
    return response


def _problem(told: Row, status: int) -> Response:
    # What is cited of a query may have half a pair of surrogates, which is no UTF-8.
    text = json.dumps(told, ensure_ascii=False, default=str).encode("utf-8", "replace")
    return Response(text, status, content_type="application/problem+json")


def _theirs(error: HTTPException) -> Response:
    """An error of Flask's as a problem document; what went wrong inside stays inside, and in the log."""
    if isinstance(error, InternalServerError):
        return _ours(InternalFault("a fault of ours; the log says more"))
    status = error.code or InternalFault.status
    told = {"type": "about:blank", "title": error.name, "status": status, "detail": error.description}
    response = _problem(told, status)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(error.valid_methods)
    return response
