"""Which rows of a query a changed triple can touch, found from the triple: the query is asked again for these alone.

The triple is unified with each pattern of the query, wherever it stands, and what the patterns around that one then
find are the candidates. Filters and negations are left out: too many candidates do no harm, too few would.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from pyoxigraph import NamedNode, Store, Variable
from pyoxigraph import Triple as Statement

from sopkg.files import BASE
from sopkg.gapquery import Ground
from sopkg.matching import as_stored, unify
from sopkg.negation import Fanout, levels, lookups, order, split_sequences
from sopkg.printer import print_query
from sopkg.rows import select
from sopkg.substitution import substitute
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
    Triple,
    Union,
    group_variables,
    path_steps,
    triple_variables,
)

Key = tuple[Ground, ...]
# Stands for the predicate of a pattern whose predicate is a variable.
ANY = NamedNode(f"{BASE}any")


@dataclass(frozen=True)
class Site:
    """A pattern of a query with those that it is joined with: its own group's and all enclosing ones'.

    Where these do not tell the key, or the pattern is inside a sub-SELECT or a path, a triple there touches all rows.
    """

    pattern: Triple
    around: tuple[Triple, ...]
    touches_all: bool = False


class Touched:
    """The rows of one query by their key, and where triples can touch them."""

    def __init__(self, where: Group, key: Iterable[Variable]) -> None:
        self.key = tuple(key)
        self.places: dict[NamedNode, list[Site]] = defaultdict(list)
        for site in sites(where):
            for step in tuple(path_steps(site.pattern.predicate)) or (ANY,):
                self.places[step].append(self._read(site))

    def _read(self, site: Site) -> Site:
        told = set().union(*map(triple_variables, (site.pattern, *site.around)))
        pattern = replace(site.pattern, object=as_stored(site.pattern.object))
        is_path = not isinstance(pattern.predicate, NamedNode)
        return Site(pattern, site.around, site.touches_all or is_path or not told.issuperset(self.key))

    def keys(self, store: Store, triple: Statement, fanout: Fanout) -> set[Key] | None:
        """The keys of the rows that a triple can touch, asked of a store that holds it; None for all of them."""
        found = set[Key]()
        for site in (*self.places.get(triple.predicate, ()), *self.places.get(ANY, ())):
            if not isinstance(site.pattern.predicate, NamedNode):
                return None
            bindings = unify(site.pattern, triple)
            if bindings is not None and site.touches_all:
                return None
            if bindings is not None:
                found |= self._around(store, site, bindings, fanout)
        return found

    def _around(self, store: Store, site: Site, bindings: dict[Variable, Ground], fanout: Fanout) -> set[Key]:
        left = [variable for variable in self.key if variable not in bindings]
        if not left:
            return {tuple(bindings[variable] for variable in self.key)}
        apart = components(split_sequences(substitute(site.around, bindings)))
        parts = tuple(_candidates(each, left, fanout) for each in apart)
        asked = Select(tuple((None, variable) for variable in left), Group(parts), distinct=True)
        rows = ({**bindings, **{v: row[v.value] for v in left}} for row in select(store, print_query(asked)))
        return {tuple(row[variable] for variable in self.key) for row in rows}


def components(patterns: Iterable[Triple]) -> list[list[Triple]]:
    """The patterns in groups that share no variable: what one group finds does not hang on another."""
    groups: list[tuple[set[Variable], list[Triple]]] = []
    for pattern in patterns:
        mine = (triple_variables(pattern), [pattern])
        for group in [each for each in groups if each[0] & mine[0]]:
            groups.remove(group)
            mine = (group[0] | mine[0], [*group[1], *mine[1]])
        groups.append(mine)
    return [group for _, group in groups]


def _candidates(patterns: list[Triple], key: Iterable[Variable], fanout: Fanout) -> Part:
    """What connected patterns find of a key, each once; that they find something, where nothing of it is theirs."""
    told = set().union(*map(triple_variables, patterns))
    heads = tuple((None, variable) for variable in key if variable in told)
    chain = order(patterns, fanout, ())
    if not heads:
        return Filter(Exists(levels(chain, []), negated=False))
    return Select(heads, Group(tuple(lookups(chain))), distinct=True)


def sites(group: Group, around: tuple[Triple, ...] = (), *, apart: bool = False) -> Iterator[Site]:
    """Every pattern of a group, of its filters and of the groups in it."""
    taken = set().union(*map(triple_variables, around)) | group_variables(group)
    mine = split_sequences((part for part in group.parts if isinstance(part, Triple)), taken)
    for place, pattern in enumerate(mine):
        yield Site(pattern, (*around, *mine[:place], *mine[place + 1 :]), apart)
    for part in group.parts:
        yield from _inside(part, (*around, *mine), apart)


def _inside(part: Part, around: tuple[Triple, ...], apart: bool) -> Iterator[Site]:
    match part:
        case Filter() | Bind():
            yield from _asked(part.expression, around, apart)
        case Optional() | Minus() | GraphPattern() | Lateral():
            yield from sites(part.group, around, apart=apart)
        case Union():
            for branch in part.branches:
                yield from sites(branch, around, apart=apart)
        case Select():
            yield from sites(part.where, around, apart=True)
        case _:
            return


def _asked(expression: Expression | None, around: tuple[Triple, ...], apart: bool) -> Iterator[Site]:
    if isinstance(expression, Exists):
        yield from sites(expression.group, around, apart=apart)
    elif isinstance(expression, Call):
        for argument in expression.arguments:
            yield from _asked(argument, around, apart)
