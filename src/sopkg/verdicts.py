"""How sure is an absence? Scope statements and asserted absences held against a lack.

A statement applies to a lack if its class is the lack's class or a superclass, every value it states the lack states
too, and its period contains the date. A narrower one says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from pyoxigraph import Literal, NamedNode, Store, Variable

from sopkg.files import system_query
from sopkg.negation import RDF_TYPE, Fanout, levels, order, split_sequences
from sopkg.nodeshape import Constraint, NodeShape, as_patterns, read_node_shape
from sopkg.printer import print_query
from sopkg.rows import select
from sopkg.substitution import substitute
from sopkg.syntax import Exists, Filter, Group, Select, Sequence, Triple, triple_variables

PROVENANCE = Sequence(
    (
        NamedNode("http://www.w3.org/ns/prov#wasDerivedFrom"),
        NamedNode("http://purl.org/dc/terms/isPartOf"),
        NamedNode("http://purl.org/dc/terms/source"),
    )
)


class Verdict(StrEnum):
    """How sure an absence is, the surest first."""

    CONFIRMED = "confirmed"
    PRESUMED = "presumed"
    CONTESTED = "contested"
    UNDETERMINED = "undetermined"


SUREST = list(Verdict)


def surest(verdicts: Iterable[Verdict]) -> Verdict:
    """The surest of several verdicts."""
    return min(verdicts, key=SUREST.index)


@dataclass(frozen=True)
class Statement:
    """What a source says that it records ("complete", "partial") or that there is not ("absent")."""

    iri: NamedNode
    says: str
    shape: NodeShape
    valid_from: str
    valid_to: str
    source: NamedNode | None

    def in_force(self, date: str) -> bool:
        """Whether the statement's period contains a date (ISO 8601): from inclusive, to exclusive."""
        return self.valid_from <= date and (not self.valid_to or date < self.valid_to)


class Scope:
    """The statements in force at one date, over the data that they speak of."""

    def __init__(self, store: Store, date: str, fanout: Fanout) -> None:
        self.store = store
        self.superclasses = read_superclasses(store)
        self.statements = [each for each in read_statements(store) if each.in_force(date)]
        self.holds = cache(self.shows)
        self.fanout = fanout

    def absences(self, of_class: NamedNode) -> list[Statement]:
        """The asserted absences that could apply to a lack of a class."""
        wide = self.superclasses.get(of_class, {of_class})
        return [each for each in self.statements if each.says == "absent" and each.shape.of_class in wide]

    def applying(self, lack: NodeShape) -> list[Statement]:
        """The statements at least as wide as a lack."""
        return [each for each in self.statements if self.covers(each.shape, lack)]

    def covers(self, wide: NodeShape, narrow: NodeShape) -> bool:
        """Whether all that the narrow shape describes lies within the wide one."""
        if wide.of_class not in self.superclasses.get(narrow.of_class, {narrow.of_class}):
            return False
        return all(self._stated(constraint, narrow) for constraint in wide.constraints)

    def _stated(self, wanted: Constraint, shape: NodeShape) -> bool:
        if wanted in shape.constraints:
            return True
        return wanted.of_class is not None and any(
            each.path == wanted.path and self._within(each, wanted.of_class) for each in shape.constraints
        )

    def _within(self, constraint: Constraint, of_class: NamedNode) -> bool:
        if constraint.of_class is not None:
            return of_class in self.superclasses.get(constraint.of_class, {constraint.of_class})
        value = constraint.value
        return isinstance(value, NamedNode) and any(self.store.quads_for_pattern(value, RDF_TYPE, of_class, None))

    def verdict(self, lack: NodeShape, *, matched: bool) -> tuple[Verdict, list[NamedNode]] | None:
        """The verdict on a lack and the statements that made it; None where there is no gap."""
        applying = self.applying(lack)
        absent = [each.iri for each in applying if each.says == "absent"]
        if matched:
            return (Verdict.CONTESTED, absent) if absent else None
        complete = [each.iri for each in applying if each.says == "complete"]
        if absent or complete:
            return Verdict.CONFIRMED, absent + complete
        partial = [each.iri for each in applying if each.says == "partial" and self.holds(each)]
        return (Verdict.PRESUMED, partial) if partial else (Verdict.UNDETERMINED, [])

    def shows(self, statement: Statement) -> bool:
        """Whether the statement's source shows an observation of what it describes."""
        node = Variable("observed")
        patterns = order(split_sequences(as_patterns(statement.shape, node)), self.fanout, ())
        if statement.source is not None:
            taken = set[Variable]().union(*map(triple_variables, patterns))
            patterns += split_sequences([Triple(node, PROVENANCE, statement.source)], taken)
        if statement.shape.itself is not None:
            patterns = [substitute(pattern, {node: statement.shape.itself}) for pattern in patterns]
        # The first pattern is asked for, the rest looked up for each of its solutions until one passes.
        first, rest = patterns[0], patterns[1:]
        tests = (Filter(Exists(levels(rest, [], {node}), negated=False)),) if rest else ()
        query = Select(((None, node),), Group((first, *tests)), limit=1)
        return any(True for _ in select(self.store, print_query(query)))


def read_superclasses(store: Store) -> Mapping[NamedNode, set[NamedNode]]:
    """Each class with itself and the classes above it."""
    found: dict[NamedNode, set[NamedNode]] = {}
    for row in select(store, system_query("superclasses")):
        found.setdefault(row["class"], {row["class"]}).add(row["superclass"])
    return found


def read_statements(store: Store) -> list[Statement]:
    """Every scope statement and asserted absence of a store."""
    return [
        Statement(
            row["statement"],
            row["says"].value,
            read_node_shape(store, row["shape"]),
            _text(row["from"]),
            _text(row["to"]),
            row["source"],
        )
        for row in select(store, system_query("statements"))
    ]


def _text(term: Literal | None) -> str:
    return "" if term is None else term.value
