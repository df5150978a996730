"""Triples added to and removed from a closed observation: only what hangs on them is derived again.

What is added brings what follows from it. What is removed takes with it all that it had a part in, and of this comes
back what follows without it (delete and rederive: Gupta, Mumick, Subrahmanian, Maintaining Views Incrementally, SIGMOD
1993). The graphs then hold what a closure from scratch would give.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyoxigraph import DefaultGraph, Quad, Store, Triple

from sopkg import syntax
from sopkg.catalog import QueryFile
from sopkg.entail import Inconsistency, entail, ground
from sopkg.equality import MOST_NAMES
from sopkg.matching import (
    Facts,
    GraphName,
    Horn,
    Unstored,
    check_rules,
    consequences,
    derivations,
    horn_rules,
    is_matched,
    is_unstored,
    matches,
)
from sopkg.rules import FIRST, REST, SAME, Reach, reach, reach_of, read_rules, schema_reach

# Above so many triples at once a closure from scratch is quicker.
MOST_CHANGES = 5000


@dataclass(frozen=True)
class Changed:
    """What a change did to the inferred triples; what is said now and was inferred before is among the removed.

    `inconsistencies` are those that a new triple, said or inferred, has a part in; after a closure from scratch, all.
    """

    added: frozenset[Triple]
    removed: frozenset[Triple]
    inconsistencies: tuple[Inconsistency, ...] = ()


class Closed:
    """The graphs of one closed observation in a store that is written to: asserted, inferred, others read with them.

    `others` (the closed ontology) do not change here. `published` says which inferred triples are kept; what says
    something of a class expression without a name need not be.
    """

    def __init__(
        self,
        store: Store,
        files: Iterable[QueryFile],
        asserted: GraphName,
        inferred: GraphName,
        others: Sequence[GraphName],
        published: Callable[[Triple], bool] = lambda triple: True,
    ) -> None:
        self.store, self.files, self.published = store, list(files), published
        self.asserted, self.inferred, self.others = asserted, inferred, list(others)
        self.rules = read_rules(self.files)
        self.facts = Facts(store, [asserted, *others, inferred])
        self.lists = schema_reach(rule for rule in self.rules if rule.every is not None or not rule.template)
        self.read_rules()

    def read_rules(self) -> None:
        """Writes out the rules over lists for the axioms that there are."""
        self.horns = horn_rules(self.rules, self.facts)
        self.facts.unstored = Unstored(self.horns, self.facts)
        self.places = _places(self.horns)
        self.axioms = dict(check_rules(self.rules, self.facts))
        self.checks = _places(self.axioms)

    def change(self, added: Iterable[Triple] = (), removed: Iterable[Triple] = ()) -> Changed:
        """Removes triples from the asserted graph, then adds others, and brings the inferred graph up to date."""
        out = [t for t in dict.fromkeys(removed) if self._in(t, self.asserted)]
        new = [t for t in dict.fromkeys(added) if not self._in(t, self.asserted, *self.others) or t in out]
        if len(out) + len(new) > MOST_CHANGES or self._needs_all([*out, *new]):
            return self.change_from_scratch(new, out)
        changed = _one_after_the_other(self._remove(out), self._add(new))
        if self._needs_all([*changed.added, *changed.removed]):
            again = self.change_from_scratch()
            return _one_after_the_other(changed, again)
        return changed

    def _add(self, triples: Iterable[Triple]) -> Changed:
        """Adds to the asserted graph, and what follows to the inferred one."""
        moved, todo = set[Triple](), []
        for triple in triples:
            if self._in(triple, self.inferred):
                self.store.remove(_quad(triple, self.inferred))
                moved.add(triple)
            else:
                todo.append(triple)
            self.store.add(_quad(triple, self.asserted))
        stored, unstored = self._spread(todo)
        found = (each for triple in (*todo, *stored, *unstored) for each in self._clashes(triple))
        return Changed(frozenset(stored), frozenset(moved), tuple(dict.fromkeys(found)))

    def _spread(self, new: list[Triple]) -> tuple[set[Triple], set[Triple]]:
        """Adds what follows from triples that are new in the store, and so on; also returns what is not stored."""
        added, unstored, todo = set[Triple](), set[Triple](), list(new)
        while todo:
            for triple in self._consequences(todo.pop()):
                if is_unstored(triple) or not self.published(triple):
                    if triple not in unstored:
                        unstored.add(triple)
                        todo.append(triple)
                elif self.facts.graph_of(triple) is None:
                    self.store.add(_quad(triple, self.inferred))
                    added.add(triple)
                    todo.append(triple)
        return added, unstored

    def _clashes(self, triple: Triple) -> Iterator[Inconsistency]:
        """What a triple can't be true together with."""
        for horn, place in _at(self.checks, triple):
            for premises in matches(horn, place, triple, self.facts):
                yield Inconsistency(horn.rule, (*ground(self.axioms[horn]), *sorted(premises, key=str)))

    def _remove(self, triples: list[Triple]) -> Changed:
        """Removes from the asserted graph, and from the inferred one what then no longer follows."""
        over, todo = dict.fromkeys(triples), list(triples)
        while todo:
            for triple in self._consequences(todo.pop()):
                # What is not stored may have held: whether it does now is asked afterwards.
                if triple not in over and (self._in(triple, self.inferred) or self.facts.graph_of(triple) is None):
                    over[triple] = None
                    todo.append(triple)
        stored = {triple for triple in over if self._in(triple, self.inferred)}
        for triple in over:
            self.store.remove(_quad(triple, self.asserted if triple in triples else self.inferred))
        kept = [triple for triple in over if self.published(triple) and self._follows(triple)]
        for triple in kept:
            self.store.add(_quad(triple, self.inferred))
        back = set(kept) | self._spread(kept)[0]
        return Changed(frozenset(back - stored), frozenset(stored - back))

    def _consequences(self, triple: Triple) -> list[Triple]:
        found = (t for horn, place in _at(self.places, triple) for t in consequences(horn, place, triple, self.facts))
        # Read to the end before anything is written.
        return list(dict.fromkeys(found))

    def _follows(self, triple: Triple) -> bool:
        return any(any(derivations(horn, triple, self.facts)) for horn in self.horns)

    def _in(self, triple: Triple, *graphs: GraphName) -> bool:
        return any(_quad(triple, graph) in self.store for graph in graphs)

    def _needs_all(self, triples: list[Triple]) -> bool:
        """Whether rules over lists become others, something has too many names, or a rule is left to queries."""
        if not all(map(is_matched, self.rules)):
            return True
        touched = {reach_of(triple) for triple in triples}
        if touched & (self.lists | {(FIRST, None), (REST, None)}):
            before = set(self.horns)
            self.read_rules()
            if before != set(self.horns) or touched & self.lists:
                return True
        if (SAME, None) not in touched:
            return False
        return max(self._names(triples), default=0) >= MOST_NAMES

    def _names(self, triples: list[Triple]) -> Iterator[int]:
        for triple in triples:
            if triple.predicate == SAME:
                yield sum(1 for end in (triple.subject, triple.object) for _ in self.facts.find(end, SAME, None))

    def change_from_scratch(self, added: Iterable[Triple] = (), removed: Iterable[Triple] = ()) -> Changed:
        """Changes the asserted graph and closes it anew."""
        for triple in removed:
            self.store.remove(_quad(triple, self.asserted))
        self.store.extend(_quad(triple, self.asserted) for triple in added)
        working, schema = Store(), Store()
        working.extend(_quad(triple, DefaultGraph()) for triple in self._triples(self.asserted))
        for graph in self.others:
            schema.extend(_quad(triple, DefaultGraph()) for triple in self._triples(graph))
        closure = entail(working, self.files, schema)
        now = {triple for triple in closure.triples if self.published(triple)}
        before = set(self._triples(self.inferred))
        for triple in before - now:
            self.store.remove(_quad(triple, self.inferred))
        self.store.extend(_quad(triple, self.inferred) for triple in now - before)
        self.read_rules()
        return Changed(frozenset(now - before), frozenset(before - now), tuple(closure.inconsistencies))

    def _triples(self, graph: GraphName) -> Iterator[Triple]:
        return (quad.triple for quad in self.store.quads_for_pattern(None, None, None, graph))


Places = Mapping[Reach, list[tuple[Horn, int]]]


def _places(horns: Iterable[Horn]) -> Places:
    """Which pattern of which rule a triple may match, by what it reaches."""
    places: dict[Reach, list[tuple[Horn, int]]] = defaultdict(list)
    for horn in horns:
        for place, pattern in enumerate(horn.body):
            for each in _reaches(pattern):
                places[each].append((horn, place))
    return places


def _at(places: Places, triple: Triple) -> Iterator[tuple[Horn, int]]:
    predicate, of_class = reach_of(triple)
    for key in {(predicate, of_class), (predicate, None), (None, None)}:
        yield from places.get(key, ())


def _reaches(pattern: syntax.Triple) -> list[Reach]:
    """What a pattern can match; a path, each of its steps by itself, which is left to `_needs_all`."""
    return [reach(pattern)] if not isinstance(pattern.predicate, syntax.Sequence) else []


def _one_after_the_other(first: Changed, second: Changed) -> Changed:
    added = (first.added - second.removed) | (second.added - first.removed)
    removed = (first.removed - second.added) | (second.removed - first.added)
    return Changed(added, removed, (*first.inconsistencies, *second.inconsistencies))


def _quad(triple: Triple, graph: GraphName) -> Quad:
    return Quad(triple.subject, triple.predicate, triple.object, graph)
