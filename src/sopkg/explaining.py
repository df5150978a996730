"""The explanations of gaps, as the query workers give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from sopkg.catalog import named_query
from sopkg.dataset import INFERRED
from sopkg.gapquery import gap_query_of
from sopkg.graphs import CATALOGUE, EXTENSION_GAPS, GAPS
from sopkg.published import FINDINGS, Published
from sopkg.sparql import ROWS
from sopkg.terms import local, plain, rows_of

EXPLAINED = 100  # findings that are explained in one request
Row = dict[str, Any]


def explained_each(published: Published, findings: Sequence[Mapping[str, Any]], language: str) -> list[Row]:
    """The explanations of findings of one observation, in their order and in a language."""
    parts = [findings[place : place + EXPLAINED] for place in range(0, len(findings), EXPLAINED)]
    with ThreadPoolExecutor(published.settings.workers) as threads:
        return [each for part in threads.map(partial(_explained_part, published, language), parts) for each in part]


def _explained_part(published: Published, language: str, findings: Sequence[Mapping[str, Any]]) -> list[Row]:
    about = [about_gap(published, row["kind"], row["focusKey"], row["city"], row["date"]) for row in findings]
    told: list[Row] = published.pool.run("why-each", {"gaps": about, "language": language})
    return told


def explained(published: Published, kind: str, key: str, city: str, date: str, language: str) -> Row:
    """The explanation of the gap of a kind and a focus key, at one observation of a city, in a language."""
    told: Row = published.pool.run("why", about_gap(published, kind, key, city, date) | {"language": language})
    return told


def about_gap(published: Published, kind: str, key: str, city: str, date: str) -> Row:
    """What a query worker is told of a gap: its kind, focus key and date, and the graphs that its explanation rests on.

    Of these `read` are what the kind's query reads: with every graph more each step of it is looked up once more.
    """
    graphs = [*published.dated(FINDINGS, city, date), *_earlier(published, kind, city, date)]
    rests_on_findings = gap_query_of(kind).inherits is not None
    read = graphs if rests_on_findings else published.dated(("asserted", INFERRED), city, date)
    return {"kind": kind, "key": key, "date": date, "graphs": graphs, "read": read}


def _earlier(published: Published, kind: str, city: str, date: str) -> list[str]:
    """The graphs of earlier findings, where the kind rests on them."""
    if gap_query_of(kind).inherits is None:
        return []
    mine = [graph for graph in published.graphs() if graph.city == city and graph.date < date]
    return [CATALOGUE, *(graph.graph for graph in mine if graph.step == GAPS)] if mine else []


def graded(published: Published, findings: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Findings of one observation with what made their verdict and the steps of their severity."""
    if not findings:
        return []
    graphs = published.dated((*FINDINGS, EXTENSION_GAPS), findings[0]["city"], findings[0]["date"])
    said: dict[str, dict[str, list[Row]]] = {}
    for name in ("steps", "statements"):
        asked = {"query": named_query("system", f"finding-{name}").text, "default_graphs": graphs, "format": ROWS}
        for row in rows_of(published.pool.run("query", asked), plain):
            said.setdefault(local(row["finding"]), {}).setdefault(name, []).append(row)
    return [{**row, "steps": [], "statements": [], **said.get(row["id"], {})} for row in findings]
