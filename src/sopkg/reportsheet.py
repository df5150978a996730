"""A report as a workbook: what is in a cell is a text or a number, never a formula or a link."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sopkg.errors import Unavailable
from sopkg.report import Report

_WIDTHS = {"about": 48, "reason": 70, "question": 44, "remedy": 44, "summary": 70, "graph": 80, "sha256": 68}
_EPOCH = datetime(1980, 1, 1)
Table = tuple[Sequence[str], Iterable[Mapping[str, object]]]


def workbook(report: Report, findings: Sequence[Mapping[str, object]], columns: Sequence[str]) -> bytes:
    """The sheets of a report. Raises Unavailable without XlsxWriter."""
    try:
        from xlsxwriter import Workbook
    except ImportError as error:
        raise Unavailable("a report as a workbook needs XlsxWriter: pip install 'sopkg[report]'") from error
    held = io.BytesIO()
    never = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with Workbook(held, never) as book:
        book.set_properties({"title": report.name, "created": _EPOCH})
        head, text = book.add_format({"bold": True, "bottom": 1}), book.add_format({"text_wrap": True, "valign": "top"})
        for name, (heads, rows) in tables(report, findings, columns).items():
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            for place, column in enumerate(heads):
                sheet.write_string(0, place, column, head)
                sheet.set_column(place, place, _WIDTHS.get(column, 18))
            last = 0
            for last, row in enumerate(rows, 1):
                for place, column in enumerate(heads):
                    _write(sheet, last, place, row[column], text)
            sheet.autofilter(0, 0, last, len(heads) - 1)
    return held.getvalue()


def _write(sheet: object, row: int, column: int, value: object, form: object) -> None:
    write = sheet.write_number if isinstance(value, int | float) else sheet.write_string  # type: ignore[attr-defined]
    write(row, column, value if isinstance(value, int | float) else "" if value is None else str(value), form)


def tables(report: Report, findings: Sequence[Mapping[str, object]], columns: Sequence[str]) -> dict[str, Table]:
    """Each sheet by its name: its columns and its rows."""
    said = report.language.message
    notes = ("report.lead", "layout.absence", "layout.undetermined")
    given = {"city": report.label, "date": report.language.day(report.date)}
    lines = [{"report": said(key, **given) if key == "report.lead" else said(key)} for key in notes]
    cell = ("object", "stage", "subject", "expected", "observed", "gaps", "undetermined", "open", "verdict")
    kind = ("notation", "label", "question", "definition", "remedy", "locator", "settled", "unknown")
    evidence = [{"id": row["id"], "line": text} for row in report.settled for depth, text in row["body"] if depth]
    return {
        "Report": (("report",), lines),
        "Findings": (columns, findings),
        "Evidence": (("id", "line"), evidence),
        "Kinds": (kind, report.kinds),
        "Cells": (cell, report.cube.cells),
        "Sources": (("source", "file", "rows", "licence", "note"), report.sources),
        "Queries": (("name", "summary", "sha256"), report.queries),
        "Data": (("step", "graph"), report.graphs),
    }
