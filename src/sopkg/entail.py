"""The OWL 2 RL closure of a graph: rule files, run in memory until nothing new follows, and what clashes in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

from pyoxigraph import DefaultGraph, NamedNode, Quad, QuerySolutions, QueryTriples, Store, Variable
from pyoxigraph import Triple as Statement

from sopkg.blanks import Names, restore, skolemise, with_blanks
from sopkg.catalog import QueryFile
from sopkg.equality import RULES as EQUALITY_RULES
from sopkg.equality import Equality, is_reflexive, is_same
from sopkg.files import BASE
from sopkg.negation import RDF_TYPE, Fanout, class_sizes, order
from sopkg.printer import print_query
from sopkg.rules import (
    FIRST,
    REST,
    SAME,
    Instance,
    Reach,
    Rule,
    axioms,
    instances,
    malformed_lists,
    meets,
    reach,
    reach_of,
    read_rules,
    schema_reach,
    without_detours,
)
from sopkg.schema import can_match
from sopkg.substitution import substitute
from sopkg.syntax import (
    Call,
    Construct,
    Exists,
    Filter,
    GraphPattern,
    Group,
    Lateral,
    Part,
    Select,
    Triple,
    triple_variables,
)

DELTA = f"{BASE}delta/"
# Inconsistencies of one rule instance that are reported; a class disjoint with itself clashes for all its members.
MOST_CLASHES = 100
# Patterns of an instance up to which each is looked up in what is new by itself; a long list has too many.
MOST_VARIANTS = 12
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Application:
    """One run of one rule."""

    rule: str
    triples: tuple[Statement, ...]


@dataclass(frozen=True)
class Inconsistency:
    """Triples that can't all be true: the premises of a rule whose consequence is *false*."""

    rule: str
    triples: tuple[Statement, ...]


@dataclass
class Entailment:
    """What follows from the data and the ontology and is in neither, and what clashes."""

    applications: list[Application] = field(default_factory=list)
    rounds: int = 1
    inconsistencies: list[Inconsistency] = field(default_factory=list)
    #: Lists that rules over all members of a list can't use.
    malformed_lists: list[NamedNode] = field(default_factory=list)
    #: The names of each thing that has so many that not everything is written out under each.
    too_many_names: list[frozenset[Any]] = field(default_factory=list)

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
    store: Store, files: Iterable[QueryFile], schema: Store, progress: Progress = lambda done, total: None
) -> Entailment:
    """Closes the default graph of `store` under the rules, in place, and returns what was added and what clashes.

    `schema` (the ontology) is merged into the default graph first and counts as given, not as inferred. The data may
    hold axioms too: those of both, and those that follow, decide what the rules ask.

    Of several names of one thing each has all that is said of it, so that a COUNT counts names; only where there are
    more than `equality.MOST_NAMES` is it said of one of them alone (`too_many_names`). That everything is the same as
    itself (eq-ref) is not stored.
    """
    rules = read_rules(files)
    ontology = _closed_schema(rules, schema)
    # A list by itself says nothing.
    telling = ontology.reaches - {(FIRST, None), (REST, None)}
    own = any(each not in ontology.axioms for each in axioms(store, telling))
    store.extend(ontology.asserted)
    closure = _Closure(store, rules, ontology.reaches, progress)
    closure.add_known(ontology.applications)
    if own:
        closure.learn()
    else:
        closure.start_with(ontology)
    return closure.finish()


def for_ontology(files: Iterable[QueryFile], schema: Store) -> list[Instance]:
    """The rules' instances for an ontology, those of equality as they are written: for who runs them elsewhere."""
    rules = read_rules(files)
    equality = [rule for rule in rules if rule.name in EQUALITY_RULES]
    return [*_closed_schema(rules, schema).instances, *(each for rule in equality for each in instances(rule, schema))]


@dataclass(frozen=True)
class _Ontology:
    """An ontology closed by itself: what follows from it, and the rules' instances for it."""

    asserted: tuple[Quad, ...]
    reaches: frozenset[Reach]
    applications: list[Application]
    axioms: frozenset[Statement]
    instances: list[Instance]
    checks: list[Instance]


_known: dict[tuple[object, ...], _Ontology] = {}


def _closed_schema(rules: tuple[Rule, ...], schema: Store) -> _Ontology:
    """The same for the same ontology, so that a process closes it once."""
    key = (rules, schema, len(schema))
    if key not in _known:
        if len(_known) > 3:
            _known.pop(next(iter(_known)))
        reaches = frozenset(schema_reach(rules))
        asserted = tuple(_quad(quad.triple) for quad in schema)
        store = Store()
        store.extend(asserted)
        closure = _Closure(store, rules, reaches, lambda done, total: None)
        closure.learn()
        result = closure.finish(clashes=False)
        known = frozenset(quad.triple for quad in closure.schema)
        asked = checks(rules, closure.schema)
        _known[key] = _Ontology(asserted, reaches, result.applications, known, closure.ordered, asked)
    return _known[key]


class _Closure:
    """A store on its way to its closure."""

    def __init__(self, store: Store, rules: tuple[Rule, ...], reaches: frozenset[Reach], progress: Progress) -> None:
        self.store = store
        self.progress = progress
        self.reaches = set(reaches)
        # The rules of equality are left to rewriting, if all of them are asked for.
        rewriting = {rule.name for rule in rules} >= EQUALITY_RULES
        self.equality = Equality(store) if rewriting else None
        self.rules = [rule for rule in rules if not (rewriting and rule.name in EQUALITY_RULES)]
        self.result = Entailment()
        self.names: dict[Any, Any] = {}
        # The axioms, apart from what else is in the store.
        self.schema = Store()
        self.learned = False
        self.ordered: list[Instance] = []
        # What finds inconsistencies, where it is known already.
        self.checks: list[Instance] | None = None
        self.ran: list[Instance] = []
        self.seen = set[Reach]()
        # Triples that an instance has still to see.
        self.new: list[Statement] = []

    def add_known(self, applications: Iterable[Application]) -> None:
        """Adds what is known to follow."""
        for each in applications:
            fresh = tuple(t for t in each.triples if _quad(t) not in self.store)
            if fresh:
                self.store.extend(map(_quad, fresh))
                self.result.applications.append(Application(each.rule, fresh))

    def start_with(self, ontology: _Ontology) -> None:
        """Runs over data without axioms of its own: the rules' instances are known."""
        self.schema.extend(map(_quad, ontology.axioms))
        self.ordered, self.checks = ontology.instances, ontology.checks
        self.merge_names()
        self.close(self.ordered)
        if self.learned:
            self.learn()

    def learn(self) -> None:
        """Takes in the store's axioms: what follows from them alone, and what rules they make."""
        # An axiom may be about a blank node, and a rule can't hold one.
        self.names.update(skolemise(self.store))
        if self.equality is not None:
            self.equality.rename({node: iri for iri, node in self.names.items()})
        self.schema = Store()
        self.schema.extend(map(_quad, axioms(self.store, self.reaches)))
        self.merge_names()
        self.close_with_new_rules()

    def merge_names(self) -> None:
        if self.equality is not None:
            pairs = [quad.triple for quad in self.store.quads_for_pattern(None, SAME, None, DefaultGraph())]
            self.rename([pair for pair in pairs if is_same(pair)])

    def rename(self, pairs: list[Statement]) -> list[Statement]:
        """Takes in that things are the same; returns the triples with a new form."""
        assert self.equality is not None
        if not pairs:
            return []
        renamed = self.equality.merge(pairs)
        self.new = list(dict.fromkeys(map(self.equality.rewritten, self.new)))
        old = [quad.triple for quad in self.schema]
        now = [self.equality.rewritten(triple) for triple in old]
        if now != old:
            self.schema = Store()
            self.schema.extend(map(_quad, now))
            self.learned = True
        return renamed

    def close_with_new_rules(self) -> None:
        """Instantiates the rules for the axioms, until no further axiom comes of it."""
        self.learned, self.checks = True, None
        while self.learned:
            self.learned = False
            self.close_schema()
            found = [each for rule in self.rules if rule.template for each in instances(rule, self.schema)]
            known = set(self.ran)
            fresh = [each for each in without_detours(found) if each not in known]
            self.ordered = in_order([*(each for each in self.ordered if each in set(found)), *fresh])
            self.close(fresh)

    def close_schema(self) -> None:
        """Runs the rules about axioms over the axioms, until nothing new follows."""
        todo = [each for rule in self.rules if rule.about_schema for each in instances(rule, self.schema)]
        made: set[Reach] = {(None, None)}
        while made:
            now, made = made, set()
            for each in todo:
                if any(meets(read, now) for read in each.reads) and can_match(self.schema, each.where):
                    triples = self.ask(self.schema, each, each.where)
                    self.schema.extend(map(_quad, triples))
                    made |= {reach_of(triple) for triple in triples}
                    self.new += self.add(each.rule, [t for t in triples if _quad(t) not in self.store])

    def close(self, fresh: list[Instance]) -> None:
        """Runs instances over everything, then all of them over what is new."""
        for place, instance in enumerate(fresh):
            self.first_run(instance)
            self.progress(place + 1, len(fresh))
        while self.new:
            self.next_round()

    def first_run(self, instance: Instance) -> None:
        """Runs an instance over everything; what it makes is new to it and to those that ran before."""
        self.ran.append(instance)
        self.seen |= instance.reads
        if can_match(self.store, instance.where):
            triples = self.run(instance, _whole(instance))
            self.new += [triple for triple in triples if meets(reach_of(triple), self.seen)]

    def next_round(self) -> None:
        """Runs the instances that read what is new, over what is new."""
        # A graph name is never used again: what was removed from a graph slows down every later look into it.
        self.result.rounds += 1
        delta = NamedNode(f"{DELTA}{self.result.rounds}")
        self.store.extend(Quad(t.subject, t.predicate, t.object, delta) for t in self.new)
        made = {reach_of(triple) for triple in self.new}
        self.new = []
        for instance in self.ran:
            if any(meets(read, made) for read in instance.reads) and can_match(self.store, instance.where):
                self.new += self.run_delta(instance, delta, made)
        self.store.remove_graph(delta)

    def run_delta(self, instance: Instance, delta: NamedNode, made: set[Reach]) -> list[Statement]:
        met = sum(isinstance(part, Triple) and meets(reach(part), made) for part in instance.where.parts)
        if not instance.plain or met > MOST_VARIANTS:
            return self.run(instance, _whole(instance))
        variants = [v for t, v in variants_of(instance.where, delta) if meets(reach(t), made)]
        return [triple for variant in variants for triple in self.run(instance, variant)]

    def run(self, instance: Instance, where: Group) -> list[Statement]:
        """Adds what an instance makes and the store has not."""
        triples = self.ask(self.store, instance, where)
        if self.equality is not None and self.equality.members:
            # What is new was named before things were found to be the same.
            renamed = dict.fromkeys(map(self.equality.rewritten, triples))
            triples = [each for each in renamed if _quad(each) not in self.store and not is_reflexive(each)]
        return self.add(instance.rule, triples)

    @staticmethod
    def ask(store: Store, instance: Instance, where: Group) -> list[Statement]:
        """What an instance makes of a store and the store has not."""
        template = instance.template
        tests = tuple(map(Filter, conditions(template)))
        found = store.query(print_query(Construct(template, Group((*where.parts, *tests)))))
        assert isinstance(found, QueryTriples)
        return [triple for triple in dict.fromkeys(found) if _quad(triple) not in store and not is_reflexive(triple)]

    def add(self, rule: str, triples: list[Statement]) -> list[Statement]:
        """Adds triples that follow by a rule; returns them as they are in the store, and what they changed there."""
        if not triples:
            return []
        self.result.applications.append(Application(rule, tuple(triples)))
        same = [triple for triple in triples if is_same(triple)] if self.equality is not None else []
        rest = [triple for triple in triples if triple not in same] if same else triples
        self.store.extend(map(_quad, rest))
        found = [triple for triple in rest if meets(reach_of(triple), self.reaches)]
        fresh = [triple for triple in found if _quad(triple) not in self.schema]
        self.schema.extend(map(_quad, fresh))
        self.learned |= bool(fresh)
        return [*rest, *self.rename(same)] if same else rest

    def finish(self, clashes: bool = True) -> Entailment:
        """Writes everything out under every name, looks for what clashes, and gives blank nodes back."""
        if self.equality is not None and self.equality.members:
            for rule, triple in list(self.equality.written_out()):
                self.result.applications.append(Application(rule, (triple,)))
            self.result.too_many_names = self.equality.too_many
            if self.equality.concerns(self.schema):
                self.schema, self.checks = Store(), None
                self.schema.extend(map(_quad, axioms(self.store, self.reaches)))
        self.result.malformed_lists = malformed_lists(self.schema, self.rules)
        if clashes:
            asked = checks(self.rules, self.schema) if self.checks is None else self.checks
            self.result.inconsistencies = list(inconsistencies(self.store, asked))
        if self.names:
            self.give_back(self.names)
        return self.result

    def give_back(self, names: Names) -> None:
        def back(triples: Iterable[Statement]) -> tuple[Statement, ...]:
            return tuple(with_blanks(triple, names) for triple in triples)

        restore(self.store, names)
        result = self.result
        result.applications = [replace(each, triples=back(each.triples)) for each in result.applications]
        result.inconsistencies = [replace(each, triples=back(each.triples)) for each in result.inconsistencies]


def checks(rules: Iterable[Rule], schema: Store) -> list[Instance]:
    """The instances of the rules whose consequence is *false*."""
    return [each for rule in rules if not rule.template for each in instances(rule, schema)]


def inconsistencies(store: Store, asked: Iterable[Instance]) -> Iterator[Inconsistency]:
    """What clashes in a closed default graph."""
    members = cache(partial(_members, store))
    possible = [each for each in asked if can_match(store, each.where) and not _are_apart(each, members)]
    # Two classes are joined from the smaller one.
    sizes = class_sizes(store) if any(len(each.classes) > 1 for each in possible) else {}
    for each in possible:
        yield from _clashes(store, each, Fanout(classes=sizes))


def _members(store: Store, of_class: NamedNode) -> frozenset[Any]:
    return frozenset(quad.subject for quad in store.quads_for_pattern(None, RDF_TYPE, of_class, DefaultGraph()))


def _are_apart(instance: Instance, members: Callable[[NamedNode], frozenset[Any]]) -> bool:
    """Whether an instance asks for what is in two classes, which have nothing in common: most are such."""
    match instance.where.parts:
        case (
            Triple(Variable() as one, predicate, NamedNode() as first),
            Triple(other, same, NamedNode() as second),
        ) if one == other and predicate == same == RDF_TYPE:
            return members(first).isdisjoint(members(second))
    return False


def _clashes(store: Store, instance: Instance, fanout: Fanout) -> Iterator[Inconsistency]:
    premises = [part for part in instance.where.parts if isinstance(part, Triple)]
    variables = sorted(set().union(*map(triple_variables, premises)), key=str)
    columns = tuple((None, variable) for variable in variables) or ((SAME, Variable("holds")),)
    where = _chained(instance, fanout)
    found = store.query(print_query(Select(columns, where, distinct=True, limit=MOST_CLASHES)))
    assert isinstance(found, QuerySolutions)
    for row in found:
        filled = [substitute(each, {v: row[v.value] for v in variables}) for each in (*instance.axioms, *premises)]
        yield Inconsistency(instance.rule, ground(filled))


def _whole(instance: Instance) -> Group:
    """The patterns as they are, or of a long list in an order of ours: the engine's own takes cubic time."""
    many = len(instance.where.parts) > MOST_VARIANTS
    return _chained(instance, Fanout()) if many else instance.where


def _chained(instance: Instance, fanout: Fanout) -> Group:
    """The patterns in an order that hangs together, each looked up for what the ones before it found."""
    found = [part for part in instance.where.parts if isinstance(part, Triple)]
    others = [part for part in instance.where.parts if not isinstance(part, Triple)]
    if not instance.plain or (len(found) < 3 and len(instance.classes) < 2):
        return instance.where
    first, *rest = order(found, fanout, ())
    return Group((first, *(Lateral(Group((each,))) for each in rest), *others))


def ground(patterns: Iterable[Triple]) -> tuple[Statement, ...]:
    """The patterns that are triples, without those that still have a variable or a path."""
    return tuple(
        Statement(each.subject, each.predicate, each.object)  # type: ignore[arg-type]
        for each in patterns
        if not triple_variables(each) and isinstance(each.predicate, NamedNode)
    )


def conditions(template: tuple[Triple, ...]) -> Iterator[Call | Exists]:
    """What leaves out, within the engine, what a single head would say again or say of a thing and itself."""
    if len(template) != 1:
        return
    (head,) = template
    if head.predicate == SAME and isinstance(head.subject, Variable) and isinstance(head.object, Variable):
        yield Call("!", (Call("sameTerm", (head.subject, head.object)),))
    yield Exists(Group(template), negated=True)


def variants_of(where: Group, delta: NamedNode) -> Iterator[tuple[Triple, Group]]:
    """The group once for each of its patterns: that one in the delta, the others joined to it one by one."""
    found = [part for part in where.parts if isinstance(part, Triple)]
    others: list[Part] = [part for part in where.parts if not isinstance(part, Triple)]
    for place, pattern in enumerate(found):
        rest = order(found[:place] + found[place + 1 :], Fanout(), triple_variables(pattern))
        joined = (Lateral(Group((each,))) for each in rest)
        yield pattern, Group((GraphPattern(delta, Group((pattern,))), *joined, *others))


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


def _quad(triple: Statement) -> Quad:
    return Quad(triple.subject, triple.predicate, triple.object)
