"""Updates: what is published then is what a load of the same would publish, all or nothing; and what would be."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import NamedNode, Quad, Store, Triple, Variable

from sopkg.cities import cities
from sopkg.detect import Audit
from sopkg.entail import entail
from sopkg.errors import NotFound, SopkgError
from sopkg.files import system_query
from sopkg.graphs import current_graphs, triples_of
from sopkg.load import earlier_findings, load, mapping_hash_of, observation
from sopkg.pipeline import closed_ontology, data_rules, derive
from sopkg.rows import select
from sopkg.store import SnapshotStore
from sopkg.turtle import store_of
from sopkg.update import update
from sopkg.whatif import what_if
from sopkg.worker import Job
from tests.amount import one_in

CASES = Path(__file__).parent / "update"
CITY = cities()["buenos-aires"]
EARLY, LATE = "2019-11-30", "2024-06-30"
AUDITED, ROW = system_query("audited"), system_query("finding-row")
PROV = "http://www.w3.org/ns/prov#"
FAULTS = list(csv.DictReader((CASES / "faults.csv").read_text("utf-8").splitlines()))
Steps = dict[str, set[Triple]]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, works: Callable[[str, int], Path]) -> SnapshotStore:
    """Some works at both dates; nobody writes to it."""
    store = SnapshotStore(tmp_path_factory.mktemp("both") / "s")
    for date in (EARLY, LATE):
        load(store, works(date, 60), CITY, date)
    return store


@pytest.fixture
def mine(both: SnapshotStore, tmp_path: Path) -> SnapshotStore:
    """A copy to write to."""
    both.backup(tmp_path / "mine")
    return SnapshotStore(tmp_path / "mine")


def steps(store: SnapshotStore, date: str = EARLY) -> Steps:
    with store.reading() as found:
        graphs = [graph for graph in current_graphs(found) if graph.date == date]
        return {graph.step: set(triples_of(found, graph.iri)) for graph in graphs}


def change(store: SnapshotStore, name: str) -> Steps:
    update(store, CASES / name, CITY, EARLY, 200)
    return steps(store)


def test_it_publishes_what_a_load_of_the_same_would(mine: SnapshotStore) -> None:
    now = change(mine, "leaderless.ru")
    audit, told = Audit(CITY.base, observation(CITY, EARLY), EARLY), list(now["provenance"])
    with mine.reading() as store:
        earlier = earlier_findings(store, CITY, EARLY)
    derived = derive(audit, list(now["asserted"]), told, earlier, mapping_hash_of(told))
    assert now["inferred"] == set(derived.inferred)
    assert now["gaps"] == set(derived.gaps)
    assert now["validation"] == set(derived.validation)


def test_it_is_undone_by_its_opposite(both: SnapshotStore, mine: SnapshotStore) -> None:
    before, changed, back = steps(both), change(mine, "leaderless.ru"), change(mine, "back.ru")
    assert {"asserted", "inferred", "gaps"} <= {step for step in before if before[step] != changed[step]}
    assert [step for step in before if before[step] != back[step]] == ["provenance"]


def test_the_file_and_the_graph_that_it_changed_are_recorded(both: SnapshotStore, mine: SnapshotStore) -> None:
    with both.reading() as store:
        (old,) = [each.iri for each in current_graphs(store) if (each.date, each.step) == (EARLY, "asserted")]
    told = change(mine, "leaderless.ru")["provenance"]
    (revised,) = [triple for triple in told if triple.predicate.value == f"{PROV}wasRevisionOf"]
    assert revised.object.value == old
    assert "leaderless.ru" in {triple.object.value for triple in told if not isinstance(triple.object, Triple)}


def test_what_it_makes_impossible_is_told(mine: SnapshotStore) -> None:
    told = update(mine, CASES / "denied.ru", CITY, EARLY, 200).inconsistencies
    now = steps(mine)
    store = store_of([*now["asserted"]])
    schema = Store()
    schema.extend(Quad(each.subject, each.predicate, each.object) for each in closed_ontology())
    found = entail(store, data_rules(), schema).inconsistencies
    assert {frozenset(each.triples) for each in told} == {frozenset(each.triples) for each in found} != set()


def test_an_update_without_effect_publishes_nothing(mine: SnapshotStore) -> None:
    change(mine, "leaderless.ru")
    before = mine.current()
    assert update(mine, CASES / "leaderless.ru", CITY, EARLY, 200).counts is None
    assert mine.current() == before


def asked(store: SnapshotStore, name: str) -> dict[str, Any]:
    """What would be, were a file of updates run."""
    text = (CASES / name).read_text("utf-8")
    payload = {"city": CITY.name, "date": EARLY, "update": text, "nesting": 200, "extensions": True}
    with store.reading() as found:
        return what_if(Job(found, str(store.current()), payload, 1 << 20))


@pytest.mark.parametrize("name", one_in(3, ["denied.ru", "leaderless.ru", "back.ru"]))
def test_what_would_be_is_what_is_after_the_update(mine: SnapshotStore, name: str) -> None:
    told, before = asked(mine, name), gaps(mine)
    assert asked(mine, name) == told
    updated = update(mine, CASES / name, CITY, EARLY, 200)
    after = gaps(mine)
    assert {row["id"]: grade(row) for row in told["opened"]} == {k: v for k, v in after.items() if k not in before}
    assert {row["id"]: grade(row) for row in told["closed"]} == {k: v for k, v in before.items() if k not in after}
    assert {row["id"]: grade(row) for row in told["changed"]} == {
        k: v for k, v in after.items() if before.get(k, v) != v
    }
    assert (told["said"]["added"], told["said"]["removed"]) == (updated.added, updated.removed)
    assert len(told["inconsistencies"]) == len(updated.inconsistencies)


def gaps(store: SnapshotStore) -> dict[str, tuple[str, str]]:
    """The severity and verdict of each gap of the early observation, as published."""
    with store.reading() as found:
        graphs = [NamedNode(graph.iri) for graph in current_graphs(found) if graph.date == EARLY or not graph.date]
        given = [row["finding"] for row in select(found, AUDITED, graphs)]
        rows = [row for each in given for row in select(found, ROW, graphs, {Variable("finding"): each})]
    return {row["id"].value: (row["severity"].value, row["verdict"].value) for row in rows}


def grade(row: dict[str, Any]) -> tuple[str, str]:
    return row["severity"], row["verdict"]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda row: row["update"])
def test_a_faulty_update_changes_nothing(mine: SnapshotStore, tmp_path: Path, fault: dict[str, str]) -> None:
    file, before = tmp_path / "faulty.ru", mine.current()
    file.write_text(fault["update"], "utf-8")
    with pytest.raises(SopkgError, match=fault["says"]):
        update(mine, file, CITY, EARLY, 200)
    assert mine.current() == before


def test_what_is_not_loaded_is_not_found(mine: SnapshotStore) -> None:
    with pytest.raises(NotFound, match=LATE):
        update(mine, CASES / "leaderless.ru", CITY, "2020-01-31", 200)
