"""The generated city is the same for the same seed, as large as asked for, and shaped as it says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from pyoxigraph import RdfFormat, parse

from tests.bench.city import HUB, SOP
from tests.bench.expectations import Expectations, read_expectations
from tests.bench.generate import generate

SIZE = 10_000


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Expectations]:
    path = tmp_path_factory.mktemp("bench") / "city.nt"
    return path, generate(path, SIZE, seed=7)


def test_the_same_seed_gives_the_same_city(city: tuple[Path, Expectations], tmp_path: Path) -> None:
    again = generate(tmp_path / "again.nt", SIZE, seed=7)
    assert (tmp_path / "again.nt").read_bytes() == city[0].read_bytes()
    assert again == city[1]


def test_another_seed_gives_another_city(city: tuple[Path, Expectations], tmp_path: Path) -> None:
    generate(tmp_path / "other.nt", SIZE, seed=8)
    assert (tmp_path / "other.nt").read_bytes() != city[0].read_bytes()


def test_it_is_as_large_as_asked_for_and_says_nothing_twice(city: tuple[Path, Expectations]) -> None:
    lines = city[0].read_text("utf-8").splitlines()
    assert len(set(lines)) == len(lines) == city[1].triples
    assert abs(len(lines) - SIZE) < 100


def test_one_object_holds_half_and_one_actor_a_twentieth(city: tuple[Path, Expectations]) -> None:
    quads = list(parse(path=str(city[0]), format=RdfFormat.N_TRIPLES))
    objects = Counter(
        q.object.value for q in quads if "/work/" in q.subject.value and q.predicate.value == f"{SOP}onObject"
    )
    actors = Counter(str(q.object) for q in quads if q.predicate.value == f"{SOP}actor")
    assert 0.45 < objects[f"{SOP}SmartInfrastructure"] / objects.total() < 0.55
    assert 0.04 < actors[HUB] / actors.total() < 0.06


def test_what_is_expected_and_what_is_near_differ(city: tuple[Path, Expectations]) -> None:
    for kind, near in city[1].near.items():
        assert not near & city[1].expected[kind].keys()


def test_expectations_are_read_as_they_were_written(city: tuple[Path, Expectations], tmp_path: Path) -> None:
    city[1].write(tmp_path / "city.json")
    assert read_expectations(tmp_path / "city.json") == city[1]
