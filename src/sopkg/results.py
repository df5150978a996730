"""Which format an answer takes: media types, their other names, and content negotiation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyoxigraph as ox
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from sopkg.errors import BadInput, NotAcceptable

Term = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple


@dataclass(frozen=True)
class Format:
    """A format on offer: its short name, its media type, other types for it, the Content-Type to send."""

    name: str
    media_type: str
    aliases: tuple[str, ...] = ()
    content_type: str = ""

    @property
    def header(self) -> str:
        """The Content-Type to send."""
        return self.content_type or self.media_type


@dataclass(frozen=True)
class Answer:
    """A whole answer: its bytes and their Content-Type."""

    body: bytes
    content_type: str


JSON = Format("json", "application/json", ("text/json",))
TEXT = Format("text", "text/plain", content_type="text/plain; charset=utf-8")
CSV = Format("csv", "text/csv", content_type="text/csv; charset=utf-8")
TURTLE = Format(
    "turtle",
    "text/turtle",
    ("application/x-turtle", "application/turtle"),
    content_type="text/turtle; charset=utf-8",
)
HTML = Format("html", "text/html", ("application/xhtml+xml",), content_type="text/html; charset=utf-8")
ATOM = Format("atom", "application/atom+xml", ("application/xml", "text/xml"))

ROWS: tuple[Format, ...] = (
    Format("json", "application/sparql-results+json", ("application/json", "text/json")),
    Format("xml", "application/sparql-results+xml", ("application/xml", "text/xml")),
    CSV,
    Format(
        "tsv",
        "text/tab-separated-values",
        ("text/tsv",),
        content_type="text/tab-separated-values; charset=utf-8",
    ),
)
"""What SELECT and ASK answer in."""
GRAPHS: tuple[Format, ...] = (
    TURTLE,
    Format("nt", "application/n-triples", ("text/plain",)),
    Format("nq", "application/n-quads"),
    Format("trig", "application/trig"),
    Format("rdf", "application/rdf+xml", ("application/xml", "text/xml")),
    Format("jsonld", "application/ld+json", ("application/json", "text/json")),
)
"""What CONSTRUCT and DESCRIBE answer in."""


def offered(form: str) -> tuple[Format, ...]:
    """The formats for a query form; "" (none found) counts as rows: the parser will say what is wrong."""
    return GRAPHS if form in ("CONSTRUCT", "DESCRIBE") else ROWS


def chosen(accept: str, formats: Sequence[Format], name: str | None = None) -> Format:
    """The format a caller wants: by name or media type if given, else by the Accept header's q-values."""
    if name is not None:
        return _named(name, formats)
    wanted = _wanted(accept)
    best = max(formats, key=lambda each: _weight(wanted, each))  # at equal weight, what is offered first
    if _weight(wanted, best)[0] <= 0:
        raise NotAcceptable(
            f"none of {accept!r} is offered here; offered are {', '.join(_types(formats))}",
            {"offered": _types(formats)},
        )
    return best


def _wanted(accept: str) -> MIMEAccept:
    """The header without parameters other than q, which no format here has."""
    parsed = parse_accept_header(accept, MIMEAccept)
    plain = [(value.partition(";")[0].strip().lower(), quality) for value, quality in parsed]
    return MIMEAccept(plain if accept.strip() else [("*/*", 1)])


def _weight(wanted: MIMEAccept, form: Format) -> tuple[float, bool]:
    """The quality the caller gives a format, and whether by its very name; other names count if written."""
    written = [value for value in wanted.values() if value in (form.media_type, *form.aliases)]
    qualities = [wanted.quality(form.media_type), *(wanted.quality(value) for value in written)]
    return max(qualities), bool(written)


def _named(name: str, formats: Sequence[Format]) -> Format:
    for form in formats:
        if name in (form.name, form.media_type, *form.aliases):
            return form
    names = [each.name for each in formats]
    raise BadInput(f"format is {name!r}; expected is one of {', '.join(names)}", {"expected": names})


def _types(formats: Sequence[Format]) -> list[str]:
    return [each.media_type for each in formats]


def to_term(text: str) -> Term:
    """A term from its N-Triples form; raises BadInput when it is not exactly one."""
    line = f"<x:s> <x:p> {text} ."
    try:
        triples = list(ox.parse(line, ox.RdfFormat.N_TRIPLES))
    except SyntaxError as error:
        raise BadInput(f"{text!r} is not a term in N-Triples: {error}") from error
    if len(triples) != 1:
        raise BadInput(f"{text!r} is not one term in N-Triples")
    term: Term = triples[0].object
    return term
