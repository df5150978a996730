"""The closed set of pure functions that mappings may call; one that fails gives no value."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from sopkg.files import BASE

FUNCTION = f"{BASE}function#"
XSD = "http://www.w3.org/2001/XMLSchema#"
Term = NamedNode | BlankNode | Literal | Triple

NOT_IN_KEYS = re.compile(r"[^a-z0-9]")
FIELDS = {"d": r"(?P<day>\d{1,2})", "m": r"(?P<month>\d{1,2})", "Y": r"(?P<year>\d{4})"}
# xsd:decimal in the engine has 18 digits after the point, and about 20 before it.
MOST_DIGITS = 18
NUMBER = re.compile(r"([-+]?)\s*(\d[\d.,]*)", re.ASCII)
GROUPED = re.compile(r"\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*")
# Bytes beyond ASCII that were read as Windows-1252, whole sequences of UTF-8 among them.
MOJIBAKE = re.compile(r"[\u0080-\u00ff\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u2122]{2,}")
# The letter Ã of such a sequence, replaced by í as if it stood for nothing else, and what followed it.
MISTAKEN_I = re.compile(r"í([\u0080-\u00bf\u2018-\u2122\u0160\u0161\u2030\u0152\u017d])")
LETTERS = "áéíóúüñùòÁÉÍÓÚÜÑ"


def key(text: str) -> str:
    """Lower case, then every character outside a–z and 0–9 removed."""
    return NOT_IN_KEYS.sub("", text.lower())


def date(text: str, *patterns: str) -> datetime.date | None:
    """The day that a text names, written as one of the patterns (`d/m/Y`, `Y-m-d` …).

    None for a partial or impossible date, and for one that two patterns read differently.
    """
    read = {_read_date(text.strip(), pattern) for pattern in patterns} - {None}
    return read.pop() if len(read) == 1 else None


def _read_date(text: str, pattern: str) -> datetime.date | None:
    match = _date_form(pattern).fullmatch(text)
    if not match:
        return None
    try:
        return datetime.date(int(match["year"]), int(match["month"]), int(match["day"]))
    except ValueError:
        return None


@lru_cache(maxsize=64)
def _date_form(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(FIELDS.get(sign, re.escape(sign)) for sign in pattern), re.ASCII)


def decimal(text: str, limit: str = "") -> Decimal | None:
    """The number that a text is, with a currency sign before it or a per cent sign after it.

    Both `.` and `,` are read as what they can be: the point of a fraction, or between groups of three digits.
    Groups stand without a sign only: `-34.567.890` is a coordinate that lost its point, and no number. Where
    more than one reading is left (`1.234`), there is no value, unless only one is within `limit`, the largest
    value in either direction that a column can have.
    """
    match = NUMBER.fullmatch(text.strip().removeprefix("$").removesuffix("%").strip())
    if not match:
        return None
    sign, digits = match.groups()
    readings = {_signed(sign, reading) for reading in _readings(digits, grouped=not sign)}
    if limit:
        readings = {reading for reading in readings if abs(reading) <= Decimal(limit)}
    return readings.pop() if len(readings) == 1 else None


def _readings(digits: str, *, grouped: bool) -> set[str]:
    """The numbers that digits with points and commas can be, in plain notation."""
    readings = set()
    if re.fullmatch(r"\d+(?:[.,]\d+)?", digits):
        readings.add(digits.replace(",", "."))
    if grouped and not digits.startswith("0"):
        whole, _, fraction = _last_separator(digits)
        groups = GROUPED.fullmatch(whole)
        if groups and fraction.isdigit() and digits[len(whole)] != groups[1]:
            readings.add(f"{re.sub(r'[.,]', '', whole)}.{fraction}")
        if GROUPED.fullmatch(digits):
            readings.add(re.sub(r"[.,]", "", digits))
    return readings


def _last_separator(digits: str) -> tuple[str, str, str]:
    place = max(digits.rfind("."), digits.rfind(","))
    return (digits[:place], digits[place], digits[place + 1 :]) if place > 0 else (digits, "", "")


def _signed(sign: str, digits: str) -> Decimal:
    return Decimal(f"{sign}{digits}")


def repair(text: str) -> str:
    """A label as it was meant: mojibake and soft hyphens mended where that is sure, white space made single.

    What was lost (U+FFFD) stays lost.
    """
    mended = MOJIBAKE.sub(lambda run: _as_utf8(run[0]) or run[0], text)
    mended = MISTAKEN_I.sub(lambda pair: _mistaken(pair[0], pair[1]), mended)
    return " ".join(mended.replace("\u00ad", "").split())


def _as_utf8(run: str) -> str | None:
    try:
        return b"".join(_windows_byte(character) for character in run).decode("utf-8")
    except UnicodeError:
        return None


def _windows_byte(character: str) -> bytes:
    return bytes([ord(character)]) if ord(character) < 256 else character.encode("cp1252")


def _mistaken(pair: str, second: str) -> str:
    letter = _as_utf8(f"Ã{second}")
    return letter if letter and letter in LETTERS else pair


@dataclass(frozen=True)
class Function:
    """A function as SPARQL sees it, with what it expects, in words, for the constants it is called with."""

    apply: Callable[..., str | datetime.date | Decimal | None]
    expected: Callable[..., str]

    def __call__(self, *terms: Term) -> Literal | None:
        """The value as a literal; None for terms that are no literals, and where the function has none."""
        texts = [term.value for term in terms if isinstance(term, Literal)]
        return _literal(self.apply(*texts)) if texts and len(texts) == len(terms) else None


def _literal(value: str | datetime.date | Decimal | None) -> Literal | None:
    if value is None:
        return None
    if isinstance(value, Decimal):
        return _decimal_literal(value)
    if isinstance(value, datetime.date):
        return Literal(value.isoformat(), datatype=NamedNode(f"{XSD}date"))
    return Literal(value)


def _decimal_literal(value: Decimal) -> Literal | None:
    plain = f"{value:f}"
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    whole, _, fraction = plain.lstrip("-").partition(".")
    if max(len(whole), len(fraction)) > MOST_DIGITS:
        return None
    return Literal(plain, datatype=NamedNode(f"{XSD}decimal"))


def _expected_date(*patterns: str) -> str:
    return f"a whole date, as {' or '.join(patterns)}"


def _expected_decimal(limit: str = "") -> str:
    return f"one number, at most {limit} in either direction" if limit else "one number"


def _expected_text() -> str:
    return "text"


FUNCTIONS: Mapping[NamedNode, Function] = {
    NamedNode(f"{FUNCTION}key"): Function(key, _expected_text),
    NamedNode(f"{FUNCTION}date"): Function(date, _expected_date),
    NamedNode(f"{FUNCTION}decimal"): Function(decimal, _expected_decimal),
    NamedNode(f"{FUNCTION}repair"): Function(repair, _expected_text),
}


def custom_functions() -> dict[NamedNode, Callable[..., Term | None]]:
    """The functions as the engine takes them."""
    return dict(FUNCTIONS)
