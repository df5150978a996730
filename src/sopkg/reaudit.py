"""An audited observation in memory that is changed: what hangs on the change is inferred and detected anew.

The findings after a change are those of an audit from scratch. What a changed triple can touch is found by `touched`;
where that is everything (a count over the city, a scope statement), the query is asked whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from pyoxigraph import NamedNode, Quad, Store, Triple, Variable

from sopkg.catalog import query_files
from sopkg.change import Closed
from sopkg.detect import (
    FINDING,
    Audit,
    Finding,
    Kind,
    chosen,
    find,
    finding_iri,
    finding_triples,
    focus_key,
    focus_of,
    gap_identifier,
    in_strata,
    method_version,
    read_kinds,
    severity_triples,
    stages,
)
from sopkg.entail import Inconsistency
from sopkg.files import system_query
from sopkg.gapquery import GapQuery, Ground, canonical, gap_queries
from sopkg.negation import RDF_TYPE, measure
from sopkg.nodeshape import SH
from sopkg.rows import select
from sopkg.syntax import Exists, Filter, Group
from sopkg.touched import Key, Touched
from sopkg.trees import read_file_query
from sopkg.verdicts import Scope

# The queries whose rows decide about every finding: what sources say of themselves, and what they deny.
DECIDING = ("statements", "denials", "superclasses", "kinds", "thresholds", "steps")
# Above so many triples at once asking the queries whole is quicker than asking for what each triple touches.
MOST_CHANGES = 200
Keys = dict[str, set[Key] | None]
Said = dict[NamedNode, frozenset[Triple]]
Register = dict[str, set[Key]]
Focuses = dict[NamedNode, tuple[str, Key]]
_Read = tuple[set[Triple], Scope, dict[NamedNode, bool], Register, Focuses]


@dataclass(frozen=True)
class Change:
    """What a change did: the findings before and after that differ, by their IRI, and what can't all be true now."""

    before: Said
    after: Said
    inferred_added: frozenset[Triple]
    inferred_removed: frozenset[Triple]
    inconsistencies: tuple[Inconsistency, ...]


@dataclass
class _Delta:
    """Triples that came and went, in the order in which it happened."""

    added: list[Triple] = field(default_factory=list)
    removed: list[Triple] = field(default_factory=list)


@dataclass(frozen=True)
class Queries:
    """Where a triple can touch each query that an audit asks."""

    gaps: Mapping[str, Touched]
    severities: tuple[Touched, ...]
    deciding: tuple[Touched, ...]
    stages: Touched


@cache
def queries() -> Queries:
    """Read once."""
    return Queries(
        {name: Touched(_where(gap), gap.focus) for name, gap in gap_queries().items()},
        tuple(Touched(read_file_query(file.text).where, [FINDING]) for file in query_files("severity").values()),
        tuple(Touched(read_file_query(system_query(name)).where, ()) for name in DECIDING),
        Touched(read_file_query(system_query("stages")).where, ()),
    )


class Audited:
    """One observation, closed and audited, and its changes.

    `closed` holds what is said and what follows; `rest` is what an audit reads beside these: the closed ontology,
    provenance, earlier findings and, for `findings`, its own. `asked` names the gap queries, those of the paper's kinds
    if None.
    """

    def __init__(
        self,
        closed: Closed,
        rest: Iterable[Triple],
        findings: Iterable[Triple],
        audit: Audit,
        mapping_hash: str,
        asked: Collection[str] | None = None,
    ) -> None:
        self.closed, self.audit, self.mapping_hash = closed, audit, mapping_hash
        self.store = Store()
        own = (quad.triple for quad in closed.store)
        for triples in (own, rest, findings):
            self.store.bulk_extend(Quad(each.subject, each.predicate, each.object) for each in triples)
        self.fanout, self.kinds = measure(self.store), read_kinds(self.store)
        self.gaps = in_strata(chosen(self.kinds, asked))
        self.queries = queries()
        self.stages = set(stages(self.store, audit))
        self.last: tuple[list[Triple], list[Triple]] = [], []
        self.undone: list[tuple[bool, Triple]] = []
        self.register: Register = {}
        self.focuses: Focuses = {}
        self.read_scope()
        self.read_register()
        self.kept = self._read()

    def read_scope(self) -> None:
        """Reads what sources say that they record."""
        self.scope = Scope(self.store, self.audit.date, self.fanout)
        self.held = {each.iri: self.scope.holds(each) for each in self.scope.statements}

    def change(self, added: Iterable[Triple] = (), removed: Iterable[Triple] = ()) -> Change:
        """Removes triples from what is said and adds others; infers and detects what hangs on them."""
        removed = [triple for triple in dict.fromkeys(removed) if self.closed.says(triple)]
        added = [triple for triple in dict.fromkeys(added) if not self.closed.says(triple) or triple in removed]
        self.last, self.kept = (added, removed), self._read()
        self.undone.clear()
        inferred = self.closed.change(added, removed)
        gone = [t for t in (*removed, *inferred.removed) if not self._holds(t)]
        new = [t for t in (*added, *inferred.added) if self._holds(t) and _quad(t) not in self.store]
        keys: Keys = {gap.file.name: set() for gap in self.gaps}
        everything = len(gone) + len(new) > MOST_CHANGES or self._decides(gone)
        keys = dict.fromkeys(keys) if everything else keys
        self._note(keys, gone)
        self._apply(_Delta(new, gone))
        self._note(keys, new)
        staged = self._stage([*gone, *new])
        self._note(keys, staged.removed)
        self._apply(staged)
        self._note(keys, staged.added)
        if everything or self._decides(new) or self._scope_differs():
            self.read_scope()
            keys = dict.fromkeys(keys)
        before, after = self._detect(keys)
        return Change(before, after, inferred.added, inferred.removed, inferred.inconsistencies)

    def undo(self) -> None:
        """Takes the last change back: what it added is removed, what it removed is there again."""
        added, removed = self.last
        self.closed.change(removed, [triple for triple in added if triple not in removed])
        for was_added, triple in reversed(self.undone):
            (self.store.remove if was_added else self.store.add)(_quad(triple))
        self.stages, self.scope, self.held, self.register, self.focuses = self.kept

    def _read(self) -> _Read:
        """What was read of the store, which no change alters in place."""
        return self.stages, self.scope, self.held, self.register, self.focuses

    def read_register(self) -> None:
        """Reads which findings there are: the focuses by gap query."""
        given = {Variable("observation"): self.audit.observation}
        names = {gap.kind: gap.file.name for gap in self.gaps}
        self.register = {name: set() for name in names.values()}
        self.focuses = {}
        for row in select(self.store, system_query("audited"), given=given):
            found = names[row["kind"]], focus_of(row["key"].value)
            self.register[found[0]].add(found[1])
            self.focuses[row["finding"]] = found

    def findings(self) -> Said:
        """Every finding of the observation with what is said of it."""
        return {finding: self._said_of(finding) for finding in self.focuses}

    def _holds(self, triple: Triple) -> bool:
        return self.closed.facts.graph_of(triple) is not None

    def _decides(self, triples: Iterable[Triple]) -> bool:
        """Whether triples are about what decides of every finding."""
        classes = {each.of_class for statement in self.scope.statements for each in statement.shape.constraints}
        for triple in triples:
            if triple.predicate.value.startswith(SH) or (triple.predicate == RDF_TYPE and triple.object in classes):
                return True
            if any(each.keys(self.store, triple, self.fanout) != set() for each in self.queries.deciding):
                return True
        return False

    def _scope_differs(self) -> bool:
        return {each.iri: self.scope.shows(each) for each in self.scope.statements} != self.held

    def _note(self, keys: Keys, triples: Iterable[Triple]) -> None:
        """Adds the focuses that triples can touch, in the present state of the store."""
        for triple in triples if any(known is not None for known in keys.values()) else ():
            for name, touched in self.queries.gaps.items():
                known = keys.get(name)
                if known is not None:
                    found = touched.keys(self.store, triple, self.fanout)
                    keys[name] = None if found is None else known | found
            for step in self.queries.severities:
                touched_by_step = step.keys(self.store, triple, self.fanout)
                for (finding,) in ((each,) for each in self.focuses) if touched_by_step is None else touched_by_step:
                    self._note_finding(keys, finding)

    def _note_finding(self, keys: Keys, finding: Ground) -> None:
        if isinstance(finding, NamedNode) and finding in self.focuses:
            name, focus = self.focuses[finding]
            known = keys.get(name)
            if known is not None:
                known.add(focus)

    def _stage(self, triples: Iterable[Triple]) -> _Delta:
        """The objects that are now in creation, and those that no longer are."""
        if not any(self.queries.stages.keys(self.store, triple, self.fanout) for triple in triples):
            return _Delta()
        now, before = set(stages(self.store, self.audit)), self.stages
        self.stages = now
        return _Delta(sorted(now - before, key=str), sorted(before - now, key=str))

    def _apply(self, delta: _Delta) -> None:
        for triple in delta.removed:
            if _quad(triple) in self.store:
                self.store.remove(_quad(triple))
                self.undone.append((False, triple))
        for triple in delta.added:
            if _quad(triple) not in self.store:
                self.store.add(_quad(triple))
                self.undone.append((True, triple))

    def _detect(self, keys: Keys) -> tuple[Said, Said]:
        """Asks the gap queries again at the keys, None for everywhere; what was and is said of the findings there."""
        before: Said = {}
        found: list[Finding] = []
        for place, gap in enumerate(self.gaps):
            name, asked = gap.file.name, keys[gap.file.name]
            if asked == set():
                continue
            kind = self.kinds[gap.kind]
            now = find(self.store, gap, kind, self.scope, self.fanout, self.audit, asked)
            old = self.register[name] if asked is None else self.register[name] & asked
            gone = {iri: self._said_of(iri) for iri in (self._iri(kind, focus) for focus in old)}
            method = method_version(gap, kind, self.mapping_hash)
            delta = _Delta(finding_triples(now, self.audit, method), [t for said in gone.values() for t in said])
            later = {each.file.name: keys[each.file.name] for each in self.gaps[place + 1 :] if each.inherits}
            self._note(later, [t for t in delta.removed if t not in set(delta.added)])
            self._apply(delta)
            self._note(later, delta.added)
            keys.update(later)
            before |= gone
            found += now
        self._apply(_Delta(severity_triples(self.store, found, self.audit)))
        self._note_in_register(before, found)
        after = {iri: self._said_of(iri) for iri in (finding_iri(self.audit, each.identifier) for each in found)}
        differ = {iri for iri in (*before, *after) if before.get(iri) != after.get(iri)}
        return {i: s for i, s in before.items() if i in differ}, {i: s for i, s in after.items() if i in differ}

    def _note_in_register(self, before: Said, found: list[Finding]) -> None:
        """Puts the findings that there are now in the place of those that there were."""
        focuses, register = dict(self.focuses), dict(self.register)
        for iri in before:
            name, focus = focuses.pop(iri)
            register[name] = register[name] - {focus}
        names = {gap.kind: gap.file.name for gap in self.gaps}
        for each in found:
            name = names[each.kind.iri]
            register[name] = register[name] | {each.focus}
            focuses[finding_iri(self.audit, each.identifier)] = name, each.focus
        self.focuses, self.register = focuses, register

    def _iri(self, kind: Kind, focus: Key) -> NamedNode:
        return finding_iri(self.audit, gap_identifier(kind.notation, focus_key(focus)))

    def _said_of(self, finding: NamedNode) -> frozenset[Triple]:
        return frozenset(quad.triple for quad in self.store.quads_for_pattern(finding, None, None, None))


def _where(gap: GapQuery) -> Group:
    """All patterns of a gap query, with those that look for another name of its focus."""
    lack = () if gap.lack is None else (Filter(Exists(gap.lack, negated=True)),)
    return Group((*gap.positive.parts, *lack, *map(canonical, gap.focus)))


def _quad(triple: Triple) -> Quad:
    return Quad(triple.subject, triple.predicate, triple.object)
