"""The auditor's desk: an address answers with a page where people ask for one, beside its data for programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any

from flask import Flask, Response, g, request

from sopkg import asked, replies
from sopkg.cellspage import cube
from sopkg.differencepage import diff
from sopkg.errors import SopkgError
from sopkg.gappage import answered, dry_run, gap
from sopkg.gapspage import gaps
from sopkg.overview import cities, overview
from sopkg.querypages import queries, query
from sopkg.render import HTML, html, page
from sopkg.results import CSV, GRAPHS, JSON, ROWS, TURTLE, Format, chosen

_KEPT_PAGES = 300
_PROBLEM = Format("problem", "application/problem+json", ("application/json",))
_ADVISED = (400, 401, 403, 404, 405, 409, 413, 429, 503, 504)


@dataclass(frozen=True)
class Page:
    """A page that an endpoint answers with, beside the formats of its data."""

    endpoint: str
    view: Callable[..., str]
    formats: Sequence[Format] = ()


_PAGES = (
    Page("front", overview),
    Page("cities", cities, replies.TABLES),
    Page("gaps", gaps, replies.TABLES),
    Page("gap", gap, (JSON,)),
    Page("diff", diff, (JSON, CSV, TURTLE)),
    Page("cube", cube, replies.TABLES),
    Page("queries", queries, (JSON, *GRAPHS)),
    Page("query", query, ROWS),
)


def add_pages(app: Flask) -> None:
    """Adds the pages to the endpoints that there are, and those that only people use."""
    # The same question of the same snapshot has the same answer: its tag says so (see `exchange`).
    kept = lru_cache(_KEPT_PAGES)(lambda tag, of, given: of.view(**dict(given)))
    for each in _PAGES:
        app.view_functions[each.endpoint] = _negotiated(each, app.view_functions.get(each.endpoint), kept)
    app.view_functions["responses"] = _form_or_data(app.view_functions["responses"])
    app.add_url_rule("/gaps/<gap_id>/dry-run", endpoint="dry_run", view_func=dry_run, methods=["GET", "POST"])
    app.after_request(_problem_page)
    app.template_filter("capitalised")(lambda text: text[:1].upper() + text[1:])


def _negotiated(each: Page, data: Callable[..., Any] | None, kept: Callable[..., str]) -> Callable[..., Any]:
    def answer(**given: str) -> Any:
        form = chosen(asked.accept(), (*each.formats, HTML), request.args.get("format"))
        if form is not HTML:
            assert data is not None
            return data(**given)
        tag = g.get("tag")
        body = each.view(**given) if tag is None else kept(tag, each, tuple(given.items()))
        return html(body)

    return wraps(each.view)(answer)


def _form_or_data(data: Callable[..., Any]) -> Callable[..., Any]:
    """A response that a form of ours gives is recorded and shown; all else is for programs."""

    @wraps(data)
    def answer(gap_id: str) -> Any:
        return answered(gap_id) if request.method == "POST" and _for_people() else data(gap_id)

    return answer


def _problem_page(response: Response) -> Response:
    """A problem document as a page, for who asks for one: what happened, and what to do."""
    if response.mimetype != _PROBLEM.media_type or not _for_people():
        return response
    told, status = response.get_json(force=True), response.status_code
    advised = status if status in _ADVISED else 400 if status < 500 else 500
    shown = html(page("problem.html", problem=told, advised=advised))
    shown.status_code = status
    shown.headers.extend({name: value for name, value in response.headers if name not in shown.headers})
    return shown


def _for_people() -> bool:
    """Whether a page is asked for rather than a document of JSON."""
    try:
        return chosen(asked.accept(), (_PROBLEM, HTML)) is HTML
    except SopkgError:
        return False
