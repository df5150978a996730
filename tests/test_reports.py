"""Reports agree with plain counts of the shipped tables' cells, made without the program."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from sopkg.catalog import query_files
from sopkg.settings import Settings
from sopkg.web import create_app
from tests.conftest import Demo

with open(Path(__file__).parent / "reports" / "counts.csv", encoding="utf-8", newline="") as table:
    COUNTS = list(csv.DictReader(table))
WITHOUT_ROWS = ["validation-results"]  # nothing in the demonstration breaks a shape


@pytest.fixture(scope="module")
def told(demo: Demo) -> Iterator[dict[str, list[dict[str, str]]]]:
    """The lines of every report over all cities, by its name."""
    app = create_app(Settings(store=demo.store, workers=1, allow_no_netns=True))
    yield {name: lines(app.test_client(), name) for name in query_files("reports")}
    app.extensions["sopkg"].pool.close()


def lines(client: FlaskClient, report: str) -> list[dict[str, str]]:
    return list(csv.DictReader(client.get(f"/queries/{report}?format=csv").text.splitlines()))


@pytest.mark.parametrize("report", sorted({row["report"] for row in COUNTS}))
def test_a_report_agrees_with_plain_counts(report: str, told: dict[str, list[dict[str, str]]]) -> None:
    for row in (row for row in COUNTS if row["report"] == report):
        mine = [line for line in told[report] if {*row["line"].split("; "), row["city"]} <= names(line)]
        assert [line[row["column"]] for line in mine] == [row["expected"]], row


def names(line: dict[str, str]) -> set[str]:
    """What a line is known by: its cells, and the name in the city's IRI."""
    return {*line.values(), line.get("city", "").rpartition("/")[2]}


def test_each_report_has_lines(told: dict[str, list[dict[str, str]]]) -> None:
    assert [name for name, rows in told.items() if not rows] == WITHOUT_ROWS
