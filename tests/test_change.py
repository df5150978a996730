"""Changes of a closed graph: after each the graphs hold what a closure from scratch gives."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

import pytest
from pyoxigraph import NamedNode, Quad, Store, Triple

from sopkg.change import Closed
from sopkg.entail import Entailment, Inconsistency, entail
from sopkg.pipeline import data_rules
from sopkg.turtle import read_turtle, store_of
from tests.amount import one_in
from tests.test_entail import EX, SAME, SCHEMA, THINGS, random_axioms, random_data

SAID, INFERRED, ONTOLOGY = (NamedNode(f"{EX}graph/{name}") for name in ("asserted", "inferred", "ontology"))
CLOSED_SCHEMA = Store()
entail(CLOSED_SCHEMA, data_rules(), SCHEMA)


CLASHING = store_of(read_turtle(Path(__file__).parent / "change" / "clashes.ttl"))
CLASHING.extend(SCHEMA)
entail(CLASHING, data_rules(), Store())


def entailed(data: set[Triple], schema: Store = CLOSED_SCHEMA) -> Entailment:
    return entail(store_of(sorted(data, key=str)), data_rules(), schema)


def closure(data: set[Triple], schema: Store = CLOSED_SCHEMA) -> set[Triple]:
    return set(entailed(data, schema).triples)


def published(data: set[Triple], schema: Store = CLOSED_SCHEMA) -> Closed:
    store = Store()
    known = ((SAID, data), (INFERRED, closure(data, schema)), (ONTOLOGY, {quad.triple for quad in schema}))
    for graph, triples in known:
        store.extend(Quad(t.subject, t.predicate, t.object, graph) for t in triples)
    return Closed(store, data_rules(), SAID, INFERRED, [ONTOLOGY])


def inferred(closed: Closed) -> set[Triple]:
    return {quad.triple for quad in closed.store.quads_for_pattern(None, None, None, INFERRED)}


@pytest.mark.parametrize("seed", one_in(4, range(600, 640)))
def test_after_each_change_the_graphs_are_closed(seed: int) -> None:
    """Data alone, data with owl:sameAs, and axioms that come and go."""
    dice = random.Random(seed)
    pool = {*random_data(seed), *random_data(seed + 1000), *(random_axioms(seed) if seed % 2 else [])}
    pool -= {quad.triple for quad in CLOSED_SCHEMA}
    data = set(dice.sample(sorted(pool, key=str), len(pool) // 2))
    closed = published(data)
    for _ in range(8):
        out = set(dice.sample(sorted(data, key=str), min(len(data), dice.randrange(3))))
        new = set(dice.sample(sorted(pool - data, key=str), min(len(pool - data), dice.randrange(3))))
        before = inferred(closed)
        changed = closed.change(new, out)
        data = (data - out) | new
        assert inferred(closed) == closure(data)
        assert changed.added == inferred(closed) - before
        assert changed.removed == before - inferred(closed)


@pytest.mark.parametrize("seed", one_in(4, range(800, 820)))
def test_what_clashes_is_told_when_it_comes(seed: int) -> None:
    """What clashed at some time and still holds is what clashes in a closure from scratch."""
    dice = random.Random(seed)
    pool = {*random_data(seed), Triple(THINGS[0], SAME, THINGS[1]), Triple(THINGS[4], SAME, THINGS[5])}
    data = set[Triple]()
    closed = published(data, CLASHING)
    seen = set[tuple[str, frozenset[Triple]]]()
    for _ in range(12):
        out = set(dice.sample(sorted(data, key=str), min(len(data), dice.randrange(3))))
        new = set(dice.sample(sorted(pool - data, key=str), min(len(pool - data), dice.randrange(5))))
        seen |= clashes(closed.change(new, out).inconsistencies)
        data = (data - out) | new
        held = data | closure(data, CLASHING) | {quad.triple for quad in CLASHING}
        assert {each for each in seen if each[1] <= held} == clashes(entailed(data, CLASHING).inconsistencies)
    assert seen


def clashes(found: Iterable[Inconsistency]) -> set[tuple[str, frozenset[Triple]]]:
    """What clashes, as a store gives it back."""
    return {(each.rule, frozenset(quad.triple for quad in store_of(each.triples))) for each in found}


def test_what_is_said_and_follows_is_inferred_when_it_is_no_longer_said() -> None:
    inside, within = NamedNode(f"{EX}inside"), NamedNode(f"{EX}within")
    both = {Triple(THINGS[0], inside, THINGS[1]), Triple(THINGS[0], within, THINGS[1])}
    closed = published(both)
    closed.change(removed=[Triple(THINGS[0], within, THINGS[1])])
    assert Triple(THINGS[0], within, THINGS[1]) in inferred(closed)


def test_a_circle_does_not_hold_itself_up() -> None:
    near = NamedNode(f"{EX}near")
    closed = published({Triple(THINGS[0], near, THINGS[1])})
    closed.change(removed=[Triple(THINGS[0], near, THINGS[1])])
    assert inferred(closed) == set()


def test_names_come_and_go() -> None:
    above = Triple(THINGS[0], NamedNode(f"{EX}above"), THINGS[1])
    same = Triple(THINGS[1], SAME, THINGS[2])
    closed = published({above})
    closed.change(added=[same])
    assert Triple(THINGS[0], above.predicate, THINGS[2]) in inferred(closed)
    closed.change(removed=[same])
    assert inferred(closed) == closure({above})


@pytest.mark.parametrize("seed", one_in(2, range(700, 710)))
def test_data_alone_is_never_closed_from_scratch(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = set(random_data(seed)) | {Triple(THINGS[3], SAME, THINGS[4])}
    closed = published(data)
    monkeypatch.delattr(Closed, "change_from_scratch")
    for triple in sorted(data, key=str):
        closed.change(removed=[triple])
        assert inferred(closed) == closure(data - {triple})
        closed.change(added=[triple])
        assert inferred(closed) == closure(data)
