"""Rows as a table for a terminal, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence

WIDEST = 60
# What a spreadsheet takes for a formula where a cell begins with it (OWASP, CSV Injection).
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
Row = Mapping[str, object]


def as_table(rows: Sequence[Row]) -> str:
    """The rows in aligned columns, a long cell cut with an ellipsis; a line says so where there are none."""
    if not rows:
        return "no rows\n"
    lines = [list(rows[0]), *([_cell(row[name]) for name in rows[0]] for row in rows)]
    widths = [min(WIDEST, max(len(line[place]) for line in lines)) for place in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    return "".join(_line(line, widths) for line in lines)


def _line(cells: list[str], widths: list[int]) -> str:
    shown = (_cut(cell, width).ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(shown).rstrip() + "\n"


def _cut(cell: str, width: int) -> str:
    return cell if len(cell) <= width else cell[: width - 1] + "…"


def _cell(value: object) -> str:
    return "" if value is None else " ".join(str(_flat(value)).split())


def _flat(value: object) -> object:
    """A cell of several values has them side by side."""
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else value


def as_csv(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """The rows as CSV (RFC 4180), cells whole; a header without rows where there are none.

    A text that a spreadsheet would take for a formula has an apostrophe before it, which makes it a text there.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _no_formula(_flat(value)) for name, value in row.items()} for row in rows)
    return out.getvalue()


def _no_formula(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.lstrip("'").startswith(_FORMULAS) else value


def as_written(cell: str) -> str:
    """A cell of such CSV as it was before: without the apostrophe that keeps it from being a formula."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(_FORMULAS) else cell


def as_json(told: Sequence[Row] | Row) -> str:
    """Rows as a JSON array, or one answer as an object."""
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"
