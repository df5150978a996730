"""HTTP: one of two thin faces over the same answers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Response, current_app, request, url_for

from sopkg import __version__, asked, replies
from sopkg.access import require
from sopkg.answers import CITY_COLUMNS, FILTERS, Answers, finding_table
from sopkg.dataset import current_graphs
from sopkg.dates import observation_date
from sopkg.errors import BadInput, UnsupportedMediaType, not_found
from sopkg.exchange import prepare
from sopkg.feed import as_atom
from sopkg.inference import TASKS, Given, Question, reason
from sopkg.lifeline import FILTERS as EVENT_FILTERS
from sopkg.lifeline import life_json, life_text
from sopkg.linkedweb import add_linked_data, query_graph
from sopkg.middle import Middle, middle
from sopkg.pages import add_pages
from sopkg.pool import Pool
from sopkg.rdfinput import format_of_type
from sopkg.reasoner import Reasoner
from sopkg.remedy import as_text as remedy_text
from sopkg.replies import add_problems
from sopkg.responses import TOLD
from sopkg.results import ATOM, CSV, GRAPHS, JSON, TEXT, TURTLE, chosen
from sopkg.settings import Settings
from sopkg.sparqlweb import UPDATE, add_sparql
from sopkg.store import SnapshotStore
from sopkg.tabulate import as_json
from sopkg.telemetry import metrics, observe

_REASONING = ("reasoner", "city", "date", "ontology", "justifications", "timeout", "format")
_TRIPLE = ("subject", "predicate", "object")
_OF_TASK = {"justifications": _TRIPLE, "entailments": ("whole",)}
_PAGING = ("page", "per_page")
_MOST_PROOFS = 20
_PAGE_SIZE, _LARGEST_PAGE = 50, 1000
_DIFFERENCE = ("city", "from", "to")
_EVENTS = (JSON, CSV, TURTLE)
_FEEDS = (ATOM,)
_REASONS = (JSON, TEXT, TURTLE)


def create_app(settings: Settings, answers: Middle | None = None) -> Flask:
    """The WSGI application; without a middle it answers from the store, with workers of its own."""
    app = Flask("sopkg")
    app.config.update(MAX_CONTENT_LENGTH=settings.body_bytes, MAX_FORM_MEMORY_SIZE=settings.body_bytes)
    app.extensions["sopkg"] = answers or Answers(settings, Pool(settings))
    observe(app, app.extensions["sopkg"].pool, settings.log)
    app.extensions["sopkg-reasoner"] = Reasoner(settings)
    app.add_url_rule("/", endpoint="front")
    for address, view in _VIEWS:
        app.add_url_rule(address, view_func=view)
    app.add_url_rule("/gaps/<gap_id>/responses", view_func=responses, methods=["GET", "POST"])
    app.add_url_rule("/what-if", view_func=what_if, methods=["POST"])
    app.add_url_rule("/reason/<task>", view_func=reasoning, methods=["GET", "POST"])
    add_sparql(app)
    add_linked_data(app)
    add_problems(app)
    prepare(app, settings)
    add_pages(app)
    return app


def cities() -> Response:
    """Each city with its observations."""
    asked.known(request.args, ("format",))
    return replies.table(middle().cities(), CITY_COLUMNS, replies.table_format())


def gaps() -> Response:
    """The gaps that fit the filters, page by page."""
    given = asked.known(request.args, (*FILTERS, "sort", *_PAGING, "format"))
    filters = {name: value for name, value in given.items() if name in FILTERS}
    form = replies.table_format()
    page, size = asked.whole(given, "page", 1), min(asked.whole(given, "per_page", _PAGE_SIZE), _LARGEST_PAGE)
    found = middle().gaps(filters, given.get("sort"))
    shown = found[(page - 1) * size : page * size]
    rows, columns = finding_table(shown, given.get("sort")) if form is CSV else (shown, [])
    response = replies.table(rows, columns, form)
    response.headers["X-Total-Count"] = str(len(found))
    response.headers["Link"] = _links(page, size, len(found))
    return response


def cube() -> Response:
    """The model's cells as one observation of a city fills them."""
    given = asked.known(request.args, ("city", "date", "as-of", "format"))
    form = replies.table_format()
    if "city" not in given:
        raise BadInput("the cells of which city? city is not given")
    told = middle().cube(given["city"], asked.date(given), asked.date(given, "as-of"))
    return replies.written(told.written(form.name), form.header)


def gap(gap_id: str) -> Response:
    """One gap."""
    given = asked.known(request.args, ("date", "format"))
    chosen(asked.accept(), (JSON,), given.get("format"))
    return replies.json_of(middle().gap(gap_id, asked.date(given)))


def diff() -> Response:
    """What became of a city's gaps between two observations."""
    given = asked.known(request.args, (*_DIFFERENCE, *EVENT_FILTERS, "format"))
    form = chosen(asked.accept(), _EVENTS, given.get("format"))
    missing = [name for name in _DIFFERENCE if name not in given]
    if missing:
        raise BadInput(f"between which observations of which city? {', '.join(missing)} is not given")
    filters = {name: value for name, value in given.items() if name in EVENT_FILTERS}
    earlier, later = (observation_date(given[name]) for name in ("from", "to"))
    return replies.written(middle().diff(given["city"], earlier, later, filters).written(form.name), form.header)


def feed() -> Response:
    """What became of the gaps, for a feed reader."""
    given = asked.known(request.args, ("city", "format"))
    form = chosen(asked.accept(), _FEEDS, given.get("format"))
    found, observed = middle().news(given.get("city"))
    told = as_atom(given.get("city"), found, observed, request.url, _life_address)
    return replies.written(told, form.header)


def _life_address(gap_id: str) -> str:
    return url_for("life", gap_id=gap_id, _external=True)


def life(gap_id: str) -> Response:
    """The life line of one gap."""
    form = chosen(asked.accept(), (JSON, TEXT), asked.known(request.args, ("format",)).get("format"))
    told = dict(middle().life(gap_id))
    return replies.written(life_text(told) if form is TEXT else life_json(told), form.header)


def why(gap_id: str) -> Response:
    """Why a gap is one."""
    given = asked.known(request.args, ("date", "format"))
    form = chosen(asked.accept(), _REASONS, given.get("format"))
    return replies.written(middle().why(gap_id, form.name, asked.date(given)), form.header)


def remedy(gap_id: str) -> Response:
    """What would close a gap."""
    given = asked.known(request.args, ("date", "format"))
    form = chosen(asked.accept(), (JSON, TEXT), given.get("format"))
    told = middle().remedy(gap_id, asked.date(given))
    return replies.written(remedy_text(told) if form is TEXT else as_json(told), form.header)


def responses(gap_id: str) -> Response:
    """What was answered to a gap; POST answers."""
    if request.method == "POST":
        return _answered(gap_id)
    asked.known(request.args, ("format",))
    form, told = replies.table_format(), middle().responses_to(gap_id)
    # The status that SARIF gives a response, and its IRI, are for programs.
    shown = [{name: row[name] for name in TOLD} for row in told] if form is CSV else told
    return replies.table(shown, TOLD, form)


def _answered(gap_id: str) -> Response:
    require("editor", request.headers.get("Authorization"), middle().settings)
    asked.known(request.args, ())
    told, new = middle().respond(gap_id, _members())
    response = replies.json_of(told)
    response.status_code = 201 if new else 200
    response.headers["Location"] = url_for("responses", gap_id=gap_id)
    return response


def _members() -> Mapping[str, object]:
    """What a body says, as a JSON object or a form."""
    if request.mimetype == asked.FORM:
        return asked.single(request.form)
    if request.mimetype != JSON.media_type:
        given = request.mimetype or "a body without a type"
        raise UnsupportedMediaType(f"{given}: expected is {JSON.media_type} or {asked.FORM}")
    try:
        told = json.loads(asked.utf8(request.get_data(), "body"))
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadInput(f"the body is no JSON: {error}") from error
    if not isinstance(told, dict):
        raise BadInput("the body is no JSON object")
    return told


def why_triple() -> Response:
    """By which rules a triple follows from what is given."""
    given = asked.known(request.args, (*_TRIPLE, "city", "date", "proofs", "format"))
    form = chosen(asked.accept(), _REASONS, given.get("format"))
    most = asked.number(given, "proofs")
    if most is not None and not 1 <= most <= _MOST_PROOFS:
        raise BadInput(f"proofs is {most}; expected is a number from 1 to {_MOST_PROOFS}")
    told = middle().why_triple(_triple(given), form.name, most or 1, given.get("city"), asked.date(given))
    return replies.written(told, form.header)


def queries() -> Response:
    """The predefined queries."""
    form = chosen(asked.accept(), (JSON, *GRAPHS), asked.known(request.args, ("format",)).get("format"))
    return query_graph(form) if form in GRAPHS else replies.written(as_json(middle().queries()), form.header)


def query(name: str) -> Response:
    """A predefined query's result; all parameters but `format`, `entailment` and `as-of` are the query's."""
    given = asked.single(request.args)
    form, entailment, as_of = given.pop("format", None), asked.entailment(given), asked.date(given, "as-of")
    for ours in ("entailment", "as-of", asked.LANGUAGE):
        given.pop(ours, None)
    found = middle().ask_as(name, given, asked.accept(), form, entailment, as_of)
    return replies.written(found.body, found.content_type)


def health() -> Response:
    """How the service is."""
    snapshot = SnapshotStore(middle().settings.store).current().name
    return replies.json_of({"status": "ok", "version": __version__, "snapshot": snapshot, **middle().pool.health()})


def ready() -> Response:
    """Whether queries are answered: one is asked of a worker; else the problem says why not."""
    return replies.json_of({"status": "ready", "graphs": len(current_graphs(middle().pool))})


def reasoning(task: str) -> Response:
    """What a reasoner says of the graph in the body, of a city's observation, or of the ontology."""
    if task not in TASKS:
        raise not_found("task of a reasoner", task, TASKS)
    given = asked.known(request.args, (*_REASONING, *_OF_TASK.get(task, ())))
    request.max_content_length = middle().settings.graph_bytes
    question = Question(
        task,
        given.get("reasoner"),
        given.get("city"),
        asked.date(given),
        asked.truth(given, "ontology"),
        asked.number(given, "justifications"),
        _triple(given) if task == "justifications" else (),
        bool(asked.truth(given, "whole")),
    )
    found = reason(
        current_app.extensions["sopkg-reasoner"],
        question,
        _graph() if request.method == "POST" else None,
        accept=asked.accept(),
        form=given.get("format"),
        seconds=asked.seconds(given),
    )
    return replies.written(found.body, found.content_type)


def what_if() -> Response:
    """What a SPARQL update of an observation would change; nothing is changed."""
    given = request.args
    asked.known(given, ("city", "date"))
    if request.mimetype != UPDATE:
        raise UnsupportedMediaType(f"{request.mimetype or 'a body without a type'}: expected is {UPDATE}")
    if "city" not in given:
        raise BadInput("which city? city is not given")
    return replies.json_of(middle().what_if(asked.utf8(request.get_data()), given["city"], asked.date(given)))


def _graph() -> Given:
    form = format_of_type(request.mimetype)
    return Given(request.get_data(), form.media_type)


def _triple(given: Mapping[str, str]) -> list[str]:
    missing = [name for name in _TRIPLE if name not in given]
    if missing:
        raise BadInput(f"which triple? {', '.join(missing)} is not given")
    return [given[name] for name in _TRIPLE]


_VIEWS: tuple[tuple[str, Callable[..., Response]], ...] = (
    ("/cities", cities),
    ("/gaps", gaps),
    ("/cube", cube),
    ("/gaps/diff", diff),
    ("/gaps/feed", feed),
    ("/gaps/<gap_id>", gap),
    ("/gaps/<gap_id>/life", life),
    ("/gaps/<gap_id>/why", why),
    ("/gaps/<gap_id>/remedy", remedy),
    ("/why", why_triple),
    ("/queries", queries),
    ("/queries/<name>", query),
    ("/health", health),
    ("/ready", ready),
    ("/metrics", metrics),
)


def _links(page: int, size: int, total: int) -> str:
    """Where the other pages are (RFC 8288)."""
    last = max(1, math.ceil(total / size))
    pages = {"first": 1, "prev": page - 1, "next": page + 1, "last": last}
    others: dict[str, Any] = {**request.args.to_dict(), "per_page": size}
    return ", ".join(
        f'<{url_for("gaps", **{**others, "page": number})}>; rel="{relation}"'
        for relation, number in pages.items()
        if 1 <= number <= last
    )
