"""The cells of the model as a heat map: what is on record against what is expected, objects by stages and subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sopkg.cube import Cube
from sopkg.languages import Language

Row = Mapping[str, Any]
_LEVELS = 4  # of colour: one more for each digit of a count


def heat_map(cube: Cube, language: Language) -> dict[str, Any]:
    """The table of one observation's cells, in the reader's language."""
    stages, subjects, objects = (_words(cube, name) for name in ("stage", "subject", "object"))
    at = {(row["object"], row["stage"], row["subject"]): row for row in cube.cells}
    return {
        "stages": [language.named("stage", each) for each in stages],
        "subjects": [language.named("subject", each) for each in subjects],
        "rows": [
            {
                "object": language.named("object", each),
                "otherwise": any(row["readOtherwise"] for row in cube.cells if row["object"] == each),
                "cells": [_cell(at[each, stage, subject], language) for stage in stages for subject in subjects],
            }
            for each in objects
        ],
    }


def otherwise(cube: Cube, language: Language) -> list[str]:
    """The other senses in which a city takes an object of the model."""
    readings = dict.fromkeys(each for row in cube.cells for each in row["readOtherwise"])
    return [language.named("reading", each) for each in readings]


def _words(cube: Cube, name: str) -> Sequence[str]:
    return list(dict.fromkeys(row[name] for row in cube.cells))


def _cell(row: Row, language: Language) -> dict[str, Any]:
    observed, expected, verdict = row["observed"], row["expected"] or 0, row["verdict"].replace(" ", "_")
    gaps = row["gaps"] or row["undetermined"]
    sign = language.message(f"cells.sign_{verdict}")
    return {
        "heat": "unrecorded" if observed is None else f"heat{min(_LEVELS, len(str(observed))) if observed else 0}",
        "lacking": bool(expected) and observed == 0,
        "observed": "?" if observed is None else language.number(observed),
        "norms": language.counted("cells.norms", expected) if expected else "",
        "sign": f"{sign} {language.number(gaps)}" if gaps else sign,
        "said": _said(row, language, verdict),
        "href": _evidence(row),
    }


def _evidence(row: Row) -> str:
    """The address of what a cell counts: its gaps, else the engagements on record, else what is expected."""
    addresses = row["addresses"]
    if row["gaps"] or row["undetermined"]:
        return str(addresses["evidence"])
    return str(addresses["engagements"] if row["observed"] else addresses["norms"])


def _said(row: Row, language: Language, verdict: str) -> str:
    """The cell in a sentence, for who does not see it."""
    observed = row["observed"]
    recorded = (
        language.message("cells.not_recorded") if observed is None else language.counted("cells.on_record", observed)
    )
    names = (language.named(name, row[name]) for name in ("subject", "object", "stage"))
    gaps = [language.counted("cells.gaps", row["gaps"])] if row["gaps"] else []
    expected = language.counted("cells.norms", row["expected"] or 0)
    return ", ".join([*names, recorded, expected, *gaps, language.message(f"cells.{verdict}")])
