"""Makes negation linear: the body of each EXISTS nested one pattern a level, in an order by fan-out.

An engine that plans the body of NOT EXISTS on its own joins it blindly, once a row. `NOT EXISTS { t1 t2 F }`
and `NOT EXISTS { t1 FILTER EXISTS { t2 F } }` are the same, one quantifier taken apart, and the second looks
things up.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count

from pyoxigraph import NamedNode, QuerySolution, QuerySolutions, Store, Variable

from sopkg.files import system_query
from sopkg.syntax import (
    Alternative,
    Bind,
    Call,
    Exists,
    Expression,
    Filter,
    Group,
    Inverse,
    Lateral,
    Minus,
    Optional,
    Part,
    Path,
    Repeat,
    Select,
    Sequence,
    Triple,
    Union,
    Values,
    bindable_variables,
    certain_variables,
    expression_variables,
    group_variables,
    path_steps,
    triple_variables,
)

RDF_TYPE = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
# Where a predicate was not counted, and what a path of any length may touch.
UNKNOWN = 1e6


@dataclass(frozen=True)
class Fanout:
    """How many triples a step through a predicate touches, from its counts in one store.

    `sample` tells what is taken of a predicate without a count (triples, subjects, objects), and `members` of a class;
    `matches` counts a pattern with one end given, in place of an estimate. Of an order that touches at most `enough`
    triples no better one is looked for.
    """

    counts: dict[NamedNode, tuple[int, int, int]] = field(default_factory=dict)
    classes: dict[NamedNode, int] = field(default_factory=dict)
    sample: Callable[[NamedNode], tuple[int, int, int]] = lambda _: (0, 1, 1)
    members: int = 0
    matches: Callable[[Triple], int] | None = None
    enough: float = 1000

    @property
    def is_blind(self) -> bool:
        """Whether nothing is known of the data: then no order is kept (LATERAL), and any SPARQL 1.1 engine is asked."""
        return not self.counts and self.matches is None

    def cost(self, triple: Triple, bound: set[Variable]) -> float:
        """Triples looked at for one binding of `bound`: an estimate, only ever compared."""
        subject = not isinstance(triple.subject, Variable) or triple.subject in bound
        value = not isinstance(triple.object, Variable) or triple.object in bound
        if self.matches is not None and self.is_counted(triple) and not (subject and value):
            return float(self.matches(triple))
        if triple.predicate == RDF_TYPE and not subject and isinstance(triple.object, NamedNode):
            return float(self.classes.get(triple.object, self.members))
        if isinstance(triple.predicate, Variable):
            return UNKNOWN
        return self.path_cost(triple.predicate, subject, value)

    def is_counted(self, triple: Triple) -> bool:
        """Whether a pattern is counted in place of estimated."""
        one_end_given = isinstance(triple.predicate, NamedNode) and len(triple_variables(triple)) == 1
        return self.matches is not None and one_end_given

    def path_cost(self, path: Path, subject: bool, value: bool) -> float:
        """The same for a path with its subject, its value, both or none given."""
        match path:
            case NamedNode():
                return self._step(path, subject, value)
            case Inverse():
                return self.path_cost(path.path, value, subject)
            case Alternative():
                return sum(self.path_cost(choice, subject, value) for choice in path.choices)
            case Repeat():
                return 4 * self.path_cost(path.path, subject, value) + 1 if subject or value else UNKNOWN
            case Sequence():
                return sum(self._step(step, subject, value) for step in path_steps(path))

    def _step(self, predicate: NamedNode, subject: bool, value: bool) -> float:
        if subject and value:
            return 0.0
        triples, subjects, objects = self.counts.get(predicate) or self.sample(predicate)
        if subject:
            return triples / max(subjects, 1)
        return triples / max(objects, 1) if value else float(triples)


def measure(store: Store) -> Fanout:
    """Counts the predicates and classes of a store's default graph."""
    sizes = store.query(system_query("fanout"))
    assert isinstance(sizes, QuerySolutions)
    return Fanout({row["predicate"]: size(row) for row in sizes}, class_sizes(store))


def class_sizes(store: Store) -> dict[NamedNode, int]:
    """The number of instances of each class of a store's default graph."""
    classes = store.query(system_query("class-sizes"))
    assert isinstance(classes, QuerySolutions)
    return {row["class"]: int(row["instances"].value) for row in classes}


def size(row: QuerySolution) -> tuple[int, int, int]:
    """A row of counts: triples, subjects, objects."""
    return int(row["triples"].value), int(row["subjects"].value), int(row["objects"].value)


def nest(group: Group, fanout: Fanout, outside: Iterable[Variable] = ()) -> Group:
    """The group with every EXISTS and NOT EXISTS in its filters nested; nothing else changes."""
    bound = bindable_variables(group) | set(outside)
    return Group(tuple(_nest_part(part, fanout, bound) for part in group.parts))


def joined(group: Group, fanout: Fanout) -> Group:
    """The group with each EXISTS that can be asked by itself made a join, each NOT EXISTS a MINUS; the others nested.

    A body asked by itself costs the same for any number of rows, and a hub in it does no harm. Where nothing was
    measured, few rows are meant: then all are nested, so that only what hangs on the rows is looked at.
    """
    if not fanout.counts:
        return chained(nest(group, fanout), fanout)
    certain = certain_variables(group)
    pieces = (piece for part in group.parts for piece in _joined(part, fanout, certain, group))
    return chained(Group(tuple(pieces)), fanout)


def restricted(group: Group, rows: Values | Select, known: Collection[Variable], fanout: Fanout) -> Group:
    """The group asked for some rows of known variables alone: all is looked up from there.

    The group holds patterns, alternatives (UNION) and filters.
    """
    named = group_variables(group) | set(known)
    patterns = split_sequences((part for part in group.parts if isinstance(part, Triple)), named)
    unions = [part for part in group.parts if isinstance(part, Union)]
    chain = _each_looked_up([*order(patterns, fanout, known), *unions])
    tests = (part for part in nest(group, fanout, known).parts if isinstance(part, Filter))
    return Group((rows, *chain, *tests))


def chained(group: Group, fanout: Fanout) -> Group:
    """The group with its patterns first, in an order by fan-out that the engine keeps, and so in its sub-SELECTs.

    The engine orders them without knowing how many there are of each. What depends on its place stays where it was;
    alternatives (UNION) go before the patterns where less is touched from them on.
    """
    if fanout.is_blind:
        return group
    patterns = [part for part in group.parts if isinstance(part, Triple)]
    others = [part for part in group.parts if not isinstance(part, Triple)]
    inside = [_chained_inside(part, fanout) for part in others]
    if not patterns or any(isinstance(part, Optional | Bind) for part in others):
        return Group(tuple(inside.pop(0) if part in others else part for part in group.parts))
    steps = split_sequences(patterns, group_variables(group))
    place = _opening(steps, others, fanout)
    if place is not None:
        opening = inside.pop(place)
        after = order(steps, fanout, certain_variables(Group((opening,))))
        return Group((opening, *_each_looked_up(after), *inside))
    chain = Group(tuple(lookups(order(steps, fanout, ())))) if len(patterns) > 1 else Group(tuple(patterns))
    named = group_variables(chain)
    if any(isinstance(part, Select) and len(named & {name for _, name in part.projection}) > 1 for part in others):
        # By several variables the engine joins a query with another query; with lookups, by some of them only.
        chain = Group((Select(tuple((None, variable) for variable in sorted(named, key=str)), chain),))
    return Group((*chain.parts, *inside))


def _chained_inside(part: Part, fanout: Fanout) -> Part:
    match part:
        case Select():
            return replace(part, where=chained(part.where, fanout))
        case Union():
            return Union(tuple(chained(branch, fanout) for branch in part.branches))
    return part


def _opening(patterns: list[Triple], others: Iterable[Part], fanout: Fanout) -> int | None:
    """The place of the alternatives that less is touched from than by the patterns first, where there are such."""
    place, first = next(((n, part) for n, part in enumerate(others) if not isinstance(part, Filter)), (0, None))
    if not isinstance(first, Union):
        return None
    starts = [[fanout.cost(part, set()) for part in each.parts if isinstance(part, Triple)] for each in first.branches]
    if not all(starts):
        return None
    rows, known = sum(map(min, starts)), certain_variables(Group((first,)))
    return place if rows * (1 + _ordered(patterns, fanout, known)[1]) < _ordered(patterns, fanout, ())[1] else None


def lookups(patterns: list[Triple]) -> list[Part]:
    """The patterns as parts of a group that are looked up one after the other for each solution of those before."""
    return [*patterns[:1], *_each_looked_up(patterns[1:])]


def _each_looked_up(parts: Iterable[Part]) -> Iterator[Part]:
    return (Lateral(Group((each,))) for each in parts)


def _joined(part: Part, fanout: Fanout, certain: set[Variable], group: Group) -> Iterable[Part]:
    if isinstance(part, Select) and not part.group_by:
        return (replace(part, where=joined(part.where, fanout)),)
    if not isinstance(part, Filter) or not isinstance(part.expression, Exists):
        return (part,)
    body = part.expression.group
    shared = group_variables(body) & bindable_variables(group)
    if not stands_alone(body, shared) or not shared or not shared <= certain or repeats(body, group):
        return (_nest_part(part, fanout, bindable_variables(group)),)
    heads = tuple((None, variable) for variable in sorted(shared, key=str))
    asked = Select(heads, chained(nest(body, fanout), fanout), distinct=True)
    return (Minus(Group((asked,))),) if part.expression.negated else (asked,)


def repeats(body: Group, group: Group) -> bool:
    """Whether a body says a pattern of the group again: so its author hangs it on the rows, which join its ends."""
    said = [part for each in group.parts for part in (each.where.parts if isinstance(each, Select) else (each,))]
    return any(isinstance(part, Triple) and part in said for part in body.parts)


def stands_alone(body: Group, shared: set[Variable]) -> bool:
    """Whether a body means the same without the rows around it: patterns, and filters on what these bind."""
    if not all(isinstance(part, Triple | Filter) for part in body.parts):
        return False
    bound = certain_variables(body)
    tests = [expression_variables(part.expression) for part in body.parts if isinstance(part, Filter)]
    return shared <= bound and all(variables & shared <= bound for variables in tests)


def _nest_part(part: Part, fanout: Fanout, bound: set[Variable]) -> Part:
    if isinstance(part, Filter):
        return Filter(_nest_expression(part.expression, fanout, bound))
    if isinstance(part, Select):
        return replace(part, where=nest(part.where, fanout))
    return part


def _nest_expression(expression: Expression, fanout: Fanout, bound: set[Variable]) -> Expression:
    if isinstance(expression, Exists):
        return Exists(nest_body(expression.group, fanout, bound), expression.negated)
    if isinstance(expression, Call):
        arguments = (_nest_expression(argument, fanout, bound) for argument in expression.arguments)
        return Call(expression.name, tuple(arguments))
    return expression


def nest_body(body: Group, fanout: Fanout, bound: set[Variable]) -> Group:
    """The body of one EXISTS, nested; as it was where it holds more than patterns, filters and negation."""
    if not all(isinstance(part, Triple | Filter) for part in body.parts):
        return body
    taken = bound | group_variables(body)
    patterns = split_sequences((part for part in body.parts if isinstance(part, Triple)), taken)
    # The steps count as bound, so that a negation further in names its own steps otherwise.
    inside = (bound | bindable_variables(body)).union(*map(triple_variables, patterns))
    filters = [_nest_part(part, fanout, inside) for part in body.parts if isinstance(part, Filter)]
    return levels(order(patterns, fanout, bound), filters)


def order(patterns: list[Triple], fanout: Fanout, bound: Iterable[Variable]) -> list[Triple]:
    """The patterns, each next one hanging on what is bound and touching least, from the best of all starts."""
    return _ordered(patterns, fanout, bound)[0]


def _ordered(patterns: list[Triple], fanout: Fanout, bound: Iterable[Variable]) -> tuple[list[Triple], float]:
    """The same, and how many triples all of them touch."""
    known = set(bound)
    preference = _preference(known, fanout)
    starts = sorted(patterns, key=preference)
    best, least = list(patterns), float("inf")
    for start in starts:
        apart, cost = preference(start)
        if least < fanout.enough or cost >= least or apart != preference(starts[0])[0]:
            break
        chain, touched = _chain(start, patterns, fanout, known)
        if touched < least:
            best, least = chain, touched
    return best, least


def _chain(start: Triple, patterns: list[Triple], fanout: Fanout, bound: set[Variable]) -> tuple[list[Triple], float]:
    """The patterns from one of them on, each next one touching least, and how many triples all of them touch."""
    known, left, chosen = set(bound), list(patterns), list[Triple]()
    rows, touched, best = 1.0, 0.0, start
    while left:
        rows *= max(fanout.cost(best, known), 1)
        touched += rows
        left.remove(best)
        chosen.append(best)
        known |= triple_variables(best)
        best = min(left, key=_preference(known, fanout), default=best)
    return chosen, touched


def _preference(known: set[Variable], fanout: Fanout) -> Callable[[Triple], tuple[bool, float]]:
    def preference(pattern: Triple) -> tuple[bool, float]:
        variables = triple_variables(pattern)
        apart = bool(variables) and not variables & known and not fanout.is_counted(pattern)
        return apart, fanout.cost(pattern, known)

    return preference


def levels(patterns: list[Triple], filters: list[Part], bound: Iterable[Variable] = ()) -> Group:
    """One pattern, the filters that it completes, and the rest inside EXISTS; `bound` are bound in every row around it.

    What some rows leave unbound a later pattern may bind: a filter on it waits.
    """
    if not patterns:
        return Group(tuple(filters))
    first, rest = patterns[0], patterns[1:]
    bound = {*bound, *triple_variables(first)}
    later = set().union(*map(triple_variables, rest)) - bound
    ready = [f for f in filters if isinstance(f, Filter) and not expression_variables(f.expression) & later]
    waiting = [test for test in filters if test not in ready]
    if not rest:
        return Group((first, *ready, *waiting))
    return Group((first, *ready, Filter(Exists(levels(rest, waiting, bound), negated=False))))


def split_sequences(patterns: Iterable[Triple], taken: Container[Variable] = frozenset()) -> list[Triple]:
    """`?a p/q ?b` as `?a p ?m . ?m q ?b`: the engine would split it itself, and then join blindly.

    No new variable is one of those taken.
    """
    names = (Variable(f"_step{number}") for number in count())
    fresh = (name for name in names if name not in taken)
    return [piece for pattern in patterns for piece in _split(pattern, fresh)]


def _split(pattern: Triple, fresh: Iterable[Variable]) -> list[Triple]:
    path = pattern.predicate
    if isinstance(path, Inverse) and not isinstance(pattern.object, Variable | NamedNode):
        return [pattern]
    if isinstance(path, Inverse):
        return _split(Triple(pattern.object, path.path, pattern.subject), fresh)
    if not isinstance(path, Sequence):
        return [pattern]
    pieces, start = [], pattern.subject
    for step in path.steps[:-1]:
        middle = next(iter(fresh))
        pieces += _split(Triple(start, step, middle), fresh)
        start = middle
    return pieces + _split(Triple(start, path.steps[-1], pattern.object), fresh)
