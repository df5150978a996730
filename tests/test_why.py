"""Why a gap is one: the derived text against one written by hand, and the soundness of what is derived."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from pyoxigraph import Quad, RdfFormat, Triple, parse

from sopkg.answers import Answers
from sopkg.catalog import query_files
from sopkg.detect import Finding
from sopkg.syntax import Triple as Pattern
from sopkg.verdicts import Verdict
from sopkg.why import Explanation, solved
from tests.amount import one_in
from tests.test_gaps import BASE, CASES, cases, name
from tests.why.audited import Audited, audited, filled, terms, whole

WRITTEN = Path(__file__).parent / "why"
TEXTS = sorted(WRITTEN.glob("*.txt"))
SPOKEN = ("subject", "predicate", "object")
# A folder's earlier audits take their time: a few of them do.
FOLDERS = {"has-it", "has-it-by-a-function", "presumed"}
PATHS = one_in(9, [path for path in cases() if path.is_file() or path.name in FOLDERS])


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_the_derived_text_is_the_one_written_by_hand(path: Path) -> None:
    assert "\n".join(told(path.stem, "text")) == path.read_text("utf-8")


def test_every_kind_has_a_text() -> None:
    assert {path.stem.partition(".")[0] for path in TEXTS} == set(query_files("gaps"))


@pytest.mark.parametrize("path", one_in(4, TEXTS), ids=lambda path: path.stem)
def test_turtle_says_what_json_says(path: Path) -> None:
    for said, turtle in zip(told(path.stem, "json"), told(path.stem, "turtle"), strict=True):
        assert statements(turtle) == triples_of(json.loads(said)["why"])


@pytest.mark.parametrize("path", one_in(4, TEXTS), ids=lambda path: path.stem)
def test_turtle_and_text_say_how_the_data_was_read(path: Path) -> None:
    for said, turtle, text in zip(*(told(path.stem, form) for form in ("json", "turtle", "text")), strict=True):
        read = json.loads(said)["why"]["readAs"]
        assert readings_in(turtle) == {each["reading"] for each in read}
        assert ("How the data was read:" in text) == bool(read)


@pytest.mark.parametrize("path", one_in(4, TEXTS), ids=lambda path: path.stem)
def test_json_says_what_made_the_verdict_as_the_text_does(path: Path) -> None:
    for said, text in zip(told(path.stem, "json"), told(path.stem, "text"), strict=True):
        lines = [f"  - {line}" for line in json.loads(said)["because"]]
        assert "\n".join(["What made the verdict:", *lines, "What would close it:"]) in text


@pytest.mark.parametrize("path", PATHS, ids=name)
def test_evidence_and_misses_are_in_the_graphs(path: Path) -> None:
    case = audited(path)
    assert [triple for _, why in explained(path) for triple in shown(why) if not case.holds(triple)] == []


@pytest.mark.parametrize("path", PATHS, ids=name)
def test_what_was_looked_for_closes_the_gap_when_it_is_there(path: Path) -> None:
    for finding, why in explained(path):
        assert not why.searches or why.more_readings or is_closed(path, finding, why)


@pytest.mark.parametrize("path", PATHS, ids=name)
def test_nothing_meets_the_norm_but_where_a_source_denies_it(path: Path) -> None:
    for finding, why in explained(path):
        assert meets_norm(audited(path), why) == (finding.verdict is Verdict.CONTESTED and bool(why.searches))


@pytest.mark.parametrize("stem", sorted(query_files("gaps")))
def test_without_any_triple_of_its_evidence_a_reading_fails(stem: str) -> None:
    case = audited(case_of(stem))
    finding, why = explained(case_of(stem))[0]
    assert [triple for triple in of_the_data(why) if is_read_without(case, finding, why, triple)] == []


def case_of(stem: str) -> Path:
    """`kind.case` names a case of a kind, `kind` the one that has it."""
    kind, _, case = stem.partition(".")
    folder = CASES / kind / (case or "has-it")
    return folder if folder.is_dir() else folder.with_suffix(".ttl")


@cache
def answers(stem: str) -> Answers:
    """The answers over a case, published."""
    return whole(case_of(stem)).answers()


def told(stem: str, form: str) -> list[str]:
    """The explanations of a case's findings, by their identifiers."""
    return [answers(stem).why(found, form) for found in sorted(f.identifier for f in audited(case_of(stem)).found)]


@cache
def explained(path: Path) -> list[tuple[Finding, Explanation]]:
    """A case's findings with their explanations, of which none may be missing."""
    found = [(finding, audited(path).explained(finding)) for finding in audited(path).found]
    assert all(why is not None for _, why in found)
    return [(finding, why) for finding, why in found if why is not None]


def shown(why: Explanation) -> list[Pattern]:
    """Every triple that an explanation shows."""
    evidence = [triple for reading in why.readings for triple in reading.evidence]
    near = [triple for search in why.searches for miss in search.misses for triple in miss.found]
    return evidence + near + [triple for search in why.searches for each in search.found for triple in each]


def is_closed(path: Path, finding: Finding, why: Explanation) -> bool:
    """Whether the gap is gone once what was looked for is there; where a source denies it, it is contested."""
    added = frozenset(triple for search in why.searches for triple in filled(search))
    left = [each for each in audited(path, added).found if each.identifier == finding.identifier]
    return all(each.verdict is Verdict.CONTESTED for each in left)


def meets_norm(case: Audited, why: Explanation) -> bool:
    """Whether the data holds what was looked for."""
    return any(list(solved(case.data, search.pattern, 1)) for search in why.searches)


def of_the_data(why: Explanation) -> list[Triple]:
    """The evidence of the first reading about the city's own things: not what the ontology says."""
    evidence = (Triple(*terms(triple)) for triple in why.readings[0].evidence)
    return [triple for triple in evidence if str(triple.subject)[1:].startswith(BASE)]


def is_read_without(case: Audited, finding: Finding, why: Explanation, triple: Triple) -> bool:
    """Whether the first reading is still one without a triple."""
    held = [quad for quad in (Quad(*terms(triple), graph) for graph in case.data.graphs) if quad in case.store]
    for quad in held:
        case.store.remove(quad)
    rest = case.explained(finding)
    case.store.extend(held)
    return rest is not None and why.readings[0].row in [reading.row for reading in rest.readings]


def triples_of(why: dict[str, list[dict[str, list[dict[str, str]]]]]) -> list[tuple[str, ...]]:
    """The triples of an explanation in JSON, with the graph of each."""
    groups = [each["triples"] for each in why["evidence"]] + [each["found"] for each in why["nearestMisses"]]
    return sorted(tuple(t[n] for n in (*SPOKEN, "graph")) for group in groups for t in group)


def readings_in(turtle: str) -> set[str]:
    """The readings that an explanation in Turtle names."""
    read = (quad for quad in parse(turtle, RdfFormat.TURTLE) if quad.predicate.value.endswith("#underReading"))
    return {str(quad.object).strip("<>") for quad in read}


def statements(turtle: str) -> list[tuple[str, ...]]:
    """The triples that an explanation in Turtle speaks of, with the graph of each."""
    said: dict[object, dict[str, str]] = {}
    for quad in parse(turtle, RdfFormat.TURTLE):
        said.setdefault(quad.subject, {})[quad.predicate.value.rpartition("#")[2]] = str(quad.object)
    spoken = [each for each in said.values() if "subject" in each]
    return sorted(tuple(each[n].strip("<>" * (n == "inGraph")) for n in (*SPOKEN, "inGraph")) for each in spoken)
