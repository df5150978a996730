"""What a request asks: its parameters, each known, once, and of the right form."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from flask import request
from werkzeug.datastructures import MultiDict

from sopkg.dates import observation_date
from sopkg.errors import BadInput, unknown_names

LANGUAGE = "lang"  # of a page, and passed over where its address is asked for data
FORM, FILE_FORM = "application/x-www-form-urlencoded", "multipart/form-data"
ENTAILMENTS = ("rl", "none")


def utf8(data: bytes, what: str = "query") -> str:
    """Text of UTF-8. Raises BadInput that names what is none."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"the {what} is not UTF-8: {error}") from error


def accept() -> str:
    """The header `Accept`, empty if there is none."""
    return request.headers.get("Accept", "")


def date(given: Mapping[str, str], name: str = "date") -> str | None:
    """An observation's date; a month stands for its last day. Raises BadInput for what is no date."""
    return observation_date(given[name]) if name in given else None


def seconds(given: Mapping[str, str], name: str = "timeout") -> float | None:
    """The time that a caller gives a query. Raises BadInput for what is no number above 0."""
    if name not in given:
        return None
    try:
        told = float(given[name])
    except ValueError:
        told = math.nan
    if not 0 < told < math.inf:
        raise BadInput(f"{name} is {given[name]!r}; expected are seconds, above 0")
    return told


def at_most(name: str, told: float | None, limit: float) -> float | None:
    """A limit of the service as a caller lowers it. Raises BadInput for one above the service's own."""
    if told is not None and told > limit:
        raise BadInput(f"{name} is {told:g}; the limit is {limit:g}, and may be lowered only", {"limit": limit})
    return told


def single(given: MultiDict[str, str]) -> dict[str, str]:
    """The parameters, each once, without a page's language. Raises BadInput for one that is given more than once."""
    twice = sorted(name for name, values in given.lists() if len(values) > 1)
    if twice:
        raise BadInput(f"given more than once: {', '.join(twice)}")
    return {name: value for name, value in given.items() if name != LANGUAGE}


def known(given: MultiDict[str, str], names: Sequence[str]) -> dict[str, str]:
    """The parameters, each once and of these names. Raises BadInput with the names that are near."""
    unknown = sorted(set(given) - {*names, LANGUAGE})
    if unknown:
        raise unknown_names("parameter", unknown, names)
    return single(given)


def whole(given: Mapping[str, str], name: str) -> int:
    """A whole number above 0. Raises BadInput for another."""
    text = given[name]
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise BadInput(f"{name} is {text!r}; expected is a whole number above 0")
    return int(text)


def number(given: Mapping[str, str], name: str) -> int | None:
    """A whole number from 0, or None if it is not given. Raises BadInput for another."""
    text = given.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadInput(f"{name} is {text!r}; expected is a whole number")
    return int(text)


def truth(given: Mapping[str, str], name: str) -> bool | None:
    """Whether `true` or `false` is given (or 1 or 0, XML Schema 1.1 Part 2, 3.3.2), or None. Raises BadInput else."""
    text = given.get(name)
    if text not in (None, "true", "false", "1", "0"):
        raise BadInput(f"{name} is {text!r}; expected is true or false")
    return None if text is None else text in ("true", "1")


def entailment(given: Mapping[str, str], name: str = "entailment") -> bool:
    """Whether what follows by OWL 2 RL is read too. Raises BadInput for what is neither."""
    told = given.get(name, "rl")
    if told not in ENTAILMENTS:
        raise BadInput(f"{name} is {told!r}; expected is {' or '.join(ENTAILMENTS)}")
    return told == "rl"


def iris(texts: Sequence[str]) -> Sequence[str]:
    """IRIs as they are. Raises BadInput for what is none."""
    for text in texts:
        if ":" not in text or any(sign in text for sign in ' <>"{}|\\^`\n'):
            raise BadInput(f"{text!r} is not an IRI")
    return texts
