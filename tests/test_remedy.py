"""What would close a gap: for each kind the statements, with something in each slot, close it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyoxigraph import NamedNode, Variable
from test_reaudit import DATE, FOLDERS, audited

from sopkg.auditgraphs import Dataset
from sopkg.gapquery import Ground, gap_queries, parameters
from sopkg.reaudit import Audited
from sopkg.remedy import Closing, Slot, as_update, closings
from sopkg.turtle import read_turtle
from sopkg.update import FOLLOWS, MODEL, SAID, checked_edit
from sopkg.why import Explanation, explain
from sopkg.wording import Speaker
from tests.amount import one_in
from tests.test_gaps import last_file

ROUNDS = 3


def case_of(folder: Path) -> Path:
    """The case of a kind that plainly has it, else the first one."""
    cases = {path.stem: path for path in sorted(folder.iterdir(), reverse=True)}
    return next((cases[each] for each in ("has-it", "presumed", "confirmed") if each in cases), min(cases.values()))


@pytest.mark.parametrize("folder", one_in(2, FOLDERS), ids=lambda each: each.name)
def test_the_statements_close_the_gap(folder: Path) -> None:
    gap = gap_queries()[folder.name]
    if gap.lack is None or gap.inherits is not None:
        pytest.skip("no statement closes this kind: its evidence is the gap, or it rests on earlier gaps")
    mine = audited(list(dict.fromkeys(read_turtle(last_file(case_of(folder))))))
    finding, focus = next((found, key) for found, (name, key) in mine.focuses.items() if name == folder.name)
    for number in range(ROUNDS):  # an explanation tells a few readings of the evidence only
        explanation = explained(mine, finding)
        if explanation is None:
            break
        for each in closings(data := dataset(mine), explanation.searches, Speaker(data)):
            assert not any("?" in slot.wanted for slot in each.slots)  # a variable's name is no word for a reader
            checked_edit("the update", as_update(each, number, "http://example.org/"), 200)
            mine.change(each.filled(chosen(each, f"{folder.name}-{number}")), [])
    assert (folder.name, focus) not in mine.focuses.values()


def dataset(mine: Audited) -> Dataset:
    return Dataset(mine.closed.store, [SAID, FOLLOWS, MODEL])


def explained(mine: Audited, finding: NamedNode) -> Explanation | None:
    """The explanation of a finding; None where it is closed."""
    if finding not in mine.focuses:
        return None
    name, focus = mine.focuses[finding]
    (gap,) = (each for each in mine.gaps if each.file.name == name)
    given = parameters(DATE, mine.kinds[gap.kind].thresholds)
    return explain(dataset(mine), gap, given, dict(zip(gap.focus, focus, strict=True)))


def chosen(closing: Closing, name: str) -> dict[Variable, Ground]:
    return {slot.variable: choice(slot, name) for slot in closing.slots}


def choice(slot: Slot, name: str) -> Ground:
    return slot.options[0] if slot.options else NamedNode(f"http://example.org/{name}/{slot.variable.value}")
