"""Gap queries: the one form that every gap kind is written in, checked at start-up.

`SELECT DISTINCT focus… WHERE { positive part  FILTER NOT EXISTS { lack } }`: one row is one gap. The lack is the last
part of WHERE; negations before it are conditions of the positive part. A query whose last part is no negation has
positive evidence only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pyoxigraph import Literal, NamedNode, QuerySolutions, Store, Variable

from sopkg.catalog import QueryFile, prefixes, query_files
from sopkg.errors import InternalFault
from sopkg.files import system_query
from sopkg.negation import RDF_TYPE, Fanout, joined, nest, restricted
from sopkg.substitution import substitute
from sopkg.syntax import (
    Bind,
    Call,
    Exists,
    Filter,
    Group,
    Part,
    Repeat,
    Select,
    Triple,
    Union,
    Values,
    certain_variables,
    group_variables,
)
from sopkg.trees import read_file_query

XSD = "http://www.w3.org/2001/XMLSchema#"
SAME_AS = NamedNode("http://www.w3.org/2002/07/owl#sameAs")
Ground = NamedNode | Literal
Bindings = Mapping[Variable, Ground]


@dataclass(frozen=True)
class GapQuery:
    """A gap kind's query taken apart."""

    file: QueryFile
    kind: NamedNode
    focus: tuple[Variable, ...]
    columns: tuple[Variable, ...]
    positive: Group
    lack: Group | None
    inherits: Variable | None

    @property
    def counted(self) -> set[Variable]:
        """The variables that a sub-SELECT gives: they can be held against a term, not bound to it."""
        return {column for part in self.positive.parts if isinstance(part, Select) for _, column in part.projection}

    @property
    def is_plain(self) -> bool:
        """Whether some focuses can be asked for alone: what a sub-SELECT counts is counted over all."""
        return all(isinstance(part, Triple | Union | Filter) for part in self.positive.parts)

    @property
    def readings(self) -> tuple[Variable, ...]:
        """The columns of a row with all that its evidence names: every variable that the positive part surely binds."""
        bound = certain_variables(self.positive)
        return tuple(dict.fromkeys((*self.columns, *sorted(bound, key=str))))


@cache
def gap_queries() -> Mapping[str, GapQuery]:
    """Every gap query by name; one that breaks the form stops start-up with the reason."""
    return {name: read_gap_query(file) for name, file in query_files("gaps").items()}


@cache
def gap_query_of(kind: str) -> GapQuery:
    """The gap query of one kind, by the kind's IRI; the others stay unread, since reading takes its time."""
    return read_gap_query(next(file for file in query_files("gaps").values() if _kind(file).value == kind))


def read_gap_query(file: QueryFile) -> GapQuery:
    """Takes a gap query apart. Raises InternalFault where it is not in the one form."""
    query = read_file_query(file.text)
    if not isinstance(query, Select):
        raise InternalFault(f"{file.name}: a gap query is a SELECT")
    positive, lack = split_lack(query.where)
    gap = GapQuery(
        file=file,
        kind=_kind(file),
        focus=tuple(Variable(name) for name in _one(file, "focus").split()),
        columns=tuple(variable for _, variable in query.projection),
        positive=positive,
        lack=lack,
        inherits=Variable(file.headers["inherits"][0]) if "inherits" in file.headers else None,
    )
    for fault in faults(query, gap):
        raise InternalFault(f"{file.name}: {fault}")
    return gap


def split_lack(where: Group) -> tuple[Group, Group | None]:
    """The positive part and the lack of a gap query's WHERE."""
    *positive, last = where.parts
    if isinstance(last, Filter) and isinstance(last.expression, Exists) and last.expression.negated:
        return Group(tuple(positive)), last.expression.group
    return where, None


def faults(query: Select, gap: GapQuery) -> list[str]:
    """What is not in the one form, in words; an empty list is a gap query."""
    found = []
    if not query.distinct or query.group_by or query.having or query.limit is not None:
        found.append("one row is one gap: SELECT DISTINCT, no GROUP BY, HAVING or LIMIT at the top")
    if any(expression is not None for expression, _ in query.projection):
        found.append("a column is a variable of the positive part, nothing computed")
    if not query.order_by:
        found.append("ORDER BY is missing")
    bound = certain_variables(gap.positive)
    loose = [str(variable) for variable in (*gap.focus, *gap.columns) if variable not in bound]
    if loose:
        found.append(f"{', '.join(loose)} is not bound by every solution of the positive part")
    return found + ([] if gap.lack is None else _lack_faults(gap))


def _lack_faults(gap: GapQuery) -> list[str]:
    assert gap.lack is not None
    found = []
    if not all(isinstance(part, Triple | Filter) for part in gap.lack.parts):
        found.append("the negated group holds patterns, paths, filters and negation only")
    if not group_variables(gap.lack) & certain_variables(gap.positive):
        found.append("the negated group shares no variable with the positive part")
    if gap.inherits is None and not any(_names_class(part) for part in gap.lack.parts):
        found.append("the negated group names no class: what is missing is an observation of a class")
    if any(isinstance(p, Triple) and isinstance(p.predicate, Repeat) and not _grounded(p) for p in gap.lack.parts):
        found.append("a path of any length needs a given end")
    return found


def _names_class(part: Part) -> bool:
    return isinstance(part, Triple) and part.predicate == RDF_TYPE and isinstance(part.object, NamedNode)


def _grounded(pattern: Triple) -> bool:
    return not (isinstance(pattern.subject, Variable) and isinstance(pattern.object, Variable))


def _one(file: QueryFile, key: str) -> str:
    if len(file.headers.get(key, ())) != 1:
        raise InternalFault(f"{file.name}: one `#+ {key}:` line is needed")
    return file.headers[key][0]


def _kind(file: QueryFile) -> NamedNode:
    """The IRI of the kind, by the prefixes that the file itself declares."""
    prefix, _, name = _one(file, "gap").partition(":")
    known = prefixes(file.text)
    if prefix not in known:
        raise InternalFault(f"{file.name}: the prefix {prefix}: of `#+ gap:` is not declared")
    return NamedNode(known[prefix] + name)


def readings(gap: GapQuery, given: Bindings, fanout: Fanout, *, missing: bool = True) -> Select:
    """The gaps with all that their evidence names; with `missing` false, the rows where the norm is met.

    `given` are parameters, and terms of the focus where one gap is asked for: constants in the query that comes of it.
    The positive part is made distinct before the negation is asked, so that a reading is asked once.
    """
    positive = substitute(_positive(gap), given)
    bound = tuple(Bind(term, variable) for variable, term in given.items() if variable in gap.readings)
    asked = Select(_heads(gap), Group((*joined(positive, fanout).parts, *bound)), distinct=True)
    if gap.lack is None:
        return asked
    return Select(_heads(gap), joined(Group((asked, _negation(gap, given, missing=missing))), fanout))


def readings_on(
    gap: GapQuery, given: Bindings, fanout: Fanout, foci: Iterable[tuple[Ground, ...]], *, missing: bool = True
) -> Select:
    """The same for some focuses alone. A lack that hangs on nothing else is asked once for each."""
    positive, rows = substitute(_positive(gap), given), Values(gap.focus, tuple(foci))
    if gap.lack is None:
        return Select(_heads(gap), restricted(positive, rows, gap.focus, fanout), distinct=True)
    negation = _negation(gap, given, missing=missing)
    if group_variables(gap.lack) & group_variables(positive) <= set(gap.focus):
        focuses = tuple((None, variable) for variable in gap.focus)
        lacking = Select(focuses, nest(Group((rows, negation)), fanout))
        return Select(_heads(gap), restricted(positive, lacking, gap.focus, fanout), distinct=True)
    asked = Select(_heads(gap), restricted(positive, rows, gap.focus, fanout), distinct=True)
    return Select(_heads(gap), nest(Group((asked, negation)), fanout))


def _positive(gap: GapQuery) -> Group:
    return Group((*gap.positive.parts, *map(canonical, gap.focus)))


def _negation(gap: GapQuery, given: Bindings, *, missing: bool) -> Filter:
    assert gap.lack is not None
    return Filter(Exists(substitute(gap.lack, given), negated=missing))


def _heads(gap: GapQuery) -> tuple[tuple[None, Variable], ...]:
    return tuple((None, variable) for variable in gap.readings)


def parameters(date: str, thresholds: Bindings) -> dict[Variable, Ground]:
    """The parameters of a gap query: the audit's date (ISO 8601) and the kind's thresholds.

    A threshold that is a duration is given as the day that lies so long before the date.
    """
    as_of = Literal(date, datatype=NamedNode(f"{XSD}date"))
    return {Variable("asOf"): as_of, **{name: _day(as_of, value) for name, value in thresholds.items()}}


def _day(as_of: Literal, threshold: Ground) -> Ground:
    if not isinstance(threshold, Literal) or threshold.datatype.value != f"{XSD}yearMonthDuration":
        return threshold
    given: dict[Variable, Any] = {Variable("asOf"): as_of, Variable("period"): threshold}
    solutions = Store().query(system_query("day-before"), substitutions=given)
    assert isinstance(solutions, QuerySolutions)
    day = next(solutions)["day"]
    assert isinstance(day, Literal)
    return day


def canonical(variable: Variable) -> Filter:
    """The condition that a term has no alias (owl:sameAs) before it: of several names a gap is about the first."""
    alias = Variable(f"{variable.value}_alias")
    first = Filter(Call("<", (Call("STR", (alias,)), Call("STR", (variable,)))))
    return Filter(Exists(Group((Triple(variable, SAME_AS, alias), first)), negated=True))
