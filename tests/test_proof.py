"""Proofs: there is one for everything that follows; the given triples suffice for it, and none of them is too many."""

from __future__ import annotations

import json
import random

import pytest
from pyoxigraph import NamedNode, Quad, RdfFormat, Store, Triple, parse

from sopkg.entail import entail
from sopkg.pipeline import closed_ontology, data_rules, is_named, open_schema
from sopkg.proof import Proof, Prover, as_record, as_text, as_turtle
from sopkg.turtle import ontology, store_of
from tests.amount import one_in
from tests.bench.generate import generate
from tests.test_entail import EX, SAME, SCHEMA, THINGS, TYPE, random_axioms, random_data

SAID, INFERRED, ONTOLOGY = (NamedNode(f"{EX}graph/{name}") for name in ("asserted", "inferred", "ontology"))


def published(data: list[Triple]) -> tuple[Prover, list[Triple]]:
    """A prover over graphs of their own, and what follows."""
    working = store_of(data)
    inferred = list(entail(working, data_rules(), SCHEMA).triples)
    store = Store()
    for graph, triples in ((SAID, data), (ONTOLOGY, [quad.triple for quad in SCHEMA]), (INFERRED, inferred)):
        store.extend(Quad(t.subject, t.predicate, t.object, graph) for t in triples)
    return Prover(store, data_rules(), [SAID, ONTOLOGY], [INFERRED]), inferred


def follows(given: list[Triple], triple: Triple) -> bool:
    store = store_of(given)
    entail(store, data_rules(), Store())
    return Quad(triple.subject, triple.predicate, triple.object) in store


def never_rests_on_itself(proof: Proof, above: frozenset[Triple] = frozenset()) -> bool:
    if proof.triple in above:
        return False
    return all(never_rests_on_itself(each, above | {proof.triple}) for each in proof.premises)


@pytest.mark.parametrize("seed", one_in(3, range(500, 515)))
def test_what_follows_has_a_proof_that_needs_just_what_it_names(seed: int) -> None:
    prover, inferred = published(list(dict.fromkeys([*random_data(seed), *random_axioms(seed)])))
    for triple in random.Random(seed).sample(inferred, min(len(inferred), 25)):
        proofs = prover.proofs(triple, 3)
        assert proofs
        assert [p.depth for p in proofs] == sorted(p.depth for p in proofs)
        assert all(map(never_rests_on_itself, proofs))
    for proof in proofs:
        assert follows(list(proof.given), triple)
        assert not any(follows([each for each in proof.given if each != taken], triple) for taken in proof.given)


@pytest.mark.parametrize("seed", range(520, 524))
def test_what_does_not_follow_has_none_and_what_is_given_needs_none(seed: int) -> None:
    data = random_data(seed)
    prover, _ = published(data)
    assert prover.proofs(Triple(THINGS[0], NamedNode(f"{EX}nothing"), THINGS[1])) == []
    assert [(p.rule, p.graph) for p in prover.proofs(data[0])] == [(None, SAID)]


def test_being_the_same_as_itself_is_answered() -> None:
    prover, _ = published([Triple(THINGS[0], NamedNode(f"{EX}above"), THINGS[1])])
    (proof,) = prover.proofs(Triple(THINGS[1], SAME, THINGS[1]))
    assert proof.rule == "eq-ref"
    assert prover.proofs(Triple(THINGS[5], SAME, THINGS[5])) == []


def test_a_proof_is_written_in_three_forms() -> None:
    data = [Triple(THINGS[0], NamedNode(f"{EX}inside"), THINGS[1])]
    prover, _ = published(data)
    proofs = prover.proofs(Triple(THINGS[1], TYPE, NamedNode(f"{EX}A")), 2)
    record = json.loads(json.dumps(as_record(proofs[0])))
    assert record["rule"]
    assert record["graph"] == INFERRED.value
    lines = as_text(proofs[0]).splitlines()
    assert lines[0].startswith(str(THINGS[1]))
    assert all(line.startswith("  ") for line in lines[1:])
    rules = {quad.object.value for quad in parse(as_turtle(proofs, EX), RdfFormat.TURTLE)}
    assert {proofs[0].rule, str(EX) + "i1"} <= rules


def test_what_a_city_infers_has_proofs_that_lead_through_classes_without_names(tmp_path) -> None:
    path = tmp_path / "city.nt"
    generate(path, 20_000, 1)
    asserted = [quad.triple for quad in parse(path=path, format=RdfFormat.N_TRIPLES)]
    working = store_of([*asserted, *closed_ontology()])
    inferred = [t for t in entail(working, data_rules(), open_schema()).triples if is_named(t)]
    store = Store()
    for graph, triples in ((SAID, asserted), (ONTOLOGY, closed_ontology()), (INFERRED, inferred)):
        store.extend(Quad(t.subject, t.predicate, t.object, graph) for t in triples)
    known = frozenset(closed_ontology()) - set(ontology())
    prover = Prover(store, data_rules(), [SAID, ONTOLOGY], [INFERRED], known)
    assert all(prover.proofs(triple) for triple in one_in(6, inferred))
