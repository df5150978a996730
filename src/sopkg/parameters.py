"""The parameters that several addresses have."""

from __future__ import annotations

from collections.abc import Mapping

from sopkg import asked
from sopkg.catalog import QueryFile
from sopkg.filters import filter_words
from sopkg.findings import GRADES, VERDICTS
from sopkg.lifeline import event_words
from sopkg.operations import STRING, Parameter, Schema
from sopkg.weight import sorts

_DAY: Schema = {"type": "string", "pattern": r"^[0-9]{4}-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?$"}
_WHEN = "YYYY-MM-DD, or YYYY-MM for the month's last day"
_TERM = "in N-Triples, as an IRI or with a known prefix"

_TRUTH = ("true", "false")

GAP = Parameter("gap_id", "the gap's identifier, as reports have it")
CITY = Parameter("city", "a city's name, as /cities has it")
DATE = Parameter("date", f"the date of an observation: {_WHEN}", _DAY, asked.date)
AS_OF = Parameter("as-of", f"reads each city's latest observation not after this date: {_WHEN}", _DAY, asked.date)
ENTAILMENT = Parameter(
    "entailment",
    "rl reads what follows by OWL 2 RL too, none only what the sources say",
    {"type": "string", "default": "rl"},
    asked.entailment,
    lambda: asked.ENTAILMENTS,
)
TIMEOUT = Parameter(
    "timeout",
    "seconds that it may take, if less than the service gives",
    {"type": "number", "exclusiveMinimum": 0},
    asked.seconds,
)
MOST_ROWS = Parameter(
    "rows",
    "rows that an answer may have, if fewer than the service gives",
    {"type": "integer", "minimum": 1},
    asked.whole,
)
LENIENT = Parameter(
    "lenient",
    "true publishes what breaks a rule of the data too, and lists it",
    {"type": "string", "default": "false"},
    asked.truth,
    lambda: _TRUTH,
)
PAGE = Parameter("page", "which page", {"type": "integer", "minimum": 1, "default": 1}, asked.whole)
TRIPLE = tuple(
    Parameter(name, f"the triple's {name}: {_TERM}", required=True) for name in ("subject", "predicate", "object")
)


def per_page(size: int, largest: int) -> Parameter:
    """How many are on a page: `size` if nothing is said, and `largest` at most."""
    told: Schema = {"type": "integer", "minimum": 1, "default": size}
    meaning = f"how many are on a page; never more than {largest}"
    return Parameter("per_page", meaning, told, lambda given, name: min(asked.whole(given, name), largest))


def of_query(query: QueryFile) -> tuple[Parameter, ...]:
    """The parameters of a predefined query, as its file declares them."""
    return tuple(
        Parameter(each.name, _TYPES[each.type][0], _TYPES[each.type][1], required=not each.optional)
        for each in query.parameters
    )


# What a value of each type of `#+ param` is.
_TYPES: Mapping[str, tuple[str, Schema]] = {
    "iri": ("an IRI, one with a known prefix, or a city's name", STRING),
    "integer": ("a whole number", {"type": "integer"}),
    "decimal": ("a number", {"type": "number"}),
    "date": (_WHEN, _DAY),
    "text": ("a text", STRING),
    "boolean": ("true or false", {"type": "boolean"}),
}
_CHOOSING: Mapping[str, Parameter] = {
    "city": CITY,
    "date": DATE,
    "as-of": AS_OF,
    "kind": Parameter("kind", "a kind of gap: its notation, name or IRI", words=lambda: filter_words()["kind"]),
    "object": Parameter("object", "an object of the model: its name or IRI", words=lambda: filter_words()["object"]),
    "severity": Parameter("severity", "how severe", words=lambda: GRADES),
    "verdict": Parameter("verdict", "how sure", words=lambda: VERDICTS),
    "extensions": Parameter("extensions", "true adds the kinds that the paper does not have", words=lambda: _TRUTH),
    "sort": Parameter("sort", "by what the gaps touch, the heaviest first", words=sorts),
    "event": Parameter("event", "what became of a gap", words=lambda: event_words()["event"]),
    "because": Parameter("because", "what changed", words=lambda: event_words()["because"]),
}


def chosen_by(*names: str) -> tuple[Parameter, ...]:
    """What gaps or their events are chosen by; the words are checked where both faces ask."""
    return tuple(_CHOOSING[name] for name in names)
