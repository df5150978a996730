"""Loading: all or nothing, the same again changes nothing, and the order of dates makes no difference."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

import pytest
from conftest import Demo, Sopkg
from pyoxigraph import NamedNode, Triple

from sopkg.cities import City, cities
from sopkg.errors import BadInput, NotFound, StoreUnwritable
from sopkg.graphs import current_graphs, known_graphs, triples_of
from sopkg.ingest import ingest_table
from sopkg.load import STEPS, forget, load
from sopkg.store import SnapshotStore
from tests.amount import one_in

CASES = Path(__file__).parent / "load"
SOP = "https://w3id.org/sopkg/ns#"
PROV = "http://www.w3.org/ns/prov#"
TIMES = {f"{PROV}startedAtTime", f"{PROV}endedAtTime"}
GRAPHS = sorted(["asserted", "extension-gaps", "gaps", "inferred", "provenance", "validation"])
EARLY, LATE = "2019-11-30", "2024-06-30"
ROWS = 120
Table = Callable[[str, int], Path]
Published = dict[tuple[str | None, str], frozenset[Triple]]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    """Buenos Aires, as if its register recorded every engagement."""
    folder = tmp_path_factory.mktemp("city") / "buenos-aires"
    shutil.copytree(cities()["buenos-aires"].folder, folder, ignore=shutil.ignore_patterns("2*.csv"))
    with open(folder / "city.ttl", "a", encoding="utf-8") as file:
        file.write((CASES / "complete.ttl").read_text("utf-8"))
    return City("buenos-aires", folder)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, city: City, works: Table) -> SnapshotStore:
    """Both dates, loaded in order; nobody writes to it."""
    store = SnapshotStore(tmp_path_factory.mktemp("both") / "s")
    for date in (EARLY, LATE):
        load(store, works(date, ROWS), city, date)
    return store


@pytest.fixture
def mine(both: SnapshotStore, tmp_path: Path) -> SnapshotStore:
    """A copy of both dates to write to."""
    both.backup(tmp_path / "mine")
    return SnapshotStore(tmp_path / "mine", lock_seconds=0.2)


def test_what_can_t_all_be_true_is_told_with_its_rule(tmp_path: Path, city: City, works: Table) -> None:
    folder = tmp_path / "buenos-aires"
    shutil.copytree(city.folder, folder)
    with open(folder / "city.ttl", "a", encoding="utf-8") as file:
        file.write((CASES / "denied.ttl").read_text("utf-8"))
    loaded = load(SnapshotStore(tmp_path / "s"), works(EARLY, 20), City("buenos-aires", folder), EARLY)
    assert {clash.rule for clash in loaded.inconsistencies} == {"prp-npa1"}
    assert load(SnapshotStore(tmp_path / "t"), works(EARLY, 20), city, EARLY).inconsistencies == []


def test_what_contradicts_itself_is_found_with_its_row(tmp_path: Path, sopkg: Sopkg) -> None:
    lindhaven = City("lindhaven", CASES.parent / "ingest" / "rdf" / "lindhaven")
    assert load(SnapshotStore(tmp_path / "s"), CASES / "contradicts.ttl", lindhaven, EARLY).broken == 3
    told = sopkg(tmp_path / "s", "ask", "validation-results", "--format", "csv").stdout
    assert told.splitlines() == (CASES / "contradicts.csv").read_text("utf-8").splitlines()


def published(store: SnapshotStore) -> Published:
    """The content of the graphs in force by date and step, but for when they were made."""
    with store.reading() as found:
        graphs = {(graph.date, graph.step): triples_of(found, graph.iri) for graph in current_graphs(found)}
    return {key: frozenset(t for t in triples if t.predicate.value not in TIMES) for key, triples in graphs.items()}


def objects(triples: frozenset[Triple], predicate: str) -> list[str]:
    """What stands behind a predicate, sorted."""
    return sorted(triple.object.value for triple in triples if triple.predicate.value == predicate)


def gaps(triples: frozenset[Triple]) -> set[str]:
    """The gaps of an audit."""
    return set(objects(triples, f"{SOP}gap"))


def test_each_step_has_its_graph(demo: Demo) -> None:
    with SnapshotStore(demo.store).reading() as store:
        graphs = [graph for graph in current_graphs(store) if graph.date]
        assert all(f"/{graph.date}/{graph.step}/" in graph.iri for graph in graphs)
        assert all(triples_of(store, graph.iri) for graph in graphs)
    steps = [(graph.city, graph.date, graph.step) for graph in graphs]
    assert sorted(steps) == [
        (city, date, step) for city, date in sorted({(c, d) for c, d, _ in steps}) for step in GRAPHS
    ]
    assert len(steps) == sum(len(city.tables()) for city in cities().values()) * len(GRAPHS)


def test_graphs_read_together_share_no_triple(demo: Demo) -> None:
    with SnapshotStore(demo.store).reading() as store:
        known = current_graphs(store)
        content = {(each.city, each.date, each.step): set(triples_of(store, each.iri)) for each in known}
    for one, other in combinations(content, 2):
        if one[:2] == other[:2] or "ontology" in (one[2], other[2]):
            assert not content[one] & content[other], (one, other)


def test_where_a_load_comes_from_is_recorded(demo: Demo) -> None:
    table = cities()["buenos-aires"].tables()[EARLY]
    said = published(SnapshotStore(demo.store))[EARLY, "provenance"]
    assert objects(said, f"{SOP}fileHash") == [hashlib.sha256(table.read_bytes()).hexdigest()]
    assert objects(said, f"{SOP}rowCount") == ["991"]
    assert objects(said, f"{SOP}mapping") == ["buenos-aires-works"]
    assert objects(said, "http://purl.org/dc/terms/title") == [table.name]
    assert objects(said, "http://purl.org/dc/terms/source") == ["https://w3id.org/sopkg/id/buenos-aires/source/works"]
    assert [len(objects(said, f"{SOP}{each}")) for each in ("mappingHash", "tripleCount")] == [1, 1]


def test_the_times_of_a_load_are_instants(demo: Demo) -> None:
    with SnapshotStore(demo.store).reading() as store:
        graphs = [graph.iri for graph in current_graphs(store) if graph.step == "provenance"]
        said = {t.predicate.value: t.object.value for graph in graphs for t in triples_of(store, graph)}
    assert all(said[time].endswith("Z") and said[time][10] == "T" for time in TIMES)
    assert said[f"{PROV}startedAtTime"] < said[f"{PROV}endedAtTime"]


def test_a_gap_is_the_same_at_both_dates(demo: Demo) -> None:
    found = published(SnapshotStore(demo.store))
    early, late = (gaps(found[date, "gaps"]) for date in (EARLY, LATE))
    assert len(early & late) > 30
    assert all(gap.startswith("https://w3id.org/sopkg/id/buenos-aires/gap/G") for gap in early | late)


def test_the_same_again_changes_nothing(mine: SnapshotStore, city: City, works: Table) -> None:
    before = mine.current().name
    again = load(mine, works(LATE, ROWS), city, LATE)
    assert (again.changed, again.rows, mine.current().name) == (False, ROWS, before)


def test_later_dates_rest_on_earlier_ones(both: SnapshotStore) -> None:
    found = published(both)
    inherited = {date: [gap for gap in gaps(found[date, "gaps"]) if "/G16a-" in gap] for date in (EARLY, LATE)}
    assert not inherited[EARLY]
    assert inherited[LATE]


def test_the_order_of_dates_makes_no_difference(both: SnapshotStore, tmp_path: Path, city: City, works: Table) -> None:
    store = SnapshotStore(tmp_path / "s")
    load(store, works(LATE, ROWS), city, LATE)
    assert not any("/G16a-" in gap for gap in gaps(published(store)[LATE, "gaps"]))
    load(store, works(EARLY, ROWS), city, EARLY)
    assert published(store) == published(both)


def test_forgotten_and_loaded_again_is_as_before(
    mine: SnapshotStore, both: SnapshotStore, city: City, works: Table
) -> None:
    gone = forget(mine, city, EARLY)
    assert sorted(graph.split("/")[-2] for graph in gone) == GRAPHS
    assert not any("/G16a-" in gap for gap in gaps(published(mine)[LATE, "gaps"]))
    load(mine, works(EARLY, ROWS), city, EARLY)
    assert published(mine) == published(both)


def test_forgotten_graphs_leave_the_store(mine: SnapshotStore, city: City) -> None:
    gone = forget(mine, city, LATE)
    with mine.reading() as store:
        assert not [graph for graph in gone if store.contains_named_graph(NamedNode(graph))]
        assert {graph.date for graph in known_graphs(store)} == {None, EARLY}


def test_what_is_not_there_can_not_be_forgotten(mine: SnapshotStore, city: City) -> None:
    before = mine.current().name
    with pytest.raises(NotFound, match=LATE):
        forget(mine, city, "2024-07-31")
    assert mine.current().name == before


def test_a_corrected_table_replaces_and_keeps_the_old_one(mine: SnapshotStore, city: City, works: Table) -> None:
    old = {graph.iri for graph in graphs_of(mine, LATE)}
    load(mine, works(LATE, ROWS + 5), city, LATE)
    new = graphs_of(mine, LATE)
    assert sorted(graph.step for graph in new) == GRAPHS
    assert "asserted" not in {graph.step for graph in new if graph.iri in old}
    with mine.reading() as store:
        assert all(triples_of(store, graph) for graph in old)
        superseded = {graph.iri for graph in known_graphs(store) if not graph.current}
    assert superseded == old - {graph.iri for graph in new}


def test_the_first_table_can_come_back(mine: SnapshotStore, both: SnapshotStore, city: City, works: Table) -> None:
    load(mine, works(LATE, ROWS + 5), city, LATE)
    load(mine, works(LATE, ROWS), city, LATE)
    assert published(mine) == published(both)


def test_a_corrected_early_table_is_felt_later(mine: SnapshotStore, tmp_path: Path, city: City, works: Table) -> None:
    load(mine, works(EARLY, 8), city, EARLY)
    fresh = SnapshotStore(tmp_path / "fresh")
    for date, rows in ((EARLY, 8), (LATE, ROWS)):
        load(fresh, works(date, rows), city, date)
    assert published(mine) == published(fresh)


def graphs_of(store: SnapshotStore, date: str) -> list[object]:
    """The graphs in force of a date."""
    with store.reading() as found:
        return [graph for graph in current_graphs(found) if graph.date == date]


@pytest.mark.parametrize("table", sorted((Path(__file__).parent / "cli").glob("*.csv")), ids=lambda path: path.name)
def test_a_load_that_fails_changes_nothing(table: Path, mine: SnapshotStore, city: City) -> None:
    before = mine.current().name
    with pytest.raises(BadInput):
        load(mine, table, city, LATE)
    assert mine.current().name == before


def test_a_table_without_rows_is_refused(mine: SnapshotStore, city: City, works: Table) -> None:
    before = mine.current().name
    with pytest.raises(BadInput, match="columns and no row"):
        load(mine, works(LATE, 0), city, LATE)
    assert mine.current().name == before


def test_nobody_observes_the_future(mine: SnapshotStore, city: City, works: Table) -> None:
    today = datetime.now(UTC).date()
    with pytest.raises(BadInput, match="lies in the future"):
        load(mine, works(LATE, 9), city, (today + timedelta(days=2)).isoformat())
    assert load(mine, works(LATE, 9), city, today.isoformat()).changed


def test_an_observation_that_shows_nothing_is_listed(
    mine: SnapshotStore, city: City, works: Table, sopkg: Sopkg, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sopkg.load.ingest_table", lambda *given: replace(ingest_table(*given), triples=[]))
    monkeypatch.setattr("sopkg.load.check_read", lambda mapped: None)
    load(mine, works(LATE, 9), city, "2024-12-31")
    assert "2024-12-31" in sopkg(mine.path, "cities").stdout
    assert "Observations read: buenos-aires 2024-12-31" in sopkg(mine.path, "audit").stdout
    gaps = json.loads(sopkg(mine.path, "audit", "--format", "json").stdout)
    assert {gap["date"] for gap in gaps} == {"2024-12-31"}
    assert sopkg(mine.path, "why", gaps[0]["id"]).exit_code == 0


def test_what_was_corrected_is_not_reported(tmp_path: Path, city: City, sopkg: Sopkg) -> None:
    store, title = SnapshotStore(tmp_path / "s"), "Casa Cuna II"
    for date, wanted in ((EARLY, title), (LATE, title)):
        load(store, only(wanted, date, tmp_path), city, date)
    assert first_seen(store, sopkg) == {title: EARLY}
    load(store, only("Parque", EARLY, tmp_path), city, EARLY)
    assert first_seen(store, sopkg)[title] == LATE


def only(title: str, date: str, folder: Path) -> Path:
    """The rows of a shipped table whose work has such a name, as a file of their own."""
    with open(cities()["buenos-aires"].tables()[date], encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = [row for row in reader if row["nombre"].startswith(title)]
    target = folder / f"{title}-{date}.csv"
    with open(target, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, reader.fieldnames or [])
        writer.writeheader()
        writer.writerows(rows)
    return target


def first_seen(store: SnapshotStore, sopkg: Sopkg) -> dict[str, str]:
    """Since when each work still in creation has been seen there."""
    told = sopkg(store.path, "ask", "still-in-creation", "--format", "json").stdout
    return {row["title"]: row["firstSeenInCreation"] for row in json.loads(told)}


def test_a_load_that_breaks_on_the_way_changes_nothing(mine: SnapshotStore, city: City, works: Table) -> None:
    before = mine.current().name

    def breaks(step: str, detail: str) -> None:
        if step == "publish":
            raise OSError("no space left")

    with pytest.raises(StoreUnwritable, match="no space"):
        load(mine, works(LATE, 9), city, LATE, progress=breaks)
    assert (mine.current().name, list((mine.path / "drafts").iterdir())) == (before, [])


def process(store: Path, *words: str) -> subprocess.Popen[str]:
    """The command in a process of its own, as the shell starts it."""
    program = [sys.executable, "-c", "from sopkg.cli import main; main()", "--store", str(store), *words]
    return subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ})


@pytest.mark.parametrize(("ending", "steps"), [(signal.SIGKILL, one_in(4, STEPS)), (signal.SIGINT, ["detect"])])
def test_ended_loads_leave_the_published_state_whole(
    ending: signal.Signals, steps: list[str], mine: SnapshotStore, works: Table
) -> None:
    chance = random.Random(ending)
    ended = [end_at(step, ending, chance.uniform(0, 0.15), mine, works) for step in steps]
    assert ended.count(False) <= 1  # one may have been done before
    assert mine.current().name == f"{1 + ended.count(False):06d}"
    whole_again(mine, works)


def end_at(step: str, ending: signal.Signals, seconds: float, store: SnapshotStore, works: Table) -> bool:
    """Ends a load some time after a step has begun; whether it was under way, and left what was published."""
    before = published(store)
    words = ("load", str(works(LATE, ROWS + 40)), "--city", "buenos-aires", "--date", LATE)
    with process(store.path, *words) as running:
        assert running.stderr is not None
        while running.poll() is None and step not in running.stderr.readline():
            pass
        time.sleep(seconds)
        running.send_signal(ending)
        said = running.communicate()[1]
    assert "Traceback" not in said
    assert running.returncode == 0 or published(store) == before
    return running.returncode != 0


def whole_again(store: SnapshotStore, works: Table) -> None:
    """The next load works, and clears away what the killed one left."""
    load(store, works(LATE, 20), cities()["buenos-aires"], LATE)
    assert len(published(store)[LATE, "asserted"]) > 100
    assert not [each for each in (store.path / "drafts").iterdir() if each.is_dir()]
    assert [each.name for each in (store.path / "snapshots").iterdir() if each.is_dir()] == [store.current().name]


def test_two_loads_at_the_same_time_both_end_well(tmp_path: Path, works: Table) -> None:
    tables = {date: str(works(date, 25)) for date in (EARLY, LATE)}
    words = [("load", table, "--city", "buenos-aires", "--date", date) for date, table in tables.items()]
    loads = [process(tmp_path / "s", *each) for each in words]
    told = [each.communicate()[1] for each in loads]
    assert [each.returncode for each in loads] == [0, 0], told
    in_order = SnapshotStore(tmp_path / "in-order")
    for date, table in tables.items():
        load(in_order, Path(table), cities()["buenos-aires"], date)
    assert published(SnapshotStore(tmp_path / "s")) == published(in_order)


def test_a_load_that_waits_too_long_says_who_writes(
    mine: SnapshotStore, works: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOPKG_LOCK_SECONDS", "0.2")
    words = ("load", str(works(LATE, 30)), "--city", "buenos-aires", "--date", LATE)
    with mine.writing():
        waiting = process(mine.path, *words)
        said = waiting.communicate()[1].splitlines()[-1]
    assert waiting.returncode == 1
    assert said.startswith(f"sopkg: Conflict: process {os.getpid()} has been writing")
