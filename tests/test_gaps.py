"""Each gap kind on its cases: has it, has it not, nearly has it, can't be known, contested."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyoxigraph import NamedNode, Triple

from sopkg.catalog import query_files
from sopkg.detect import Audit, detect
from sopkg.entail import entail
from sopkg.pipeline import data_rules, derive, open_schema
from sopkg.turtle import read_turtle, store_of
from tests.findings import Found, read_findings

CASES = Path(__file__).parent / "gaps"
BASE = "https://w3id.org/sopkg/id/t/"


def cases() -> list[Path]:
    """Every case: a Turtle file, or a folder of dated ones."""
    found = [path for folder in sorted(CASES.iterdir()) if folder.is_dir() for path in sorted(folder.iterdir())]
    assert found
    return found


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", cases(), ids=name)
def test_a_case_has_the_findings_that_it_expects(path: Path) -> None:
    text = last_file(path).read_text("utf-8")
    found = [each for each in audit(path) if each.query == path.parent.name]
    assert sorted(shown(each) for each in found if matters(each, text)) == sorted(expected(text))


def test_every_gap_query_has_cases_and_every_folder_a_query() -> None:
    assert {folder.name for folder in CASES.iterdir() if folder.is_dir()} == set(query_files("gaps"))


def last_file(path: Path) -> Path:
    return sorted(path.glob("*.ttl"))[-1] if path.is_dir() else path


def audit(path: Path) -> list[Found]:
    """The findings at the last date of a case, the earlier dates audited before it."""
    if path.is_file():  # one date needs the case's own kind only
        store, observation = store_of(read_turtle(path)), NamedNode(f"{BASE}observation/2024-06-30")
        entail(store, data_rules(), open_schema())
        gaps = detect(store, Audit(BASE, observation, "2024-06-30"), asked=[path.parent.name])
        return read_findings(gaps, observation)
    earlier: list[Triple] = []
    for file in sorted(path.glob("*.ttl")):  # a later one rests on what was found before
        asserted, observation = read_turtle(file), NamedNode(f"{BASE}observation/{file.stem}")
        gaps = derive(Audit(BASE, observation, file.stem), asserted, [], earlier).gaps
        earlier += gaps + [triple for triple in asserted if triple.subject == observation]
    return read_findings(gaps, observation)


def shown(found: Found) -> str:
    return " ".join([found.verdict, found.severity, *sorted(found.steps), *found.focus])


def matters(found: Found, text: str) -> bool:
    only = [line.removeprefix("# only: ").strip() for line in text.splitlines() if line.startswith("# only: ")]
    return all(any(term in found.focus for term in line.split()) for line in only)


def expected(text: str) -> Iterator[str]:
    lines = [line.removeprefix("# expect: ").strip() for line in text.splitlines() if line.startswith("# expect: ")]
    assert lines, "a case says what it expects"
    return (line for line in lines if line != "nothing")
