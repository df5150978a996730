"""The service as OpenAPI 3.1 describes it, written from the routes and the query files; and a page of the same."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from flask import Flask, Response, current_app, render_template, request
from werkzeug.routing import Rule

from sopkg import __version__, replies
from sopkg.access import needed
from sopkg.errors import (
    BadInput,
    Forbidden,
    NotAcceptable,
    NotFound,
    QueryTimeout,
    SopkgError,
    TooLarge,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
)
from sopkg.exchange import OF_THE_MOMENT
from sopkg.operations import Case, Operation, Parameter, Schema, given, operation, operation_of
from sopkg.results import HTML, JSON

_VERSION = "3.1.1"
_PROBLEM = "application/problem+json"
_ANYWHERE = (BadInput, TooLarge, Unavailable, QueryTimeout)
_OURS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_IN_PATH = re.compile(r"<(?:\w+:)?(\w+)>")
_SUCCESS = {200: "the answer", 201: "made", 204: "done", 303: "the document about it is at Location"}


def add_description(app: Flask) -> None:
    """Adds the description and its page."""
    app.add_url_rule("/openapi.json", view_func=openapi)
    app.add_url_rule("/api", view_func=page)


@operation()
def openapi() -> Response:
    """This description: what can be asked here, as OpenAPI 3.1."""
    given()
    return replies.json_of(described(current_app, request.url_root))


@operation(media_type=HTML.header)
def page() -> str:
    """What can be asked here, for people."""
    given()
    told = described(current_app, request.url_root)
    return render_template("api.html", api=told, resolved=lambda each: _resolved(told, each))


def rules(app: Flask) -> list[Rule]:
    """The routes that are described: all but those of files."""
    return sorted((each for each in app.url_map.iter_rules() if each.endpoint != "static"), key=_order)


def _order(rule: Rule) -> tuple[bool, str]:
    """By address, and last the route that answers whatever no other does."""
    return "<path:" in rule.rule, rule.rule


def undescribed(app: Flask) -> list[str]:
    """The routes whose view doesn't say what it offers, or leaves out what stands in the path."""
    return [each.rule for each in rules(app) if not _describes(app.view_functions[each.endpoint], each)]


def _describes(view: Callable[..., Any], rule: Rule) -> bool:
    offered = operation_of(view)
    known = {each.name for each in offered.parameters} if offered else set()
    named = {name for case in offered.cases() for name in case.path} if offered and offered.cases else set()
    return offered is not None and bool(view.__doc__) and rule.arguments <= known | named


def described(app: Flask, address: str) -> dict[str, Any]:
    """The OpenAPI document of an application that answers at an address."""
    paths: dict[str, dict[str, Any]] = {}
    for rule in rules(app):
        for path, operations in _of_rule(app, rule):
            paths.setdefault(path, {}).update(operations)
    return {
        "openapi": _VERSION,
        "info": {
            "title": "sopkg",
            "version": __version__,
            "summary": "What is missing in a city's governance: coordination gaps, and the knowledge graph behind them",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": address.removesuffix("/")}],
        "paths": paths,
        "components": {
            "schemas": {"Problem": _problem()},
            "responses": {each.__name__: _refusal(each) for each in _errors(SopkgError)},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _of_rule(app: Flask, rule: Rule) -> Iterator[tuple[str, dict[str, Any]]]:
    """The addresses that a route stands for, each with its operations."""
    view, told = app.view_functions[rule.endpoint], operation_of(app.view_functions[rule.endpoint])
    if told is None:
        return
    summary, _, more = inspect.cleandoc(view.__doc__ or "").partition("\n")
    for case in told.cases() if told.cases else [Case({}, summary.strip(), more.strip())]:
        offered, path = replace(told.at(case.path), role=needed(app, rule.endpoint)), _path(rule, case)
        methods = [each for each in _OURS if each in (rule.methods or ())]
        yield path, {each.lower(): _operation(offered, rule, case, each, len(methods) > 1) for each in methods}


def _path(rule: Rule, case: Case) -> str:
    return _IN_PATH.sub(lambda name: case.path.get(name[1], f"{{{name[1]}}}"), rule.rule)


def _operation(offered: Operation, rule: Rule, case: Case, method: str, several: bool) -> dict[str, Any]:
    body = offered.body() if method != "GET" else {}
    name = ".".join((rule.endpoint.replace(".", "_"), *case.path.values(), *([method.lower()] if several else [])))
    parameters = [_parameter(each, each.name in rule.arguments) for each in offered.parameters]
    return {
        "operationId": name,
        "summary": case.summary,
        **({"description": case.description} if case.description else {}),
        "parameters": [*parameters, *([_format(offered)] if offered.formats else [])],
        **({"requestBody": {"content": _content(body)}} if body else {}),
        "responses": _responses(offered, rule, method, bool(body)),
        **({"security": [{"bearer": [offered.role]}]} if offered.role else {}),
    }


def _parameter(each: Parameter, in_path: bool) -> dict[str, Any]:
    return {
        "name": each.name,
        "in": "path" if in_path else "query",
        "description": each.meaning,
        "required": in_path or each.required,
        "schema": each.described(),
    }


def _format(offered: Operation) -> dict[str, Any]:
    names = list(dict.fromkeys(each.name for each in offered.formats))
    meaning = "the format of the answer, before what the header Accept says"
    return _parameter(Parameter("format", meaning, {"type": "string", "enum": names}), False)


def _content(schemas: Mapping[str, Schema]) -> dict[str, Any]:
    return {media_type: {"schema": schema} for media_type, schema in schemas.items()}


def _responses(offered: Operation, rule: Rule, method: str, body: bool) -> dict[str, Any]:
    told: dict[int, Any] = {status: _success(offered, status) for status in offered.status}
    if method == "GET" and rule.endpoint not in OF_THE_MOMENT:
        told[304] = {"description": "what the caller has is still so"}
    for each in _raised(offered, bool(rule.arguments), body):
        told.setdefault(each.status, {"$ref": f"#/components/responses/{each.__name__}"})
    return {str(status): told[status] for status in sorted(told)}


def _raised(offered: Operation, in_path: bool, body: bool) -> Iterator[type[SopkgError]]:
    """The errors that an operation can tell: those that it names, and those that follow from the rest."""
    yield from offered.raises
    yield from _ANYWHERE
    if in_path:
        yield NotFound
    if offered.formats:
        yield NotAcceptable
    if offered.role:
        yield from (Unauthorized, Forbidden)
    if body:
        yield UnsupportedMediaType


def _success(offered: Operation, status: int) -> dict[str, Any]:
    if status == 303:
        location = {"description": "where it is", "schema": {"type": "string", "format": "uri-reference"}}
        return {"description": _SUCCESS[status], "headers": {"Location": location}}
    if status == 204:
        return {"description": _SUCCESS[status]}
    types = [*([each.header for each in offered.formats] or [offered.media_type]), *offered.beside]
    return {
        "description": _SUCCESS[status],
        "content": _content({each: offered.answer if each == JSON.header else {} for each in types}),
    }


def _refusal(error: type[SopkgError]) -> dict[str, Any]:
    content = {_PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": " ".join(inspect.cleandoc(error.__doc__ or error.title).split()), "content": content}


def _problem() -> Schema:
    """A problem document (RFC 9457)."""
    members: Mapping[str, Schema] = {
        **{name: {"type": "string"} for name in ("type", "title", "detail")},
        "status": {"type": "integer"},
    }
    return {"type": "object", "properties": members, "required": list(members)}


def _errors(error: type[SopkgError]) -> Sequence[type[SopkgError]]:
    return [error, *chain.from_iterable(map(_errors, error.__subclasses__()))]


def _resolved(document: Mapping[str, Any], told: Mapping[str, Any]) -> Any:
    """What a reference within the document stands for."""
    found: Any = document
    for step in told["$ref"].removeprefix("#/").split("/") if "$ref" in told else ():
        found = found[step]
    return found if "$ref" in told else told
