"""Literals that a store keeps in another form: what follows is said in each form, and no claim is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Triple

from sopkg.reasoning import Request, consistency, entailments

XSD = "http://www.w3.org/2001/XMLSchema#"
A, B, P = (NamedNode(f"http://example.org/{name}") for name in "abp")


def typed(text: str, name: str) -> Literal:
    return Literal(text, datatype=NamedNode(XSD + name))


def asked(*triples: Triple) -> Request:
    payload = {"reasoner": "rl", "format": "application/n-triples", "result_bytes": 10**6, "whole": False}
    return Request(payload, triples, Path(), 500)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("300", "byte"),
        ("-1", "nonNegativeInteger"),
        ("0", "positiveInteger"),
        ("18446744073709551616", "unsignedLong"),
        ("2020-01-01T00:00:00", "dateTimeStamp"),
        ("one", "integer"),
    ],
)
def test_a_literal_that_its_datatype_has_not_clashes_as_it_was_written(text: str, name: str) -> None:
    triple = Triple(A, P, typed(text, name))
    told = consistency(asked(triple, Triple(B, P, Literal(1))))[0]
    assert told["inconsistencies"] == [{"rule": "dt-not-type", "triples": [f"{triple} ."]}]


@pytest.mark.parametrize(
    ("text", "name"),
    [("-128", "byte"), ("007", "int"), ("0", "nonPositiveInteger"), ("2020-01-01T00:00:00Z", "dateTimeStamp")],
)
def test_a_literal_that_its_datatype_has_is_consistent(text: str, name: str) -> None:
    assert consistency(asked(Triple(A, P, typed(text, name))))[0]["consistent"]


def test_a_value_is_had_in_each_form_in_which_it_is_written() -> None:
    given = asked(Triple(A, P, typed("01", "integer")), Triple(B, P, typed("1", "byte")))
    lines = entailments(given)[1].decode().splitlines()
    forms = {typed("01", "integer"), typed("1", "byte"), Literal(1)}
    has = {f"{Triple(thing, P, form)} ." for thing in (A, B) for form in forms}
    assert has <= {*lines, *(f"{triple} ." for triple in given.triples)}
