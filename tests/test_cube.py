"""The cube: each gap is in its places and in no place twice, projections count what the cells and margins hold."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from conftest import Demo, Sopkg
from flask.testing import FlaskClient
from pyoxigraph import Literal, NamedNode, QuerySolutions, Store

from sopkg.catalog import named_query
from sopkg.cube import COLUMNS, DIMENSIONS, PROJECTIONS, Cube, cube
from sopkg.detect import Audit
from sopkg.pipeline import derive
from sopkg.turtle import ontology, read_turtle, store_of

CASES = Path(__file__).parent / "cube"
BASE = "https://w3id.org/sopkg/id/t/"
ASKED = ["missing-creation-leadership", "subject-interaction-gap", "isolated-point", "disconnected-line"]
ABOUT = "city=buenos-aires&date=2019-11"
LATEST = "city=buenos-aires&as-of=2019-11"
Row = dict[str, Any]


def listed(client: FlaskClient, address: str) -> list[Row]:
    """The rows of a report in CSV, where a term is plain text."""
    return list(csv.DictReader(client.get(f"{address}&format=csv").text.splitlines()))


def test_each_gap_is_in_its_places_and_in_no_place_twice(client: FlaskClient) -> None:
    told = client.get(f"/cube?{ABOUT}").json
    rows = listed(client, f"/queries/gaps-in-cell?{LATEST}")
    gaps = {row["id"]: row["verdict"] for row in client.get(f"/gaps?{ABOUT}&per_page=1000").json}
    assert {row["id"]: row["verdict"] for row in rows} == gaps
    assert set(Counter((row["id"], *place(row, DIMENSIONS)) for row in rows).values()) == {1}
    for names, found in [(DIMENSIONS, told["cells"] + told["margins"]), *flat(told)]:
        held = {
            place(row, names): row["gaps"] + row["undetermined"] for row in found if row["gaps"] + row["undetermined"]
        }
        assert held == Counter(each[1:] for each in {(row["id"], *place(row, names)) for row in rows})


def test_the_cells_count_what_the_report_of_cells_counts(client: FlaskClient) -> None:
    told = client.get(f"/cube?{ABOUT}").json
    counted = {place(row, DIMENSIONS): (row["expected"], row["observed"]) for row in told["cells"]}
    rows = listed(client, f"/queries/cells?{LATEST}")
    assert counted == {place(row, DIMENSIONS): (int(row["expectations"]), int(row["engagements"])) for row in rows}
    assert len(counted) == 42


def test_an_address_lists_what_is_counted(client: FlaskClient) -> None:
    told = client.get(f"/cube?{ABOUT}").json
    row = max(told["projections"]["subject × object"], key=lambda row: (row["gaps"], row["expected"]))
    counted = {"norms": ("norm", "expected"), "engagements": ("engagement", "observed")}
    for name, (key, column) in counted.items():
        assert len({each[key] for each in listed(client, row["addresses"][name])}) == row[column]
    verdicts = {each["id"]: each["verdict"] for each in listed(client, row["addresses"]["evidence"])}
    unknown = list(verdicts.values()).count("undetermined")
    assert (len(verdicts) - unknown, unknown) == (row["gaps"], row["undetermined"])
    pair = max(told["projections"]["subject × subject"], key=lambda row: row["observed"])
    assert len(listed(client, pair["addresses"]["interactions"])) == pair["observed"] > 500


def test_a_small_city_is_counted_as_by_hand() -> None:
    told = csv.DictReader(small().written("csv").splitlines())
    with open(CASES / "small.csv", encoding="utf-8", newline="") as file:
        wanted = list(csv.DictReader(file))
    found = [{name: row[name] for name in wanted[0]} for row in told]
    assert [row for row in wanted if row not in found] == []


def test_what_no_record_tells_has_no_number(client: FlaskClient) -> None:
    told = client.get("/cube?city=amsterdam&as-of=2021-12").json
    assert told["date"] == "2021-12-31"
    assert {row["observed"] for row in told["cells"]} == {None} == {row["value"] for row in told["structure"]}


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("", 400),
        ("city=atlantis", 404),
        (f"{ABOUT}&as-of=2025-06", 400),
        ("city=amsterdam&date=1999-12-31", 404),
        ("x=1", 400),
    ],
)
def test_what_cannot_be_answered_is_a_problem(asked: str, status: int, client: FlaskClient) -> None:
    answer = client.get(f"/cube?{asked}")
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")


def test_both_faces_say_the_same(demo: Demo, client: FlaskClient, sopkg: Sopkg) -> None:
    words = ("cube", "--city", "amsterdam", "--as-of", "2021-12", "--format")
    assert sopkg(demo.store, *words, "json").stdout == client.get("/cube?city=amsterdam&as-of=2021-12").text
    assert client.get("/cube?city=amsterdam&as-of=2021-12&format=csv").text.splitlines()[0] == ",".join(COLUMNS)


def small() -> Cube:
    """The cube of the small city, whose gaps are found first."""
    asserted = read_turtle(CASES / "small.ttl")
    audit = Audit(BASE, NamedNode(f"{BASE}observation/2024-06-30"), "2024-06-30")
    derived = derive(audit, asserted, [], asked=ASKED)
    store = store_of({*ontology(), *asserted, *derived.inferred, *derived.gaps})
    return cube("t", "2024-06-30", lambda name: list(rows(store, named_query("reports", name).text)))


def rows(store: Store, query: str) -> Iterator[Row]:
    """The rows of a report as plain values, every column in each."""
    for row in (found := cast(QuerySolutions, store.query(query))):
        yield {each.value: plain(row[each]) for each in found.variables}


def plain(term: Any) -> object:
    number = isinstance(term, Literal) and term.datatype.value.endswith("#integer")
    return None if term is None else int(term.value) if number else term.value


def place(row: Row, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(row[name] for name in names)


def flat(told: Row) -> list[tuple[tuple[str, ...], list[Row]]]:
    return [(names, told["projections"][" × ".join(names)]) for names in PROJECTIONS]
