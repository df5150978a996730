"""Why a gap is one: evidence, what was looked for and not found, and the nearest misses, derived from its query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from pyoxigraph import Literal, NamedNode, Store, Variable

from sopkg.gapquery import Bindings, GapQuery, Ground, readings
from sopkg.negation import RDF_TYPE, Fanout
from sopkg.nodeshape import NodeShape, describe, fill
from sopkg.printer import print_query
from sopkg.rows import select
from sopkg.syntax import (
    Alternative,
    Call,
    Exists,
    Expression,
    Filter,
    Group,
    Inverse,
    Part,
    Path,
    Repeat,
    Select,
    Sequence,
    Triple,
    Union,
    bindable_variables,
    certain_variables,
    expression_variables,
    triple_variables,
)

READINGS, MISSES = 5, 3


@dataclass(frozen=True)
class Miss:
    """Something that would have met the norm, had one condition been otherwise."""

    condition: Part
    found: tuple[Triple, ...]


@dataclass(frozen=True)
class Reading:
    """One way in which the positive part holds for the gap's focus."""

    row: Mapping[Variable, Ground]
    evidence: tuple[Triple, ...]
    tests: tuple[Expression, ...]


@dataclass(frozen=True)
class Explanation:
    """A gap explained: its readings, the lack, and the nearest misses."""

    readings: tuple[Reading, ...]
    more_readings: bool
    lack: NodeShape | None
    looked_for: Group | None
    misses: tuple[Miss, ...]


class Dataset:
    """The graphs that one audit reads: a store and the names of the graphs."""

    def __init__(self, store: Store, graphs: Iterable[NamedNode]) -> None:
        self.store = store
        self.graphs = list(graphs)

    def rows(self, query: Select) -> Iterator[dict[Variable, Ground]]:
        """The rows of a query over these graphs; an unbound variable is left out."""
        columns = [variable for _, variable in query.projection]
        for row in select(self.store, print_query(query), self.graphs):
            yield {c: term for c in columns if isinstance(term := row[c.value], Ground)}

    def graph_of(self, triple: Triple) -> NamedNode | None:
        """The first of these graphs that holds a triple."""
        subject, predicate, value = triple.subject, triple.predicate, triple.object
        if isinstance(subject, Variable | Literal) or not isinstance(predicate, NamedNode) or isinstance(value, Variable):
            return None
        for graph in self.graphs:
            if any(self.store.quads_for_pattern(subject, predicate, value, graph)):
                return graph
        return None


def explain(data: Dataset, gap: GapQuery, parameters: Bindings, focus: Bindings) -> Explanation | None:
    """Explains the gap of a kind on a focus; None where the data shows no such gap.

    `parameters` holds the audit's date and the kind's thresholds, `focus` a term for each variable of `#+ focus`.
    """
    bound = {**parameters, **focus}
    query = replace(readings(gap, bound, Fanout()), limit=READINGS + 1)
    rows = [{**bound, **row} for row in data.rows(query)]
    if not rows:
        rows = [{**bound, **row} for row in data.rows(replace(readings(gap, bound, Fanout(), missing=False), limit=1))]
    if not rows:
        return None
    row, outside = rows[0], set(gap.readings) | set(bound)
    lack = describe(gap.lack, row, set(gap.readings)) if gap.lack and gap.inherits is None else None
    return Explanation(
        tuple(_reading(data, gap.positive, each) for each in rows[:READINGS]),
        len(rows) > READINGS,
        lack,
        gap.lack and fill_group(gap.lack, row),
        tuple(nearest_misses(data, gap.lack, row, outside, focus)) if gap.lack else (),
    )


def _reading(data: Dataset, positive: Group, row: Mapping[Variable, Ground]) -> Reading:
    evidence = tuple(dict.fromkeys(triple for part in positive.parts for triple in _evidence(data, part, row)))
    tests = tuple(
        fill_expression(part.expression, row)
        for part in positive.parts
        if isinstance(part, Filter) and not isinstance(part.expression, Exists)
    )
    return Reading(row, evidence, tests)


def _evidence(data: Dataset, part: Part, row: Mapping[Variable, Ground]) -> Iterator[Triple]:
    """The triples by which one part of the positive part holds."""
    match part:
        case Triple():
            yield from walk(data, fill(part, row))
        case Filter(Exists(group, negated=False)):
            yield from witness(data, group, row)
        case Union():
            held = [[t for each in branch.parts for t in _evidence(data, each, row)] for branch in part.branches]
            yield from next((triples for triples in held if triples), [])
        case _:
            return


def witness(data: Dataset, group: Group, row: Mapping[Variable, Ground]) -> Iterator[Triple]:
    """The triples of the first solution of an EXISTS, given a row."""
    filled = fill_group(group, row)
    for solution in data.rows(Select(_heads(filled), filled, limit=1)):
        for part in filled.parts:
            if isinstance(part, Triple):
                yield from walk(data, fill(part, solution))


def walk(data: Dataset, pattern: Triple) -> Iterator[Triple]:
    """The plain triples by which a ground pattern holds: a path is walked, shortest first."""
    path = pattern.predicate
    match path:
        case NamedNode():
            if data.graph_of(pattern) is not None:
                yield pattern
        case Inverse():
            yield from walk(data, Triple(pattern.object, path.path, pattern.subject))
        case Alternative():
            held = (list(walk(data, replace(pattern, predicate=choice))) for choice in path.choices)
            yield from next((triples for triples in held if triples), [])
        case Sequence():
            yield from _walk_sequence(data, pattern, path)
        case Repeat():
            yield from _walk_repeat(data, pattern, path)


def _walk_sequence(data: Dataset, pattern: Triple, path: Sequence) -> Iterator[Triple]:
    middle = Variable("middle")
    first, rest = path.steps[0], path.steps[1:]
    tail: Path = rest[0] if len(rest) == 1 else Sequence(rest)
    split = Group((Triple(pattern.subject, first, middle), Triple(middle, tail, pattern.object)))
    for solution in data.rows(Select(((None, middle),), split, limit=1)):
        for piece in split.parts:
            assert isinstance(piece, Triple)
            yield from walk(data, fill(piece, solution))


def _walk_repeat(data: Dataset, pattern: Triple, path: Repeat, most: int = 32) -> Iterator[Triple]:
    """One, two, three … steps until the end is reached; none where the ends are the same."""
    if path.sign in "*?" and pattern.subject == pattern.object:
        return
    for length in range(1, 2 if path.sign == "?" else most):
        unrolled: Path = path.path if length == 1 else Sequence((path.path,) * length)
        triples = list(walk(data, replace(pattern, predicate=unrolled)))
        if triples:
            yield from triples
            return


def nearest_misses(
    data: Dataset, lack: Group, row: Mapping[Variable, Ground], outside: set[Variable], focus: Bindings
) -> Iterator[Miss]:
    """What would have met the norm, had one condition been loosened or dropped."""
    anchors = _anchors(lack, focus)
    seen = set[tuple[Triple, ...]]()
    for number, part in enumerate(lack.parts):
        for loosened in loosen(part, lack, row, outside):
            near = fill_group(Group((*lack.parts[:number], *loosened, *lack.parts[number + 1 :])), row)
            if not hangs_together(near, anchors):
                continue
            for solution in data.rows(Select(_heads(near), near, limit=MISSES)):
                found = tuple(fill(each, solution) for each in near.parts if isinstance(each, Triple))
                if found not in seen:
                    seen.add(found)
                    yield Miss(fill_part(part, row), found)


def _anchors(lack: Group, focus: Bindings) -> set[Ground]:
    """What a miss must still name: the first term of the focus where the lack names it, else any of the others."""
    named = set().union(*(triple_variables(part) for part in lack.parts if isinstance(part, Triple)))
    first, *others = focus
    return {focus[first]} if first in named else {focus[each] for each in others}


def loosen(part: Part, lack: Group, row: Mapping[Variable, Ground], outside: set[Variable]) -> list[tuple[Part, ...]]:
    """A condition with its value free, or dropped; nothing where the part is the observation's type or a join."""
    match part:
        case Filter(Exists(group, negated=True)):
            return [group.parts]
        case Filter():
            return [()] if expression_variables(part.expression) & bindable_variables(lack) else []
        case Triple() if part.predicate == RDF_TYPE:
            return [] if part == _type_of_lack(lack, outside) else [()]
        case Triple() if isinstance(part.object, Variable):
            fixed = part.object in row
            return [(replace(part, object=Variable(f"other_{part.object.value}")),)] if fixed else []
        case Triple():
            return [(replace(part, object=Variable("other")),)]
        case _:
            return []


def _type_of_lack(lack: Group, outside: set[Variable]) -> Triple | None:
    for part in lack.parts:
        if isinstance(part, Triple) and part.predicate == RDF_TYPE and part.subject not in outside:
            return part
    return None


def hangs_together(group: Group, anchors: set[Ground]) -> bool:
    """Whether a pattern of the group still names a term of the gap's focus."""
    places = {place for part in group.parts if isinstance(part, Triple) for place in (part.subject, part.object)}
    return bool(places & anchors)


def _heads(group: Group) -> tuple[tuple[None, Variable], ...]:
    return tuple((None, variable) for variable in sorted(certain_variables(group), key=str))


def fill_group(group: Group, row: Mapping[Variable, Ground]) -> Group:
    """A group with the row's terms in place of its variables."""
    return Group(tuple(fill_part(part, row) for part in group.parts))


def fill_part(part: Part, row: Mapping[Variable, Ground]) -> Part:
    """One part with the row's terms in place of its variables."""
    match part:
        case Triple():
            return fill(part, row)
        case Filter():
            return Filter(fill_expression(part.expression, row))
        case _:
            return part


def fill_expression(expression: Expression, row: Mapping[Variable, Ground]) -> Expression:
    """An expression with the row's terms in place of its variables."""
    match expression:
        case Variable():
            return row.get(expression, expression)
        case Call():
            return Call(expression.name, tuple(fill_expression(each, row) for each in expression.arguments))
        case Exists():
            return Exists(fill_group(expression.group, row), expression.negated)
        case _:
            return expression
