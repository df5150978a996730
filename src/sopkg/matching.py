"""Rules matched triple by triple, over the graphs of a store: what a triple follows from, and what follows from it.

The closure of a whole graph is left to queries (`entail`). For one triple, looking up what hangs on it costs the same
at any size of the graph, and no query has to be planned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Store, Triple, Variable

from sopkg import syntax
from sopkg.equality import is_reflexive
from sopkg.negation import RDF_TYPE
from sopkg.printer import print_part
from sopkg.rules import FIRST, REST, SAME, Rule, instances, schema_reach
from sopkg.schema import is_schema
from sopkg.substitution import substitute
from sopkg.syntax import Filter, Values, triple_variables
from sopkg.turtle import GENID

Bindings = dict[Variable, Any]
GraphName = NamedNode | DefaultGraph
# How dear a look-up is by what is known of the pattern: subject, predicate, object. Only ever compared.
COSTS = {
    (True, True, True): 0.0,
    (True, True, False): 1.0,
    (False, True, True): 2.0,
    (True, False, True): 3.0,
    (True, False, False): 4.0,
    (False, False, True): 6.0,
    (False, True, False): 7.0,
    (False, False, False): 9.0,
}
SCHEMA_COST, MEMBERS_COST, UNKNOWN_PATH = 2.5, 5.0, 8.0


@dataclass(frozen=True)
class Horn:
    """A rule as patterns to be matched: what follows, and all that it follows from."""

    rule: str
    heads: tuple[syntax.Triple, ...]
    body: tuple[syntax.Triple, ...]
    tests: tuple[Filter, ...] = ()


class Facts:
    """The triples of several graphs of one store, read together; the first graphs are looked into first."""

    def __init__(self, store: Store, graphs: Sequence[GraphName]) -> None:
        self.store = store
        self.graphs = list(graphs)
        #: Says whether a triple holds that is not stored: that a thing belongs to a class expression without a name.
        self.unstored: Callable[[Triple], bool] = lambda triple: False

    def find(self, subject: Any, predicate: Any, value: Any) -> Iterator[Triple]:
        """The triples with these terms, None for any."""
        if isinstance(subject, Literal) or isinstance(predicate, Literal | BlankNode):
            return
        for graph in self.graphs:
            for quad in self.store.quads_for_pattern(subject, predicate, value, graph):
                yield quad.triple

    def graph_of(self, triple: Triple) -> GraphName | None:
        """The first graph that holds a triple."""
        for graph in self.graphs:
            if Quad(triple.subject, triple.predicate, triple.object, graph) in self.store:
                return graph
        return None

    def holds(self, triple: Triple) -> bool:
        """Whether a triple is stored, or holds unstored."""
        return self.graph_of(triple) is not None or (is_unstored(triple) and self.unstored(triple))


class Unstored:
    """Says whether a triple that is never stored holds, by asking what it follows from."""

    def __init__(self, rules: Sequence[Horn], facts: Facts) -> None:
        self.rules, self.facts = rules, facts
        self.asked = set[Triple]()

    def __call__(self, triple: Triple) -> bool:
        # What would hold only because it holds does not.
        if triple in self.asked:
            return False
        self.asked.add(triple)
        try:
            return any(any(derivations(horn, triple, self.facts)) for horn in self.rules)
        finally:
            self.asked.discard(triple)


def is_unstored(triple: Triple) -> bool:
    """Whether a triple is such as is not published: that a thing belongs to a class expression without a name."""
    of_class = triple.object if triple.predicate == RDF_TYPE else None
    return isinstance(of_class, NamedNode) and of_class.value.startswith(GENID)


def horn_rules(rules: Iterable[Rule], facts: Facts) -> list[Horn]:
    """The rules that have a consequence, to be matched; those over all members of a list, written out for the facts."""
    rules = [rule for rule in rules if rule.template]
    lists = [rule for rule in rules if rule.every is not None]
    schema = _axioms(lists, facts)
    found = [horn for rule in rules if rule.every is None for horn in _as_written(rule)]
    for rule in lists:
        for each in instances(rule, schema, blanks=True):
            body = tuple(part for part in each.where.parts if isinstance(part, syntax.Triple))
            found.append(Horn(rule.name, each.template, (*each.axioms, *body)))
    return found


def check_rules(rules: Iterable[Rule], facts: Facts) -> list[tuple[Horn, tuple[syntax.Triple, ...]]]:
    """The rules whose consequence is *false*, to be matched by data, each with the axioms that it is made of."""
    checks = [rule for rule in rules if not rule.template]
    schema = _axioms(checks, facts)
    made = (each for rule in checks for each in instances(rule, schema, blanks=True))
    return [(horn, each.axioms) for each in made for horn in _as_written(Rule(each.rule, (), each.where))]


def _axioms(rules: Sequence[Rule], facts: Facts) -> Store:
    """What the schema premises of rules can match, and what is the same as what."""
    schema = Store()
    for graph in facts.graphs if rules else ():
        for predicate, of_class in (*schema_reach(rules), (SAME, None)):
            quads = facts.store.quads_for_pattern(None, predicate, of_class, graph)
            schema.extend(Quad(quad.subject, quad.predicate, quad.object) for quad in quads)
    return schema


def is_matched(rule: Rule) -> bool:
    """Whether a rule is patterns, conditions and tables; one that computes a term is left to queries."""
    return all(isinstance(part, syntax.Triple | Filter | Values) for part in rule.where.parts)


def _as_written(rule: Rule) -> Iterator[Horn]:
    tests = tuple(part for part in rule.where.parts if isinstance(part, Filter))
    tables = [part for part in rule.where.parts if isinstance(part, Values)]
    if not is_matched(rule):
        return
    rows: list[Bindings] = [{}]
    for table in tables:
        cells = [dict(zip(table.variables, row, strict=True)) for row in table.rows]
        rows = [{**row, **cell} for row in rows for cell in cells]
    for row in rows:
        body = tuple(replace(each, object=as_stored(each.object)) for each in rule.premises)
        yield substitute(Horn(rule.name, rule.template, body, tests), row)


@lru_cache(maxsize=4096)
def as_stored(term: Any) -> Any:
    """A term as the store gives it back: numbers in canonical form, kinds of integers as integers."""
    if not isinstance(term, Literal):
        return term
    store = Store()
    store.add(Quad(RDF_TYPE, RDF_TYPE, term))
    return next(iter(store)).object


def unify(pattern: syntax.Triple, triple: Triple) -> Bindings | None:
    """What a pattern's variables must be for it to be a triple; None where it can't."""
    bindings: Bindings = {}
    places = ((pattern.subject, triple.subject), (pattern.predicate, triple.predicate), (pattern.object, triple.object))
    for wanted, term in places:
        if isinstance(wanted, Variable):
            if bindings.setdefault(wanted, term) != term:
                return None
        elif wanted != term:
            return None
    return bindings


def derivations(horn: Horn, goal: Triple, facts: Facts) -> Iterator[tuple[Triple, ...]]:
    """The premises from which a goal follows by one application of a rule."""
    for head in horn.heads:
        bindings = unify(head, goal)
        if bindings is not None:
            plan = planned(horn.body, frozenset(bindings))
            yield from (premises for _, premises in solutions(horn, plan, bindings, facts))


def consequences(horn: Horn, place: int, given: Triple, facts: Facts) -> Iterator[Triple]:
    """What follows from a triple as that premise of a rule, with what else is known."""
    bindings = unify(horn.body[place], given)
    if bindings is None:
        return
    plan = planned(horn.body[:place] + horn.body[place + 1 :], frozenset(bindings))
    for found, _ in solutions(horn, plan, bindings, facts):
        for head in horn.heads:
            triple = _filled(head, found)
            if triple is not None and not is_reflexive(triple):
                yield triple


def matches(horn: Horn, place: int, given: Triple, facts: Facts) -> Iterator[tuple[Triple, ...]]:
    """The premises of a rule that hold together, with a triple as one of them."""
    bindings = unify(horn.body[place], given)
    if bindings is not None:
        plan = planned(horn.body[:place] + horn.body[place + 1 :], frozenset(bindings))
        yield from ((given, *premises) for _, premises in solutions(horn, plan, bindings, facts))


@lru_cache(maxsize=4096)
def planned(body: tuple[syntax.Triple, ...], known: frozenset[Variable]) -> tuple[syntax.Triple, ...]:
    """The patterns in an order in which each is cheap to look up."""
    bound, left, ordered = set(known), list(body), list[syntax.Triple]()
    while left:
        best = min(left, key=lambda pattern: _cost(pattern, bound))
        left.remove(best)
        ordered.append(best)
        bound |= triple_variables(best)
    return tuple(ordered)


def _cost(pattern: syntax.Triple, bound: set[Variable]) -> float:
    terms = (pattern.subject, pattern.predicate, pattern.object)
    subject, predicate, value = (not isinstance(term, Variable) or term in bound for term in terms)
    if not isinstance(pattern.predicate, NamedNode | Variable):
        return SCHEMA_COST if subject or value else UNKNOWN_PATH
    if not subject and predicate and (value or is_schema(pattern)):
        is_type = pattern.predicate == RDF_TYPE
        return SCHEMA_COST if is_schema(pattern) and not value else MEMBERS_COST if is_type else 2.0
    if pattern.predicate == RDF_TYPE and not value and not is_schema(pattern):
        # Which class it is, an axiom tells; a class expression without a name would not be found among the stored.
        return MEMBERS_COST
    return COSTS[subject, predicate, value]


def solutions(
    horn: Horn, plan: Sequence[syntax.Triple], bindings: Bindings, facts: Facts
) -> Iterator[tuple[Bindings, tuple[Triple, ...]]]:
    """The bindings for which all patterns hold, each with the triples that they match."""
    for found, premises in _matches(plan, bindings, facts):
        if all(_passes(test, found) for test in horn.tests):
            yield found, premises


def _matches(
    plan: Sequence[syntax.Triple], bindings: Bindings, facts: Facts
) -> Iterator[tuple[Bindings, tuple[Triple, ...]]]:
    if not plan:
        yield bindings, ()
        return
    pattern, rest = plan[0], plan[1:]
    for found, used in _looked_up(pattern, bindings, facts):
        for more, premises in _matches(rest, found, facts):
            yield more, (*used, *premises)


def _looked_up(
    pattern: syntax.Triple, bindings: Bindings, facts: Facts
) -> Iterator[tuple[Bindings, tuple[Triple, ...]]]:
    subject, value = _term(pattern.subject, bindings), _term(pattern.object, bindings)
    if not isinstance(pattern.predicate, NamedNode | Variable):
        yield from _members(pattern, subject, value, bindings, facts)
        return
    predicate = _term(pattern.predicate, bindings)
    if subject is not None and predicate is not None and value is not None:
        triple = _triple(subject, predicate, value)
        if triple is not None and facts.holds(triple):
            yield bindings, (triple,)
        return
    for triple in facts.find(subject, predicate, value):
        found = unify(pattern, triple)
        if found is not None and all(bindings.get(v, term) == term for v, term in found.items()):
            yield {**bindings, **found}, (triple,)


def _members(
    pattern: syntax.Triple, subject: Any, value: Any, bindings: Bindings, facts: Facts
) -> Iterator[tuple[Bindings, tuple[Triple, ...]]]:
    """The matches of `?list rdf:rest*/rdf:first ?member`, with the cells on the way to the member."""
    ends = _forward(subject, facts) if subject is not None else _backward(value, facts)
    for node, member, cells in ends:
        if (value is None or member == value) and (subject is None or node == subject):
            found: Bindings = {}
            for variable, term in ((pattern.subject, node), (pattern.object, member)):
                if isinstance(variable, Variable):
                    found[variable] = term
            yield {**bindings, **found}, cells


def _forward(node: Any, facts: Facts) -> Iterator[tuple[Any, Any, tuple[Triple, ...]]]:
    todo: list[tuple[Any, tuple[Triple, ...]]] = [(node, ())]
    seen = {node}
    while todo:
        place, way = todo.pop()
        for cell in facts.find(place, FIRST, None):
            yield node, cell.object, (*way, cell)
        for step in facts.find(place, REST, None):
            if step.object not in seen:
                seen.add(step.object)
                todo.append((step.object, (*way, step)))


def _backward(member: Any, facts: Facts) -> Iterator[tuple[Any, Any, tuple[Triple, ...]]]:
    todo: list[tuple[Any, tuple[Triple, ...]]] = []
    if member is not None:
        todo += [(cell.subject, (cell,)) for cell in facts.find(None, FIRST, member)]
    seen = {node for node, _ in todo}
    while todo:
        node, way = todo.pop()
        yield node, member, way
        for step in facts.find(None, REST, node):
            if step.subject not in seen:
                seen.add(step.subject)
                todo.append((step.subject, (step, *way)))


def _term(term: Any, bindings: Bindings) -> Any:
    return bindings.get(term) if isinstance(term, Variable) else term


def _triple(subject: Any, predicate: Any, value: Any) -> Triple | None:
    good = not isinstance(subject, Literal) and isinstance(predicate, NamedNode)
    return Triple(subject, predicate, value) if good else None


def _filled(head: syntax.Triple, bindings: Bindings) -> Triple | None:
    return _triple(*(_term(term, bindings) for term in (head.subject, head.predicate, head.object)))


def _passes(test: Filter, bindings: Bindings) -> bool:
    named = {v: NamedNode("about:blank") if isinstance(term, BlankNode) else term for v, term in bindings.items()}
    return _asked(print_part(substitute(test, named)))


@lru_cache(maxsize=4096)
def _asked(test: str) -> bool:
    return bool(Store().query(f"ASK {{ {test} }}"))
