"""HTTP: one of two thin faces over the same answers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from flask import Flask, Response, current_app, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed

from sopkg import __version__
from sopkg.access import require
from sopkg.answers import CITY_COLUMNS, FILTERS, Answers, finding_table
from sopkg.cube import Cube
from sopkg.dataset import Selection, current_graphs
from sopkg.dates import observation_date
from sopkg.errors import (
    BadInput,
    Forbidden,
    InternalFault,
    SopkgError,
    Unauthorized,
    UnsupportedMediaType,
    not_found,
    unknown_names,
)
from sopkg.exchange import prepare
from sopkg.feed import as_atom
from sopkg.inference import TASKS, Given, Question, reason
from sopkg.lifeline import FILTERS as EVENT_FILTERS
from sopkg.lifeline import Difference, life_json, life_text
from sopkg.linkedweb import add_linked_data, query_graph
from sopkg.pool import Pool
from sopkg.rdfinput import format_of_type
from sopkg.reasoner import Reasoner
from sopkg.remedy import as_text as remedy_text
from sopkg.responses import TOLD
from sopkg.results import ATOM, CSV, GRAPHS, JSON, TEXT, TURTLE, Format, chosen
from sopkg.settings import Settings
from sopkg.sparql import answer, describe
from sopkg.store import SnapshotStore
from sopkg.tabulate import as_csv, as_json
from sopkg.telemetry import metrics, observe

Row = Mapping[str, object]

_REASONING = ("reasoner", "city", "date", "ontology", "justifications", "timeout", "format")
_TRIPLE = ("subject", "predicate", "object")
_OF_TASK = {"justifications": _TRIPLE, "entailments": ("whole",)}
_UPDATE = "application/sparql-update"
_FORM = "application/x-www-form-urlencoded"
_PAGING = ("page", "per_page")
_MOST_PROOFS = 20
_DATASET = ("default-graph-uri", "named-graph-uri", "city", "as-of", "entailment")
_PROTOCOL = ("query", *_DATASET, "timeout", "format")
_PAGE_SIZE, _LARGEST_PAGE = 50, 1000
_TABLES = (JSON, CSV)
_DIFFERENCE = ("city", "from", "to")
_EVENTS = (JSON, CSV, TURTLE)
_FEEDS = (ATOM,)
_REASONS = (JSON, TEXT, TURTLE)


class Middle(Protocol):
    """What is asked behind the addresses, by both faces."""

    settings: Settings
    pool: Pool

    def cities(self) -> Sequence[Row]:
        """Each city with its observations."""

    def gaps(self, filters: Mapping[str, str], sort: str | None = None) -> Sequence[dict[str, Any]]:
        """The gaps that fit all filters, the most severe or the heaviest first."""

    def cube(self, city: str, date: str | None = None, as_of: str | None = None) -> Cube:
        """The model's cells as one observation of a city fills them."""

    def gap(self, identifier: str, date: str | None = None) -> Row:
        """One gap."""

    def why(self, identifier: str, form: str = "json", date: str | None = None) -> str:
        """Why a gap is one: form is text, json or turtle."""

    def why_triple(
        self, triple: Sequence[str], form: str, most: int = 1, city: str | None = None, date: str | None = None
    ) -> str:
        """The proofs of a triple: form is text, json or turtle."""

    def remedy(self, identifier: str, date: str | None = None) -> Row:
        """What would close a gap."""

    def what_if(self, update: str, city: str, date: str | None) -> Row:
        """What an update would change."""

    def diff(self, city: str, earlier: str, later: str, filters: Mapping[str, str] | None = None) -> Difference:
        """What became of a city's gaps between two dates."""

    def life(self, identifier: str) -> Row:
        """The life line of one gap."""

    def news(self, city: str | None) -> tuple[Sequence[Row], str]:
        """What became of the gaps of a city or all, and the latest observation's date."""

    def responses_to(self, identifier: str) -> Sequence[Row]:
        """What was answered to a gap."""

    def respond(self, identifier: str, given: Mapping[str, object]) -> tuple[Row, bool]:
        """Records what is answered to a gap: the response, and whether it is new."""

    def queries(self) -> Sequence[Row]:
        """The predefined queries."""

    def ask_as(
        self,
        name: str,
        given: Mapping[str, str],
        accept: str,
        form: str | None,
        entailment: bool = True,
        as_of: str | None = None,
    ) -> Answered:
        """A predefined query's result; without entailment, over what the sources say; of today, or as of a date."""


class Answered(Protocol):
    """A whole answer."""

    @property
    def body(self) -> bytes:
        """Its bytes."""

    @property
    def content_type(self) -> str:
        """What they are."""


def create_app(settings: Settings, middle: Middle | None = None) -> Flask:
    """The WSGI application; without a middle it answers from the store, with workers of its own."""
    app = Flask("sopkg")
    app.config.update(MAX_CONTENT_LENGTH=settings.body_bytes, MAX_FORM_MEMORY_SIZE=settings.body_bytes)
    app.extensions["sopkg"] = middle or Answers(settings, Pool(settings))
    observe(app, app.extensions["sopkg"].pool, settings.log)
    app.extensions["sopkg-reasoner"] = Reasoner(settings)
    for address, view in _VIEWS:
        app.add_url_rule(address, view_func=view)
    app.add_url_rule("/sparql", view_func=sparql, methods=["GET", "POST"])
    app.add_url_rule("/gaps/<gap_id>/responses", view_func=responses, methods=["GET", "POST"])
    app.add_url_rule("/what-if", view_func=what_if, methods=["POST"])
    app.add_url_rule("/reason/<task>", view_func=reasoning, methods=["GET", "POST"])
    add_linked_data(app)
    app.register_error_handler(SopkgError, _ours)
    app.register_error_handler(HTTPException, _theirs)
    prepare(app, settings)
    return app


def _middle() -> Middle:
    middle: Middle = current_app.extensions["sopkg"]
    return middle


def front() -> str:
    """A page for people, which leads to everything else."""
    observed = {(each["city"], each["date"]): each for each in _middle().cities()}
    return render_template("front.html", cities=observed.values(), queries=_middle().queries())


def cities() -> Response:
    """Each city with its observations."""
    _known(request.args, ("format",))
    return _table(_middle().cities(), CITY_COLUMNS, _table_format())


def gaps() -> Response:
    """The gaps that fit the filters, page by page."""
    given = _known(request.args, (*FILTERS, "sort", *_PAGING, "format"))
    filters = {name: value for name, value in given.items() if name in FILTERS}
    form = _table_format()
    page, size = _whole(given, "page", 1), min(_whole(given, "per_page", _PAGE_SIZE), _LARGEST_PAGE)
    found = _middle().gaps(filters, given.get("sort"))
    shown = found[(page - 1) * size : page * size]
    response = _table(*finding_table(shown, given.get("sort")), form) if form is CSV else _table(shown, (), form)
    response.headers["X-Total-Count"] = str(len(found))
    response.headers["Link"] = _links(page, size, len(found))
    return response


def cube() -> Response:
    """The model's cells as one observation of a city fills them."""
    given = _known(request.args, ("city", "date", "as-of", "format"))
    form = _table_format()
    if "city" not in given:
        raise BadInput("the cells of which city? city is not given")
    told = _middle().cube(given["city"], _date(given), _date(given, "as-of"))
    return _negotiated(told.written(form.name), form.header)


def gap(gap_id: str) -> Response:
    """One gap."""
    given = _known(request.args, ("date", "format"))
    chosen(_accept(), (JSON,), given.get("format"))
    return _json(_middle().gap(gap_id, _date(given)))


def diff() -> Response:
    """What became of a city's gaps between two observations."""
    given = _known(request.args, (*_DIFFERENCE, *EVENT_FILTERS, "format"))
    form = chosen(_accept(), _EVENTS, given.get("format"))
    missing = [name for name in _DIFFERENCE if name not in given]
    if missing:
        raise BadInput(f"between which observations of which city? {', '.join(missing)} is not given")
    filters = {name: value for name, value in given.items() if name in EVENT_FILTERS}
    earlier, later = (observation_date(given[name]) for name in ("from", "to"))
    return _negotiated(_middle().diff(given["city"], earlier, later, filters).written(form.name), form.header)


def feed() -> Response:
    """What became of the gaps, for a feed reader."""
    given = _known(request.args, ("city", "format"))
    form = chosen(_accept(), _FEEDS, given.get("format"))
    found, observed = _middle().news(given.get("city"))
    told = as_atom(given.get("city"), found, observed, request.url, _life_address)
    return _negotiated(told, form.header)


def _life_address(gap_id: str) -> str:
    return url_for("life", gap_id=gap_id, _external=True)


def life(gap_id: str) -> Response:
    """The life line of one gap."""
    form = chosen(_accept(), (JSON, TEXT), _known(request.args, ("format",)).get("format"))
    told = dict(_middle().life(gap_id))
    return _negotiated(life_text(told) if form is TEXT else life_json(told), form.header)


def why(gap_id: str) -> Response:
    """Why a gap is one."""
    given = _known(request.args, ("date", "format"))
    form = chosen(_accept(), _REASONS, given.get("format"))
    return _negotiated(_middle().why(gap_id, form.name, _date(given)), form.header)


def remedy(gap_id: str) -> Response:
    """What would close a gap."""
    given = _known(request.args, ("date", "format"))
    form = chosen(_accept(), (JSON, TEXT), given.get("format"))
    told = _middle().remedy(gap_id, _date(given))
    return _negotiated(remedy_text(told) if form is TEXT else as_json(told), form.header)


def responses(gap_id: str) -> Response:
    """What was answered to a gap; POST answers."""
    if request.method == "POST":
        return _answered(gap_id)
    _known(request.args, ("format",))
    form, told = _table_format(), _middle().responses_to(gap_id)
    # The status that SARIF gives a response, and its IRI, are for programs.
    shown = [{name: row[name] for name in TOLD} for row in told] if form is CSV else told
    return _table(shown, TOLD, form)


def _answered(gap_id: str) -> Response:
    require("editor", request.headers.get("Authorization"), _middle().settings)
    _known(request.args, ())
    told, new = _middle().respond(gap_id, _members())
    response = _json(told)
    response.status_code = 201 if new else 200
    response.headers["Location"] = url_for("responses", gap_id=gap_id)
    return response


def _members() -> Mapping[str, object]:
    """What a body says, as a JSON object or a form."""
    if request.mimetype == _FORM:
        return _single(request.form)
    if request.mimetype != JSON.media_type:
        given = request.mimetype or "a body without a type"
        raise UnsupportedMediaType(f"{given}: expected is {JSON.media_type} or {_FORM}")
    try:
        told = json.loads(_utf8(request.get_data(), "body"))
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadInput(f"the body is no JSON: {error}") from error
    if not isinstance(told, dict):
        raise BadInput("the body is no JSON object")
    return told


def why_triple() -> Response:
    """By which rules a triple follows from what is given."""
    given = _known(request.args, (*_TRIPLE, "city", "date", "proofs", "format"))
    form = chosen(_accept(), _REASONS, given.get("format"))
    most = _number(given, "proofs")
    if most is not None and not 1 <= most <= _MOST_PROOFS:
        raise BadInput(f"proofs is {most}; expected is a number from 1 to {_MOST_PROOFS}")
    told = _middle().why_triple(_triple(given), form.name, most or 1, given.get("city"), _date(given))
    return _negotiated(told, form.header)


def queries() -> Response:
    """The predefined queries."""
    form = chosen(_accept(), (JSON, *GRAPHS), _known(request.args, ("format",)).get("format"))
    return query_graph(form) if form in GRAPHS else _negotiated(as_json(_middle().queries()), form.header)


def query(name: str) -> Response:
    """A predefined query's result; all parameters but `format`, `entailment` and `as-of` are the query's."""
    given = _single(request.args)
    form, entailment, as_of = given.pop("format", None), _entailment(given), _date(given, "as-of")
    for ours in ("entailment", "as-of"):
        given.pop(ours, None)
    found = _middle().ask_as(name, given, _accept(), form, entailment, as_of)
    return _negotiated(found.body, found.content_type)


def health() -> Response:
    """How the service is."""
    middle = _middle()
    snapshot = SnapshotStore(middle.settings.store).current().name
    return _json({"status": "ok", "version": __version__, "snapshot": snapshot, **middle.pool.health()})


def ready() -> Response:
    """Whether queries are answered: one is asked of a worker; else the problem says why not."""
    return _json({"status": "ready", "graphs": len(current_graphs(_middle().pool))})


def sparql() -> Response:
    """The SPARQL 1.1 Protocol's query operation; asked for nothing, the service describes itself.

    Beside a query other parameters are passed over, as the protocol leaves room for them.
    """
    text, given = _asked()
    if text is None:
        _known(given, _PROTOCOL)
        found = describe(request.base_url, chosen(_accept(), GRAPHS, given.get("format")))
    else:
        middle = _middle()
        found = answer(
            middle.pool,
            middle.settings,
            text,
            _selection(given),
            accept=_accept(),
            form=given.get("format"),
            seconds=_seconds(given),
        )
    return _negotiated(found.body, found.content_type)


def reasoning(task: str) -> Response:
    """What a reasoner says of the graph in the body, of a city's observation, or of the ontology."""
    if task not in TASKS:
        raise not_found("task of a reasoner", task, TASKS)
    given = _known(request.args, (*_REASONING, *_OF_TASK.get(task, ())))
    request.max_content_length = _middle().settings.graph_bytes
    question = Question(
        task,
        given.get("reasoner"),
        given.get("city"),
        _date(given),
        _truth(given, "ontology"),
        _number(given, "justifications"),
        _triple(given) if task == "justifications" else (),
        bool(_truth(given, "whole")),
    )
    found = reason(
        current_app.extensions["sopkg-reasoner"],
        question,
        _graph() if request.method == "POST" else None,
        accept=_accept(),
        form=given.get("format"),
        seconds=_seconds(given),
    )
    return _negotiated(found.body, found.content_type)


def what_if() -> Response:
    """What a SPARQL update of an observation would change; nothing is changed."""
    given = request.args
    _known(given, ("city", "date"))
    if request.mimetype != "application/sparql-update":
        raise UnsupportedMediaType(f"{request.mimetype or 'a body without a type'}: expected is {_UPDATE}")
    if "city" not in given:
        raise BadInput("which city? city is not given")
    date = observation_date(given["date"]) if "date" in given else None
    return _json(_middle().what_if(_utf8(request.get_data()), given["city"], date))


def _graph() -> Given:
    form = format_of_type(request.mimetype)
    return Given(request.get_data(), form.media_type)


def _triple(given: Mapping[str, str]) -> list[str]:
    missing = [name for name in _TRIPLE if name not in given]
    if missing:
        raise BadInput(f"which triple? {', '.join(missing)} is not given")
    return [given[name] for name in _TRIPLE]


_VIEWS: tuple[tuple[str, Callable[..., Response | str]], ...] = (
    ("/", front),
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


def _asked() -> tuple[str | None, MultiDict[str, str]]:
    """The query's text, and the parameters beside it (SPARQL 1.1 Protocol, 2.1)."""
    given = request.args
    if request.method == "POST" and request.mimetype == "application/sparql-query":
        return _utf8(request.get_data()), given
    if request.method == "POST":
        given = _form()
    if "update" in given:
        raise Forbidden("updates are refused until there are roles")
    texts = given.getlist("query")
    if len(texts) > 1 or (request.method == "POST" and not texts):
        raise BadInput(f"expected is one query, found are {len(texts)}")
    return (texts[0] if texts else None), given


def _form() -> MultiDict[str, str]:
    if request.mimetype == "application/sparql-update":
        raise Forbidden("updates are refused until there are roles")
    if request.mimetype != _FORM:
        offer = f"application/sparql-query or {_FORM}"
        given = request.mimetype or "of no stated type"
        raise UnsupportedMediaType(f"the body is {given}; expected is {offer}")
    return MultiDict([*request.args.items(multi=True), *request.form.items(multi=True)])


def _utf8(data: bytes, what: str = "query") -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"the {what} is not UTF-8: {error}") from error


def _selection(given: MultiDict[str, str]) -> Selection:
    default, named = given.getlist("default-graph-uri"), given.getlist("named-graph-uri")
    entailment = _entailment(given)
    if default or named:
        return Selection(_iris(default), _iris(named))
    return Selection(city=given.get("city"), as_of=_date(given, "as-of"), entailment=entailment)


def _accept() -> str:
    return request.headers.get("Accept", "")


def _date(given: Mapping[str, str], name: str = "date") -> str | None:
    return observation_date(given[name]) if name in given else None


def _iris(texts: Sequence[str]) -> Sequence[str]:
    for text in texts:
        if ":" not in text or any(sign in text for sign in ' <>"{}|\\^`\n'):
            raise BadInput(f"{text!r} is not an IRI")
    return texts


def _seconds(given: Mapping[str, str]) -> float | None:
    if "timeout" not in given:
        return None
    try:
        seconds = float(given["timeout"])
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise BadInput(f"timeout is {given['timeout']!r}; expected are seconds, above 0")
    return seconds


def _single(given: MultiDict[str, str]) -> dict[str, str]:
    """The parameters, each once."""
    twice = sorted(name for name, values in given.lists() if len(values) > 1)
    if twice:
        raise BadInput(f"given more than once: {', '.join(twice)}")
    return given.to_dict()


def _known(given: MultiDict[str, str], names: Sequence[str]) -> dict[str, str]:
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise unknown_names("parameter", unknown, names)
    return _single(given)


def _whole(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise BadInput(f"{name} is {text!r}; expected is a whole number above 0")
    return int(text)


def _number(given: Mapping[str, str], name: str) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadInput(f"{name} is {text!r}; expected is a whole number")
    return int(text)


def _truth(given: Mapping[str, str], name: str) -> bool | None:
    text = given.get(name)
    if text not in (None, "true", "false"):
        raise BadInput(f"{name} is {text!r}; expected is true or false")
    return None if text is None else text == "true"


def _entailment(given: Mapping[str, str]) -> bool:
    """Whether what follows by OWL 2 RL is read too."""
    entailment = given.get("entailment", "rl")
    if entailment not in ("rl", "none"):
        raise BadInput(f"entailment is {entailment!r}; expected is rl or none")
    return entailment == "rl"


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


def _table_format() -> Format:
    return chosen(_accept(), _TABLES, request.args.get("format"))


def _table(rows: Sequence[Row], columns: Sequence[str], form: Format) -> Response:
    return _negotiated(as_csv(rows, columns) if form is CSV else as_json(rows), form.header)


def _negotiated(body: bytes | str, content_type: str) -> Response:
    response = Response(body, content_type=content_type)
    response.headers["Vary"] = "Accept"
    return response


def _json(value: object) -> Response:
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
    text = json.dumps(told, ensure_ascii=False, default=str)
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
