"""Reads a query's tokens before any parser does: refuses what calls out, what writes, what nests too deep.

pyoxigraph's parser and planner recurse, so that a small text with thousands of brackets ends the process;
SERVICE and LOAD really call out. One pass over the tokens, linear in the text, sees both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from sopkg.errors import BadInput, Forbidden, TooLarge, TooNested

TOKEN = re.compile(
    r"""
    (?P<skip>    \s++ | \#[^\n\r]*+ )
  | (?P<string>  \"{3} (?: [^"\\] | \\. | "(?!"") )*+ (?: \"{3} | \Z )
               | '{3}  (?: [^'\\] | \\. | '(?!'') )*+ (?: '{3}  | \Z )
               | "(?: [^"\\\n\r] | \\. )*+ "?
               | '(?: [^'\\\n\r] | \\. )*+ '?
               | @[\w-]++ | \^\^ )
  | (?P<iri>     <[^<>"{}|^`\\\x00-\x20]*+> )
  | (?P<variable>[?$]\w++ )
  | (?P<name>    (?: [^\W\d][\w-]*+ )? : (?: [\w:%-] | \\. | \.(?=[\w:%\\-]) )*+ )
  | (?P<word>    [^\W\d][\w-]*+ )
  | (?P<number>  \d++ )
  | (?P<joint>   (?<=\w) \. (?=\w) )
  | (?P<mark>    \|\| | && | . )
    """,
    re.VERBOSE | re.DOTALL,
)
"""A token of SPARQL; its kind is the name of the group."""
OPENING = {"(": ")", "[": "]", "{": "}"}
_CLOSING = frozenset(OPENING.values())
_SEPARATORS = frozenset(",;.")
_OPERATORS = frozenset(("||", "&&", "|", "+", "-", "*", "/", "^", "!"))
_CHAINED_GROUPS = frozenset(("UNION", "OPTIONAL", "MINUS", "LATERAL"))
_FORMS = frozenset(("SELECT", "ASK", "CONSTRUCT", "DESCRIBE"))
_UPDATES = frozenset(("INSERT", "DELETE", "LOAD", "CLEAR", "DROP", "CREATE", "ADD", "MOVE", "COPY", "WITH"))
_DATA_ALONE = frozenset(("PREFIX", "BASE", "INSERT", "DELETE", "DATA", "A", "TRUE", "FALSE"))
OPERANDS = frozenset(("variable", "number", "string", "iri", "name", "word"))
_CALLS_OUT = re.compile(
    r"""
    (?<![^\W\d]) (SERVICE|LOAD)
    (?: SILENT
      | (?: \s | \#[^\n\r]*+ )*+ (?: SILENT\b | INTO\b | [<?$] )
      | (?: \s | \#[^\n\r]*+ )++ [\w-]*:
      | [\w-]*: [\w.:%\\-]*+ (?: \s | \#[^\n\r]*+ )*+ (?: \{ | \Z | ; | INTO\b ) )
    """,
    re.IGNORECASE | re.VERBOSE,
)
_CALLS = ("SERVICE", "LOAD")
_NO_BREAK = re.compile(r"[^\n\r]")
_CHANGING = re.compile(r"\b(?:NOW|RAND|UUID|STRUUID)\b|\\u", re.IGNORECASE)
CODEPOINT = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
_LAST_CODEPOINT = 0x10FFFF


@dataclass(frozen=True)
class Inspection:
    """What the tokens say: the query's form ("SELECT" …; "" if none), whether it names its own dataset."""

    form: str
    names_dataset: bool


@dataclass
class _Frame:
    """One open bracket, the operators chained in it so far, and the groups chained in it."""

    mark: str
    chain: int = 0
    groups: int = 0


@dataclass
class _Scan:
    """What one pass over the tokens has seen."""

    frames: list[_Frame] = field(default_factory=lambda: [_Frame("")])
    depth: int = 0
    deepest: int = 0
    deepest_at: int = 0
    first: str = ""
    words: set[str] = field(default_factory=set)
    ambiguous: bool = False
    previous: str = ""
    word_before: str = ""
    glued: bool = False

    def read(self, token: re.Match[str]) -> None:
        """Takes one token in."""
        kind, text = token.lastgroup or "", token.group()
        if kind == "word":
            self._word(text.upper())
        elif kind == "name":
            self._name(text.partition(":")[0].upper())
        elif kind == "mark":
            self._mark(text, token)
        elif kind == "iri":
            # Inside a parenthesis and after an operand, `<` may be the operator and what follows live text.
            self.ambiguous |= self.frames[-1].mark == "(" and self.previous in (*OPERANDS, ")")
        if self.depth > self.deepest:
            self.deepest, self.deepest_at = self.depth, token.start()
        if kind not in ("skip", "joint"):
            self.previous = text if kind == "mark" else kind
            self.word_before = text.upper() if kind == "word" else ""
            self.glued = self.glued and kind == "name"

    def _word(self, word: str) -> None:
        # The engine needs no space around a keyword: 1e5SERVICE is a number and a call. No other word contains one.
        self.words |= {word, *(call for call in _CALLS if call in word)}
        if not self.first and word in _FORMS | _UPDATES:
            self.first = word
        if word in _CHAINED_GROUPS:
            self.frames[-1].groups += 1
            self.depth += 1

    def _name(self, prefix: str) -> None:
        """A prefixed name may begin with a keyword: `SERVICEa:b {` calls a:b, and stands where no name can."""
        self.glued = "SERVICE" in prefix and self.word_before != "GRAPH"
        begins = len(self.frames) == 1 and self.previous in ("", ";", "iri") and self.first not in _FORMS
        if "LOAD" in prefix and begins:
            self.words.add("LOAD")

    def _mark(self, mark: str, token: re.Match[str]) -> None:
        if mark == "{" and self.glued:
            self.words.add("SERVICE")
        if mark in OPENING:
            self.frames.append(_Frame(mark))
            self.depth += 1
        elif mark in _CLOSING:
            self._close()
        elif mark in _SEPARATORS:
            self.depth -= self.frames[-1].chain
            self.frames[-1].chain = 0
        elif mark in _OPERATORS and not self._is_sign(token):
            self.frames[-1].chain += 1
            self.depth += 1

    def _close(self) -> None:
        if len(self.frames) > 1:  # a closing bracket too many is the parser's to report
            frame = self.frames.pop()
            self.depth -= 1 + frame.chain + frame.groups

    def _is_sign(self, token: re.Match[str]) -> bool:
        """Whether + or - is a number's sign in a list of values, where nothing is chained."""
        after = token.string[token.end() : token.end() + 1]
        return token.group() in "+-" and self.frames[-1].mark == "{" and after.isdigit()


def inspect(query: str, nesting: int, size: int) -> Inspection:
    """Looks a query over; raises Forbidden, TooNested or TooLarge, and leaves bad syntax to the parser."""
    if len(query) > size:
        raise TooLarge(f"the query has {len(query)} characters; the limit is {size}", {"limit": size})
    scan = _checked(query, nesting)
    plain = CODEPOINT.sub(_character, query)
    if plain != query:  # an escaped character may stand anywhere, in keywords too (SPARQL 1.1, 19.2)
        _checked(plain, nesting)
    return Inspection(scan.first if scan.first in _FORMS else "", "FROM" in scan.words)


def changes_with_time(query: str) -> bool:
    """Whether a query may say something else the next time; an escape may hide such a word."""
    return _CHANGING.search(query) is not None


def inspect_update(update: str, nesting: int) -> None:
    """Looks an update over; raises Forbidden or TooNested, and leaves bad syntax to the parser."""
    _scanned(update, nesting)
    _scanned(CODEPOINT.sub(_character, update), nesting)


def all_named(update: str) -> str | None:
    """An update that adds all the triples that one of DATA alone adds or removes; None for one that asks the data.

    Whoever knows which of these triples are there knows what INSERT DATA and DELETE DATA change (SPARQL 1.1 Update,
    3.1.1 and 3.1.2).
    """
    if CODEPOINT.search(update):
        return None
    tokens = list(TOKEN.finditer(update))
    if not {token.group().upper() for token in tokens if token.lastgroup == "word"} <= _DATA_ALONE:
        return None
    return "".join("INSERT" if _is_word(token, "DELETE") else token.group() for token in tokens)


def using(update: str, default: Sequence[str], named: Sequence[str]) -> str:
    """The update with the graphs of the protocol as its USING clauses (SPARQL 1.1 Protocol, 2.2.3).

    Raises BadInput where the text says itself which graphs it reads.
    """
    tokens = [token for token in TOKEN.finditer(update) if token.lastgroup != "skip"]
    if any(_is_word(token, "USING") or _is_word(token, "WITH") for token in tokens):
        said = "an update says by USING or WITH which graphs it reads, or the request does, not both"
        raise BadInput(f"using-graph-uri or using-named-graph-uri beside such a clause: {said}")
    clauses = "".join([*(f" USING <{each}>" for each in default), *(f" USING NAMED <{each}>" for each in named)])
    pieces, depth, end = list[str](), 0, 0
    for before, token in pairwise([None, *tokens]):
        assert token is not None
        depth += (token.group() == "{") - (token.group() == "}")
        if depth == 0 and _is_word(token, "WHERE"):
            pattern = _group(update, token.end()) if before is not None and _is_word(before, "DELETE") else ""
            pieces.append(f"{update[end : token.start()]}{pattern}{clauses} ")
            end = token.start()
    return "".join(pieces) + update[end:]


def parts(update: str) -> list[str]:
    """The update cut where a prologue stands after a `;`, each part with all prologues before it, to be run in turn.

    The engine reads BASE and PREFIX at the beginning only, while they may stand before each operation (SPARQL 1.1
    Query, 19.8, rule 29). What belongs to another part is blank, so that lines and columns are those of the update.
    """
    starts, prologue = [0], list[tuple[int, int]]()
    depth, begun, previous = 0, None, ""
    for token in TOKEN.finditer(update):
        mark = token.group() if token.lastgroup == "mark" else ""
        depth += (mark == "{") - (mark == "}")
        if depth == 0 and (_is_word(token, "BASE") or _is_word(token, "PREFIX")):
            begun = token.start()
            starts += [begun] if previous == ";" else []
        elif begun is not None and token.lastgroup == "iri":
            prologue.append((begun, token.end()))
            begun = None
        previous = previous if token.lastgroup == "skip" else mark
    return [_part(update, prologue, *ends) for ends in pairwise([*starts, len(update)])]


def _part(update: str, prologue: Sequence[tuple[int, int]], start: int, end: int) -> str:
    kept = [*(each for each in prologue if each[0] < start), (start, end), (len(update), len(update))]
    blanks = (_NO_BREAK.sub(" ", update[before[1] : after[0]]) for before, after in pairwise([(0, 0), *kept]))
    return "".join(blank + update[slice(*each)] for blank, each in zip(blanks, kept, strict=True))


def _group(text: str, start: int) -> str:
    """The first group in braces: `DELETE WHERE {…}` is short for `DELETE {…} WHERE {…}`."""
    depth, begin = 0, None
    for token in TOKEN.finditer(text, start):
        mark = token.group() if token.lastgroup == "mark" else ""
        begin = token.start() if mark == "{" and begin is None else begin
        depth += (mark == "{") - (mark == "}")
        if begin is not None and depth == 0:
            return text[begin : token.end()]
    return ""


def _is_word(token: re.Match[str], word: str) -> bool:
    return token.lastgroup == "word" and token.group().upper() == word


def _checked(query: str, nesting: int) -> _Scan:
    scan = _scanned(query, nesting)
    if scan.first in _UPDATES:
        raise Forbidden(f"{scan.first} changes data: it is an update, and asked for as one")
    return scan


def _scanned(query: str, nesting: int) -> _Scan:
    scan = _Scan()
    for token in TOKEN.finditer(query):
        scan.read(token)
    _refuse_calls(scan, query)
    if scan.deepest > nesting:
        line = query.count("\n", 0, scan.deepest_at) + 1
        raise TooNested(
            f"brackets and chained operators add up to {scan.deepest} near line {line}; the cap is {nesting}",
            {"depth": scan.deepest, "line": line, "limit": nesting},
        )
    return scan


def _refuse_calls(scan: _Scan, query: str) -> None:
    found = scan.words & set(_CALLS)
    if scan.ambiguous and not found:
        found = {each.group(1).upper() for each in _CALLS_OUT.finditer(query)}
    if found:
        raise Forbidden(f"{min(found)} calls other servers, which this one does not do for its callers")


def _character(escape: re.Match[str]) -> str:
    number = int(escape.group(1) or escape.group(2), 16)
    return chr(number) if number <= _LAST_CODEPOINT else escape.group()
