"""Why a gap is one: evidence, what was looked for and not found, and the nearest misses, derived from its query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from pyoxigraph import Literal, NamedNode, Variable

from sopkg.auditgraphs import Dataset
from sopkg.gapquery import Bindings, GapQuery, Ground, readings
from sopkg.negation import RDF_TYPE, chained, nest
from sopkg.nodeshape import NodeShape, describe
from sopkg.substitution import substitute
from sopkg.syntax import (
    Aggregate,
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
class Tally:
    """A number that a sub-SELECT counted: of what, and for which terms."""

    name: Variable
    counted: NamedNode | None
    of: tuple[Ground, ...]
    number: Literal


@dataclass(frozen=True)
class Reading:
    """One way in which the positive part holds for the gap's focus."""

    row: Mapping[Variable, Ground]
    evidence: tuple[Triple, ...]
    tests: tuple[Expression, ...]
    tallies: tuple[Tally, ...]


@dataclass(frozen=True)
class Search:
    """What one reading looked for: the observation, its pattern filled in, what met it all the same, what came near."""

    lack: NodeShape | None
    sought: Variable | None
    pattern: Group
    found: tuple[tuple[Triple, ...], ...]
    misses: tuple[Miss, ...]


@dataclass(frozen=True)
class Explanation:
    """A gap explained: its readings, what each looked for, the findings that it rests on, and who denies its evidence.

    A search has found something only where the gap is one although the data meets the norm: a source says otherwise.
    """

    readings: tuple[Reading, ...]
    more_readings: bool
    searches: tuple[Search, ...]
    rests_on: tuple[Ground, ...]
    denials: tuple[tuple[Triple, NamedNode], ...]


def explain(data: Dataset, gap: GapQuery, parameters: Bindings, focus: Bindings) -> Explanation | None:
    """Explains the gap of a kind on a focus; None where the data shows no such gap.

    `parameters` holds the audit's date and the kind's thresholds, `focus` a term for each variable of `#+ focus`.
    """
    missing = True
    rows = list(_rows(data, gap, parameters, focus, missing=True))
    if not rows and gap.lack is not None:
        missing, rows = False, list(_rows(data, gap, parameters, focus, missing=False))
    if not rows:
        return None
    told = tuple(_reading(data, gap.positive, row) for row in rows[:READINGS])
    searches = [_search(data, gap, row, focus, missing) for row in rows[:READINGS]] if gap.lack is not None else []
    return Explanation(
        told,
        len(rows) > READINGS,
        tuple({search.pattern: search for search in reversed(searches)}.values())[::-1],
        () if gap.inherits is None else tuple(dict.fromkeys(row[gap.inherits] for row in rows)),
        tuple(_denials(data, told)) if gap.lack is None else (),
    )


def _rows(
    data: Dataset, gap: GapQuery, parameters: Bindings, focus: Bindings, *, missing: bool
) -> Iterator[dict[Variable, Ground]]:
    """The readings of one gap, one more than are told; with `missing` false, those in which the norm is met."""
    inside = gap.counted
    bound = {**parameters, **{column: term for column, term in focus.items() if column not in inside}}
    same = tuple(Filter(Call("=", (column, term))) for column, term in focus.items() if column in inside)
    query = readings(gap, bound, data.fanout, missing=missing)
    order = tuple((column, False) for column in gap.readings)
    asked = replace(query, where=Group((*query.where.parts, *same)), order_by=order, limit=READINGS + 1)
    return ({**parameters, **focus, **row} for row in data.rows(asked))


def _search(data: Dataset, gap: GapQuery, row: Mapping[Variable, Ground], focus: Bindings, missing: bool) -> Search:
    assert gap.lack is not None
    outside = set(gap.readings) | set(row)
    named = _type_of_lack(gap.lack, outside)
    return Search(
        describe(gap.lack, row, set(gap.readings)),
        named.subject if named is not None and isinstance(named.subject, Variable) else None,
        substitute(gap.lack, row),
        () if missing else tuple(solved(data, substitute(gap.lack, row), MISSES)),
        tuple(nearest_misses(data, gap.lack, row, outside, focus)) if missing else (),
    )


def _denials(data: Dataset, told: Iterable[Reading]) -> Iterator[tuple[Triple, NamedNode]]:
    """The evidence that a source denies, each with the denial."""
    evidence = {triple for reading in told for triple in reading.evidence}
    for row in data.denials:
        denied = Triple(row["subject"], row["predicate"], row["object"])
        if denied in evidence:
            yield denied, row["denial"]


def _reading(data: Dataset, positive: Group, row: Mapping[Variable, Ground]) -> Reading:
    evidence = tuple(dict.fromkeys(triple for part in positive.parts for triple in _evidence(data, part, row)))
    tests = tuple(
        substitute(part.expression, row)
        for part in positive.parts
        if isinstance(part, Filter) and not isinstance(part.expression, Exists)
    )
    counted = (tally for part in positive.parts if isinstance(part, Select) for tally in _tallies(data, part, row))
    return Reading(row, evidence, tests, tuple(dict.fromkeys(counted)))


def _tallies(data: Dataset, counting: Select, row: Mapping[Variable, Ground]) -> Iterator[Tally]:
    """The numbers that a sub-SELECT counted for a row, those of its own sub-SELECTs first."""
    for part in counting.where.parts:
        if isinstance(part, Select):
            yield from _tallies(data, part, row)
    columns = [column for expression, column in counting.projection if expression is None]
    told = all(column in row for _, column in counting.projection)
    for found in [row] if told else data.rows(replace(counting, where=chained(counting.where, data.fanout))):
        if all(found[column] == row.get(column, found[column]) for column in columns):
            yield from _counts(counting, columns, found)


def _counts(counting: Select, columns: list[Variable], found: Mapping[Variable, Ground]) -> Iterator[Tally]:
    for expression, column in counting.projection:
        number = found[column]
        if isinstance(expression, Aggregate) and isinstance(number, Literal):
            yield Tally(column, _counted(expression, counting.where), tuple(map(found.__getitem__, columns)), number)


def _counted(aggregate: Aggregate, where: Group) -> NamedNode | None:
    """The class of what an aggregate counts."""
    for part in where.parts:
        if isinstance(part, Triple) and part.predicate == RDF_TYPE and part.subject == aggregate.argument:
            return part.object if isinstance(part.object, NamedNode) else None
    return None


def _evidence(data: Dataset, part: Part, row: Mapping[Variable, Ground]) -> Iterator[Triple]:
    """The triples by which one part of the positive part holds."""
    match part:
        case Triple():
            yield from walk(data, substitute(part, row))
        case Filter(Exists(group, negated=False)):
            yield from witness(data, group, row)
        case Union():
            held = (list(witness(data, branch, row)) for branch in part.branches)
            yield from next((triples for triples in held if triples), [])
        case _:
            return


def witness(data: Dataset, group: Group, row: Mapping[Variable, Ground]) -> Iterator[Triple]:
    """The triples of the first solution of a group, given a row."""
    for triples in solved(data, substitute(group, row), 1):
        yield from triples


def solved(data: Dataset, group: Group, most: int) -> Iterator[tuple[Triple, ...]]:
    """The plain triples of the first solutions of a group."""
    for solution in data.rows(Select(_heads(group), chained(nest(group, data.fanout), data.fanout), limit=most)):
        patterns = (substitute(part, solution) for part in group.parts if isinstance(part, Triple))
        yield tuple(dict.fromkeys(triple for pattern in patterns for triple in walk(data, pattern)))


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
            yield from walk(data, substitute(piece, solution))


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
            near = substitute(Group((*lack.parts[:number], *loosened, *lack.parts[number + 1 :])), row)
            if not hangs_together(near, anchors):
                continue
            for found in sorted(solved(data, near, MISSES), key=str):
                if found not in seen:
                    seen.add(found)
                    yield Miss(substitute(part, row), found)


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
