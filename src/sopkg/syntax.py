"""The syntax tree of a SPARQL query as it was written: groups, patterns, paths and expressions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode, Variable

Term = NamedNode | Literal | Variable


@dataclass(frozen=True)
class Sequence:
    """`p1/p2/…` (SPARQL 1.1, 9.1)."""

    steps: tuple[Path, ...]


@dataclass(frozen=True)
class Alternative:
    """`p1|p2|…`."""

    choices: tuple[Path, ...]


@dataclass(frozen=True)
class Inverse:
    """`^p`."""

    path: Path


@dataclass(frozen=True)
class Repeat:
    """`p*`, `p+` or `p?`."""

    path: Path
    sign: str


Path = NamedNode | Sequence | Alternative | Inverse | Repeat


@dataclass(frozen=True)
class Triple:
    """A triple pattern, or a property path pattern."""

    subject: Term
    predicate: Path | Variable
    object: Term


@dataclass(frozen=True)
class Call:
    """An expression: an operator, a built-in or a function (its IRI) over arguments."""

    name: str | NamedNode
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Aggregate:
    """`COUNT(DISTINCT ?x)` and its like; `argument` None stands for `*`."""

    name: str
    distinct: bool
    argument: Expression | None


@dataclass(frozen=True)
class Exists:
    """`EXISTS { … }` or `NOT EXISTS { … }`."""

    group: Group
    negated: bool


Expression = Term | Call | Aggregate | Exists


@dataclass(frozen=True)
class Filter:
    """`FILTER (expression)`; conjunctions are split, so that each filter is one condition."""

    expression: Expression


@dataclass(frozen=True)
class Optional:
    """`OPTIONAL { … }`."""

    group: Group


@dataclass(frozen=True)
class Minus:
    """`MINUS { … }`."""

    group: Group


@dataclass(frozen=True)
class Union:
    """`{ … } UNION { … }`; with one branch, a plain group in braces."""

    branches: tuple[Group, ...]


@dataclass(frozen=True)
class GraphPattern:
    """`GRAPH name { … }`."""

    name: Term
    group: Group


@dataclass(frozen=True)
class Bind:
    """`BIND (expression AS ?variable)`."""

    expression: Expression
    variable: Variable


@dataclass(frozen=True)
class Values:
    """`VALUES (…) { (…) … }`; None is UNDEF."""

    variables: tuple[Variable, ...]
    rows: tuple[tuple[NamedNode | Literal | None, ...], ...]


@dataclass(frozen=True)
class Lateral:
    """`LATERAL { … }`: an order of joins that the engine keeps. Generated, never read."""

    group: Group


@dataclass(frozen=True)
class Select:
    """A SELECT query, at the top or inside a group."""

    projection: tuple[tuple[Expression | None, Variable], ...]
    where: Group
    distinct: bool = False
    group_by: tuple[Expression, ...] = ()
    having: tuple[Expression, ...] = ()
    order_by: tuple[tuple[Expression, bool], ...] = ()
    limit: int | None = None


@dataclass(frozen=True)
class Construct:
    """A CONSTRUCT query."""

    template: tuple[Triple, ...]
    where: Group


Part = Triple | Filter | Optional | Minus | Union | GraphPattern | Bind | Values | Lateral | Select
Query = Select | Construct


@dataclass(frozen=True)
class Group:
    """A group graph pattern: its parts in the order they were written."""

    parts: tuple[Part, ...]


def path_steps(path: Path | Variable) -> Iterator[NamedNode]:
    """Every IRI that a path names."""
    if isinstance(path, NamedNode):
        yield path
    elif isinstance(path, Sequence | Alternative):
        for inner in path.steps if isinstance(path, Sequence) else path.choices:
            yield from path_steps(inner)
    elif isinstance(path, Inverse | Repeat):
        yield from path_steps(path.path)


def expression_variables(expression: Expression | None) -> set[Variable]:
    """The variables an expression mentions, those inside EXISTS included."""
    if isinstance(expression, Variable):
        return {expression}
    if isinstance(expression, Call):
        return set().union(*map(expression_variables, expression.arguments))
    if isinstance(expression, Aggregate):
        return expression_variables(expression.argument)
    if isinstance(expression, Exists):
        return group_variables(expression.group)
    return set()


def triple_variables(triple: Triple) -> set[Variable]:
    """The variables of one pattern."""
    return {place for place in (triple.subject, triple.predicate, triple.object) if type(place) is Variable}


def part_variables(part: Part) -> set[Variable]:
    """Every variable that a part mentions and the outside can share."""
    match part:
        case Triple():
            return triple_variables(part)
        case Filter():
            return expression_variables(part.expression)
        case Optional() | Minus() | Lateral():
            return group_variables(part.group)
        case Union():
            return set().union(*map(group_variables, part.branches))
        case GraphPattern():
            named = {part.name} if isinstance(part.name, Variable) else set()
            return named | group_variables(part.group)
        case Bind():
            return {part.variable} | expression_variables(part.expression)
        case Values():
            return set(part.variables)
        case Select():
            return {variable for _, variable in part.projection}


def group_variables(group: Group) -> set[Variable]:
    """Every variable that a group mentions and the outside can share."""
    return set().union(*map(part_variables, group.parts))


def bindable_variables(group: Group) -> set[Variable]:
    """The variables that a group may bind: what only its filters and MINUS mention stays outside."""
    return set().union(*(part_variables(part) for part in group.parts if not isinstance(part, Filter | Minus)))


def certain_variables(group: Group) -> set[Variable]:
    """The variables that every solution of a group binds."""
    found: set[Variable] = set()
    for part in group.parts:
        match part:
            case Triple() | Select():
                found |= part_variables(part)
            case Lateral():
                found |= certain_variables(part.group)
            case GraphPattern():
                found |= certain_variables(part.group)
                found |= {part.name} if isinstance(part.name, Variable) else set()
            case Union():
                found |= set.intersection(*map(certain_variables, part.branches))
            case Values():
                columns = zip(part.variables, zip(*part.rows, strict=True), strict=False)
                found |= {variable for variable, column in columns if None not in column}
            case _:
                pass
    return found
