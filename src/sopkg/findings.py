"""The findings of an audit as rows: one each, the worst first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sopkg.cities import city_key
from sopkg.detect import focus_of
from sopkg.terms import local

GRADES = ("low", "medium", "high", "critical")
VERDICTS = ("confirmed", "presumed", "contested", "undetermined")
Row = dict[str, Any]


def grouped(rows: Sequence[Row]) -> list[Row]:
    """One row a finding, its focus in the order of its key."""
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        each = found.setdefault((row["id"], row["date"]), {**row, "labels": {}, "objects": {}})
        each["labels"][row["focus"]] = row["focusLabel"] or local(row["focus"])
        if row["object"]:
            each["objects"][row["object"]] = None
    return sorted((_finding(each) for each in found.values()), key=_badness)


def _finding(row: Row) -> Row:
    focus = [term.value for term in focus_of(row["key"])]
    return {
        "id": row["id"],
        "city": city_key(row["city"]),
        "date": row["date"],
        "notation": row["notation"],
        "kindLabel": row["kindLabel"],
        "severity": row["severity"],
        "verdict": row["verdict"],
        "about": " · ".join(row["labels"].get(iri, local(iri)) for iri in focus),
        "focus": focus,
        "focusKey": row["key"],
        "objects": list(row["objects"]),
        "kind": row["kind"],
        "gap": row["gap"],
    }


def _badness(row: Row) -> tuple[bool, int, int, str, str]:
    unsettled, sure = row["verdict"] == "undetermined", VERDICTS.index(row["verdict"])
    return unsettled, -GRADES.index(row["severity"]), sure, row["city"], row["id"]
