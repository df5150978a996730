"""The constraint components as SPARQL: against another SHACL engine, and one case for each."""

from __future__ import annotations

import random
from pathlib import Path

import pyshacl
import pytest
import rdflib
from pyoxigraph import DefaultGraph, Literal, NamedNode, RdfFormat, Store, Triple

from sopkg.files import found
from sopkg.nodeshape import SH
from sopkg.schema import ontology_store
from sopkg.turtle import GENID, read_turtle, store_of
from sopkg.validate import conforms, report, validate
from tests.amount import one_in

CASES = Path(__file__).parent / "validate"
EX, SOP, XSD = "http://example.org/", "https://w3id.org/sopkg/ns#", "http://www.w3.org/2001/XMLSchema#"
TYPE = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
CORE = [triple for path in found("ontology", "core/*.ttl") for triple in read_turtle(path)]
HOUSE = [
    *CORE,
    *(triple for path in found("ontology", "shapes/observation.ttl") for triple in read_turtle(path)),
]
OTHERS = read_turtle(CASES / "shapes.ttl")


def local(iri: NamedNode) -> str:
    return iri.value.replace("#", "/").rsplit("/")[-1]


def as_rdflib(triples: list[Triple]) -> rdflib.Graph:
    """The triples with their blank nodes back: another engine knows a path by being one."""
    text = store_of(triples).dump(format=RdfFormat.N_TRIPLES, from_graph=DefaultGraph()).decode()
    graph = rdflib.Graph()
    for triple in rdflib.Graph().parse(data=text, format="nt"):
        graph.add(tuple(blank(node) for node in triple))
    return graph


def blank(node: rdflib.term.Node) -> rdflib.term.Node:
    return (
        rdflib.BNode(node.removeprefix(GENID))
        if isinstance(node, rdflib.URIRef) and node.startswith(GENID)
        else node
    )


def ours(data: list[Triple], schema: list[Triple]) -> set[tuple[str, ...]]:
    return {
        tuple(map(str, (r.focus_node, r.path, r.value, r.shape, r.component, r.severity)))
        for r in validate(store_of(data), store_of(schema))
    }


def theirs(data: list[Triple], schema: list[Triple], hierarchy: list[Triple]) -> set[tuple[str, ...]]:
    # The engine writes into what it is given.
    graph = pyshacl.validate(as_rdflib([*data, *hierarchy]), shacl_graph=as_rdflib(schema), inference="none")[
        1
    ]
    sh = rdflib.Namespace(SH)
    names = (
        sh.focusNode,
        sh.resultPath,
        sh.value,
        sh.sourceShape,
        sh.sourceConstraintComponent,
        sh.resultSeverity,
    )
    results = graph.subjects(rdflib.RDF.type, sh.ValidationResult)
    return {tuple(term(graph.value(each, name)) for name in names) for each in results}


def term(node: rdflib.term.Node | None) -> str:
    if node is None:
        return "None"
    if isinstance(node, rdflib.Literal):
        datatype = NamedNode(str(node.datatype)) if node.datatype else None
        return str(
            Literal(str(node), datatype=datatype)
            if not node.language
            else Literal(str(node), language=node.language)
        )
    return f"<{GENID}{node}>" if isinstance(node, rdflib.BNode) else f"<{node}>"


def random_city(seed: int) -> list[Triple]:
    """A few things of the observation vocabulary with values that fit and values that do not."""
    dice = random.Random(seed)
    nodes = [NamedNode(f"{EX}n{number}") for number in range(8)]
    classes = [
        "City",
        "Observation",
        "Department",
        "Company",
        "Initiative",
        "Engagement",
        "Contract",
        "Interaction",
        "ScopeStatement",
    ]
    data = [Triple(node, TYPE, NamedNode(SOP + dice.choice(classes))) for node in nodes]
    literals = [Literal("x"), Literal(1), Literal("-2.5", datatype=NamedNode(f"{XSD}decimal")), Literal(True)]
    literals += [Literal(text, datatype=NamedNode(f"{XSD}date")) for text in ("2020-01-01", "2020-02-31")]
    terms = [
        NamedNode(SOP + name)
        for name in ["Leading", "Supervisor", "Open", "SmartPeople", "Creation", "Complete", "Government"]
    ]
    names = [
        "city",
        "date",
        "actsAs",
        "onObject",
        "status",
        "inStage",
        "progress",
        "plannedStart",
        "actor",
        "role",
        "onInitiative",
        "party",
        "amount",
    ]
    names += ["completeness", "source", "safetyRelated", "proposals", "unitOf", "validFrom", "exercises"]
    predicates = [NamedNode(SOP + name) for name in names]
    predicates.append(NamedNode("http://www.w3.org/2000/01/rdf-schema#label"))
    for node in nodes:
        for predicate in dice.sample(predicates, 9):
            values = dice.sample([*literals, *terms, *nodes, *nodes], dice.choice([1, 1, 1, 2]))
            data += [Triple(node, predicate, value) for value in values]
    return data


def random_things(seed: int) -> list[Triple]:
    dice = random.Random(seed)
    nodes = [NamedNode(f"{EX}i{number}") for number in range(5)]
    data = [
        Triple(node, TYPE, NamedNode(EX + dice.choice(["Base", "Sub", "Sub", "Other"]))) for node in nodes
    ]
    for _ in range(12):
        data.append(
            Triple(dice.choice(nodes), NamedNode(EX + dice.choice("pq")), dice.choice([*nodes, Literal(1)]))
        )
        data.append(
            Triple(
                dice.choice(nodes),
                NamedNode(f"{EX}r"),
                dice.choice([nodes[0], Literal("abc"), Literal("bc")]),
            )
        )
    return data


@pytest.mark.parametrize("seed", one_in(4, range(12)))
def test_another_engine_finds_the_same_in_our_shapes(seed: int) -> None:
    data = random_city(seed)
    assert ours(data, HOUSE) == theirs(data, HOUSE, CORE)


@pytest.mark.parametrize("seed", one_in(4, range(12)))
def test_another_engine_finds_the_same_in_other_shapes(seed: int) -> None:
    data = random_things(seed)
    assert ours(data, OTHERS) == theirs(data, OTHERS, OTHERS)


def test_each_constraint_component_finds_what_breaks_it() -> None:
    results = validate(store_of(read_turtle(CASES / "bad.ttl")), ontology_store())
    lines = [f"{local(r.focus_node)} {local(r.path)} {local(r.component)}" for r in results]
    assert sorted(lines) == (CASES / "results.txt").read_text("utf-8").splitlines()
    assert not conforms(results)


def test_the_ontology_has_no_faults_of_its_own() -> None:
    assert validate(Store(), ontology_store()) == []


def test_the_report_is_what_shacl_calls_one() -> None:
    results = validate(store_of(read_turtle(CASES / "bad.ttl")), ontology_store())
    store = store_of(report(results, f"{EX}id/"))
    nodes = list(store.quads_for_pattern(None, TYPE, NamedNode(f"{SH}ValidationResult")))
    assert len(nodes) == len(results)
    shape = (CASES / "report-shape.ttl").read_text("utf-8")
    conforming, _, text = pyshacl.validate(
        as_rdflib([q.triple for q in store]), shacl_graph=rdflib.Graph().parse(data=shape)
    )
    assert conforming, text
