"""Reports agree with plain counts of the shipped tables' cells, made without the program."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from pyoxigraph import NamedNode, Quad, QueryResultsFormat, QuerySolutions, Store

from sopkg.catalog import named_query, query_files
from sopkg.detect import Audit
from sopkg.pipeline import derive
from sopkg.settings import Settings
from sopkg.turtle import ontology, read_turtle, store_of
from sopkg.web import create_app
from tests.conftest import Demo

CASES = Path(__file__).parent / "reports"
BASE = "https://w3id.org/sopkg/id/t/"
WITHOUT_LINES = ["validation-results"]  # the demonstration breaks no rule
Lines = list[dict[str, str]]


def cases(name: str) -> Lines:
    with open(CASES / name, encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


COUNTS, SMALL = cases("counts.csv"), cases("small.csv")


@pytest.fixture(scope="module")
def told(demo: Demo) -> Iterator[dict[str, Lines]]:
    """The lines of every report over all cities, by its name."""
    app = create_app(Settings(store=demo.store, workers=1, allow_no_netns=True))
    yield {name: asked(app.test_client(), name) for name in query_files("reports")}
    app.extensions["sopkg"].pool.close()


def asked(client: FlaskClient, report: str) -> Lines:
    return list(csv.DictReader(client.get(f"/queries/{report}?format=csv").text.splitlines()))


@pytest.fixture(scope="module")
def small() -> Store:
    """The small city and its gaps twice, in graphs that are read together: nothing is counted twice."""
    asserted = read_turtle(CASES / "small.ttl")
    audit = Audit(BASE, NamedNode(f"{BASE}observation"), "2024-06-30")
    derived = derive(audit, asserted, [], asked=["accountability-vacuum", "overdue-creation"])
    store = store_of(ontology())
    for graph in (NamedNode("urn:one"), NamedNode("urn:two")):
        store.extend(Quad(*triple, graph) for triple in {*asserted, *derived.inferred, *derived.gaps})
    return store


@pytest.mark.parametrize("report", sorted(query_files("reports").keys() - set(WITHOUT_LINES)))
def test_each_column_has_a_head_in_chinese(report: str, told: dict[str, Lines]) -> None:
    assert len(query_files("reports")[report].columns("zh")) == len(told[report][0])


@pytest.mark.parametrize("report", sorted({row["report"] for row in COUNTS}))
def test_a_report_agrees_with_plain_counts(report: str, told: dict[str, Lines]) -> None:
    for row in (row for row in COUNTS if row["report"] == report):
        assert found(row, told[report], row["city"]) == [row["expected"]], row


@pytest.mark.parametrize("report", sorted({row["report"] for row in SMALL}))
def test_none_is_told_from_not_recorded_and_nothing_counts_twice(report: str, small: Store) -> None:
    solutions = small.query(named_query("reports", report).text, use_default_graph_as_union=True)
    assert isinstance(solutions, QuerySolutions)
    lines = list(csv.DictReader((solutions.serialize(format=QueryResultsFormat.CSV) or b"").decode().splitlines()))
    for row in (row for row in SMALL if row["report"] == report):
        assert found(row, lines, "city") == [row["expected"]], row


def found(row: dict[str, str], lines: Lines, city: str) -> list[str]:
    """The cells of a column in the lines that have all the words by which a case names its line."""
    words = {*row["line"].split("; "), city}
    return [line[row["column"]] for line in lines if words <= {*line.values(), line["city"].rpartition("/")[2]}]


def test_each_report_has_lines(told: dict[str, Lines]) -> None:
    assert [name for name, lines in told.items() if not lines] == WITHOUT_LINES
