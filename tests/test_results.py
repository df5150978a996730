"""Content negotiation, and terms that travel as text."""

import csv
from pathlib import Path

import pytest

from sopkg.errors import BadInput, SopkgError
from sopkg.results import chosen, offered, to_term

with open(Path(__file__).parent / "web" / "negotiation.csv", encoding="utf-8", newline="") as file:
    NEGOTIATIONS = list(csv.DictReader(file))


@pytest.mark.parametrize("form", ["SELECT", "CONSTRUCT"])
@pytest.mark.parametrize("case", NEGOTIATIONS, ids=lambda case: f"{case['accept']} {case['name']}")
def test_negotiation(case: dict[str, str], form: str) -> None:
    assert _negotiated(case["accept"], case["name"], form) == case[form]


def _negotiated(accept: str, name: str, form: str) -> str:
    try:
        return chosen(accept, offered(form), name or None).media_type
    except SopkgError as error:
        return str(error.status)


@pytest.mark.parametrize(
    "text", ["<http://example.org/>", '"a \\"b\\""@en', '"1"^^<http://www.w3.org/2001/XMLSchema#integer>']
)
def test_terms_come_back_as_they_went(text: str) -> None:
    assert str(to_term(text)) == text


@pytest.mark.parametrize("text", ["", "?x", "<relative>", "<a:b> <c:d>", "<a:b> .\n<a:b> <a:b> <a:b>"])
def test_what_is_not_one_term_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        to_term(text)
