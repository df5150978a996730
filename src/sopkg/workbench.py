"""The workbench: queries of one's own, in an editor where scripts run and in a plain form where they don't."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, request, url_for
from pyoxigraph import Literal, Variable

from sopkg import asked, replies
from sopkg.catalog import named_query, query_files
from sopkg.dataset import Selection, current_graphs
from sopkg.errors import SopkgError
from sopkg.files import BASE, system_query
from sopkg.middle import middle
from sopkg.operations import Parameter, given, names, operation
from sopkg.overview import by_city, dates_of
from sopkg.parameters import AS_OF, CITY, ENTAILMENT, PAGE
from sopkg.querypages import question, table_of
from sopkg.render import html, language, page
from sopkg.results import GRAPHS, HTML, ROWS, Answer
from sopkg.rows import select
from sopkg.schema import ontology_store
from sopkg.sparql import answer
from sopkg.turtle import prefix_table

_QUERY = Parameter("query", "a SPARQL query, whose answer is shown")
_EXAMPLE = Parameter("example", "a predefined query, whose text is shown to be changed")
_CHOICES = (CITY, AS_OF, ENTAILMENT)
_COMMON = ("sop", "rdf", "rdfs", "skos", "xsd")
_LINES = 400  # of a graph that are shown
# Files of ours run and ask this service; nothing that stands in the page runs, and no text becomes a program. That a
# column can be pulled wider is a rule which the table's library writes into the page: this one text, by its hash.
_POLICY = {
    "script-src": "'self'",
    "connect-src": "'self'",
    "style-src": "'self' 'sha256-zCK2EVMoPc04mRF/g5CotUvxbJPWS+8V0b+s9ptqQIk='",
}
_FIRST = """\
SELECT ?class (COUNT(?thing) AS ?things) WHERE {
  ?thing a ?class .
}
GROUP BY ?class
ORDER BY DESC(?things)
LIMIT 20
"""


def add_workbench(app: Flask) -> None:
    """Adds the page, and what its editor completes from."""
    app.add_url_rule("/workbench", view_func=workbench)
    app.add_url_rule("/workbench/words", view_func=words)


@operation(_QUERY, _EXAMPLE, *_CHOICES, PAGE, media_type=HTML.header, policy=_POLICY)
def workbench() -> Response:
    """The form, an example or one's own query in it, and the query's answer or what is wrong with it."""
    told = {name: value for name, value in asked.known(request.args, names()).items() if value}
    text, problem, status, found = told.get("query"), None, 200, None
    if text is not None:
        try:
            found = _shown(answer(middle().pool, middle().settings, text, _selection(told)))
        except SopkgError as error:  # told beside the query, which is not to be lost
            problem, status = error.problem(), error.status
    labels = {name: rows[-1]["label"] or name for name, rows in by_city(middle().cities()).items()}
    response = html(
        page(
            "workbench.html",
            text=text or _example(told.get("example")),
            told=told,
            found=found,
            problem=problem,
            labels=labels,
            base=BASE,
            dates=dates_of(middle().cities())[::-1],
            graphs=_graphs(),
            downloads=_downloads(told, found) if found else [],
            forms={"rows": [each.name for each in ROWS], "graph": [each.name for each in GRAPHS]},
            examples=[(name, question(name)) for name in query_files("reports")],
        )
    )
    response.status_code = status
    return response


@operation()
def words() -> Response:
    """What the editor completes from: prefixes, and classes and properties with what they are called."""
    given()
    found: dict[str, dict[str, str]] = {"class": {}, "property": {}}
    asked_for = {Variable("language"): Literal(language().code)}
    for row in select(ontology_store(), system_query("completions"), given=asked_for):
        found[row["sort"].value][row["term"].value] = row["label"].value if row["label"] else ""
    response = replies.json_of({"prefixes": prefix_table(), **found})
    response.headers["Vary"] = "Accept-Language"
    return response


def _selection(told: Mapping[str, str]) -> Selection:
    return Selection(city=told.get("city"), as_of=asked.date(told, "as-of"), entailment=asked.entailment(told))


def _example(name: str | None) -> str:
    """The text of a predefined query, else a first one."""
    if name is not None:
        return named_query("reports", name).text
    prefixes = "".join(f"PREFIX {each}: <{prefix_table()[each]}>\n" for each in _COMMON)
    return prefixes + _FIRST


def _shown(given: Answer) -> dict[str, Any]:
    """What an answer is shown as: a table of rows, a truth value, or the beginning of a graph in Turtle."""
    if ROWS[0].media_type not in given.content_type:
        lines = given.body.decode().splitlines()
        return {"sort": "graph", "text": "\n".join(lines[:_LINES]), "left": max(0, len(lines) - _LINES)}
    told: dict[str, Any] = json.loads(given.body)
    if "boolean" in told:
        return {"sort": "truth", "truth": told["boolean"]}
    return {"sort": "rows", **table_of(told)}


def _graphs() -> list[dict[str, Any]]:
    """The graphs in force, by observation; those of none first."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for each in current_graphs(middle().pool):
        found.setdefault((each.city, each.date), []).append((each.step, each.graph))
    return [{"city": city, "date": date, "graphs": sorted(graphs)} for (city, date), graphs in sorted(found.items())]


def _downloads(told: Mapping[str, str], found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each format of an answer, with its address."""
    given = {name: told[name] for name in ("query", *(each.name for each in _CHOICES)) if name in told}
    formats = GRAPHS if found["sort"] == "graph" else ROWS
    return [(each.name, f"{url_for('sparql')}?{urlencode({**given, 'format': each.name})}") for each in formats]
