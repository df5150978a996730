"""HTTP: one of two thin faces over the same answers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import Flask, Response, current_app, g, request, url_for
from werkzeug.middleware.proxy_fix import ProxyFix

from sopkg import __version__, asked, replies
from sopkg.access import AUDITOR, FIELD, add_access
from sopkg.answers import CITY_COLUMNS, Answers
from sopkg.auditreport import finding_table
from sopkg.catalog import query_files
from sopkg.clients import add_clients
from sopkg.dataset import current_graphs
from sopkg.errors import (
    BadInput,
    Conflict,
    Forbidden,
    NotFound,
    Unprocessable,
    UnsupportedMediaType,
    not_found,
)
from sopkg.exchange import prepare
from sopkg.feed import as_atom
from sopkg.filters import FILTERS as GAP_FILTERS
from sopkg.graphstoreweb import add_graph_store
from sopkg.inference import MOST_JUSTIFICATIONS, REASONERS, TASKS, Given, Question, formats, reason
from sopkg.lifeline import FILTERS as EVENT_FILTERS
from sopkg.lifeline import life_json, life_text
from sopkg.linkedweb import add_linked_data, query_graph
from sopkg.loadweb import add_loading
from sopkg.middle import Middle, middle
from sopkg.openapi import add_description
from sopkg.operations import ROWS, STRING, Case, Parameter, Schema, form, given, operation
from sopkg.pages import add_pages
from sopkg.parameters import AS_OF, CITY, DATE, ENTAILMENT, GAP, PAGE, TIMEOUT, TRIPLE, chosen_by, of_query, per_page
from sopkg.pool import Pool
from sopkg.rdfinput import MEDIA_TYPES, format_of_type, refuse_declaration
from sopkg.reasoner import Reasoner
from sopkg.remedy import as_text as remedy_text
from sopkg.replies import TABLES, add_problems
from sopkg.reportweb import add_report
from sopkg.respond import LONGEST, MEMBERS
from sopkg.responses import TOLD, kind_words
from sopkg.results import ATOM, CSV, GRAPHS, JSON, TEXT, TURTLE
from sopkg.results import ROWS as SOLUTIONS
from sopkg.runningweb import add_running
from sopkg.settings import Settings
from sopkg.sparqlweb import UPDATE, add_sparql
from sopkg.store import SnapshotStore
from sopkg.tabulate import as_json
from sopkg.telemetry import metrics, observe
from sopkg.viewsweb import add_views
from sopkg.writer import Writer

_MOST_PROOFS = 20
_TRUTH: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_REASONING = (
    Parameter("reasoner", "by what: hermit and pellet are OWL 2 DL, rl is its rules", words=lambda: REASONERS),
    *(CITY, DATE),
    Parameter("ontology", "read the ontology too; true if no graph is given", _TRUTH, asked.truth),
    Parameter("justifications", f"how many are told, {MOST_JUSTIFICATIONS} at most", _COUNT, asked.number),
    TIMEOUT,
)
_OF_TASK = {
    "justifications": TRIPLE,
    "entailments": (Parameter("whole", "tell the given triples too", _TRUTH, asked.truth),),
}
_DIFFERENCE = (
    replace(CITY, required=True),
    replace(DATE, name="from", meaning="the earlier observation's date", required=True),
    replace(DATE, name="to", meaning="the later observation's date", required=True),
)
_PROOFS = Parameter(
    "proofs", f"how many proofs, {_MOST_PROOFS} at most", {"type": "integer", "minimum": 1, "default": 1}, asked.number
)
_EVENTS = (JSON, CSV, TURTLE)
_REASONS = (JSON, TEXT, TURTLE)
_BODY_TYPES = (JSON.media_type, asked.FORM)


def create_app(settings: Settings, answers: Middle | None = None, refused: Sequence[str] = ()) -> Flask:
    """The WSGI application; without a middle it answers from the store, with workers of its own.

    `refused` is why an edited ontology is not in use, a line each.
    """
    app = Flask("sopkg")
    app.config.update(MAX_CONTENT_LENGTH=settings.body_bytes, MAX_FORM_MEMORY_SIZE=settings.body_bytes)
    app.extensions["sopkg-refused"] = list(refused)
    app.extensions["sopkg"] = answers or Answers(settings, Pool(settings))
    observe(app, app.extensions["sopkg"].pool, settings.log)
    app.extensions["sopkg-writer"] = Writer(settings)
    add_access(app)
    app.extensions["sopkg-reasoner"] = Reasoner(settings, app.extensions["sopkg"].pool.running)
    for address, view in _VIEWS:
        app.add_url_rule(address, view_func=view)
    app.add_url_rule("/gaps/<gap_id>/responses", view_func=respond, methods=["POST"])
    app.add_url_rule("/what-if", view_func=what_if, methods=["POST"])
    app.add_url_rule("/reason/<task>", view_func=reasoning, methods=["GET", "POST"])
    add_running(app)
    add_sparql(app)
    add_graph_store(app)
    add_loading(app)
    add_linked_data(app)
    add_description(app)
    add_clients(app)
    add_report(app)
    add_views(app)
    add_problems(app)
    prepare(app, settings)
    add_pages(app)
    if settings.proxies:  # a header that no proxy of ours has set is anybody's word
        trusted = dict.fromkeys(("x_for", "x_proto", "x_host", "x_port", "x_prefix"), settings.proxies)
        app.wsgi_app = ProxyFix(app.wsgi_app, **trusted)  # type: ignore[method-assign]
    return app


@operation(formats=TABLES, answer=ROWS)
def cities() -> Response:
    """Each city with its observations."""
    given()
    return replies.table(middle().cities(), CITY_COLUMNS, form())


@operation(*chosen_by(*GAP_FILTERS, "sort"), PAGE, per_page(50, 1000), formats=TABLES, answer=ROWS, raises=(NotFound,))
def gaps() -> Response:
    """The gaps that fit the filters, page by page."""
    told, wanted = given(), form()
    filters = {name: value for name, value in told.items() if name in GAP_FILTERS}
    page, size, sort = told["page"], told["per_page"], told.get("sort")
    found = middle().gaps(filters, sort)
    shown = found[(page - 1) * size : page * size]
    rows, columns = finding_table(shown, sort) if wanted is CSV else (shown, [])
    response = replies.table(rows, columns, wanted)
    response.headers["X-Total-Count"] = str(len(found))
    response.headers["Link"] = _links(page, size, len(found))
    return response


@operation(replace(CITY, required=True), DATE, AS_OF, formats=TABLES, raises=(NotFound,))
def cube() -> Response:
    """The model's cells as one observation of a city fills them."""
    told, wanted = given(), form()
    cells = middle().cube(told["city"], told.get("date"), told.get("as-of"))
    return replies.written(cells.written(wanted.name), wanted.header)


@operation(GAP, DATE, formats=(JSON,))
def gap(gap_id: str) -> Response:
    """One gap."""
    date, _ = given().get("date"), form()
    return replies.json_of(middle().gap(gap_id, date))


@operation(*_DIFFERENCE, *chosen_by(*EVENT_FILTERS), formats=_EVENTS, raises=(NotFound,))
def diff() -> Response:
    """What became of a city's gaps between two observations."""
    told, wanted = given(), form()
    filters = {name: value for name, value in told.items() if name in EVENT_FILTERS}
    changes = middle().diff(told["city"], told["from"], told["to"], filters)
    return replies.written(changes.written(wanted.name), wanted.header)


@operation(CITY, formats=(ATOM,), raises=(NotFound,))
def feed() -> Response:
    """What became of the gaps, for a feed reader."""
    city, wanted = given().get("city"), form()
    found, observed = middle().news(city)
    return replies.written(as_atom(city, found, observed, request.url, _life_address), wanted.header)


def _life_address(gap_id: str) -> str:
    return url_for("life", gap_id=gap_id, _external=True)


@operation(GAP, formats=(JSON, TEXT))
def life(gap_id: str) -> Response:
    """The life line of one gap."""
    given()
    wanted, told = form(), dict(middle().life(gap_id))
    return replies.written(life_text(told) if wanted is TEXT else life_json(told), wanted.header)


@operation(GAP, DATE, formats=_REASONS)
def why(gap_id: str) -> Response:
    """Why a gap is one."""
    date, wanted = given().get("date"), form()
    return replies.written(middle().why(gap_id, wanted.name, date), wanted.header)


@operation(GAP, DATE, formats=(JSON, TEXT))
def remedy(gap_id: str) -> Response:
    """What would close a gap."""
    date, wanted = given().get("date"), form()
    told = middle().remedy(gap_id, date)
    return replies.written(remedy_text(told) if wanted is TEXT else as_json(told), wanted.header)


@operation(GAP, formats=TABLES, answer=ROWS)
def responses(gap_id: str) -> Response:
    """What was answered to a gap."""
    given()
    wanted, told = form(), middle().responses_to(gap_id)
    # The status that SARIF gives a response, and its IRI, are for programs.
    shown = [{name: row[name] for name in TOLD} for row in told] if wanted is CSV else told
    return replies.table(shown, TOLD, wanted)


def _response() -> Mapping[str, Schema]:
    texts = {name: {"type": "string", **({"maxLength": LONGEST[name]} if name in LONGEST else {})} for name in MEMBERS}
    told: dict[str, Schema] = {**texts, "kind": {"enum": kind_words()}, "until": DATE.schema}
    schema = {"type": "object", "properties": told, "required": MEMBERS, "additionalProperties": False}
    return dict.fromkeys(_BODY_TYPES, schema)


@operation(GAP, status=(200, 201), body=_response, role=AUDITOR, raises=(Conflict, Unprocessable))
def respond(gap_id: str) -> Response:
    """Answers to a gap: 201 if the response is new, 200 if it was there."""
    given()
    told, new = middle().respond(gap_id, _members(), g.who)
    response = replies.json_of(told)
    response.status_code = 201 if new else 200
    response.headers["Location"] = url_for("responses", gap_id=gap_id)
    return response


def _members() -> Mapping[str, object]:
    """What a body says, as a JSON object or a form."""
    if request.mimetype == asked.FORM:
        return {name: text for name, text in asked.single(request.form).items() if name != FIELD}
    if request.mimetype != JSON.media_type:
        kind = request.mimetype or "a body without a type"
        raise UnsupportedMediaType(f"{kind}: expected is {' or '.join(_BODY_TYPES)}")
    try:
        told = json.loads(asked.utf8(request.get_data(), "body"))
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadInput(f"the body is no JSON: {error}") from error
    if not isinstance(told, dict):
        raise BadInput("the body is no JSON object")
    return told


@operation(*TRIPLE, CITY, DATE, _PROOFS, formats=_REASONS, raises=(NotFound,))
def why_triple() -> Response:
    """By which rules a triple follows from what is given."""
    told, wanted = given(), form()
    if not 1 <= told["proofs"] <= _MOST_PROOFS:
        raise BadInput(f"proofs is {told['proofs']}; expected is a number from 1 to {_MOST_PROOFS}")
    proofs = middle().why_triple(_triple(told), wanted.name, told["proofs"], told.get("city"), told.get("date"))
    return replies.written(proofs, wanted.header)


@operation(formats=(JSON, *GRAPHS), answer=ROWS)
def queries() -> Response:
    """The predefined queries."""
    given()
    wanted = form()
    return query_graph(wanted) if wanted in GRAPHS else replies.written(as_json(middle().queries()), wanted.header)


def _reports() -> Iterator[Case]:
    for each in query_files("reports").values():
        yield Case({"name": each.name}, each.summary, each.description, of_query(each))


@operation(ENTAILMENT, AS_OF, formats=SOLUTIONS, raises=(NotFound,), cases=_reports, others=True)
def query(name: str) -> Response:
    """A predefined query's result; all parameters but `format`, `entailment` and `as-of` are the query's."""
    told = given()
    entailment, as_of = told.pop("entailment"), told.pop("as-of", None)
    found = middle().ask_as(name, told, asked.accept(), request.args.get("format"), entailment, as_of)
    return replies.written(found.body, found.content_type)


@operation()
def health() -> Response:
    """How the service is, and why an edited ontology is refused, in place of which the last good one is in use."""
    given()
    snapshot = SnapshotStore(middle().settings.store).current().name
    told = {"status": "ok", "version": __version__, "snapshot": snapshot}
    told |= {"ontology_refused": current_app.extensions["sopkg-refused"]}
    return replies.json_of({**told, **middle().pool.health()})


@operation()
def ready() -> Response:
    """Whether queries are answered: one is asked of a worker; else the problem says why not."""
    given()
    return replies.json_of({"status": "ready", "graphs": len(current_graphs(middle().pool))})


def _tasks() -> Iterator[Case]:
    for task, summary in TASKS.items():
        yield Case({"task": task}, summary, parameters=_OF_TASK.get(task, ()), formats=formats(task))


@operation(*_REASONING, body=lambda: dict.fromkeys(MEDIA_TYPES, STRING), raises=(NotFound, Unprocessable), cases=_tasks)
def reasoning(task: str) -> Response:
    """What a reasoner says of the graph in the body, of a city's observation, or of the ontology."""
    if task not in TASKS:
        raise not_found("task of a reasoner", task, TASKS)
    told = given()
    request.max_content_length = middle().settings.graph_bytes
    question = Question(
        task,
        told.get("reasoner"),
        told.get("city"),
        told.get("date"),
        told.get("ontology"),
        told.get("justifications"),
        _triple(told) if task == "justifications" else (),
        bool(told.get("whole")),
    )
    found = reason(
        current_app.extensions["sopkg-reasoner"],
        question,
        _graph() if request.method == "POST" else None,
        accept=asked.accept(),
        form=request.args.get("format"),
        seconds=asked.at_most("timeout", told.get("timeout"), middle().settings.reason_seconds),
    )
    return replies.written(found.body, found.content_type)


@operation(
    *(replace(CITY, required=True), DATE, *chosen_by("extensions")),
    body=lambda: {UPDATE: STRING},
    raises=(NotFound, Forbidden, Unprocessable),
)
def what_if() -> Response:
    """What a SPARQL update of an observation would change; nothing is changed."""
    told = given()
    if request.mimetype != UPDATE:
        raise UnsupportedMediaType(f"{request.mimetype or 'a body without a type'}: expected is {UPDATE}")
    update, extensions = asked.utf8(request.get_data()), told.get("extensions") == "true"
    return replies.json_of(middle().what_if(update, told["city"], told.get("date"), extensions))


def _graph() -> Given:
    form, data = format_of_type(request.mimetype), request.get_data()
    refuse_declaration(data, form)
    return Given(data, form.media_type)


def _triple(told: Mapping[str, str]) -> list[str]:
    return [told[each.name] for each in TRIPLE]


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
    ("/gaps/<gap_id>/responses", responses),
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
