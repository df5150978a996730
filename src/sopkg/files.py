"""Finds the knowledge that Python carries: ontology, queries and cities, beside the code or in the checkout."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from sopkg.errors import InternalFault

ONTOLOGY_VARIABLE, CITIES_VARIABLE, BASE_VARIABLE = "SOPKG_ONTOLOGY", "SOPKG_CITIES", "SOPKG_BASE"
WRITTEN_BASE = "https://w3id.org/sopkg/"
"""What every IRI of ours begins with in the files."""
BASE = os.environ.get(BASE_VARIABLE) or WRITTEN_BASE
"""What it begins with in this process: known before anything is read, since a term is an IRI from the start."""
# In a regular expression of a shape the points are escaped, and the backslashes too.
_IN_PATTERNS = WRITTEN_BASE.replace(".", r"\\."), BASE.replace(".", r"\\.")
OWN_CITIES = Path("cities")


@cache
def root() -> Path:
    """The folder that holds `ontology/`, `queries/` and `cities/`: in a wheel the package itself."""
    package = Path(__file__).parent
    return package if (package / "queries").is_dir() else package.parents[1]


def place(folder: str) -> Path:
    """Where a knowledge folder is: the ontology may be elsewhere, as the service says."""
    first, _, rest = folder.partition("/")
    elsewhere = os.environ.get(ONTOLOGY_VARIABLE) if first == "ontology" else None
    return Path(elsewhere, rest) if elsewhere else root() / folder


def own_cities() -> Path:
    """The folder of the cities that are not shipped."""
    return Path(os.environ.get(CITIES_VARIABLE) or OWN_CITIES)


def found(folder: str, pattern: str) -> list[Path]:
    """The files below a knowledge folder, by name; none at all is a broken installation."""
    paths = sorted(place(folder).glob(pattern))
    if not paths:
        raise InternalFault(f"no {pattern} below {place(folder)}: the installation is incomplete")
    return paths


def rebased(text: bytes) -> bytes:
    """A text of ours with the base that is set in place of the one that it is written with."""
    for written, ours in ((WRITTEN_BASE, BASE), _IN_PATTERNS):
        text = text.replace(written.encode(), ours.encode())
    return text


def knowledge(path: Path) -> str:
    """The text of a file of ours, or of one's own ontology or city, with the base that is set."""
    return rebased(path.read_bytes()).decode("utf-8")


@cache
def system_query(name: str) -> str:
    """The text of one of the few queries that the program itself needs."""
    return knowledge(root() / "queries" / "system" / f"{name}.rq")
