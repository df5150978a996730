"""The auditor's desk: an address answers with a page where people ask for one, beside its data for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, wraps
from typing import Any

from flask import Flask, Response, g, request

from sopkg import asked
from sopkg.cellspage import cube
from sopkg.comparisonpage import comparison_page
from sopkg.differencepage import diff
from sopkg.errors import SopkgError
from sopkg.gappage import answered, dry_run, dry_run_form, gap
from sopkg.gapspage import gaps
from sopkg.loadpage import add_load_page
from sopkg.mappage import map_page
from sopkg.networkpage import network_page
from sopkg.operations import Operation, operation, operation_of
from sopkg.overview import cities, overview
from sopkg.querypages import queries, query
from sopkg.render import html, page
from sopkg.results import HTML, Format, chosen
from sopkg.timelinepage import timeline_page
from sopkg.whatifpage import add_what_if_page
from sopkg.workbench import add_workbench

_KEPT_PAGES = 300
_PROBLEM = Format("problem", "application/problem+json", ("application/json",))
_ADVISED = (400, 401, 403, 404, 405, 409, 413, 429, 503, 504)


_PAGES: Mapping[str, Callable[..., str]] = {
    "cities": cities,
    "gaps": gaps,
    "gap": gap,
    "diff": diff,
    "cube": cube,
    "network": network_page,
    "map": map_page,
    "timeline": timeline_page,
    "compare": comparison_page,
    "queries": queries,
    "query": query,
}
"""The pages beside data, by their endpoints."""


def add_pages(app: Flask) -> None:
    """Adds the pages to the endpoints that there are, and those that only people use."""
    # The same question of the same snapshot has the same answer: its tag says so (see `exchange`).
    kept = lru_cache(_KEPT_PAGES)(lambda tag, view, given: view(**dict(given)))
    for endpoint, view in _PAGES.items():
        app.view_functions[endpoint] = _negotiated(view, app.view_functions[endpoint], kept)
    app.view_functions["respond"] = _form_or_data(app.view_functions["respond"])
    app.add_url_rule("/", endpoint="front", view_func=_page_only(overview, kept))
    app.add_url_rule("/gaps/<gap_id>/dry-run", endpoint="dry_run", view_func=dry_run, methods=["POST"])
    app.add_url_rule("/gaps/<gap_id>/dry-run", endpoint="dry_run_form", view_func=dry_run_form)
    add_load_page(app)
    add_what_if_page(app)
    add_workbench(app)
    app.after_request(_problem_page)
    app.template_filter("capitalised")(lambda text: text[:1].upper() + text[1:])


def _negotiated(view: Callable[..., str], data: Callable[..., Any], kept: Callable[..., str]) -> Callable[..., Any]:
    offered = operation_of(data)
    assert offered is not None
    formats, shown = (*offered.formats, HTML), _page_only(view, kept)

    @wraps(data)
    def answer(**given: str) -> Any:
        wanted = chosen(asked.accept(), formats, request.args.get("format"))
        return shown(**given) if wanted is HTML else data(**given)

    return operation(*offered.parameters, **(_members(offered) | {"formats": formats}))(answer)


def _members(offered: Operation) -> dict[str, Any]:
    return {name: value for name, value in vars(offered).items() if name != "parameters"}


def _page_only(view: Callable[..., str], kept: Callable[..., str]) -> Callable[..., Any]:
    """A view's page, kept as long as its tag holds."""

    @wraps(view)
    def answer(**given: str) -> Response:
        tag = g.get("tag")
        return html(view(**given) if tag is None else kept(tag, view, tuple(given.items())))

    return answer


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
