"""Measures changes of one generated city, from a triple to the new gaps: `python -m tests.bench.changes FILE`."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyoxigraph import NamedNode, RdfFormat, Store, Triple, parse

from sopkg import reaudit
from sopkg.detect import Audit, detect
from sopkg.entail import entail
from sopkg.gapquery import GapQuery
from sopkg.negation import RDF_TYPE
from sopkg.pipeline import closed_ontology, data_rules, is_named, open_schema
from sopkg.reaudit import Audited
from sopkg.syntax import Triple as Pattern
from sopkg.turtle import store_of
from sopkg.update import checked_edit, closed_of
from sopkg.whatif import answer
from tests.bench.city import BASE, DATE, SOP
from tests.bench.reasoning import spread

EDITS = 60
WHOLE = {NamedNode(f"{SOP}{name}") for name in ("City", "GovernanceObject")}
SINGLE_KINDS, WHOLE_KINDS = "initiatives, actors, data", "objects, cities"
AUDIT = Audit(BASE, NamedNode(f"{BASE}observation/{DATE}"), DATE)
UPDATE = "DELETE DATA {{ {removed} . }} ; INSERT DATA {{ {added} . }}"


def main(path: Path) -> None:
    """Removes triples and adds them again; asks what would be; holds the findings against those of a full audit."""
    mine = audited(path)
    before = mine.findings()
    dice = random.Random(1)
    said = [quad.triple for quad in parse(path=str(path), format=RdfFormat.N_TRIPLES)]
    chosen = [each for each in dice.sample(said, 2 * EDITS) if not each.subject.value.startswith(statements())][:EDITS]
    asked, times = Asked(), Times()
    for triple in chosen:
        times.note("removed", asked, lambda triple=triple: mine.change(removed=[triple]))
        times.note("added", asked, lambda triple=triple: mine.change(added=[triple]))
    what_if = [asking(mine, triple) for triple in chosen[:20]]
    same = mine.findings() == before
    mine.change(removed=chosen)
    same = same and mine.findings() == from_scratch(mine)
    told = {name: spread(each) for name, each in times.milliseconds.items()}
    json.dump({"milliseconds": {**told, "what-if": spread(what_if)}, "same": same}, sys.stdout)


def statements() -> tuple[str, ...]:
    """Where the names of what sources say of themselves begin: half of a statement is none."""
    return tuple(f"{BASE}{name}" for name in ("scope", "absence", "shape", "constraint", "list", "denial"))


def audited(path: Path) -> Audited:
    """A city closed and audited."""
    known, store = {*closed_ontology()}, Store()
    store.bulk_load(path=str(path), format=RdfFormat.N_TRIPLES)
    asserted = [quad.triple for quad in store if quad.triple not in known]
    inferred = [each for each in entail(store, data_rules(), open_schema()).triples if is_named(each)]
    gaps = detect(store, AUDIT)
    return Audited(closed_of({"asserted": asserted, "inferred": inferred}), [], gaps, AUDIT, "")


def from_scratch(mine: Audited) -> dict[NamedNode, frozenset[Triple]]:
    """The findings of a full audit of what the graphs hold now."""
    store = store_of(quad.triple for quad in mine.closed.store)
    gaps = detect(store, AUDIT)
    return {each: frozenset(t for t in said) for each, said in by_subject(gaps).items() if is_finding(said)}


def by_subject(triples: list[Triple]) -> dict[Any, set[Triple]]:
    found: dict[Any, set[Triple]] = {}
    for triple in triples:
        found.setdefault(triple.subject, set()).add(triple)
    return found


def is_finding(said: set[Triple]) -> bool:
    return any(t.object == AUDIT.observation and t.predicate.value == f"{SOP}observation" for t in said) and any(
        t.predicate.value == f"{SOP}gap" for t in said
    )


def asking(mine: Audited, triple: Triple) -> float:
    """Milliseconds from a request to its answer: an update in words, the observation in memory."""
    other = Triple(triple.subject, triple.predicate, NamedNode(f"{BASE}other"))
    started = time.perf_counter()
    answer(mine, checked_edit("the update", UPDATE.format(removed=triple, added=other), 200))
    return 1000 * (time.perf_counter() - started)


class Asked:
    """How long each sort of kind was asked, since the last look."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys((SINGLE_KINDS, WHOLE_KINDS), 0.0)
        self.find = reaudit.find
        reaudit.find = self._timed

    def _timed(self, store: Store, gap: GapQuery, *others: Any) -> Any:
        started = time.perf_counter()
        found = self.find(store, gap, *others)
        self.seconds[sort(gap)] += time.perf_counter() - started
        return found


def sort(gap: GapQuery) -> str:
    """Whether a kind is about single things, or about objects or the city."""
    typed = [part for part in gap.positive.parts if isinstance(part, Pattern) and part.predicate == RDF_TYPE]
    whole = any(part.subject in gap.focus and part.object in WHOLE for part in typed)
    return WHOLE_KINDS if whole or gap.counted & set(gap.focus) else SINGLE_KINDS


class Times:
    """Milliseconds of each change, by what was done and which kinds are waited for."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, list[float]] = {}

    def note(self, name: str, asked: Asked, work: Callable[[], object]) -> None:
        asked.seconds = dict.fromkeys(asked.seconds, 0.0)
        started = time.perf_counter()
        work()
        whole = time.perf_counter() - started
        for each, other in ((SINGLE_KINDS, WHOLE_KINDS), (WHOLE_KINDS, SINGLE_KINDS)):
            seconds = whole - asked.seconds[other]
            self.milliseconds.setdefault(f"{name}: {each}", []).append(1000 * seconds)
        self.milliseconds.setdefault(f"{name}: all", []).append(1000 * whole)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
