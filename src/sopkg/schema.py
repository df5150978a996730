"""Solves the schema premises of a query file against the ontology: each solution is an instance of the query.

A schema premise is a pattern that only the ontology can match: its predicate is of the OWL, RDFS, SHACL or
list vocabulary, or it asks for a type of one of these. What is left of an instance asks the data, with
constants in place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

from pyoxigraph import Literal, NamedNode, QuerySolution, QuerySolutions, Store, Variable

from sopkg.negation import RDF_TYPE
from sopkg.nodeshape import RDF, SH, Ground
from sopkg.printer import print_query
from sopkg.syntax import (
    Alternative,
    Bind,
    Call,
    Exists,
    Expression,
    Filter,
    Group,
    Inverse,
    Optional,
    Part,
    Path,
    Query,
    Repeat,
    Select,
    Sequence,
    Triple,
    Values,
    bindable_variables,
    certain_variables,
    expression_variables,
    group_variables,
    part_variables,
    path_steps,
    triple_variables,
)
from sopkg.turtle import ontology, store_of

OWL, RDFS = "http://www.w3.org/2002/07/owl#", "http://www.w3.org/2000/01/rdf-schema#"
SCHEMA_NAMESPACES = (OWL, SH)
SCHEMA_PREDICATES = {f"{RDFS}{name}" for name in ("subClassOf", "subPropertyOf", "domain", "range")}
SCHEMA_PREDICATES |= {f"{RDF}{name}" for name in ("first", "rest")}
# OWL's words for what data say.
DATA_NAMES = {
    "sameAs",
    "differentFrom",
    "sourceIndividual",
    "assertionProperty",
    "targetIndividual",
    "targetValue",
}
DATA_PREDICATES = {f"{OWL}{name}" for name in DATA_NAMES}
# Classes that anything may belong to.
DATA_CLASSES = {f"{OWL}{name}" for name in ("Thing", "Nothing")}
TRUE = Literal(True)
REPEATS = {"zeroOrMorePath": "*", "oneOrMorePath": "+", "zeroOrOnePath": "?"}

Bindings = Mapping[Variable, Ground]
Node = TypeVar("Node")


def ontology_store() -> Store:
    """A fresh store that holds the ontology."""
    return store_of(ontology())


Asked = TypeVar("Asked", bound=Query)


def instances(query: Asked, schema: Store) -> list[Asked]:
    """The query once for each solution of its schema premises, filled in; without premises, as it is."""
    premises, rest = split(query.where)
    left = replace(query, where=rest)
    if not premises.parts:
        return [left]
    filled = (_Filling(row, schema).fill(left) for row in solve(premises, schema))
    return [replace(each, where=_inlined(_expanded(each.where, schema, set()))) for each in filled]


def split(where: Group) -> tuple[Group, Group]:
    """The schema premises of a group, with the conditions that hang on them alone; and the rest."""
    asked = set().union(*(triple_variables(p) for p in where.parts if isinstance(p, Triple) and is_schema(p)))
    premises, rest = list[Part](), list[Part]()
    for part in where.parts:
        mine = _is_premise(part, asked)
        (premises if mine else rest).append(part)
        if mine and isinstance(part, Optional | Bind):
            asked |= part_variables(part)
    return Group(tuple(premises)), Group(tuple(rest))


def _is_premise(part: Part, asked: set[Variable]) -> bool:
    match part:
        case Triple():
            return is_schema(part)
        case Optional():
            return all(isinstance(inner, Triple) and is_schema(inner) for inner in part.group.parts)
        case Bind():
            return bool(asked) and expression_variables(part.expression) <= asked
        case Filter():
            return not isinstance(part.expression, Exists) and _within(part_variables(part), asked)
        case Values():
            return _within(part_variables(part), asked)
        case _:
            return False


def _within(variables: set[Variable], asked: set[Variable]) -> bool:
    return bool(variables) and variables <= asked


def is_schema(triple: Triple) -> bool:
    """Whether only the ontology can match a pattern."""
    if isinstance(triple.predicate, Variable):
        return False
    if triple.predicate == RDF_TYPE:
        return isinstance(triple.object, NamedNode) and _is_schema_class(triple.object.value)
    return all(_is_schema_predicate(step.value) for step in path_steps(triple.predicate))


def _is_schema_class(iri: str) -> bool:
    return iri.startswith((*SCHEMA_NAMESPACES, RDFS)) and iri not in DATA_CLASSES


def _is_schema_predicate(iri: str) -> bool:
    return (iri.startswith(SCHEMA_NAMESPACES) and iri not in DATA_PREDICATES) or iri in SCHEMA_PREDICATES


def solve(premises: Group, schema: Store) -> list[dict[Variable, Ground]]:
    """The solutions of the premises, each once, in a fixed order."""
    variables = sorted(group_variables(premises), key=str)
    query = Select(tuple((None, variable) for variable in variables), premises, distinct=True)
    if not variables:
        return [{}] if _rows(replace(query, projection=((TRUE, Variable("holds")),), limit=1), schema) else []
    found = ({v: row[v.value] for v in variables if row[v.value] is not None} for row in _rows(query, schema))
    return sorted(found, key=str)


def _rows(query: Select, schema: Store) -> list[QuerySolution]:
    solutions = schema.query(print_query(query))
    assert isinstance(solutions, QuerySolutions)
    return list(solutions)


@dataclass(frozen=True)
class _Filling:
    """One solution, put in place of its variables."""

    row: Bindings
    schema: Store

    def fill(self, node: Node) -> Node:
        """Any part of a query with the constants in place."""
        return self._fill(node)  # type: ignore[no-any-return]

    def _fill(self, node: Any) -> Any:
        if isinstance(node, Variable):
            return self.row.get(node, node)
        if isinstance(node, tuple):
            return tuple(map(self._fill, node))
        if isinstance(node, Triple):
            return Triple(self._fill(node.subject), self._verb(node.predicate), self._fill(node.object))
        if isinstance(node, Select):
            return self._select(node)
        if is_dataclass(node) and not isinstance(node, type):
            return replace(node, **{each.name: self._fill(getattr(node, each.name)) for each in fields(node)})
        return node

    def _verb(self, predicate: Path | Variable) -> Path | Variable:
        term = self.row.get(predicate) if isinstance(predicate, Variable) else None
        return path_of(self.schema, term) if isinstance(term, NamedNode) else predicate

    def _select(self, select: Select) -> Select:
        """A column that became a constant keeps its name; a group key that became one is none."""
        columns = ((v if expression is None else expression, v) for expression, v in select.projection)
        shown = tuple((None if filled == v else filled, v) for filled, v in ((self._fill(e), v) for e, v in columns))
        keys = tuple(self._fill(key) for key in select.group_by)
        return replace(
            select,
            projection=shown,
            where=self._fill(select.where),
            group_by=tuple(key for key in keys if not isinstance(key, NamedNode | Literal)),
            having=self._fill(select.having),
            order_by=tuple((self._fill(key), down) for key, down in select.order_by),
        )


def path_of(schema: Store, node: NamedNode) -> Path:
    """The path that a node stands for: itself, or what SHACL 2.3.1 writes as a list or with `sh:…Path`."""
    if _one(schema, node, f"{RDF}first"):
        return Sequence(tuple(path_of(schema, step) for step in _list(schema, node)))
    if inverse := _one(schema, node, f"{SH}inversePath"):
        return Inverse(path_of(schema, inverse))
    if choices := _one(schema, node, f"{SH}alternativePath"):
        return Alternative(tuple(path_of(schema, choice) for choice in _list(schema, choices)))
    for name, sign in REPEATS.items():
        if repeated := _one(schema, node, f"{SH}{name}"):
            return Repeat(path_of(schema, repeated), sign)
    return node


def _list(schema: Store, node: NamedNode) -> Iterator[NamedNode]:
    following: NamedNode | None = node
    while following and (first := _one(schema, following, f"{RDF}first")):
        yield first
        following = _one(schema, following, f"{RDF}rest")


def _one(schema: Store, node: NamedNode, predicate: str) -> NamedNode | None:
    quads = schema.quads_for_pattern(node, NamedNode(predicate), None, None)
    return next((quad.object for quad in quads if isinstance(quad.object, NamedNode)), None)


def _expanded(group: Group, schema: Store, outside: set[Variable]) -> Group:
    """The group with the schema premises inside its EXISTS solved too: one condition for each solution."""
    bound = outside | bindable_variables(group)
    parts = list[Part]()
    for part in group.parts:
        if isinstance(part, Filter):
            parts += map(Filter, _conditions(part.expression, schema, bound))
        else:
            parts.append(part)
    return Group(tuple(parts))


def _conditions(expression: Expression, schema: Store, bound: set[Variable]) -> list[Expression]:
    """The conditions that together are one filter."""
    if not isinstance(expression, Exists):
        return [expression]
    premises, rest = split(expression.group)
    if not premises.parts:
        return [Exists(_expanded(rest, schema, bound), expression.negated)]
    shared = group_variables(premises) & bound
    choices = [_choice(rest, row, shared, schema, bound) for row in solve(premises, schema)]
    tests = [_asked(choice, expression.negated) for choice in choices]
    return tests if expression.negated else [_any(tests)]


def _choice(rest: Group, row: Bindings, shared: set[Variable], schema: Store, bound: set[Variable]) -> Group:
    """The body of an EXISTS for one solution of its premises: what the outside binds too is compared."""
    equal = (
        Filter(Call("sameTerm", (variable, row[variable]))) for variable in sorted(shared, key=str) if variable in row
    )
    filled = _Filling(row, schema).fill(rest)
    return _expanded(Group((*equal, *filled.parts)), schema, bound)


def _asked(body: Group, negated: bool) -> Expression:
    """EXISTS or NOT EXISTS of a body; one of a single condition is that condition."""
    if not body.parts:
        return Call("!", (TRUE,)) if negated else TRUE
    only = body.parts[0]
    if len(body.parts) == 1 and isinstance(only, Filter):
        test = only.expression
        if isinstance(test, Exists):
            return Exists(test.group, test.negated != negated)
        if isinstance(test, Call) and test.name == "sameTerm":
            return Call("!", (test,)) if negated else test
    return Exists(body, negated)


def _any(tests: list[Expression]) -> Expression:
    if not tests:
        return Call("!", (TRUE,))
    first, *others = tests
    for other in others:
        first = Call("||", (first, other))
    return first


def _inlined(group: Group) -> Group:
    """EXISTS of patterns whose variables are all bound anyway, as patterns: a list of classes written out."""
    certain = certain_variables(group)
    return Group(tuple(piece for part in group.parts for piece in _inline(part, certain)))


def _inline(part: Part, certain: set[Variable]) -> Iterable[Part]:
    if isinstance(part, Filter) and isinstance(part.expression, Exists) and not part.expression.negated:
        body = part.expression.group
        if all(isinstance(inner, Triple) for inner in body.parts) and group_variables(body) <= certain:
            return body.parts
    return (part,)


def premises_of(group: Group) -> Iterator[Triple]:
    """The patterns that every solution of a group matches: none in OPTIONAL, UNION or negation."""
    for part in group.parts:
        if isinstance(part, Triple):
            yield part
        elif isinstance(part, Select):
            yield from premises_of(part.where)


def can_match(store: Store, where: Group) -> bool:
    """Whether the store holds anything for each pattern that a group needs: a cheap look before a query."""
    return all(_may_hold(store, triple) for triple in premises_of(where))


def _may_hold(store: Store, triple: Triple) -> bool:
    if isinstance(triple.predicate, Variable) or not isinstance(triple.predicate, NamedNode):
        return True
    subject, value = (None if isinstance(term, Variable) else term for term in (triple.subject, triple.object))
    if isinstance(subject, Literal):
        return False
    return next(iter(store.quads_for_pattern(subject, triple.predicate, value, None)), None) is not None
