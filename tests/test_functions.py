"""The functions of mappings: a table of calls on disk, and what none of them may do."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import BlankNode, Literal, NamedNode

from sopkg.functions import FUNCTION, FUNCTIONS, Function

CALLS = Path(__file__).parent / "ingest" / "functions.csv"


def calls() -> list[list[str]]:
    """Function, value ("" for none), argument, constants."""
    with CALLS.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


@pytest.mark.parametrize("call", calls(), ids=lambda call: f"{call[0]}({call[2]!r})")
def test_a_call_gives_its_value(call: list[str]) -> None:
    name, value, argument, *constants = call
    terms = [Literal(argument), *(Literal(constant) for constant in constants if constant)]
    result = FUNCTIONS[NamedNode(f"{FUNCTION}{name}")](*terms)
    assert (result.value if result else "") == value


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda function: function.apply.__name__)
def test_a_term_that_is_no_literal_has_no_value(function: Function) -> None:
    assert function(BlankNode()) is None


@given(st.text(alphabet=st.sampled_from("0123456789.,-+$% áÃ±í\xad\ufffd/"), max_size=12))
def test_no_text_makes_a_function_fail(text: str) -> None:
    for function in FUNCTIONS.values():
        function(Literal(text))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-99999, max_value=10**9))
def test_a_number_written_in_full_is_read_as_it_is(number: object) -> None:
    result = FUNCTIONS[NamedNode(f"{FUNCTION}decimal")](Literal(str(number)))
    assert result is not None
    assert float(result.value) == float(str(number))
