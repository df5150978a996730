"""Reads SPARQL text into a syntax tree, through rdflib's parse tree.

The parse tree keeps order and everything written; rdflib's algebra reorders patterns, and an EXISTS body reached
in it as a dictionary item has lost its filters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from threading import Lock
from typing import Any

import rdflib
from pyoxigraph import Literal, NamedNode, Variable
from pyparsing import ParseBaseException, ParseResults
from rdflib.plugins.sparql.parser import parseQuery
from rdflib.plugins.sparql.parserutils import CompValue

from sopkg.errors import BadInput
from sopkg.syntax import (
    Aggregate,
    Alternative,
    Bind,
    Call,
    Construct,
    Exists,
    Expression,
    Filter,
    GraphPattern,
    Group,
    Inverse,
    Minus,
    Optional,
    Part,
    Path,
    Query,
    Repeat,
    Select,
    Sequence,
    Term,
    Triple,
    Union,
    Values,
)

XSD = "http://www.w3.org/2001/XMLSchema#"
# A character of a prefixed name that stands for itself (PN_LOCAL_ESC).
ESCAPE = re.compile(r"\\(.)")
LEVELS = {
    "ConditionalOrExpression": "||",
    "ConditionalAndExpression": "&&",
    "RelationalExpression": "",
    "AdditiveExpression": "",
    "MultiplicativeExpression": "",
}
UNARY = {"UnaryNot": "!", "UnaryMinus": "-", "UnaryPlus": "+"}


_PARSING = Lock()  # the parser finds out how to call its own functions while it parses, one thread at a time


@lru_cache(maxsize=512)
def read_query(text: str) -> Query:
    """The syntax tree of a SELECT or CONSTRUCT query.

    Raises BadInput with line and column where the text is not SPARQL, or names what this reader does not know.
    """
    # A number must stay as it was written: rdflib would otherwise rewrite "01" to 1.
    rdflib.NORMALIZE_LITERALS = False
    try:
        with _PARSING:
            prologue, query = parseQuery(text)
    except ParseBaseException as error:
        raise BadInput(
            f"not a SPARQL query: line {error.lineno}, column {error.column}: {error.msg}",
            {"line": error.lineno, "column": error.column},
        ) from error
    return _Reader({d.prefix or "": str(d.iri) for d in prologue if d.name == "PrefixDecl"}).query(query)


class _Reader:
    """Holds the prefixes of one query, and counts its blank nodes."""

    def __init__(self, prefixes: dict[str, str]) -> None:
        self.prefixes = prefixes
        self.blanks: dict[object, Variable] = {}

    def query(self, query: CompValue) -> Query:
        if query.name == "SelectQuery":
            return self.select(query)
        if query.name == "ConstructQuery" and query.template is not None:
            return Construct(tuple(self.triples(query.template)), self.group(query.where))
        raise BadInput(f"a {query.name} is not read here: SELECT and CONSTRUCT are")

    def select(self, query: CompValue) -> Select:
        order = query.orderby.condition if query.orderby else []
        limits = query.limitoffset
        return Select(
            projection=tuple(self.column(column) for column in query.projection or []),
            where=self.group(query.where),
            distinct=query.modifier == "DISTINCT",
            group_by=tuple(self.expression(key) for key in (query.groupby.condition if query.groupby else [])),
            having=tuple(self.expression(test) for test in (query.having.condition if query.having else [])),
            order_by=tuple((self.expression(key.expr), key.order == "DESC") for key in order),
            limit=int(limits.limit) if limits and limits.limit is not None else None,
        )

    def column(self, column: CompValue) -> tuple[Expression | None, Variable]:
        if column.evar is not None:
            return self.expression(column.expr), Variable(str(column.evar))
        return None, Variable(str(column.var))

    def group(self, group: CompValue) -> Group:
        if group.name == "SubSelect":
            return Group((self.select(group),))
        return Group(tuple(part for item in group.part or [] for part in self.parts(item)))

    def parts(self, item: CompValue) -> Iterator[Part]:
        match item.name:
            case "TriplesBlock":
                yield from (triple for run in item.triples for triple in self.triples([run]))
            case "Filter":
                yield from map(Filter, self.conjuncts(item.expr))
            case "OptionalGraphPattern":
                yield Optional(self.group(item.graph))
            case "MinusGraphPattern":
                yield Minus(self.group(item.graph))
            case "GroupOrUnionGraphPattern":
                yield from self.braces([self.group(branch) for branch in item.graph])
            case "GraphGraphPattern":
                yield GraphPattern(self.term(item.term), self.group(item.graph))
            case "Bind":
                yield Bind(self.expression(item.expr), Variable(str(item.var)))
            case "InlineData":
                yield self.values(item)
            case _:
                raise BadInput(f"{item.name} is not read here")

    @staticmethod
    def braces(branches: list[Group]) -> Iterator[Part]:
        if len(branches) == 1 and len(branches[0].parts) == 1 and isinstance(branches[0].parts[0], Select):
            yield branches[0].parts[0]
        else:
            yield Union(tuple(branches))

    def values(self, item: CompValue) -> Values:
        variables = tuple(Variable(str(variable)) for variable in item.var)
        return Values(variables, tuple(tuple(map(self.cell, _items(row))) for row in item.value))

    def cell(self, value: Any) -> NamedNode | Literal | None:
        if value == "UNDEF" and not isinstance(value, rdflib.Literal):
            return None
        term = self.term(value)
        assert not isinstance(term, Variable)
        return term

    def triples(self, runs: Iterable[Any]) -> Iterator[Triple]:
        for run in runs:
            flat = list(run)
            for place in range(0, len(flat), 3):
                subject, predicate, value = flat[place : place + 3]
                yield Triple(self.term(subject), self.verb(predicate), self.term(value))

    def verb(self, predicate: Any) -> Path | Variable:
        return Variable(str(predicate)) if isinstance(predicate, rdflib.Variable) else self.path(predicate)

    def path(self, path: Any) -> Path:
        match getattr(path, "name", None):
            case "PathAlternative":
                return _single(Alternative, [self.path(choice) for choice in path.part])
            case "PathSequence":
                return _single(Sequence, [self.path(step) for step in path.part])
            case "PathEltOrInverse":
                return Inverse(self.path(path.part))
            case "PathElt":
                inner = self.path(path.part)
                return Repeat(inner, str(path.mod)) if path.mod is not None else inner
        if isinstance(path, rdflib.URIRef) or getattr(path, "name", None) == "pname":
            iri = self.term(path)
            assert isinstance(iri, NamedNode)
            return iri
        raise BadInput(f"the path {path!r} is not read here")

    def term(self, term: Any) -> Term:
        if isinstance(term, CompValue):
            return self.composed(term)
        if isinstance(term, rdflib.Variable):
            return Variable(str(term))
        if isinstance(term, rdflib.BNode):
            # A blank node in a pattern is a variable that nothing else can name (SPARQL 1.1, 4.1.4).
            return self.blanks.setdefault(term, Variable(f"_b{len(self.blanks)}"))
        if isinstance(term, rdflib.URIRef):
            return NamedNode(str(term))
        if isinstance(term, rdflib.Literal):
            return _literal(str(term), term.language, term.datatype and str(term.datatype))
        raise BadInput(f"the term {term!r} is not read here")

    def composed(self, term: CompValue) -> Term:
        if term.name == "pname":
            prefix = str(term.prefix) if term.prefix is not None else ""
            if prefix not in self.prefixes:
                raise BadInput(f"the prefix {prefix}: is not declared")
            local = str(term.localname if term.localname is not None else "")
            return NamedNode(self.prefixes[prefix] + ESCAPE.sub(r"\1", local))
        if term.name == "literal":
            datatype = self.term(term.datatype) if term.datatype is not None else None
            kind = datatype.value if isinstance(datatype, NamedNode) else None
            return _literal(str(term.string), str(term.lang) if term.lang is not None else None, kind)
        raise BadInput(f"the term {term.name} is not read here")

    def conjuncts(self, expression: Any) -> Iterator[Expression]:
        read = self.expression(expression)
        pending = [read]
        while pending:
            first = pending.pop(0)
            if isinstance(first, Call) and first.name == "&&":
                pending = [*first.arguments, *pending]
            else:
                yield first

    def expression(self, node: Any) -> Expression:
        if not isinstance(node, CompValue):
            return self.term(node)
        if node.name in LEVELS:
            return self.chain(node, LEVELS[node.name])
        if node.name in UNARY:
            return Call(UNARY[node.name], (self.expression(node.expr),))
        if node.name in {"Builtin_EXISTS", "Builtin_NOTEXISTS"}:
            return Exists(self.group(node.graph), node.name == "Builtin_NOTEXISTS")
        if node.name.startswith("Aggregate_"):
            return self.aggregate(node)
        if node.name == "Function":
            iri = self.term(node.iri)
            assert isinstance(iri, NamedNode)
            return Call(iri, tuple(self.expression(argument) for argument in node.expr or []))
        if node.name.startswith("Builtin_"):
            return Call(node.name.removeprefix("Builtin_"), tuple(self.arguments(node)))
        return self.term(node)

    def chain(self, node: CompValue, operator: str) -> Expression:
        """One level of the grammar's operator ladder: most hold a single child and are unwrapped."""
        left = self.expression(node.expr)
        if node.other is None:
            return left
        if node.name == "RelationalExpression":
            return Call(str(node.op), (left, *map(self.expression, _items(node.other))))
        operators = [operator] * len(node.other) if operator else [str(op) for op in node.op]
        for sign, other in zip(operators, node.other, strict=True):
            left = Call(sign, (left, self.expression(other)))
        return left

    def aggregate(self, node: CompValue) -> Aggregate:
        argument = None if str(node.vars) == "*" else self.expression(node.vars)
        if node.separator is not None:
            raise BadInput("GROUP_CONCAT with a separator is not read here")
        return Aggregate(node.name.removeprefix("Aggregate_").upper(), node.distinct == "DISTINCT", argument)

    def arguments(self, node: CompValue) -> Iterator[Expression]:
        """The arguments of a built-in, in the order the parse tree keeps them in."""
        for key in node:
            value = node[key] if key != "graph" else None
            yield from (self.expression(item) for item in _items(value) if item is not None)


def _items(value: Any) -> list[Any]:
    """A value that the parse tree holds alone or in a list, as a list (a CompValue claims every attribute)."""
    return list(value) if isinstance(value, list | ParseResults) else [value]


def _single(kind: type[Sequence] | type[Alternative], paths: list[Path]) -> Path:
    return paths[0] if len(paths) == 1 else kind(tuple(paths))


def _literal(text: str, language: str | None, datatype: str | None) -> Literal:
    if language:
        return Literal(text, language=language)
    return Literal(text, datatype=NamedNode(datatype)) if datatype else Literal(text)
