"""The rewrites of negation change no answer: random queries as written, and rewritten and printed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest
import rdflib
from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, Store

from sopkg.catalog import query_files
from sopkg.gapquery import gap_queries, readings
from sopkg.negation import Fanout, joined, measure, nest
from sopkg.printer import print_query
from sopkg.reader import read_query
from sopkg.syntax import Group, Query, Select
from tests.amount import one_in

Rewrite = Callable[[Group, Fanout], Group]

EX = "http://example.org/"
PATHS = [
    "ex:p",
    "ex:q",
    "ex:r",
    "ex:p/ex:q",
    "^ex:p",
    "ex:p|ex:q",
    "ex:p/^ex:r",
    "(ex:p|ex:q)/ex:r",
    "^(ex:p/ex:q)",
    "ex:p+",
    "ex:q?/ex:r",
]
TYPE = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
OUTER, INNER, CONSTANTS = ["?a", "?b", "?o"], ["?x", "?y", "?z"], ["ex:n0", "ex:n1", "ex:C"]


def random_graph(dice: random.Random) -> Store:
    nodes = [NamedNode(f"{EX}n{number}") for number in range(5)]
    predicates = [NamedNode(f"{EX}{name}") for name in "pqr"]
    store = Store()
    for _ in range(dice.randrange(1, 16)):
        store.add(Quad(dice.choice(nodes), dice.choice(predicates), dice.choice(nodes)))
    for node in dice.sample(nodes, 2):
        store.add(Quad(node, TYPE, NamedNode(f"{EX}C")))
    return store


def random_pattern(dice: random.Random, terms: list[str]) -> str:
    if dice.random() < 0.15:
        return f"{dice.choice(terms)} a ex:C ."
    ends = dice.choice(terms), dice.choice(terms + CONSTANTS[:2])
    subject, value = ends if dice.random() < 0.9 else reversed(ends)
    return f"{subject} {dice.choice(PATHS)} {value} ."


def random_test(dice: random.Random, terms: list[str]) -> str:
    one, other = dice.choice(terms), dice.choice(terms + CONSTANTS)
    tests = f"{one} != {other}", f"{one} = {other} || {one} = ex:n2", f"!BOUND({one})", f"BOUND({one})"
    return f"FILTER({dice.choice(tests)})"


def random_negation(dice: random.Random, depth: int = 0) -> str:
    terms = OUTER + INNER
    # Some bodies hang on nothing outside.
    local = INNER if dice.random() < 0.15 else terms
    parts = [random_pattern(dice, local) for _ in range(dice.randrange(1, 4))]
    parts += [random_test(dice, terms) for _ in range(dice.randrange(0, 2))]
    if depth < 2 and dice.random() < 0.35:
        parts.append(random_negation(dice, depth + 1))
    dice.shuffle(parts)
    return f"FILTER {dice.choice(['NOT EXISTS', 'NOT EXISTS', 'EXISTS'])} {{ {' '.join(parts)} }}"


def random_query(dice: random.Random) -> str:
    parts = [random_pattern(dice, ["?a", "?b"]) for _ in range(dice.randrange(1, 4))]
    if dice.random() < 0.4:
        branches = (f"{random_pattern(dice, [*OUTER, '?c'])} ?a ex:r {dice.choice(CONSTANTS[:2])} ." for _ in range(2))
        parts.append(" UNION ".join(f"{{ {branch} }}" for branch in branches))
    if dice.random() < 0.2:
        counted = f"?a ex:p ?c . {random_pattern(dice, ['?c', '?d'])}"
        parts.append(f"{{ SELECT ?a (COUNT(?c) AS ?o) WHERE {{ {counted} }} GROUP BY ?a }}")
    elif dice.random() < 0.6:
        parts.append(f"OPTIONAL {{ ?a {dice.choice(PATHS[:4])} ?o . }}")
    parts.append(random_negation(dice))
    return f"PREFIX ex: <{EX}> SELECT ?a ?b ?o WHERE {{ {' '.join(parts)} }}"


def rows(store: Store, query: str) -> Counter[str]:
    return Counter(str([row["a"], row["b"], row["o"]]) for row in store.query(query))


def guessed(group: Group, _: Fanout) -> Group:
    """Joined by counts that are wrong, of which no answer may hang."""
    dice = random.Random(len(str(group)))
    sizes = {NamedNode(EX + name): (dice.randrange(1, 9), dice.randrange(1, 5), dice.randrange(1, 5)) for name in "pqr"}
    return joined(group, Fanout(sample=sizes.__getitem__, matches=lambda _: dice.randrange(9), enough=0))


def rewritten(query: Query, store: Store, rewrite: Rewrite = nest) -> str:
    assert isinstance(query, Select)
    return print_query(Select(query.projection, rewrite(query.where, measure(store))))


@pytest.mark.parametrize("rewrite", [nest, joined, guessed])
@pytest.mark.parametrize("seed", one_in(3, range(15)))
def test_rewritten_negation_gives_the_rows_of_the_query_as_written(seed: int, rewrite: Rewrite) -> None:
    dice = random.Random(seed)
    for _ in range(100):
        store, text = random_graph(dice), random_query(dice)
        printed = rewritten(read_query(text), store, rewrite)
        assert rows(store, printed) == rows(store, text), f"{text}\n{printed}"


@pytest.mark.parametrize("seed", range(3))
def test_reading_and_printing_changes_nothing(seed: int) -> None:
    dice = random.Random(seed + 100)
    for _ in range(100):
        store, text = random_graph(dice), random_query(dice)
        printed = print_query(read_query(text))
        assert rows(store, printed) == rows(store, text), f"{text}\n{printed}"
        assert print_query(read_query(printed)) == printed


def test_another_engine_reads_the_nested_query_alike() -> None:
    dice = random.Random(7)
    for _ in range(40):
        store, text = random_graph(dice), random_query(dice)
        printed = rewritten(read_query(text), store)
        data = store.dump(format=RdfFormat.N_TRIPLES, from_graph=DefaultGraph())
        graph = rdflib.Graph().parse(data, format="nt")
        assert Counter(map(tuple, graph.query(printed))) == Counter(map(tuple, graph.query(text))), (
            f"{text}\n{printed}"
        )


@pytest.mark.parametrize("name", sorted(query_files("gaps")))
def test_where_nothing_is_known_of_the_data_any_engine_can_be_asked(name: str) -> None:
    assert "LATERAL" not in print_query(readings(gap_queries()[name], {}, Fanout()))


def test_a_filter_waits_for_what_some_rows_leave_unbound() -> None:
    store = Store()
    for ends in (("a", "r", "z"), ("a", "p", "x"), ("x", "q", "n2")):
        store.add(Quad(*(NamedNode(EX + name) for name in ends)))
    negated = "FILTER NOT EXISTS { ?a ex:p ?b . ?b ex:q ?o . FILTER(?o = ex:n2) }"
    text = f"PREFIX ex: <{EX}> SELECT ?a ?c ?o WHERE {{ ?a ex:r ?c OPTIONAL {{ ?a ex:none ?o }} {negated} }}"
    assert list(store.query(text)) == list(store.query(rewritten(read_query(text), store))) == []
