"""Kinds of gap that the paper does not have: found apart, told only to who asks for them, and marked."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from pyoxigraph import NamedNode, Triple

from sopkg.detect import extensions, read_kinds
from sopkg.gapquery import gap_queries
from sopkg.graphs import EXTENSION_GAPS, GAPS
from sopkg.load import detect_again
from sopkg.pipeline import closed_ontology, closed_schema, derive
from sopkg.reaudit import Audited
from sopkg.settings import Settings
from sopkg.turtle import read_turtle
from sopkg.update import closed_of
from sopkg.web import create_app
from tests.conftest import Demo, Sopkg
from tests.findings import read_findings
from tests.test_gaps import CASES
from tests.test_reaudit import AUDIT

CITY = ("--city", "buenos-aires")
MARK = " (not in the paper)"
AROUND = NamedNode("https://w3id.org/sopkg/id/t/interaction/3")


@pytest.fixture(scope="module")
def client(demo: Demo) -> Iterator[FlaskClient]:
    """The service, without a server."""
    app = create_app(Settings(store=demo.store, workers=1, allow_no_netns=True))
    yield app.test_client()
    app.extensions["sopkg"].pool.close()


def found(triples: list[Triple]) -> set[str]:
    """The queries that found something."""
    return {each.query for each in read_findings(triples, AUDIT.observation)}


def beyond() -> set[str]:
    return set(extensions(read_kinds(closed_schema())))


def test_what_the_ontology_has_no_locator_for_is_found_apart() -> None:
    asserted = read_turtle(CASES / "broker-dependence" / "has-it.ttl")
    derived = derive(AUDIT, asserted, [])
    assert {name for name, gap in gap_queries().items() if "/extension#" in gap.kind.value} == beyond()
    assert not found(derived.gaps) & beyond()
    assert {"broker-dependence"} <= found(derived.extension_gaps) <= beyond()
    assert not set(derived.gaps) & set(derived.extension_gaps)
    again = detect_again({"asserted": asserted, "inferred": derived.inferred, "provenance": []}, [], AUDIT)
    assert again == {GAPS: derived.gaps, EXTENSION_GAPS: derived.extension_gaps}


@pytest.mark.parametrize("asked", [False, True])
def test_a_change_opens_them_for_who_asks(asked: bool) -> None:
    known = {*closed_ontology()}
    asserted = [each for each in read_turtle(CASES / "broker-dependence" / "has-it-not.ttl") if each not in known]
    derived = derive(AUDIT, asserted, [])
    closed = closed_of({"asserted": asserted, "inferred": derived.inferred})
    findings = [*derived.gaps, *(derived.extension_gaps if asked else ())]
    mine = Audited(closed, [], findings, AUDIT, "", gap_queries() if asked else None)
    change = mine.change(removed=[each for each in asserted if each.subject == AROUND])
    opened = {mine.focuses[each][0] for each in change.after if each not in change.before}
    assert opened & beyond() == ({"broker-dependence"} if asked else set())


def test_a_report_has_them_if_asked_and_says_that_the_paper_does_not(demo: Demo, sopkg: Sopkg) -> None:
    without, told = (
        json.loads(sopkg(demo.store, "audit", *CITY, "--format", "json", *more).stdout)
        for more in ([], ["--extensions"])
    )
    added = [row for row in told if row not in without]
    assert [row for row in told if row in without] == without
    assert {row["notation"][0] for row in without} == {"G"}
    assert {row["notation"][0] for row in added} == {"X"}
    assert all(row["kindLabel"].endswith(MARK) for row in added)


@pytest.mark.parametrize("form", ["junit", "sarif", "turtle"])
def test_no_other_format_has_them_unasked(demo: Demo, sopkg: Sopkg, form: str) -> None:
    without, told = (
        sopkg(demo.store, "audit", *CITY, "--format", form, *more).stdout for more in ([], ["--extensions"])
    )
    assert "X5" not in without
    assert "X5" in told


def test_the_service_has_them_if_asked(client: FlaskClient) -> None:
    rows = client.get("/gaps?city=buenos-aires&per_page=1000").json
    told = client.get("/gaps?city=buenos-aires&per_page=1000&extensions=true").json
    brokers = [row for row in told if row["notation"] == "X5"]
    assert "X5" not in {row["notation"] for row in rows}
    assert client.get("/gaps?city=buenos-aires&per_page=1000&kind=X5").json == brokers != []
    assert client.get("/gaps?extensions=perhaps").status_code == 400


def test_no_other_answer_has_them(client: FlaskClient) -> None:
    in_cells = client.get("/queries/gaps-in-cell?city=buenos-aires", headers={"Accept": "text/csv"}).text
    called = client.get("/queries/what-others-call-it?city=buenos-aires", headers={"Accept": "text/csv"}).text
    assert ("G07" in in_cells, "X5" in in_cells) == (True, False)
    assert ("G07" in called, "X2a" in called) == (True, False)


def test_by_its_identifier_one_is_explained(client: FlaskClient) -> None:
    gap = client.get("/gaps?city=barcelona&kind=X3b").json[0]["id"]
    told = client.get(f"/gaps/{gap}").json
    assert not told["kind"]["inPaper"]
    assert "Not in the paper; literature: J. Andersen" in client.get(f"/gaps/{gap}/why?format=text").text
    assert "sopkg what-if --extensions FILE" in client.get(f"/gaps/{gap}/remedy?format=text").text
    assert [each["verdict"] for each in client.get(f"/gaps/{gap}/life").json["life"]][-1] == told["verdict"]
