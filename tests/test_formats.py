"""What cities publish by a standard: graphs and JSON become triples; all else is refused, and nobody is named."""

from __future__ import annotations

import csv
import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import rdflib
from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, Triple, parse, serialize

from sopkg.cities import City
from sopkg.detect import Audit
from sopkg.errors import BadInput
from sopkg.ingest import Ingested, check_read, ingest, mappings
from sopkg.load import load, observation
from sopkg.pipeline import derive
from sopkg.rdftable import read_source
from sopkg.store import SnapshotStore
from sopkg.tables import read_table, unwrapped
from tests.findings import read_findings
from tests.test_ingest import DATE, TYPE, facts, lines, of_type, problem, told

CASES = Path(__file__).parent / "ingest"
BASE = "https://w3id.org/sopkg/id/lindhaven/"
EXPECTED = sorted(CASES.glob("*/*.expected.ttl"))
REFUSED: list[dict[str, str]] = json.loads((CASES / "refused" / "expected.json").read_text("utf-8"))
SERVICES = CASES / "rdf" / "services.ttl"
# The serialisations of RDF: three as rdflib names and writes them, three as pyoxigraph does.
WRITTEN = {"rdf": "pretty-xml", "jsonld": "json-ld", "ttl": "longturtle"}
GRAPH = NamedNode("https://data.lindhaven.example/graph")
SERIALISATIONS = [*WRITTEN, "nt", "nq", "trig"]


@cache
def mapped(path: Path) -> Ingested:
    """A case, mapped once for all tests."""
    return ingest(path, path.parent / "lindhaven", DATE)


def source(expected: Path) -> Path:
    """The file or folder that a case's triples are of."""
    stem = expected.name.removesuffix(".expected.ttl")
    return next(path for path in expected.parent.iterdir() if path.name in (stem, f"{stem}.json", f"{stem}.ttl"))


def plain(folder: str, name: str) -> Any:
    """A file of JSON, read by the json module alone."""
    return json.loads((CASES / folder / name).read_text("utf-8"))


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda path: f"{path.parent.name}-{path.name.partition('.')[0]}")
def test_a_case_becomes_its_triples_and_problems(expected: Path) -> None:
    found = mapped(source(expected))
    quads = parse(expected.read_bytes(), RdfFormat.TURTLE, base_iri=BASE)
    assert told(found.triples) == {Triple(quad.subject, quad.predicate, quad.object) for quad in quads}
    with Path(str(expected).replace(".expected.ttl", ".problems.csv")).open(encoding="utf-8", newline="") as file:
        assert found.problems == [problem(row, source(expected).name) for row in csv.DictReader(file)]


@pytest.mark.parametrize("suffix", SERIALISATIONS)
def test_a_graph_is_the_same_in_every_serialisation(suffix: str, tmp_path: Path) -> None:
    path, given = tmp_path / f"services.{suffix}", SERVICES.read_bytes()
    if suffix in WRITTEN:
        rdflib.Graph().parse(data=given, format="turtle").serialize(path, format=WRITTEN[suffix])
    else:
        graph = DefaultGraph() if suffix == "nt" else GRAPH
        quads = (Quad(q.subject, q.predicate, q.object, graph) for q in parse(given, RdfFormat.TURTLE))
        serialize(quads, path, RdfFormat.from_extension(suffix))
    assert lines(ingest(path, SERVICES.parent / "lindhaven", DATE)) == lines(mapped(SERVICES))


def test_a_thing_without_a_name_keeps_the_one_it_is_given_when_others_come_and_go(tmp_path: Path) -> None:
    path = tmp_path / "more.ttl"
    path.write_text(
        "[] <https://example.org/p> [ <https://example.org/q> 1 ] .\n" + SERVICES.read_text("utf-8"), "utf-8"
    )
    names = [
        {t.subject.value for t in read_source(each).triples or () if "node" not in str(t)} for each in (path, SERVICES)
    ]
    assert names[1] < names[0]
    assert len(names[0] - names[1]) == 2


def test_things_of_which_the_same_is_said_stay_two(tmp_path: Path) -> None:
    path = tmp_path / "twins.nt"
    path.write_text('_:a <https://e.org/p> "x" .\n_:b <https://e.org/p> "x" .\n', "utf-8")
    assert len({t.subject for t in read_source(path).triples or ()}) == 2


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["file"])
def test_what_can_t_be_read_is_refused(case: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / case["file"]
    path.write_text(case["text"], "utf-8")
    with pytest.raises(BadInput) as error:
        check_read(ingest(path, CASES / "rdf" / "lindhaven", DATE, case.get("mapping")))
    assert error.value.detail.startswith(case["error"])


def test_nothing_is_published_of_a_file_in_which_nothing_is_read(tmp_path: Path) -> None:
    path, folder = tmp_path / "later.json", CASES / "open-contracting" / "lindhaven"
    path.write_text('[{"ocid": "a", "date": "2025-01-01T00:00:00Z"}]', "utf-8")
    with pytest.raises(BadInput, match="there is nothing to load"):
        load(SnapshotStore(tmp_path / "s"), path, City("lindhaven", folder), DATE)
    assert not SnapshotStore(tmp_path / "s").exists()


def test_nobody_is_named() -> None:
    for expected in EXPECTED:
        found = mapped(source(expected))
        shown = "\n".join([*map(str, found.triples), *map(str, found.problems)])
        assert not [word for word in ("Erika", "erika", "Jane", "jane", "555", "@lindhaven", "Quay 1") if word in shown]


def test_the_contracts_are_those_of_the_releases() -> None:
    releases = [each for each in plain("open-contracting", "releases.json")["releases"] if each.get("ocid")]
    read = [each for each in releases if each.get("date", "9")[:10] <= DATE]
    found = mapped(CASES / "open-contracting" / "releases.json")
    assert found.rows == len(plain("open-contracting", "releases.json")["releases"])
    assert {name.rpartition("/")[2] for name in of_type(found, "Initiative")} == {each["ocid"] for each in read}
    buyers = {each["ocid"] for each in read if "buyer" in each}
    signed = {(each["ocid"], contract["id"]) for each in read for contract in each.get("contracts", [])}
    assert len(of_type(found, "Contract")) == len({pair for pair in signed if pair[0] in buyers})
    amounts = {each["id"]: each["value"]["amount"] for release in read[:4] for each in release.get("contracts", [])}
    assert [float(value) for subject, value in facts(found, "amount") if "001" in subject] == [*amounts.values()]
    roles = Counter(role for _, role in facts(found, "role"))
    awards = [
        (each["ocid"], s["name"]) for each in read for a in each.get("awards", []) for s in a.get("suppliers", [])
    ]
    managed = {each["ocid"] for each in read if "procuringEntity" in each.get("tender", {})}
    assert roles == {"Executing": len(awards), "Funding": len(buyers), "Leading": len(managed)}


def test_a_record_says_what_its_releases_say() -> None:
    one, other = (mapped(CASES / "open-contracting" / name) for name in ("releases.json", "records.json"))
    said = [{str(t) for t in told(each.triples) if "zz9999-001" in t.subject.value} for each in (one, other)]
    assert said[0] == said[1]
    assert len(said[0]) > 20


def test_the_applications_are_the_services_that_are_there() -> None:
    services = plain("open-referral", "services.json")["contents"]
    there = [each for each in services if each.get("status") in ("active", "temporarily closed") and "name" in each]
    found = mapped(CASES / "open-referral" / "services.json")
    labels = {t.object.value for t in told(found.triples) if "/application/" in t.subject.value and "label" in str(t)}
    assert labels == {each["name"] for each in there}
    assert len(facts(found, "operatedBy")) == sum("organization" in each for each in there)


def test_entities_say_the_same_normalised_and_as_key_values() -> None:
    one, other = (mapped(CASES / "ngsi-ld" / name) for name in ("normalised.json", "keyvalues.json"))
    assert lines(one) == lines(other)
    types = Counter(each.get("type") for each in plain("ngsi-ld", "keyvalues.json"))
    assert len(of_type(one, "Initiative")) == types["CityWork"]
    assert len(of_type(one, "Indicator")) == types["KeyPerformanceIndicator"]


def test_requests_are_channels_and_no_needs() -> None:
    requests = plain("open311", "requests.json")
    found = mapped(CASES / "open311" / "requests.json")
    codes = {r["service_code"] for r in requests if "service_request_id" in r and r["requested_datetime"] <= DATE}
    assert {name.rpartition("-")[2] for name in of_type(found, "FeedbackChannel")} == codes
    kinds = {t.object.value for t in told(found.triples) if t.predicate.value == TYPE}
    assert kinds == {"https://w3id.org/sopkg/ns#FeedbackChannel"}


def test_a_graph_has_its_gaps_and_no_faults() -> None:
    city, found = City("lindhaven", SERVICES.parent / "lindhaven"), mapped(SERVICES)
    seen = observation(city, DATE)
    asked = ["accountability-vacuum", "contested-initiative"]
    derived = derive(Audit(BASE, seen, DATE), [*found.triples, *city.facts()], [], asked=asked)
    assert [each.focus for each in read_findings(derived.gaps, seen)] == [
        ("https://data.lindhaven.example/id/service/moorings",)
    ]
    assert not [t for t in derived.validation if t.predicate.value.endswith("#resultMessage")]
    assert derived.inconsistencies == []
    # What follows of a thing without a name is kept, as it is of others: the harbour office is the government's.
    government = {
        t.subject.value for t in derived.inferred if str(t.object) == "<https://w3id.org/sopkg/ns#Government>"
    }
    assert [name for name in government if name.startswith(f"{BASE}node/")]


def test_what_wraps_the_rows_is_taken_off_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "wrapped.json"
    path.write_text('{"a": [{"b": {"x": 1, "c": {"y": 2}}}, {"z": 3}, {}], "n": 4}', "utf-8")
    table = unwrapped(read_table(path), ["a", "b"])
    assert [(record.ordinal, record.cells) for record in table.records] == [
        (1, (("x", "1"), ("c.y", "2"))),
        (2, (("z", "3"),)),
    ]
    assert table.columns == ("x", "c.y", "z")


def test_a_city_s_own_value_table_takes_the_place_of_the_mapping_s(tmp_path: Path) -> None:
    (tmp_path / "open-contracting.states.csv").write_text("text,rank\n", "utf-8")
    states = mappings()["open-contracting"]
    assert states.hash(City("x", tmp_path)) != states.hash(City("y", tmp_path / "none"))
