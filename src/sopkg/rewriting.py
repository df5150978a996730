"""A caller's own query with each body of EXISTS nested one pattern a level (see `negation`); else its text stays.

Only the patterns of a body are read and written anew: filters move as they are written, and what stands outside an
EXISTS keeps every sign. A body stays too if it holds more than patterns, paths and filters, or what can't be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from pyoxigraph import Variable

from sopkg.errors import BadInput
from sopkg.guard import CODEPOINT, OPENING, OPERANDS, TOKEN
from sopkg.negation import Fanout, order, split_sequences
from sopkg.printer import print_part
from sopkg.reader import read_query
from sopkg.scopes import Scopes
from sopkg.substitution import substitute
from sopkg.syntax import Alternative, Inverse, Path, Repeat, Sequence, Triple, triple_variables

_EXISTS = re.compile(r"\bEXISTS\b", re.IGNORECASE)
# As the reader calls a blank node.
_BLANK = re.compile(r"[?$]_b\d")
_VARIABLE = re.compile(r"[?$](\w+)")
# What a body may say beside variables, IRIs and literals.
_WORDS = frozenset(("A", "TRUE", "FALSE"))
# What is longer stays as it is: reading a body takes 1 ms for each pattern, and must cost less than it saves.
_LONGEST, _LONGEST_BODY, _MOST_BODIES = 20_000, 2000, 32

Span = tuple[int, int]
Sizes = Callable[[list[Triple]], Fanout]
"""Tells how many triples a step through the predicates of some patterns touches."""


def nested(text: str, sizes: Sizes) -> str:
    """The query with each EXISTS that can be nested: on any data the same rows. The text itself if there is none."""
    if len(text) > _LONGEST or not 0 < len(_EXISTS.findall(text)) <= _MOST_BODIES:
        return text
    if CODEPOINT.search(text) or _BLANK.search(text):
        return text
    tokens = [token for token in TOKEN.finditer(text) if token.lastgroup not in ("skip", "joint")]
    query = _Query(text, tokens, sizes, Scopes(tokens))
    return query.spliced(0, len(tokens)) if query.clear() and not query.scopes.hang_on_plan() else text


@dataclass
class _Test:
    """A filter as it is written, and every variable that it could mean."""

    text: str
    variables: set[Variable]


@dataclass
class _Query:
    """A query's text, its tokens, and what was found out about them."""

    text: str
    tokens: list[re.Match[str]]
    sizes: Sizes
    scopes: Scopes
    prologue: str = ""
    taken: set[Variable] = field(default_factory=set)

    def clear(self) -> bool:
        """Whether brackets pair up, no `<` can be taken in two ways, and no name hangs on a base."""
        opened: list[int] = []
        for place, token in enumerate(self.tokens):
            sign = token.group()
            if sign in OPENING:
                opened.append(place)
            elif sign in OPENING.values():
                if not opened or OPENING[self.scopes.sign(opened[-1])] != sign:
                    return False
                self.scopes.closing[opened.pop()] = place
            elif token.lastgroup == "iri" and opened and self.scopes.sign(opened[-1]) == "(":
                before = self.tokens[place - 1]
                if before.lastgroup in OPERANDS or before.group() == ")":
                    return False
            elif self.scopes.word(place) == "BASE":
                return False
        self.prologue = " ".join(self.prefixes())
        self.taken = _variables(self.text)
        return not opened

    def prefixes(self) -> Iterator[str]:
        place = 0
        while place + 2 < len(self.tokens) and self.scopes.word(place) == "PREFIX":
            yield self.source(place, place + 3)
            place += 3

    def source(self, start: int, end: int) -> str:
        """The text from one token up to another."""
        return self.text[self.tokens[start].start() : self.tokens[end - 1].end()] if start < end else ""

    def spliced(self, start: int, end: int) -> str:
        """The same with the bodies of EXISTS in it nested; of the whole, with what stands before and after."""
        pieces, done = list[str](), 0 if start == 0 else self.tokens[start].start()
        place = start
        while place + 1 < end:
            if self.scopes.word(place) == "EXISTS" and self.scopes.sign(place + 1) == "{":
                opening, closing = place + 1, self.scopes.closing[place + 1]
                body = self.body(opening + 1, closing)
                if body:
                    pieces += [self.text[done : self.tokens[opening].end()], f" {body} "]
                    done, place = self.tokens[closing].start(), closing
            place += 1
        last = len(self.text) if end == len(self.tokens) else self.tokens[end - 1].end()
        return "".join([*pieces, self.text[done:last]])

    def body(self, start: int, end: int) -> str:
        """The body of one EXISTS, nested; "" if it stays, apart from what is in it."""
        runs, filters = self.parts(start, end)
        patterns = self.patterns(runs)
        if len(patterns) < 2:
            return ""
        around = _variables(self.text[: self.tokens[start].start()] + self.text[self.tokens[end].start() :])
        tests = [_Test(self.spliced(*each), _variables(self.source(*each))) for each in filters]
        return _levels(order(patterns, self.sizes(patterns), around), tests)

    def parts(self, start: int, end: int) -> tuple[list[Span], list[Span]]:
        """The runs of patterns of a body, and its filters; no run where the body holds anything else."""
        runs, filters = [], []
        place = begun = start
        while place < end:
            if self.scopes.word(place) == "FILTER":
                runs.append((begun, place))
                begun = self.scopes.after_constraint(place + 1, end)
                filters.append((place, begun))
                place = begun
            elif self.plain(place):
                place += 1
            else:
                return [], []
        return [*runs, (begun, end)], filters

    def plain(self, place: int) -> bool:
        """Whether a token can stand in a pattern that is read here; a blank node's label may be another pattern's."""
        token = self.tokens[place]
        if token.lastgroup == "word":
            return self.scopes.word(place) in _WORDS
        return token.group() not in "{}" and not token.group().startswith("_:")

    def patterns(self, runs: list[Span]) -> list[Triple]:
        """The patterns, sequences split; none where they can't be read, or would not mean the same apart."""
        text = " . ".join(filter(None, (self.source(*run).strip(" .") for run in runs)))
        if not text or len(text) > _LONGEST_BODY:
            return []
        try:
            where = read_query(f"{self.prologue} SELECT * WHERE {{ {text} }}").where
        except (BadInput, ValueError, RecursionError):
            return []
        found = [part for part in where.parts if isinstance(part, Triple)]
        split = split_sequences(self.unlike_others(found), self.taken)
        if len(found) < len(where.parts) or not _joins_nodes(split):
            return []
        self.taken |= set[Variable]().union(*map(triple_variables, split))
        return split

    def unlike_others(self, patterns: list[Triple]) -> list[Triple]:
        """The patterns with variables that are nowhere else in place of blank nodes."""
        blanks = set[Variable]().union(*map(triple_variables, patterns)) - self.taken
        names = (name for number in count() if (name := Variable(f"_e{number}")) not in self.taken)
        renamed = dict(zip(sorted(blanks, key=str), names, strict=False))
        return [substitute(each, renamed) for each in patterns]


def _variables(text: str) -> set[Variable]:
    """Every variable that a text could name: one in a string or a comment does no harm."""
    return {Variable(name) for name in _VARIABLE.findall(text)}


def _joins_nodes(patterns: list[Triple]) -> bool:
    """Whether the patterns can only meet in nodes of the graph.

    A path of no step begins and ends at any node of the graph, where both ends are free, but at any given term. Where
    another such path or a variable predicate gives the term, that need be no node, and the order of a join would show.
    """
    predicates = [each.predicate for each in patterns]
    empty = sum(map(_may_be_empty, predicates))
    return empty == 0 or (empty == 1 and not any(isinstance(each, Variable) for each in predicates))


def _may_be_empty(path: Path | Variable) -> bool:
    match path:
        case Repeat():
            return path.sign != "+" or _may_be_empty(path.path)
        case Sequence():
            return any(map(_may_be_empty, path.steps))
        case Alternative():
            return any(map(_may_be_empty, path.choices))
        case Inverse():
            return _may_be_empty(path.path)
    return False


def _levels(patterns: list[Triple], filters: list[_Test]) -> str:
    """One pattern, the filters on which no later one has a bearing, and the rest inside EXISTS."""
    first, rest = patterns[0], patterns[1:]
    later = set[Variable]().union(*map(triple_variables, rest))
    ready = [each.text for each in filters if not each.variables & later]
    waiting = [each for each in filters if each.variables & later]
    deeper = [f"FILTER EXISTS {{ {_levels(rest, waiting)} }}"] if rest else []
    return " ".join([print_part(first), *ready, *deeper])
