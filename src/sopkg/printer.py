"""Prints a syntax tree as SPARQL: every term typed, every name in full."""

from __future__ import annotations

from pyoxigraph import Literal, NamedNode, Variable

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
    Lateral,
    Minus,
    Optional,
    Part,
    Path,
    Query,
    Repeat,
    Select,
    Sequence,
    Triple,
    Union,
    Values,
)

INFIX = {"||", "&&", "=", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/"}


def print_query(query: Query) -> str:
    """The query as text that any SPARQL 1.1 engine reads (LATERAL apart)."""
    if isinstance(query, Construct):
        template = " ".join(map(print_part, query.template))
        return f"CONSTRUCT {{ {template} }} WHERE {print_group(query.where)}"
    return _select(query)


def print_group(group: Group) -> str:
    """A group in its braces."""
    return "{ " + " ".join(map(print_part, group.parts)) + " }"


def print_part(part: Part) -> str:
    """One part of a group."""
    match part:
        case Triple():
            predicate = part.predicate
            verb = str(predicate) if isinstance(predicate, Variable) else print_path(predicate)
            return f"{part.subject} {verb} {part.object} ."
        case Filter():
            return f"FILTER {_constraint(part.expression)}"
        case Optional():
            return f"OPTIONAL {print_group(part.group)}"
        case Minus():
            return f"MINUS {print_group(part.group)}"
        case Lateral():
            return f"LATERAL {print_group(part.group)}"
        case Union():
            return " UNION ".join(map(print_group, part.branches))
        case GraphPattern():
            return f"GRAPH {part.name} {print_group(part.group)}"
        case Bind():
            return f"BIND ({print_expression(part.expression)} AS {part.variable})"
        case Values():
            return print_values(part)
        case Select():
            return "{ " + _select(part) + " }"


def print_path(path: Path) -> str:
    """A property path, bracketed so that nothing binds otherwise than in the tree."""
    match path:
        case NamedNode():
            return str(path)
        case Sequence():
            return "(" + "/".join(map(print_path, path.steps)) + ")"
        case Alternative():
            return "(" + "|".join(map(print_path, path.choices)) + ")"
        case Inverse():
            return f"^({print_path(path.path)})"
        case Repeat():
            return f"({print_path(path.path)}){path.sign}"


def print_expression(expression: Expression) -> str:
    """An expression, bracketed throughout."""
    match expression:
        case Exists():
            return ("NOT EXISTS " if expression.negated else "EXISTS ") + print_group(expression.group)
        case Aggregate():
            argument = "*" if expression.argument is None else print_expression(expression.argument)
            return f"{expression.name}({'DISTINCT ' if expression.distinct else ''}{argument})"
        case Call():
            return _call(expression)
        case _:
            return str(expression)


def _call(call: Call) -> str:
    arguments = [print_expression(argument) for argument in call.arguments]
    if call.name in INFIX and len(arguments) == 2:
        return f"({arguments[0]} {call.name} {arguments[1]})"
    if call.name in {"IN", "NOT IN"}:
        return f"({arguments[0]} {call.name} ({', '.join(arguments[1:])}))"
    if call.name in {"!", "-", "+"}:
        return f"({call.name} {arguments[0]})"
    return f"{call.name}({', '.join(arguments)})"


def _constraint(expression: Expression) -> str:
    text = print_expression(expression)
    return text if isinstance(expression, Exists) else f"({text})"


def print_values(values: Values) -> str:
    """Inline data."""
    heads = " ".join(map(str, values.variables))
    rows = " ".join("(" + " ".join(_cell(term) for term in row) + ")" for row in values.rows)
    return f"VALUES ({heads}) {{ {rows} }}"


def _cell(term: NamedNode | Literal | None) -> str:
    return "UNDEF" if term is None else str(term)


def _select(select: Select) -> str:
    words = ["SELECT DISTINCT" if select.distinct else "SELECT"]
    words += [_column(expression, variable) for expression, variable in select.projection] or ["*"]
    words += ["WHERE", print_group(select.where)]
    if select.group_by:
        words += ["GROUP BY", *(_bracketed(key) for key in select.group_by)]
    if select.having:
        words += ["HAVING", *(f"({print_expression(test)})" for test in select.having)]
    if select.order_by:
        words += ["ORDER BY", *(_order(key, descending) for key, descending in select.order_by)]
    if select.limit is not None:
        words.append(f"LIMIT {select.limit}")
    return " ".join(words)


def _column(expression: Expression | None, variable: Variable) -> str:
    return str(variable) if expression is None else f"({print_expression(expression)} AS {variable})"


def _bracketed(expression: Expression) -> str:
    return str(expression) if isinstance(expression, Variable) else f"({print_expression(expression)})"


def _order(expression: Expression, descending: bool) -> str:
    return f"{'DESC' if descending else 'ASC'}({print_expression(expression)})"
