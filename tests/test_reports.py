"""Reports agree with plain counts of the shipped tables' cells, made without the program."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.conftest import Demo, Sopkg

with open(Path(__file__).parent / "reports" / "counts.csv", encoding="utf-8", newline="") as table:
    COUNTS = list(csv.DictReader(table))


@pytest.mark.parametrize("report", sorted({row["report"] for row in COUNTS}))
def test_a_report_agrees_with_a_plain_count(report: str, demo: Demo, sopkg: Sopkg) -> None:
    mine = [row for row in COUNTS if row["report"] == report]
    told = sopkg(demo.store, "ask", report, "-p", f"city={mine[0]['city']}", "--format", "csv").stdout
    lines = list(csv.DictReader(told.splitlines()))
    for row in mine:
        assert [line[row["column"]] for line in lines if row["line"] in line.values()] == [row["expected"]], row
