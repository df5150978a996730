"""Audits as a habit: the comparison with a baseline, JUnit XML, SARIF and the feed."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from conftest import Demo, Sopkg
from flask.testing import FlaskClient

from sopkg.baseline import compare
from sopkg.cities import cities
from sopkg.feed import ATOM
from sopkg.findings import GRADES

CASES = Path(__file__).parent / "baseline"
SCHEMA = Path(__file__).parent / "sarif" / "sarif-2.1.0-rtm.5.json"
AUDIT = ("audit", "--city", "buenos-aires")
LEVELS = {"none", "note", "warning", "error"}
STATES = {"new", "unchanged", "updated", "absent"}
STATUS = {"accepted", "underReview", "rejected"}


def cases() -> list[dict[str, str]]:
    with open(CASES / "cases.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def finding(said: str) -> list[dict[str, str]]:
    """One gap, or none, from its severity and verdict."""
    severity, _, verdict = said.partition(" ")
    return [{"id": "G03-1", "city": "t", "severity": severity, "verdict": verdict}] if said else []


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case['before']} - {case['after']}")
def test_each_gap_has_its_state(case: dict[str, str]) -> None:
    compared = compare(finding(case["after"]), finding(case["before"]), {"t"}, GRADES)
    groups = {name: getattr(compared, name) for name in ("new", "worse", "same", "gone", "undetermined")}
    assert [name for name, rows in groups.items() if rows] == [each for each in [case["state"]] if each != "nothing"]
    assert bool(compared.reaching(None, GRADES)) == (case["fails"] == "yes")


def test_a_city_that_was_not_audited_has_not_gone() -> None:
    assert not compare([], finding("high presumed"), {"u"}, GRADES).gone


@pytest.fixture(scope="module")
def earlier(client: FlaskClient, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the earlier date, as a file."""
    path = tmp_path_factory.mktemp("baseline") / "baseline.json"
    path.write_text(client.get("/gaps?city=buenos-aires&date=2019-11&per_page=1000").text, "utf-8")
    return path


def test_only_what_is_new_or_worse_fails(demo: Demo, sopkg: Sopkg, earlier: Path) -> None:
    same = sopkg(demo.store, *AUDIT, "--date", "2019-11", "--baseline", str(earlier))
    later = sopkg(demo.store, *AUDIT, "--baseline", str(earlier))
    graded = sopkg(demo.store, *AUDIT, "--baseline", str(earlier), "--fail-on", "critical")
    assert (same.exit_code, later.exit_code, graded.exit_code) == (0, 1, 0)
    assert "0 new, 0 worse, 0 gone" in same.stdout
    assert "gone: " in later.stdout


@pytest.mark.parametrize("compared", [False, True])
def test_sarif_has_what_its_schema_requires(compared: bool, demo: Demo, sopkg: Sopkg, earlier: Path) -> None:
    words = ["--baseline", str(earlier)] if compared else []
    log = json.loads(sopkg(demo.store, *AUDIT, *words, "--format", "sarif").stdout)
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert (log["version"], run["tool"]["driver"]["name"], len(rules)) == ("2.1.0", "sopkg", len(set(rules)))
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in LEVELS
        assert (result["kind"] == "fail") == (result["level"] != "none")
        assert result["message"]["text"]
        assert result["partialFingerprints"]["gap/v1"].startswith(result["ruleId"])
        assert ("baselineState" in result) == compared
        assert result.get("baselineState", "new") in STATES
        # 3.27.23: all results of a run have suppressions, or none; 3.35: of such a kind, and such a status.
        assert {(each["kind"], each["status"] in STATUS) for each in result["suppressions"]} <= {("external", True)}
        assert all(place["region"]["startLine"] > 1 for place in physical(result) if "region" in place)


@pytest.mark.parametrize("compared", [False, True])
def test_sarif_is_valid_by_its_schema(compared: bool, demo: Demo, sopkg: Sopkg, earlier: Path) -> None:
    validator = pytest.importorskip("jsonschema_rs", reason="comes with schemathesis, which is missing")
    words = ["--baseline", str(earlier)] if compared else []
    log = json.loads(sopkg(demo.store, *AUDIT, *words, "--format", "sarif").stdout)
    # A pattern of the schema is no regular expression: one bracket too many.
    schema = json.loads(SCHEMA.read_text("utf-8").replace("{2}]?$", "{2}$"))
    assert [str(each) for each in validator.validator_for(schema).iter_errors(log)] == []


def test_a_location_is_the_line_that_names_the_work(demo: Demo, sopkg: Sopkg) -> None:
    results = json.loads(sopkg(demo.store, *AUDIT, "--format", "sarif").stdout)["runs"][0]["results"]
    works = [(each, place) for each in results for place in physical(each) if "overdue" in each["message"]["text"]]
    table = max(cities()["buenos-aires"].tables().values())
    with open(table, encoding="utf-8", newline="") as file:
        records = list(csv.DictReader(file))
    assert works
    for result, place in works:
        assert place["artifactLocation"]["uri"] == table.name
        assert records[place["region"]["startLine"] - 2]["nombre"].split()[0] in result["message"]["text"]


def physical(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (each["physicalLocation"] for each in result["locations"] if "physicalLocation" in each)


@pytest.mark.parametrize("compared", [False, True])
def test_junit_counts_what_the_report_counts(compared: bool, demo: Demo, sopkg: Sopkg, earlier: Path) -> None:
    words = ["--baseline", str(earlier)] if compared else []
    rows = json.loads(sopkg(demo.store, *AUDIT, "--format", "json").stdout)
    root = ElementTree.fromstring(sopkg(demo.store, *AUDIT, *words, "--format", "junit").stdout)
    known = {row["id"] for row in json.loads(earlier.read_text("utf-8")) if row["verdict"] != "undetermined"}
    settled = [row for row in rows if row["verdict"] != "undetermined" and not (compared and row["id"] in known)]
    assert int(root.attrib["failures"]) == len(settled) == len(list(root.iter("failure")))
    assert int(root.attrib["skipped"]) == sum(row["verdict"] == "undetermined" for row in rows)
    assert all(int(suite.attrib["tests"]) == len(suite.findall("testcase")) > 0 for suite in root)
    # The schema that Jenkins publishes: what each element must have, and that a case has one outcome at most.
    assert {suite.tag for suite in root} == {"testsuite"}
    for case in root.iter("testcase"):
        assert case.attrib["name"]
        assert len([each for each in case if each.tag in ("failure", "error", "skipped")]) <= 1
        assert {each.tag for each in case} <= {"failure", "skipped", "system-out"}


def test_the_feed_has_what_atom_requires(client: FlaskClient) -> None:
    told = client.get("/gaps/feed?city=buenos-aires")
    root, again = ElementTree.fromstring(told.text), ElementTree.fromstring(client.get(told.request.path).text)
    entries, all_entries = (tree.findall(f"{{{ATOM}}}entry") for tree in (root, again))
    for each in (root, *entries):
        assert all(each.findtext(f"{{{ATOM}}}{tag}") for tag in ("id", "title", "updated"))
        assert each.find(f"{{{ATOM}}}link") is not None
    assert root.findtext(f"{{{ATOM}}}author/{{{ATOM}}}name") == "sopkg"
    names = [each.findtext(f"{{{ATOM}}}id") for each in entries]
    assert len(names) == len(set(names)) > 0
    assert set(names) <= {each.findtext(f"{{{ATOM}}}id") for each in all_entries}


def test_who_has_the_feed_is_told_so(client: FlaskClient) -> None:
    told = client.get("/gaps/feed?city=buenos-aires")
    again = client.get("/gaps/feed?city=buenos-aires", headers={"If-None-Match": told.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_as_of_reads_the_latest_observation_not_after_it(client: FlaskClient) -> None:
    rows = client.get("/gaps?city=buenos-aires&as-of=2022-12&per_page=1000").json
    assert rows == client.get("/gaps?city=buenos-aires&date=2022-11&per_page=1000").json
    question = "/queries/still-in-creation?city=buenos-aires"
    early, late = (client.get(f"{question}{words}").data for words in ("&as-of=2020-01", ""))
    assert early != late == client.get(f"{question}&as-of=2025-07").data
