"""The gap report of a city as a document, over HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from flask import Flask, Response

from sopkg import replies
from sopkg.answers import Answers
from sopkg.errors import NotFound, Unavailable
from sopkg.middle import middle
from sopkg.operations import form, given, operation
from sopkg.parameters import CITY, DATE
from sopkg.render import language
from sopkg.report import gathered
from sopkg.reportforms import forms


def add_report(app: Flask) -> None:
    """Adds the address of the report."""
    app.add_url_rule("/report", view_func=report)


@operation(
    replace(CITY, required=True),
    DATE,
    formats=tuple(each.format for each in forms().values()),
    raises=(NotFound, Unavailable),
)
def report() -> Response:
    """All gaps of a city at one date as a document to keep: what was found, why, and what it rests on."""
    told, wanted = given(), forms()[form().name]
    # A document asks for more than pages and data do.
    found = gathered(cast(Answers, middle()), told["city"], told.get("date"), language())
    response = replies.written(wanted.made(found), wanted.format.header)
    response.headers["Content-Disposition"] = f'attachment; filename="{found.name}.{wanted.ending}"'
    response.headers["Content-Language"] = found.language.code
    response.headers["Vary"] = "Accept, Accept-Language"
    return response
