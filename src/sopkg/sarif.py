"""An audit as SARIF (OASIS Static Analysis Results Interchange Format 2.1.0)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from sopkg import __version__
from sopkg.baseline import UNDETERMINED, Comparison
from sopkg.responses import said as said_of

Row = Mapping[str, Any]
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
# Section 3.27.24: what became of a result since the baseline.
STATES = {"new": "new", "worse": "updated", "same": "unchanged", "gone": "absent"}


def as_sarif(
    findings: Sequence[Row],
    kinds: Sequence[Row],
    rows: Mapping[tuple[str, str], Sequence[tuple[str, int]]],
    compared: Comparison | None,
) -> str:
    """The findings as one run: a rule for each kind, and a location for each row of a file that the evidence names.

    `rows` has file names and row numbers by city and gap.
    """
    place = {kind["notation"]: number for number, kind in enumerate(kinds)}
    told = [*findings, *(compared.gone if compared else ())]
    results = [_result(row, place, rows.get((row["city"], row["id"]), ()), compared) for row in told]
    driver = {"name": "sopkg", "semanticVersion": __version__, "rules": [_rule(kind) for kind in kinds]}
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
    return json.dumps(log, ensure_ascii=False, indent=1) + "\n"


def _rule(kind: Row) -> dict[str, Any]:
    return {
        "id": kind["notation"],
        "name": kind["label"],
        "shortDescription": {"text": kind["question"]},
        "fullDescription": {"text": kind["definition"]},
        "help": {"text": kind["remedy"]},
        "defaultConfiguration": {"level": LEVELS[kind["severity"]]},
    }


def _result(
    row: Row, place: Mapping[str, int], rows: Iterable[tuple[str, int]], compared: Comparison | None
) -> dict[str, Any]:
    """What can't be known is `open`, and then has no level (sections 3.27.9, 3.27.10)."""
    unknown = row["verdict"] == UNDETERMINED
    verdict = {"kind": "open", "level": "none"} if unknown else {"kind": "fail", "level": LEVELS[row["severity"]]}
    index = {"ruleIndex": place[row["notation"]]} if row["notation"] in place else {}
    said = f"{row['kindLabel']}: {row['about']} ({row['severity']}, {row['verdict']})"
    return {
        "ruleId": row["notation"],
        **index,
        **verdict,
        "message": {"text": f"{said}. `sopkg why {row['id']}` explains it."},
        "locations": _locations(row, list(rows)),
        "partialFingerprints": {"gap/v1": row["id"]},
        "suppressions": [_suppression(each) for each in row.get("responses", ())],
        **({"baselineState": _state(row, compared)} if compared else {}),
        "properties": {name: row[name] for name in ("city", "date", "severity", "verdict") if name in row},
    }


def _suppression(response: Row) -> dict[str, Any]:
    """A response as a suppression (section 3.35): what is claimed is under review."""
    return {"kind": "external", "status": response["suppression"], "justification": said_of(response)}


def _state(row: Row, compared: Comparison) -> str:
    """Beside a baseline every result has a state, that of an undetermined one by its being there."""
    return STATES.get(compared.state(row), "unchanged" if compared.stood(row) else "new")


def _locations(row: Row, rows: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    """The rows of the evidence; its record n is line n + 1, where no cell has a line break. The first has the focus."""
    logical = [{"fullyQualifiedName": each, "kind": "resource"} for each in row.get("focus", ())]
    files = [
        {"physicalLocation": {"artifactLocation": {"uri": quote(title)}, "region": {"startLine": number + 1}}}
        for title, number in rows
    ]
    first = {**(files[0] if files else {}), **({"logicalLocations": logical} if logical else {})}
    return [first, *files[1:]] if first else []
