"""A caller's query with its negation nested gives the same rows: random queries of every form, and odd ones by hand."""

from __future__ import annotations

import random
import time
from collections import Counter
from functools import partial

import pytest
from pyoxigraph import NamedNode, Quad, QueryBoolean, QueryTriples, Store

from sopkg.negation import Fanout
from sopkg.rewriting import nested
from sopkg.sampling import Samples
from tests.amount import one_in
from tests.test_negation import EX, INNER, OUTER, random_graph, random_pattern, random_test

SEEDS = one_in(40, range(400))
GRAPHS = [NamedNode(f"{EX}g{number}") for number in range(2)]
# What may stand in a body beside patterns: it then stays as it is, and what is negated further in does not.
OTHERS = [
    "OPTIONAL {{ {0} }}",
    "MINUS {{ {0} }}",
    "{{ {0} }} UNION {{ {1} }}",
    "GRAPH ?g {{ {0} }}",
    "BIND(?a AS ?w) {0}",
    "VALUES ?x {{ ex:n0 ex:n3 }} {0}",
    "{{ SELECT ?x WHERE {{ {0} }} }}",
    "?x ex:p [ ex:q ?y ; ex:r [] ] , ?z .",
    "_:b ex:p ?x . ?x ex:q _:b .",
    "?x ?p ?y . ?y ex:p* ?z .",
    "?x !(ex:p|^ex:q) ?y .",
    "?x ex:p* ?y . ?y ex:q? ex:n1 .",
    "# FILTER(?x) {{\n {0}",
    '?x ex:p "NOT EXISTS {{" .',
]


def dataset(dice: random.Random) -> Store:
    """A default graph and two named ones."""
    store = random_graph(dice)
    for graph in GRAPHS:
        store.extend(Quad(each.subject, each.predicate, each.object, graph) for each in random_graph(dice))
    return store


def negation(dice: random.Random, depth: int = 0) -> str:
    terms = OUTER + INNER
    parts = [random_pattern(dice, terms) for _ in range(dice.randrange(1, 4))]
    parts += [random_test(dice, terms) for _ in range(dice.randrange(0, 2))]
    if dice.random() < 0.2:
        parts.append(dice.choice(OTHERS).format(random_pattern(dice, terms), random_pattern(dice, terms)))
    if depth < 2 and dice.random() < 0.4:
        parts.append(negation(dice, depth + 1))
    dice.shuffle(parts)
    exists = f"{dice.choice(['NOT EXISTS', 'NOT  exists', 'EXISTS'])} {{ {' '.join(parts)} }}"
    forms = f"FILTER {exists}", f"FILTER({exists} || BOUND(?y) && ?a != ?b)", f"FILTER(!({exists}))"
    return dice.choice(forms)


def pattern(dice: random.Random) -> str:
    path = dice.choice(["ex:p", "ex:q", "^ex:r", "ex:p/ex:q", "ex:p|ex:r", "ex:q+"])
    return f"?a {path} {dice.choice(['?b', '?a', 'ex:n1'])} ."


def where(dice: random.Random, depth: int = 0) -> str:
    parts = [pattern(dice) for _ in range(dice.randrange(1, 3))]
    parts += [negation(dice)] if dice.random() < 0.8 else []
    around = [
        lambda: f"OPTIONAL {{ {where(dice, depth + 1)} }}",
        lambda: f"OPTIONAL {{ ?a {dice.choice(['ex:p', 'ex:q'])} ?o }}",
        lambda: f"{{ {where(dice, depth + 1)} }} UNION {{ {where(dice, depth + 1)} }}",
        lambda: f"MINUS {{ {where(dice, depth + 1)} }}",
        lambda: f"GRAPH ?g {{ {where(dice, depth + 1)} }}",
        lambda: f"{{ SELECT DISTINCT ?a ?o WHERE {{ {where(dice, depth + 1)} }} ORDER BY ?a ?o LIMIT 2 }}",
        lambda: f"BIND({negation(dice).removeprefix('FILTER')} AS ?k{dice.randrange(10**6)})",
        lambda: "VALUES (?a ?o) { (ex:n0 UNDEF) (ex:n1 ex:n2) (ex:n9 ex:n0) }",
    ]
    for _ in range(dice.randrange(0, 3) if depth < 2 else 0):
        parts.insert(dice.randrange(len(parts) + 1), dice.choice(around)())
    return " ".join(parts)


def query(dice: random.Random) -> str:
    body, from_ = where(dice), dice.choice(["", "", f"FROM <{GRAPHS[0].value}> FROM NAMED <{GRAPHS[1].value}>"])
    heads = [
        f"SELECT * {from_} WHERE {{ {body} }}",
        f"SELECT DISTINCT ?a ?b ?o {from_} WHERE {{ {body} }} ORDER BY ?a ?b DESC(?o) LIMIT 3 OFFSET 1",
        f"SELECT ?a (COUNT(*) AS ?n) {from_} WHERE {{ {body} }} GROUP BY ?a HAVING(COUNT(*) > 1)",
        f"ASK {from_} {{ {body} }}",
        f"CONSTRUCT {{ ?a ex:made ?b }} {from_} WHERE {{ {body} }}",
    ]
    return f"PREFIX ex: <{EX}>\n{dice.choice(heads)}"


def unknown(_: object) -> Fanout:
    """The sizes of data that nobody has looked at."""
    return Fanout()


def answered(store: Store, text: str) -> Counter[str]:
    found = store.query(text)
    if isinstance(found, QueryBoolean):
        return Counter([str(bool(found))])
    if isinstance(found, QueryTriples):
        return Counter(map(str, found))
    names = [each.value for each in found.variables]
    return Counter(str([(name, row[name]) for name in names]) for row in found)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_nested_query_gives_the_rows_of_the_query_as_written(seed: int) -> None:
    dice, changed, compared = random.Random(seed), 0, 0
    for _ in range(60):
        store, text = dataset(dice), query(dice)
        try:
            expected = answered(store, text)
        except SyntaxError:
            continue  # a name is bound twice: the engine refuses it as written
        run = nested(text, partial(Samples(store).of, graphs=None) if dice.random() < 0.5 else unknown)
        assert answered(store, run) == expected, f"{text}\n{run}"
        changed, compared = changed + (run != text), compared + 1
    assert compared > 30
    assert changed > 10


def test_what_a_row_leaves_unbound_a_body_binds_before_it_is_tested() -> None:
    store = Store()
    ends = ("a", "r", "z"), ("a", "p", "x"), ("x", "q", "n2")
    store.extend(Quad(*(NamedNode(EX + name) for name in names)) for names in ends)
    negated = "FILTER NOT EXISTS { ?a ex:p ?x . ?x ex:q ?o . FILTER(?o = ex:n2) }"
    text = f"PREFIX ex: <{EX}> SELECT * WHERE {{ ?a ex:r ?c OPTIONAL {{ ?a ex:none ?o }} {negated} }}"
    assert answered(store, text) == answered(store, nested(text, unknown)) == Counter()


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { ?a ex:p ?b FILTER NOT EXISTS { ?b ex:q ?c . ?c ex:r ?d } }",  # the prefix is the engine's to miss
        "BASE <http://e/> SELECT * { ?a <p> ?b FILTER NOT EXISTS { ?b <q> ?c . ?c <r> ?d } }",
        "SELECT * { ?a <x:p> ?b FILTER NOT EXISTS { ?b <x:q> _:c . _:c <x:r> ?d } }",
        "SELECT * { ?a <x:p> ?b FILTER NOT EXISTS { ?b <x:q> ?c . ?c <x:\\u0072> ?d } }",
        "SELECT * { ?a <x:p> ?b FILTER NOT EXISTS { ?b <x:q> ?c . ?c !<x:r> ?d } }",
        "SELECT * { ?a <x:p> ?b FILTER NOT EXISTS { ?b <x:q>* ?c . ?c <x:r>* ?d } }",
        "SELECT * { ?a <x:p> ?b FILTER NOT EXISTS { ?b ?c ?d . ?c <x:r>? ?d } }",
        "SELECT * { ?a <x:p> ?b FILTER(?a<?b&&?b>?a) FILTER NOT EXISTS { ?b <x:q> ?c . ?c <x:r> ?d } }",
        "SELECT * { ?a <x:p> ?b FILTER NOT EXISTS { ?b <x:q> ?c . ?c <x:r> ?_b0 } }",
        "SELECT * { ?a <x:p> ?b FILTER NOT EXISTS { ?b <x:q> ?c . OPTIONAL { ?c <x:r> ?d } } }",
        "SELECT * { ?a <x:p> ?b FILTER NOT EXISTS { } FILTER EXISTS { ?a <x:p> ?b } }",
        "SELECT * { ?a <x:p> 'EXISTS { ?b <x:q> ?c . ?c <x:r> ?d }' }",
        "SELECT * { ?a <x:p> ?b FILTER NOT EXISTS { ?b <x:q> ?c . ?c <x:r> ?d ",
        "SELECT * { ?a <x:p> ?b FILTER NOT EXISTS",
    ],
)
def test_what_may_mean_something_else_apart_stays_as_it_is(text: str) -> None:
    assert nested(text, unknown) == text


@pytest.mark.parametrize(
    "hostile",
    [
        "((((((((((" * 8 + "<x:p>" + "))))))))))" * 8,
        "<x:p> [" * 60 + "]" * 60,
        "<x:p> " + "( " * 90 + ")" * 90,
        "<x:p> " + "'" * 500,
        "<x:p>" + "/<x:p>" * 200,
        "<x:p> " + "1 , " * 400 + "1",
    ],
)
def test_no_body_takes_long_to_read(hostile: str) -> None:
    started = time.process_time()
    nested("SELECT * { ?a ?b ?c " + f"FILTER EXISTS {{ ?a {hostile} . ?c <x:q> ?d }} " * 32 + "}", unknown)
    assert time.process_time() - started < 2
