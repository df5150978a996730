"""Whether a query's answer hangs on the engine's plan: then no rewriting may give it another plan.

What a group's filter names and the group does not bind is unbound there (SPARQL 1.1, 18.2.2 and 18.6). Where the engine
looks a group up for each row of another, it lets the row's terms in. And in GRAPH with a variable it finds a path of
any length once or twice.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from sopkg.guard import OPENING

Tokens = Sequence[re.Match[str]]


@dataclass
class Scopes:
    """The groups of a query: its tokens, and where each bracket closes."""

    tokens: Tokens
    closing: dict[int, int] = field(default_factory=dict)
    hangs: bool = False
    places: dict[str, list[int]] = field(default_factory=dict)

    def hang_on_plan(self) -> bool:
        """Whether some group names what only another one binds, or may count a path twice."""
        outer = next((place for place in range(len(self.tokens)) if self.sign(place) == "{"), None)
        if outer is None:
            return False
        # In front of and behind the query's own group only VALUES binds anything.
        last = len(self.tokens) if self.has_values(self.closing[outer]) else self.closing[outer]
        for place in range(outer, last):
            if self.tokens[place].lastgroup == "variable":
                self.places.setdefault(self.sign(place)[1:], []).append(place)
        self.group(outer + 1, self.closing[outer])
        return self.hangs

    def has_values(self, start: int) -> bool:
        return any(self.word(place) == "VALUES" for place in range(start, len(self.tokens)))

    def sign(self, place: int) -> str:
        return self.tokens[place].group()

    def word(self, place: int) -> str:
        """A keyword in capitals; "" for what is none."""
        token = self.tokens[place]
        return token.group().upper() if token.lastgroup == "word" else ""

    def after_constraint(self, place: int, end: int) -> int:
        """Where the constraint of a FILTER ends (SPARQL 1.1, rule 69): behind the first brackets that close."""
        while place < end and self.sign(place) not in OPENING:
            place += 1
        return self.closing[place] + 1 if place < end else end

    def group(self, start: int, end: int, within: bool = False, graph: bool = False) -> tuple[set[str], set[str]]:
        """The variables that a group may bind, and those that it names and does not bind.

        With `within` what it does not bind may be bound around it: it is that of an OPTIONAL or an EXISTS.
        """
        bound, named = set[str](), set[str]()
        place = start
        while place < end:
            word, sign = self.word(place), self.sign(place)
            if word in ("FILTER", "BIND"):
                after = self.after_constraint(place + 1, end)
                last = after - 2 if word == "BIND" else after
                named |= self.variables(place, last)
                self.look_into(place, last, graph)
                bound |= self.variables(last, after)
                place = after
            elif sign == "{":
                known, free = self.braces(place, graph)
                bound, named = bound | known, named | free
                place = self.closing[place] + 1
            else:
                self.hangs |= graph and sign in "+*" and self.sign(place - 1)[-1] not in "{(,"
                bound |= self.variables(place, place + 1)
                place += 1
        free = named - bound
        self.hangs |= not within and any(self.elsewhere(name, start, end) for name in free)
        return bound, free

    def look_into(self, start: int, end: int, graph: bool) -> None:
        """Looks into each EXISTS of a constraint."""
        place = start
        while place < end:
            if self.sign(place) == "{":
                self.group(place + 1, self.closing[place], True, graph)
                place = self.closing[place]
            place += 1

    def braces(self, place: int, graph: bool) -> tuple[set[str], set[str]]:
        """What a group within a group binds for it, and names of it."""
        start, end = place + 1, self.closing[place]
        before = self.word(place - 1)
        graph |= self.word(place - 2) == "GRAPH" and self.tokens[place - 1].lastgroup == "variable"
        if start < end and self.word(start) == "SELECT":
            where = next(inner for inner in range(start, end) if self.sign(inner) == "{")
            self.group(where + 1, self.closing[where], False, graph)
            return set(), set()
        bound, free = self.group(start, end, before == "OPTIONAL", graph)
        return (set() if before == "MINUS" else bound), (free if before == "OPTIONAL" else set())

    def variables(self, start: int, end: int) -> set[str]:
        return {self.sign(place)[1:] for place in range(start, end) if self.tokens[place].lastgroup == "variable"}

    def elsewhere(self, name: str, start: int, end: int) -> bool:
        """Whether a variable stands outside a group too."""
        places = self.places.get(name, [])
        return bisect_left(places, end) - bisect_left(places, start) < len(places)
