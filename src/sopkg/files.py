"""Finds the knowledge that Python carries: ontology, queries and cities, beside the code or in the checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sopkg.errors import InternalFault


@cache
def root() -> Path:
    """The folder that holds `ontology/`, `queries/` and `cities/`: in a wheel the package itself."""
    package = Path(__file__).parent
    return package if (package / "queries").is_dir() else package.parents[1]


def found(folder: str, pattern: str) -> list[Path]:
    """The files below a knowledge folder, by name; none at all is a broken installation."""
    paths = sorted((root() / folder).glob(pattern))
    if not paths:
        raise InternalFault(f"no {pattern} below {root() / folder}: the installation is incomplete")
    return paths


@cache
def system_query(name: str) -> str:
    """The text of one of the few queries that the program itself needs."""
    return (root() / "queries" / "system" / f"{name}.rq").read_text("utf-8")
