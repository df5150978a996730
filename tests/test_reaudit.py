"""Re-audit: after each change the findings are those of an audit from scratch, and a change is undone whole."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from pyoxigraph import NamedNode, Triple

from sopkg.change import Closed
from sopkg.detect import Audit, detect
from sopkg.gapquery import gap_queries
from sopkg.pipeline import closed_ontology, derive
from sopkg.reaudit import Audited
from sopkg.turtle import GENID, read_turtle, store_of
from sopkg.update import closed_of
from tests.amount import one_in
from tests.test_gaps import BASE, CASES, last_file, name

DATE = "2024-06-30"
AUDIT = Audit(BASE, NamedNode(f"{BASE}observation/{DATE}"), DATE)
FOLDERS = sorted(folder for folder in CASES.iterdir() if folder.is_dir())
EDITS = 4


def sampled(folder: Path) -> Path:
    """One case of a kind, another one for each kind."""
    return random.Random(folder.name).choice(sorted(folder.glob("*.ttl")) or sorted(folder.iterdir()))


def pool(case: Path) -> list[Triple]:
    """What can be added: the triples of some neighbours of a case, which speak of the same things."""
    near = random.Random(case.name).sample(sorted(case.parent.iterdir()), min(3, len(list(case.parent.iterdir()))))
    return sorted({triple for each in (case, *near) for triple in read_turtle(last_file(each))}, key=str)


def some(dice: random.Random, triples: set[Triple]) -> list[Triple]:
    """Up to two; half of a shape would be no shape."""
    whole = sorted((each for each in triples if GENID not in str(each)), key=str)
    return dice.sample(whole, min(len(whole), dice.randrange(3)))


def audited(asserted: list[Triple]) -> Audited:
    derived = derive(AUDIT, asserted, [], asked=gap_queries())
    closed = closed_of({"asserted": asserted, "inferred": derived.inferred})
    return Audited(closed, [], derived.gaps, AUDIT, "", gap_queries())


def from_scratch(closed: Closed) -> dict[NamedNode, frozenset[Triple]]:
    """The findings of what the graphs hold now."""
    gaps = detect(store_of(quad.triple for quad in closed.store), AUDIT, asked=gap_queries())
    findings = {triple.subject for triple in gaps if triple.object == AUDIT.observation}
    return {each: frozenset(t for t in gaps if t.subject == each) for each in findings - {AUDIT.observation}}


@pytest.mark.parametrize("folder", one_in(9, FOLDERS), ids=lambda each: each.name)
def test_after_each_change_the_findings_are_those_of_an_audit_from_scratch(folder: Path) -> None:
    case = sampled(folder)
    dice, known = random.Random(folder.name), {*closed_ontology()}
    asserted = [triple for triple in read_turtle(last_file(case)) if triple not in known]
    added = [triple for triple in pool(case) if triple not in known]
    mine, said = audited(list(dict.fromkeys(asserted))), set(asserted)
    for _ in range(EDITS):
        out, new, before = some(dice, said), some(dice, set(added) - said), mine.findings()
        change, now = mine.change(new, out), mine.findings()
        assert change.before == {each: told for each, told in before.items() if now.get(each) != told}
        assert change.after == {each: told for each, told in now.items() if before.get(each) != told}
        said = (said - set(out)) | set(new)
    assert now == from_scratch(mine.closed), name(case)
    mine.undo()
    assert mine.findings() == before
