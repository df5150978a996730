"""Terms as callers write them and as people read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pyoxigraph import Literal, NamedNode

from sopkg.cities import IDS, city_name
from sopkg.dates import observation_date
from sopkg.errors import BadInput
from sopkg.results import to_term

XSD = "http://www.w3.org/2001/XMLSchema#"
Row = dict[str, Any]


def term(text: str, kind: str, name: str) -> NamedNode | Literal:
    """A parameter's text as a term of its type. Raises BadInput with the expected type."""
    try:
        match kind:
            case "iri":
                # A bare word is the key of a city: people write `city=buenos-aires`.
                return NamedNode(text if ":" in text else f"{IDS}{text}/city/{text}")
            case "integer":
                return Literal(str(int(text)), datatype=NamedNode(f"{XSD}integer"))
            case "decimal":
                float(text)
                return Literal(text, datatype=NamedNode(f"{XSD}decimal"))
            case "date":
                return Literal(observation_date(text), datatype=NamedNode(f"{XSD}date"))
            case "boolean":
                return Literal({"true": True, "false": False}[text])
            case _:
                return Literal(text)
    except BadInput as error:
        raise BadInput(f"parameter {name}: {error.detail}", {"parameter": name, "expected": kind}) from error
    except (ValueError, KeyError) as error:
        raise BadInput(f"parameter {name}: {text!r} is no {kind}", {"parameter": name, "expected": kind}) from error


def rows_of(answer: Mapping[str, Any], read: Callable[[str | None], object]) -> list[Row]:
    """A worker's rows, every column in each."""
    return [{name: read(row.get(name)) for name in answer["columns"]} for row in answer["rows"]]


def is_link(text: str | None) -> bool:
    """Whether a term in N-Triples is an IRI that only programs read: a city's is its name."""
    return text is not None and text.startswith("<") and city_name(text.strip("<>")) is None


def shown(text: str | None, prefixes: Mapping[str, str]) -> object:
    """A term in N-Triples as people read it: an IRI by its prefix, a city by its name."""
    value = plain(text)
    if text is None or not text.startswith("<"):
        return value
    iri = str(value)
    fitting = {prefix: iri.removeprefix(base) for prefix, base in prefixes.items() if iri.startswith(base)}
    short = min((f"{prefix}:{rest}" for prefix, rest in fitting.items()), key=len, default=iri)
    return city_name(iri) or short


def plain(text: str | None) -> object:
    """A term in N-Triples as a plain value."""
    if text is None:
        return None
    read = to_term(text)
    if isinstance(read, Literal) and read.datatype.value == f"{XSD}integer":
        return int(read.value)
    return read.value if isinstance(read, NamedNode | Literal) else text


def local(iri: str) -> str:
    """The last part of an IRI."""
    return iri.replace("#", "/").rsplit("/", 1)[-1]
