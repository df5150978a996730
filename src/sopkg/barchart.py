"""A query's result as bars, where its shape allows: a column or two tell the lines apart, and another has numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Term = Mapping[str, Any]
Row = Mapping[str, Term]
MOST_BARS = 40
_MOST_LABELS = 2
WIDTH, LEFT, LINE = 940.0, 330.0, 22.0
_RIGHT = 110.0  # room for the numbers
_XSD = "http://www.w3.org/2001/XMLSchema#"
_NUMBERS = {f"{_XSD}{name}" for name in ("integer", "decimal", "double", "float", "nonNegativeInteger")}


@dataclass(frozen=True)
class Shape:
    """The columns of a result that a chart is made of: those that name a line, and that of its number."""

    labels: tuple[str, ...]
    number: str


def shape_of(columns: Sequence[str], rows: Sequence[Row]) -> Shape | None:
    """The columns to draw of a SELECT's solutions (SPARQL 1.1 Query Results JSON, 3.2), or None if there are none.

    A column that is the same in every line tells nothing and is left out. The number is the first column that holds
    numbers and nothing else, none below zero; a line may lack it. The labels are the first of the columns that hold
    texts, or where none does that hold IRIs: as many as no two lines have alike, and two at most.
    """
    telling = [name for name in columns if len({_key(row.get(name)) for row in rows}) > 1]
    numbers = [name for name in telling if all(_is_number(row[name]) for row in rows if name in row)]
    others = [name for name in telling if name not in numbers]
    texts = [name for name in others if any(row[name]["type"] != "uri" for row in rows if name in row)]
    if not numbers or any(_number(row[numbers[0]]) < 0 for row in rows if numbers[0] in row):
        return None
    for most in range(1, _MOST_LABELS + 1):
        labels = tuple((texts or others)[:most])
        if len(labels) == most and len({tuple(_key(row.get(name)) for name in labels) for row in rows}) == len(rows):
            return Shape(labels, numbers[0])
    return None


def bars(shape: Shape, rows: Sequence[Row]) -> list[tuple[list[Term], tuple[float | None, float]]]:
    """The first lines of a result in its own order: what names each, and its number with how long the bar is."""
    shown = rows[:MOST_BARS]
    numbers = [_number(row[shape.number]) if shape.number in row else None for row in shown]
    most = max((number for number in numbers if number), default=1.0)
    lengths = [round((WIDTH - LEFT - _RIGHT) * (number or 0.0) / most, 1) for number in numbers]
    named = [[row[name] for name in shape.labels if name in row] for row in shown]
    return list(zip(named, zip(numbers, lengths, strict=True), strict=True))


def _key(term: Term | None) -> tuple[str, str] | None:
    return None if term is None else (term["type"], term["value"])


def _is_number(term: Term) -> bool:
    return term.get("datatype") in _NUMBERS and math.isfinite(_number(term))


def _number(term: Term) -> float:
    return float(term["value"])
