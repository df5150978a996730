"""With which sign a triple stands in a query: does adding it bring rows, or take rows away?

A pattern of the positive part counts +1, each NOT EXISTS and MINUS around it turns the sign, and what is counted or
compared in a sub-SELECT has both.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyoxigraph import NamedNode, Triple, Variable

from sopkg.gapquery import GapQuery
from sopkg.matching import as_stored, unify
from sopkg.syntax import (
    Bind,
    Call,
    Exists,
    Expression,
    Filter,
    GraphPattern,
    Group,
    Lateral,
    Minus,
    Optional,
    Part,
    Select,
    Union,
    path_steps,
)
from sopkg.syntax import Triple as Pattern

Signed = tuple[Pattern, int]


def signed_patterns(gap: GapQuery) -> list[Signed]:
    """Every pattern of a gap query with its sign."""
    lack = () if gap.lack is None else _group(gap.lack, -1)
    return [*_group(gap.positive, 1), *lack]


def signs(patterns: list[Signed], triple: Triple) -> set[int]:
    """The signs of the patterns that a triple matches."""
    return {sign for pattern, sign in patterns if _matches(pattern, triple)}


def _matches(pattern: Pattern, triple: Triple) -> bool:
    if isinstance(pattern.predicate, NamedNode):
        stored = Pattern(pattern.subject, pattern.predicate, as_stored(pattern.object))
        return unify(stored, triple) is not None
    return isinstance(pattern.predicate, Variable) or triple.predicate in set(path_steps(pattern.predicate))


def _group(group: Group, sign: int) -> Iterator[Signed]:
    for part in group.parts:
        yield from _part(part, sign)


def _part(part: Part, sign: int) -> Iterator[Signed]:
    match part:
        case Pattern():
            yield part, sign
        case Filter() | Bind():
            yield from _expression(part.expression, sign)
        case Minus():
            yield from _group(part.group, -sign)
        case Optional() | GraphPattern() | Lateral():
            yield from _group(part.group, sign)
        case Union():
            for branch in part.branches:
                yield from _group(branch, sign)
        case Select():
            for each in (sign, -sign):
                yield from _group(part.where, each)
        case _:
            return


def _expression(expression: Expression | None, sign: int) -> Iterator[Signed]:
    if isinstance(expression, Exists):
        yield from _group(expression.group, -sign if expression.negated else sign)
    elif isinstance(expression, Call):
        for argument in expression.arguments:
            # Inside an operator (a negation, a comparison) an EXISTS may count either way.
            for each in (sign, -sign):
                yield from _expression(argument, each)
