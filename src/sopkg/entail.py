"""The OWL 2 RL closure of a city's data: rule files, run in memory until nothing new follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from pyoxigraph import NamedNode, Quad, QueryTriples, Store
from pyoxigraph import Triple as Statement

from sopkg.catalog import QueryFile
from sopkg.errors import InternalFault
from sopkg.negation import RDF_TYPE, Fanout, order
from sopkg.printer import print_query
from sopkg.reader import read_query
from sopkg.schema import can_match, instances
from sopkg.syntax import (
    Construct,
    Exists,
    Filter,
    GraphPattern,
    Group,
    Lateral,
    Part,
    Triple,
    triple_variables,
)

DELTA = "https://w3id.org/sopkg/delta/"
# A predicate, and the class where it is rdf:type; None stands for any.
Reach = tuple[NamedNode | None, NamedNode | None]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Instance:
    """A rule with its schema premises solved."""

    rule: str
    query: Construct

    @property
    def reads(self) -> set[Reach]:
        """What its premises match."""
        return {reach(triple) for triple in _patterns(self.query.where)}

    @property
    def writes(self) -> set[Reach]:
        """What its head makes."""
        return {reach(triple) for triple in self.query.template}

    @property
    def plain(self) -> bool:
        """Whether it is patterns and simple conditions only, so that it may run over what is new alone."""
        return all(isinstance(part, Triple) or _is_simple(part) for part in self.query.where.parts)


@dataclass(frozen=True)
class Application:
    """One run of one rule instance: its triples follow from what was given and from lower numbers."""

    number: int
    rule: str
    triples: tuple[Statement, ...]


@dataclass
class Entailment:
    """What follows from the data and the ontology, and is in neither."""

    applications: list[Application] = field(default_factory=list)
    rounds: int = 1

    @property
    def triples(self) -> Iterator[Statement]:
        """Every inferred triple, once, in the order of inference."""
        return (triple for application in self.applications for triple in application.triples)

    @property
    def counts(self) -> Counter[str]:
        """The number of triples by rule."""
        counts = Counter[str]()
        for each in self.applications:
            counts[each.rule] += len(each.triples)
        return counts


def entail(
    store: Store, rules: Iterable[QueryFile], schema: Store, progress: Progress = lambda done, total: None
) -> Entailment:
    """Closes the default graph of `store` under the rules, in place, and returns what was added.

    `schema` (the ontology) is merged into the default graph first and counts as given, not as inferred.
    """
    store.extend(Quad(quad.subject, quad.predicate, quad.object) for quad in schema)
    ordered = in_order([instance for rule in rules for instance in rule_instances(rule, schema)])
    closure = _Closure(store, ordered)
    for place in range(len(ordered)):
        closure.first_run(place)
        progress(place + 1, len(ordered))
    while closure.new:
        closure.next_round()
    return closure.result


def rule_instances(rule: QueryFile, schema: Store) -> list[Instance]:
    """The instances of one rule file. Raises InternalFault where it is no CONSTRUCT."""
    query = read_query(rule.text)
    if not isinstance(query, Construct):
        raise InternalFault(f"{rule.name}: a rule is a CONSTRUCT")
    return [Instance(rule.name, each) for each in instances(query, schema)]


class _Closure:
    """A store on its way to its closure."""

    def __init__(self, store: Store, ordered: list[Instance]) -> None:
        self.store = store
        self.instances = ordered
        self.result = Entailment()
        # Triples that an instance has still to see.
        self.new: list[Statement] = []
        self.seen_by = [
            set().union(*(each.reads for each in ordered[: place + 1])) for place in range(len(ordered))
        ]

    def first_run(self, place: int) -> None:
        """Runs an instance over everything; what it makes is new to it and to those that ran before."""
        instance = self.instances[place]
        if can_match(self.store, instance.query.where):
            triples = self.run(instance, instance.query.where)
            if any(meets(written, self.seen_by[place]) for written in instance.writes):
                self.new += triples

    def next_round(self) -> None:
        """Runs the instances that read what is new, over what is new."""
        # A graph name is never used again: what was removed from a graph slows down every later look into it.
        self.result.rounds += 1
        delta = NamedNode(f"{DELTA}{self.result.rounds}")
        self.store.extend(Quad(t.subject, t.predicate, t.object, delta) for t in self.new)
        made = {_reach_of(triple) for triple in self.new}
        self.new = []
        for instance in self.instances:
            if any(meets(read, made) for read in instance.reads) and can_match(
                self.store, instance.query.where
            ):
                self.new += self.run_delta(instance, delta, made)
        self.store.remove_graph(delta)

    def run_delta(self, instance: Instance, delta: NamedNode, made: set[Reach]) -> list[Statement]:
        if not instance.plain:
            return self.run(instance, instance.query.where)
        variants = (v for t, v in variants_of(instance.query.where, delta) if meets(reach(t), made))
        return [triple for variant in variants for triple in self.run(instance, variant)]

    def run(self, instance: Instance, where: Group) -> list[Statement]:
        """Adds what an instance makes and the store has not."""
        template = instance.query.template
        absent = (Filter(Exists(Group(template), negated=True)),) if len(template) == 1 else ()
        found = self.store.query(print_query(Construct(template, Group((*where.parts, *absent)))))
        assert isinstance(found, QueryTriples)
        triples = [
            t for t in dict.fromkeys(found) if Quad(t.subject, t.predicate, t.object) not in self.store
        ]
        if triples:
            self.store.extend(Quad(t.subject, t.predicate, t.object) for t in triples)
            number = len(self.result.applications) + 1
            self.result.applications.append(Application(number, instance.rule, tuple(triples)))
        return triples


def _is_simple(part: Part) -> bool:
    return isinstance(part, Filter) and not isinstance(part.expression, Exists)


def variants_of(where: Group, delta: NamedNode) -> Iterator[tuple[Triple, Group]]:
    """The group once for each of its patterns: that one in the delta, the others joined to it one by one."""
    patterns = [part for part in where.parts if isinstance(part, Triple)]
    others: list[Part] = [part for part in where.parts if not isinstance(part, Triple)]
    for place, pattern in enumerate(patterns):
        rest = order(patterns[:place] + patterns[place + 1 :], Fanout(), triple_variables(pattern))
        joined = (Lateral(Group((each,))) for each in rest)
        yield pattern, Group((GraphPattern(delta, Group((pattern,))), *joined, *others))


def reach(triple: Triple) -> Reach:
    """What a pattern can match."""
    predicate = triple.predicate if isinstance(triple.predicate, NamedNode) else None
    typed = predicate == RDF_TYPE and isinstance(triple.object, NamedNode)
    return predicate, triple.object if typed and isinstance(triple.object, NamedNode) else None


def _reach_of(triple: Statement) -> Reach:
    is_type = triple.predicate == RDF_TYPE and isinstance(triple.object, NamedNode)
    return triple.predicate, triple.object if is_type and isinstance(triple.object, NamedNode) else None


def meets(one: Reach, others: set[Reach]) -> bool:
    """Whether a pattern of that reach and one of the others can match the same triple."""
    if one in others or (None, None) in others:
        return True
    if one[0] is None:
        return bool(others)
    if (one[0], None) in others:
        return True
    return one[1] is None and any(one[0] == predicate for predicate, _ in others)


def _patterns(group: Group) -> Iterator[Triple]:
    """Every pattern of a group, those inside its negations included."""
    for part in group.parts:
        if isinstance(part, Triple):
            yield part
        elif isinstance(part, Filter) and isinstance(part.expression, Exists):
            yield from _patterns(part.expression.group)
        elif isinstance(part, GraphPattern | Lateral):
            yield from _patterns(part.group)


def in_order(unordered: list[Instance]) -> list[Instance]:
    """The instances, each behind those that make what it reads, cycles apart; what copies anything, last."""
    done: dict[int, None] = {}
    visiting = set[int]()
    unordered = sorted(unordered, key=lambda each: (None, None) in each.writes)
    reads, writes = [each.reads for each in unordered], [each.writes - {(None, None)} for each in unordered]

    def visit(place: int) -> None:
        if place in done or place in visiting:
            return
        visiting.add(place)
        for other in range(len(unordered)):
            if any(meets(written, reads[place]) for written in writes[other]):
                visit(other)
        done[place] = None

    for place in range(len(unordered)):
        visit(place)
    return [unordered[place] for place in done]
