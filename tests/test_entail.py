"""The closure under the rule files: against another reasoner on small random graphs, and against itself."""

from __future__ import annotations

import random
from pathlib import Path

import owlrl
import pytest
import rdflib
from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, Store, Triple

from sopkg.catalog import query_files, read_query_file
from sopkg.entail import Entailment, Instance, entail, rule_instances
from sopkg.printer import print_query
from sopkg.turtle import read_turtle, store_of

CASES = Path(__file__).parent / "entail"
EX, TYPE = "http://example.org/", NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
SAME = NamedNode("http://www.w3.org/2002/07/owl#sameAs")
RULES = (*query_files("entailment").values(), read_query_file(CASES / "rules" / "cls-int1.rq"))
SCHEMA = store_of(read_turtle(CASES / "schema.ttl"))
PROPERTIES = ["above", "below", "near", "within", "inside", "owns", "fixed", "reaches"]
CLASSES = ["A", "B", "C", "D", "E", "F", "Both"]


def random_data(seed: int) -> list[Triple]:
    dice = random.Random(seed)
    things = [NamedNode(f"{EX}i{number}") for number in range(6)]
    data = {
        Triple(dice.choice(things), NamedNode(EX + dice.choice(PROPERTIES)), dice.choice(things))
        for _ in range(dice.randrange(1, 12))
    }
    data |= {
        Triple(dice.choice(things), TYPE, NamedNode(EX + dice.choice(CLASSES)))
        for _ in range(dice.randrange(4))
    }
    if dice.random() < 0.3:
        data.add(Triple(dice.choice(things), SAME, dice.choice(things)))
    return sorted(data, key=str)


def closed(data: list[Triple]) -> tuple[set[Triple], Entailment]:
    store = store_of(data)
    entailment = entail(store, RULES, SCHEMA)
    return {quad.triple for quad in store}, entailment


def about_things(triples: set[Triple]) -> set[str]:
    """What is said of the things of the data in the schema's words, apart from being the same as itself."""
    known = {f"<{EX}{name}>" for name in (*PROPERTIES, *CLASSES)} | {str(SAME)}
    return {
        str(t)
        for t in triples
        if str(t.subject).startswith(f"<{EX}i")
        and str(t.object if t.predicate == TYPE else t.predicate) in known
        if not (t.predicate == SAME and t.subject == t.object)
    }


def by_the_other_reasoner(data: list[Triple]) -> set[Triple]:
    graph = rdflib.Graph()
    for store in (store_of(data), SCHEMA):
        graph.parse(store.dump(format=RdfFormat.N_TRIPLES, from_graph=DefaultGraph()), format="nt")
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics).expand(graph)
    named = (t for t in graph if all(isinstance(term, rdflib.URIRef) for term in t))
    return {Triple(*(NamedNode(str(term)) for term in triple)) for triple in named}


@pytest.mark.parametrize("seed", range(25))
def test_another_reasoner_infers_the_same(seed: int) -> None:
    data = random_data(seed)
    assert about_things(closed(data)[0]) == about_things(by_the_other_reasoner(data))


@pytest.mark.parametrize("seed", range(100, 130))
def test_what_is_inferred_is_new_and_complete(seed: int) -> None:
    data = random_data(seed)
    everything, entailment = closed(data)
    inferred = list(entailment.triples)
    assert len(inferred) == len(set(inferred)) == sum(entailment.counts.values())
    assert not set(inferred) & ({quad.triple for quad in SCHEMA} | set(data))
    assert everything == set(inferred) | {quad.triple for quad in SCHEMA} | set(data)
    assert not list(closed(sorted(everything, key=str))[1].triples)


@pytest.mark.parametrize("seed", range(200, 220))
def test_order_does_not_matter_and_more_data_never_takes_away(seed: int) -> None:
    data = random_data(seed)
    mixed, rules = random.Random(seed).sample(data, len(data)), random.Random(seed).sample(RULES, len(RULES))
    store = store_of(mixed)
    entail(store, rules, SCHEMA)
    everything = closed(data)[0]
    assert {quad.triple for quad in store} == everything
    assert closed(data[1:])[0] <= everything


def test_a_long_chain_is_closed_in_few_rounds() -> None:
    chain = [
        Triple(NamedNode(f"{EX}i{n}"), NamedNode(f"{EX}within"), NamedNode(f"{EX}i{n + 1}"))
        for n in range(40)
    ]
    everything, entailment = closed(chain)
    assert len([t for t in everything if t.predicate.value == f"{EX}within"]) == 40 * 41 // 2
    assert entailment.rounds < 10


def test_every_application_follows_from_earlier_ones() -> None:
    data = random_data(3)
    entailment = closed(data)[1]
    assert [each.number for each in entailment.applications] == [
        n + 1 for n in range(len(entailment.applications))
    ]
    store = store_of([*data, *(quad.triple for quad in SCHEMA)])
    instances = {rule.name: rule_instances(rule, SCHEMA) for rule in RULES}
    for application in entailment.applications:
        made = {t for each in instances[application.rule] for t in follows(store, each)}
        assert set(application.triples) <= made
        store.extend(Quad(t.subject, t.predicate, t.object) for t in application.triples)


def follows(store: Store, instance: Instance) -> set[Triple]:
    return set(store.query(print_query(instance.query)))
