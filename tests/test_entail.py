"""The closure under the rule files: a case for each rule, another reasoner on random graphs, and odd graphs."""

from __future__ import annotations

import random
import time
from itertools import pairwise
from pathlib import Path

import owlrl
import pytest
import rdflib
from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Store, Triple, parse

from sopkg import entail as engine
from sopkg import equality
from sopkg.catalog import query_files
from sopkg.entail import Entailment, entail
from sopkg.pipeline import data_rules
from sopkg.rdfinput import read_graph
from sopkg.rules import ANSWERED, tags
from sopkg.turtle import read_turtle, store_of
from tests.amount import one_in
from tests.stores import graphs_of

HERE = Path(__file__).parent / "entail"
CASES = sorted((HERE / "cases").glob("*.trig"))
EX, TYPE = "http://example.org/", NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
OWL, RDF = "http://www.w3.org/2002/07/owl#", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
ABOVE = {f"{RDFS}subClassOf", f"{RDFS}subPropertyOf", f"{OWL}equivalentClass", f"{OWL}equivalentProperty"}
SAME = NamedNode(f"{OWL}sameAs")
RULES = tuple(query_files("entailment").values())
SCHEMA = store_of(read_turtle(HERE / "schema.ttl"))
PROPERTIES = ["above", "below", "near", "within", "inside", "owns", "fixed", "reaches", "mother", "number"]
CLASSES = ["A", "B", "C", "D", "E", "F", "Both", "Either", "Parent", "Fixed", "Inner", "Single"]
THINGS = [NamedNode(f"{EX}i{number}") for number in range(6)]


def closed(data: list[Triple], rules: tuple = RULES, schema: Store = SCHEMA) -> tuple[set[Triple], Entailment]:
    store = store_of(data)
    entailment = entail(store, rules, schema)
    return {quad.triple for quad in store}, entailment


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "among all"])
def test_rule(case: Path, alone: bool) -> None:
    rule = case.stem.partition(".")[0]
    # Through a store, which keeps numbers in canonical form.
    graphs = {name: [quad.triple for quad in store_of(triples)] for name, triples in graphs_of(case).items()}
    rules = (query_files("entailment")[rule],) if alone else RULES
    triples, entailment = closed(graphs[f"{EX}premise"], rules, Store())
    assert set(graphs.get(f"{EX}conclusion", [])) <= triples
    assert not set(graphs.get(f"{EX}nonconclusion", [])) & triples
    clashes = [set(each.triples) for each in entailment.inconsistencies if each.rule == rule]
    assert bool(clashes) == (f"{EX}clash" in graphs)
    assert any(set(graphs.get(f"{EX}clash", [])) <= each for each in clashes) or not clashes


def test_every_rule_has_a_case_and_is_of_the_profile() -> None:
    stored = {name for name, file in query_files("entailment").items() if ANSWERED not in tags(file)}
    assert {path.stem.partition(".")[0] for path in CASES} == stored
    assert len(query_files("entailment")) == 78


def random_data(seed: int) -> list[Triple]:
    dice = random.Random(seed)
    data = {
        Triple(dice.choice(THINGS), NamedNode(EX + dice.choice(PROPERTIES)), dice.choice(THINGS))
        for _ in range(dice.randrange(1, 12))
    }
    data |= {
        Triple(dice.choice(THINGS), TYPE, NamedNode(EX + dice.choice(CLASSES))) for _ in range(dice.randrange(4))
    }
    if dice.random() < 0.3:
        data.add(Triple(dice.choice(THINGS), SAME, dice.choice(THINGS)))
    return sorted(data, key=str)


def random_axioms(seed: int, keys: bool = True) -> list[Triple]:
    """Axioms of every kind over the same words, for data that has axioms of its own.

    Keys are left out for the other reasoner, to which things without a value of the key are the same too.
    """
    dice = random.Random(seed)
    classes = [NamedNode(EX + name) for name in (*CLASSES, "G", "H")]
    properties = [NamedNode(EX + name) for name in PROPERTIES]
    found: list[Triple] = []

    def say(subject: NamedNode, predicate: str, value: object) -> None:
        found.append(Triple(subject, NamedNode(predicate), value))

    def listed(members: list[NamedNode]) -> NamedNode:
        node = NamedNode(f"{RDF}nil")
        for member in reversed(members):
            rest, node = node, NamedNode(f"{EX}list{len(found)}")
            say(node, f"{RDF}first", member)
            say(node, f"{RDF}rest", rest)
        return node

    for number in range(dice.randrange(1, 6)):
        one, other = dice.sample(classes, 2)
        p, q = dice.sample(properties, 2)
        restriction = NamedNode(f"{EX}G{number}")
        match dice.randrange(12):
            case 0:
                say(one, f"{RDFS}subClassOf", other)
            case 1:
                say(p, f"{RDFS}subPropertyOf", q)
            case 2:
                say(one, f"{OWL}equivalentClass", other)
            case 3:
                say(p, f"{OWL}equivalentProperty", q)
            case 4:
                say(one, OWL + dice.choice(["unionOf", "intersectionOf"]), listed(dice.sample(classes, 3)))
            case 5:
                say(p, f"{OWL}propertyChainAxiom", listed([q, dice.choice(properties), p][: dice.randrange(2, 4)]))
            case 6:
                say(restriction, OWL + dice.choice(["someValuesFrom", "allValuesFrom"]), other)
                say(restriction, f"{OWL}onProperty", p)
                say(one, f"{RDFS}subClassOf", restriction)
            case 7:
                say(p, RDFS + dice.choice(["domain", "range"]), one)
            case 8:
                kinds = ["FunctionalProperty", "InverseFunctionalProperty", "SymmetricProperty", "TransitiveProperty"]
                say(p, TYPE.value, NamedNode(OWL + dice.choice(kinds)))
            case 9:
                say(one, f"{OWL}hasKey", listed([p, q])) if keys else say(p, f"{OWL}inverseOf", q)
            case 10:
                say(*dice.choice([(one, SAME.value, other), (p, SAME.value, q)]))
            case 11:
                say(dice.choice(THINGS), SAME.value, dice.choice(THINGS))
    return found


def by_the_other_reasoner(data: list[Triple]) -> set[Triple]:
    graph = rdflib.Graph()
    for store in (store_of(data), SCHEMA):
        graph.parse(store.dump(format=RdfFormat.N_TRIPLES, from_graph=DefaultGraph()), format="nt")
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics).expand(graph)
    named = (t for t in graph if all(isinstance(term, rdflib.URIRef) for term in t))
    return {Triple(*(NamedNode(str(term)) for term in triple)) for triple in named}


def telling(triples: set[Triple]) -> set[str]:
    """What both reasoners are to agree on.

    Not: that things are the same as themselves, and classes and properties below or equivalent to themselves under
    any name (the other one leaves some of these out); literals (the other one rewrites them); what the other one says
    of the language's own words.
    """
    same = {(t.subject, t.object) for t in triples if t.predicate == SAME}
    things = (t for t in triples if str(t.subject).startswith(f"<{EX}") and isinstance(t.object, NamedNode))
    told = (t for t in things if t.predicate.value.startswith(EX) or t.subject != t.object)
    ours = (t for t in told if t.predicate.value not in ABOVE or (t.subject, t.object) not in same)
    return {str(t) for t in ours if not t.object.value.startswith(RDFS)}


@pytest.mark.parametrize("seed", one_in(3, range(25)))
def test_another_reasoner_infers_the_same(seed: int) -> None:
    data = random_data(seed)
    assert telling(closed(data)[0]) == telling(by_the_other_reasoner(data))


@pytest.mark.parametrize("seed", one_in(4, range(300, 360)))
def test_another_reasoner_infers_the_same_where_data_has_axioms(seed: int) -> None:
    data = list(dict.fromkeys([*random_data(seed), *random_axioms(seed, keys=False)]))
    assert telling(closed(data)[0]) == telling(by_the_other_reasoner(data))


@pytest.mark.parametrize("seed", one_in(3, range(100, 130)))
def test_what_is_inferred_is_new_and_complete(seed: int) -> None:
    data = list(dict.fromkeys([*random_data(seed), *(random_axioms(seed) if seed % 2 else [])]))
    everything, entailment = closed(data)
    inferred = list(entailment.triples)
    assert len(inferred) == len(set(inferred)) == sum(entailment.counts.values())
    assert not set(inferred) & ({quad.triple for quad in SCHEMA} | set(data))
    assert everything == set(inferred) | {quad.triple for quad in SCHEMA} | set(data)
    assert not list(closed(sorted(everything, key=str))[1].triples)


@pytest.mark.parametrize("seed", one_in(3, range(200, 220)))
def test_order_does_not_matter_and_more_data_never_takes_away(seed: int) -> None:
    data = [*random_data(seed), *random_axioms(seed)]
    mixed, rules = random.Random(seed).sample(data, len(data)), random.Random(seed).sample(RULES, len(RULES))
    store = store_of(mixed)
    entail(store, rules, SCHEMA)
    everything = closed(data)[0]
    assert {quad.triple for quad in store} == everything
    assert closed(data[1:])[0] <= everything


@pytest.mark.parametrize("seed", one_in(3, range(400, 415)))
def test_rewriting_to_one_name_is_what_the_rules_of_equality_say(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = [*random_data(seed), *random_axioms(seed), Triple(THINGS[0], SAME, THINGS[1])]
    rewritten = closed(data)[0]
    monkeypatch.setattr(engine, "EQUALITY_RULES", {"as the rules stand"})
    engine._known.clear()
    assert rewritten == closed(data)[0]
    engine._known.clear()


def test_a_long_chain_is_closed_in_few_rounds() -> None:
    chain = [
        Triple(NamedNode(f"{EX}i{n}"), NamedNode(f"{EX}within"), NamedNode(f"{EX}i{n + 1}"))
        for n in range(40)
    ]
    everything, entailment = closed(chain)
    assert len([t for t in everything if t.predicate.value == f"{EX}within"]) == 40 * 41 // 2
    assert entailment.rounds < 10


def test_blank_nodes_come_back_as_they_were() -> None:
    node = BlankNode("r")
    data = [
        Triple(node, NamedNode(f"{OWL}hasValue"), Literal(1)),
        Triple(node, NamedNode(f"{OWL}onProperty"), NamedNode(f"{EX}p")),
        Triple(THINGS[0], NamedNode(f"{EX}p"), Literal(1)),
    ]
    everything, entailment = closed(data)
    assert Triple(THINGS[0], TYPE, node) in everything
    assert Triple(THINGS[0], TYPE, node) in set(entailment.triples)
    assert "genid" not in "".join(map(str, everything - {quad.triple for quad in SCHEMA}))


LISTS = {
    "circle": "_:l rdf:first :A ; rdf:rest _:l .",
    "fork": "_:l rdf:first :A , :B ; rdf:rest ( :C ) .",
    "two ends": "_:l rdf:first :A ; rdf:rest ( :B ) , ( :C ) .",
    "open": "_:l rdf:first :A ; rdf:rest _:m . _:m rdf:first :B .",
    "literal": "_:l rdf:first :A ; rdf:rest 5 .",
}


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_that_is_none_is_told_and_does_no_harm(kind: str) -> None:
    prefixes = f"@prefix : <{EX}> . @prefix rdf: <{RDF}> . @prefix owl: <{OWL}> ."
    text = f"{prefixes} :Odd owl:intersectionOf _:l . {LISTS[kind]} :i0 a :A , :B , :C ."
    data = [quad.triple for quad in parse(text, RdfFormat.TURTLE)]
    everything, entailment = closed(data)
    assert len(entailment.malformed_lists) == 1
    assert Triple(THINGS[0], TYPE, NamedNode(f"{EX}Odd")) not in everything


def test_a_long_list_is_used_whole() -> None:
    text = f"@prefix : <{EX}> . @prefix owl: <{OWL}> . :All owl:intersectionOf ( "
    text += " ".join(f":L{n}" for n in range(100)) + " ) . :i0 a " + " , ".join(f":L{n}" for n in range(100))
    data = [quad.triple for quad in parse(f"{text} .", RdfFormat.TURTLE)]
    assert Triple(THINGS[0], TYPE, NamedNode(f"{EX}All")) in closed(data)[0]


def test_a_long_list_of_classes_without_a_name_is_used_whole_in_time() -> None:
    classes = " ".join(f"[ owl:onProperty :p{n} ; owl:hasValue :v{n} ]" for n in range(150))
    text = f"@prefix : <{EX}> . @prefix owl: <{OWL}> . :All owl:intersectionOf ( {classes} ) . :i0 "
    text += " ; ".join(f":p{n} :v{n}" for n in range(150))
    start = time.process_time()
    data = read_graph(f"{text} .".encode(), RdfFormat.TURTLE)
    assert Triple(THINGS[0], TYPE, NamedNode(f"{EX}All")) in closed(data, data_rules(), Store())[0]
    assert time.process_time() - start < 5


def test_many_names_of_one_thing_do_not_blow_up() -> None:
    count = 20 * equality.MOST_NAMES
    names = [NamedNode(f"{EX}n{n}") for n in range(count)]
    said = Triple(names[7], NamedNode(f"{EX}number"), Literal(7))
    data = [*(Triple(one, SAME, other) for one, other in pairwise(names)), said]
    everything, entailment = closed(data)
    assert len(everything) < 5 * count
    assert entailment.too_many_names == [frozenset(names)]
    assert set(data) <= everything


def test_few_names_of_one_thing_all_have_what_is_said_of_it() -> None:
    names = [NamedNode(f"{EX}n{n}") for n in range(20)]
    number = NamedNode(f"{EX}number")
    links = [Triple(one, SAME, other) for one, other in pairwise(names)]
    everything = closed([*links, Triple(names[7], number, Literal(7))])[0]
    assert {Triple(name, number, Literal(7)) for name in names} <= everything
    assert len([t for t in everything if t.predicate == SAME]) == 20 * 19


def test_data_is_closed_without_what_is_true_of_everything() -> None:
    everything = closed([Triple(THINGS[0], TYPE, NamedNode(f"{EX}A"))], data_rules())[0]
    assert Triple(THINGS[0], TYPE, NamedNode(f"{EX}B")) in everything
    assert Triple(THINGS[0], TYPE, NamedNode(f"{OWL}Thing")) not in everything


def test_an_axiom_that_follows_from_data_is_followed() -> None:
    """A property becomes transitive since it belongs to a class of such."""
    store = store_of([Triple(NamedNode(EX + "a"), NamedNode(EX + "p"), NamedNode(EX + "b"))])
    store.add(Quad(NamedNode(EX + "b"), NamedNode(EX + "p"), NamedNode(EX + "c")))
    store.add(Quad(NamedNode(EX + "p"), TYPE, NamedNode(EX + "Order")))
    store.add(Quad(NamedNode(EX + "Order"), NamedNode(f"{RDFS}subClassOf"), NamedNode(f"{OWL}TransitiveProperty")))
    entail(store, data_rules(), Store())
    assert Quad(NamedNode(EX + "a"), NamedNode(EX + "p"), NamedNode(EX + "c")) in store
