"""What a gap touches: the figures are those of the shipped table, units stay apart, and nothing unknown counts as 0."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from sopkg.cities import cities
from sopkg.pipeline import Triples
from sopkg.rows import select
from sopkg.turtle import read_turtle, store_of
from sopkg.weight import Measure, columns, heaviest, measure, measures, sorts, weigh

ROOT = Path(__file__).parents[1]
CASES = Path(__file__).parent / "weight"
GAPS = "/gaps?city=buenos-aires&per_page=1000"


def table(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def key(text: str) -> str:
    return re.sub("[^a-z0-9]", "", text.lower())


def plain() -> dict[str, tuple[int, list[dict[str, object]]]]:
    """Open works and their contract sums by object, by a plain reading of the latest table."""
    ingest = ROOT / "queries" / "ingest"
    status = {key(row["text"]): row["status"] for row in table(ingest / "buenos-aires-works.stages.csv")}
    objects, sums = defaultdict[str, set[str]](set), defaultdict[str, list[Decimal | None]](list)
    for row in table(ingest / "buenos-aires-works.types.csv"):
        objects[key(row["text"])].add(row["object"])
    for row in table(max(cities()["buenos-aires"].tables().values())):
        concerned = set().union(*(objects[key(part)] for part in row["tipo"].split("/")))
        if status.get(key(row["etapa"])) == "Open":
            for each in concerned:
                sums[each].append(amount(row["monto_contrato"]))
    return {each: (len(all_), told([one for one in all_ if one is not None])) for each, all_ in sums.items()}


def amount(text: str) -> Decimal | None:
    """A sum as the latest table writes it, "$1.234,50"; None where there is none."""
    sum_ = re.fullmatch("[^0-9]{0,2}([0-9]{1,3}(?:[.][0-9]{3})+|[0-9]+)(?:,([0-9]{2}))?", text)
    return Decimal(f"{sum_[1].replace('.', '')}.{sum_[2] or 0}") if sum_ else None


def told(known: list[Decimal]) -> list[dict[str, object]]:
    return [{"value": pytest.approx(float(sum(known))), "unit": "ARS", "works": len(known)}] if known else []


def test_the_weight_is_that_of_the_table(client: FlaskClient) -> None:
    rows = client.get(f"{GAPS}&sort=money").json
    wanted, seen = plain(), set()
    for row in rows:
        for name in {each.rpartition("#")[2] for each in row["focus"]} & set(wanted):
            works, money = wanted[name]
            assert (row["weight"]["works"][0]["value"], row["weight"]["money"]) == (works, money)
            seen.add(name)
    assert seen == set(wanted)
    latest = table(max(cities()["buenos-aires"].tables().values()))
    sums = {row["nombre"]: [amount(row["monto_contrato"])] for row in latest}
    overdue = {row["about"]: row["weight"]["money"] for row in rows if row["notation"] == "G16b"}
    assert len(set(overdue) & set(sums)) > 10
    for name in set(overdue) & set(sums):
        assert overdue[name] == told([each for each in sums[name] if each is not None])


@pytest.mark.parametrize("sort", sorts())
def test_sorting_changes_only_the_order(sort: str, client: FlaskClient) -> None:
    rows, before = client.get(f"{GAPS}&sort={sort}").json, client.get(GAPS).json
    bare = [{name: value for name, value in row.items() if name != "weight"} for row in rows]
    assert sorted(map(json.dumps, bare)) == sorted(map(json.dumps, before))
    settled = [row["weight"][sort] for row in rows if row["verdict"] != "undetermined"]
    known = [weight[0]["value"] for weight in settled if weight]
    assert known == sorted(known, reverse=True) != []
    head, *_ = csv.reader(client.get(f"{GAPS}&sort={sort}&format=csv").text.splitlines())
    assert head[-len(columns()) :] == columns()


def test_another_sort_is_refused(client: FlaskClient) -> None:
    assert (client.get(f"{GAPS}&sort=size").status_code, client.get(f"{GAPS}&sort=works").status_code) == (400, 200)


def case() -> Triples:
    return read_turtle(CASES / "works.ttl")


@pytest.mark.parametrize("name", sorted(measures()))
def test_a_measure_says_what_the_data_says(name: str) -> None:
    rows = select(store_of(case()), measures()[name].text)
    found = {(row["work"].value.rpartition("/")[2], row["unit"].value, row["value"].value) for row in rows}
    assert found == {(row["work"], row["unit"], row["value"]) for row in table(CASES / f"{name}.csv")}


def test_units_stay_apart_and_the_unknown_is_not_nothing() -> None:
    money = Measure(sum, {"a": {"ARS": Decimal(5)}, "b": {"ARS": Decimal(1), "EUR": Decimal("0.5")}})
    assert weigh(["a", "b", "c"], {"money": money})["money"] == [
        {"value": 6, "unit": "ARS", "works": 2},
        {"value": 0.5, "unit": "EUR", "works": 1},
    ]
    rows = [{"id": each, "verdict": "confirmed", "weight": weigh([each], {"money": money})} for each in "cba"]
    assert [row["id"] for row in heaviest(rows, "money")] == ["a", "b", "c"]
    assert weigh(["c"], {"money": money})["money"] == weigh([], {})["works"] == []


def test_of_several_works_the_most_people_count() -> None:
    rows = [{"work": work, "unit": "beneficiaries", "value": count} for work, count in (("a", 3), ("b", 7))]
    people = measure(measures()["people"], rows)
    assert people.of(["a", "b"]) == [{"value": 7, "unit": "beneficiaries", "works": 2}]
