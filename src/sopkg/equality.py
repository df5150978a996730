"""Things that are the same: rewritten to one name while a graph is closed, and written out under all names at the end.

The rules eq-sym, eq-trans, eq-rep-s, eq-rep-p and eq-rep-o, run as they stand, look at each pair of names by way of
each third one. One name for all does the same work once (Motik et al., Handling owl:sameAs via Rewriting, AAAI 2015).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any

from pyoxigraph import DefaultGraph, Literal, Quad, Store, Triple

from sopkg.rules import SAME

RULES = {"eq-sym", "eq-trans", "eq-rep-s", "eq-rep-p", "eq-rep-o"}
PLACES = ("eq-rep-s", "eq-rep-p", "eq-rep-o")
# Names of one thing up to which everything is written out under each: n names are n² triples of owl:sameAs alone.
# What has more is nearly always an error in the data (a key that is none), and is written under one name.
MOST_NAMES = 64
W3C = "<http://www.w3.org/"
Form = tuple[str, Triple]
"""A triple under another name, and the rule by which it follows."""


class Equality:
    """The things of a store's default graph that have several names."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.parent: dict[Any, Any] = {}
        self.members: dict[Any, list[Any]] = {}
        #: What was taken out in favour of its form under the one name, and comes back at the end.
        self.aside: dict[Triple, None] = {}
        #: What is in the store under the one name and was not before, with the rule by which it follows.
        self.made: dict[Triple, str] = {}

    def name(self, term: Any) -> Any:
        """The one name of a term."""
        return self.parent.get(term, term)

    def rewritten(self, triple: Triple) -> Triple:
        """A triple under the one names."""
        return Triple(self.name(triple.subject), self.name(triple.predicate), self.name(triple.object))

    def rename(self, names: Mapping[Any, Any]) -> None:
        """Follows the store, in which some terms have got other names."""

        def now(term: Any) -> Any:
            return names.get(term, term)

        self.parent = {now(term): now(kept) for term, kept in self.parent.items()}
        self.members = {now(kept): list(map(now, terms)) for kept, terms in self.members.items()}
        self.aside = {Triple(now(t.subject), t.predicate, now(t.object)): None for t in self.aside}
        self.made = {Triple(now(t.subject), t.predicate, now(t.object)): rule for t, rule in self.made.items()}

    def merge(self, pairs: Iterable[Triple]) -> list[Triple]:
        """Takes in owl:sameAs triples; returns the triples of the store that have a new form."""
        changed = dict[Any, None]()
        for pair in pairs:
            self.aside[pair] = None
            changed.update(dict.fromkeys(self._join(self.name(pair.subject), self.name(pair.object))))
        return [new for old in changed for new in self._rewrite(old)]

    def _join(self, one: Any, other: Any) -> list[Any]:
        """Joins two classes; returns the terms that have another one name than before."""
        if one == other:
            return []
        # The language's own terms must stay what rules know them by.
        kept, gone = sorted((one, other), key=lambda term: (not str(term).startswith(W3C), str(term)))
        moved = self.members.pop(gone, [gone])
        self.members.setdefault(kept, [kept]).extend(moved)
        self.parent.update(dict.fromkeys(moved, kept))
        return moved

    def _rewrite(self, old: Any) -> Iterator[Triple]:
        ways = [(old, None, None), (None, old, None), (None, None, old)]
        for rule, way in zip(PLACES, ways, strict=True):
            if rule == "eq-rep-p" and not _may_be_predicate(old):
                continue
            for quad in list(self.store.quads_for_pattern(*way, DefaultGraph())):
                self.store.remove(quad)
                if self.made.pop(quad.triple, None) is None:
                    self.aside[quad.triple] = None
                triple = self.rewritten(quad.triple)
                if not is_same(triple) and _quad(triple) not in self.store:
                    self.store.add(_quad(triple))
                    self.made[triple] = rule
                    yield triple

    def concerns(self, store: Store) -> bool:
        """Whether another store speaks of something that has several names."""
        ends = (way for name in self.members for way in ((name, None), (None, name)))
        return any(any(store.quads_for_pattern(subject, None, value, None)) for subject, value in ends)

    def written_out(self) -> Iterator[Form]:
        """Puts back what was put aside, and every triple under every name; yields what is new in the store."""
        yield from ((rule, triple) for triple, rule in self.made.items() if triple not in self.aside)
        self.store.extend(_quad(triple) for triple in self.aside)
        for names in self.members.values():
            yield from self._add("eq-sym", self._back(names))
            yield from self._add("eq-trans", self._pairs(names))
        for place, rule in enumerate(PLACES):
            yield from self._add(rule, self._forms(place))

    def _back(self, names: list[Any]) -> list[Triple]:
        ends: list[Any] = [q for each in names for q in self.store.quads_for_pattern(each, SAME, None, None)]
        return [Triple(quad.object, SAME, quad.subject) for quad in ends]

    def _pairs(self, names: list[Any]) -> Iterator[Triple]:
        kept = self.name(names[0])
        ends = product(names, names) if len(names) <= MOST_NAMES else _star(kept, names)
        return (Triple(one, SAME, other) for one, other in ends if one != other)

    def _forms(self, place: int) -> Iterator[Triple]:
        """Every triple with the one name of something in that place, under its other names."""
        for kept, names in self.members.items():
            if len(names) > MOST_NAMES or (place == 1 and not _may_be_predicate(kept)):
                continue
            way: list[Any] = [None, None, None]
            way[place] = kept
            for quad in list(self.store.quads_for_pattern(way[0], way[1], way[2], DefaultGraph())):
                if not is_same(quad.triple) or place == 1:
                    terms = [quad.subject, quad.predicate, quad.object]
                    yield from (Triple(*(*terms[:place], name, *terms[place + 1 :])) for name in names)

    def _add(self, rule: str, triples: Iterable[Triple]) -> Iterator[Form]:
        for triple in triples:
            quad = _quad(triple)
            if quad not in self.store and not is_reflexive(triple):
                self.store.add(quad)
                yield rule, triple

    @property
    def too_many(self) -> list[frozenset[Any]]:
        """The names of each thing that has too many to write everything out."""
        return [frozenset(names) for names in self.members.values() if len(names) > MOST_NAMES]


def is_same(triple: Triple) -> bool:
    """Whether a triple says that two things are the same; a literal has no other name."""
    return bool(triple.predicate == SAME) and not isinstance(triple.object, Literal)


def is_reflexive(triple: Triple) -> bool:
    """Whether a triple says that something is the same as itself, which is never stored (eq-ref)."""
    return bool(triple.predicate == SAME and triple.subject == triple.object)


def _star(kept: Any, names: list[Any]) -> Iterator[tuple[Any, Any]]:
    return (ends for name in names for ends in ((kept, name), (name, kept)))


def _may_be_predicate(term: Any) -> bool:
    return str(term).startswith("<")


def _quad(triple: Triple) -> Quad:
    return Quad(triple.subject, triple.predicate, triple.object)
