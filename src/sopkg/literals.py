"""Literals as they were written: a store keeps one form of each value, and holds what is an xsd:byte as an integer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, Store, Triple

from sopkg.turtle import GENID, RDFS

RANGE = NamedNode(f"{RDFS}range")
_CLAIM = f"{GENID}claim/"


def kept_forms(triples: Iterable[Triple]) -> dict[Literal, Literal]:
    """For each literal that a store keeps in another form than the written one: that form."""
    store, written = Store(), {value for _, value in _values(triples)}
    names = {NamedNode(f"{GENID}{number}"): literal for number, literal in enumerate(written)}
    store.bulk_extend(Quad(name, RANGE, literal) for name, literal in names.items())
    found: dict[Literal, Literal] = {}
    for name, literal in names.items():
        (quad,) = store.quads_for_pattern(name, RANGE, None, None)
        if isinstance(quad.object, Literal) and quad.object != literal:
            found[literal] = quad.object
    return found


def with_other_forms(store: Store, forms: Mapping[Literal, Literal]) -> Iterator[Triple]:
    """What a store's default graph says of values that were written otherwise, in each of these forms (dt-eq)."""
    for literal, form in forms.items():
        for quad in store.quads_for_pattern(None, None, form, DefaultGraph()):
            yield from (Triple(quad.subject, quad.predicate, each) for each in (form, literal))


def claims(triples: Iterable[Triple], forms: Mapping[Literal, Literal]) -> dict[Triple, Triple]:
    """What it says of a value to be written with a datatype, in triples that a store keeps, and what said so.

    A property whose range is the datatype has the value: the rule dt-not-type finds what is none of the datatype.
    """
    found: dict[Triple, Triple] = {}
    for triple, value in _values(triples):
        form = forms.get(value, value)
        if form.datatype != value.datatype:
            claim = NamedNode(_CLAIM + quote(value.datatype.value, safe=""))
            found[Triple(claim, RANGE, value.datatype)] = triple
            found[Triple(triple.subject, claim, form)] = triple
    return found


def _values(triples: Iterable[Triple]) -> Iterator[tuple[Triple, Literal]]:
    return ((each, each.object) for each in triples if isinstance(each.object, Literal))


def is_claim(triple: Triple) -> bool:
    """Whether a triple is a claim's axiom, which nobody has written."""
    return isinstance(triple.subject, NamedNode) and triple.subject.value.startswith(_CLAIM)
