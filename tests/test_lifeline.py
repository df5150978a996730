"""What became of a gap between two dates: each event and cause on its cases, and what must hold of any difference."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from conftest import Demo, Sopkg
from pyoxigraph import NamedNode, Quad, Store, Triple, Variable

from sopkg.cities import cities
from sopkg.detect import Audit
from sopkg.files import system_query
from sopkg.lifeline import event_words
from sopkg.pipeline import derive
from sopkg.schema import ontology_store
from sopkg.turtle import read_turtle

CASES = Path(__file__).parent / "life"
BASE = "https://w3id.org/sopkg/id/t/"
FOLDERS = sorted(path for path in CASES.iterdir() if path.is_dir())
DEMO = ("diff", "--city", "buenos-aires", "--format", "json")
EARLY, LATE = "2019-11-30", "2024-06-30"
Row = Mapping[str, Any]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_case_has_the_events_that_it_expects(folder: Path) -> None:
    for earlier, later in pairwise(dates(folder)):
        said = sorted(said_of(folder, earlier, later))
        assert said == sorted(line for line in lines(later, "expect") if line != "nothing"), later


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_observation_does_not_differ_from_itself(folder: Path) -> None:
    said = [line for each in dates(folder) for line in said_of(folder, each, each)]
    assert [line for line in said if not line.startswith("persists - ")] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_differences_compose(folder: Path) -> None:
    first, last = dates(folder)[0], dates(folder)[-1]
    state = {row["id"]: row["verdictBefore"] for row in rows(folder, first, first)}
    for earlier, later in pairwise(dates(folder)):
        state |= {row["id"]: row["verdictAfter"] for row in rows(folder, earlier, later)}
    whole = {row["id"]: row["verdictAfter"] for row in rows(folder, first, last)}
    assert {gap: each for gap, each in state.items() if each} == {gap: each for gap, each in whole.items() if each}


def test_every_event_and_every_cause_has_a_case() -> None:
    words = [word for folder in FOLDERS for path in dates(folder)[1:] for word in lines(path, "expect")]
    for name in event_words()["event"]:
        assert any(line.startswith(f"{name} ") for line in words), name
    for name in event_words()["because"]:
        assert any(name in line.split(" ")[-2].split("+") for line in words if line != "nothing"), name


def dates(folder: Path) -> list[Path]:
    """The observations of a case."""
    return sorted(folder.glob("*.ttl"))


def lines(path: Path, key: str) -> list[str]:
    """What the head of a case says under a key."""
    start = f"# {key}: "
    return [line.removeprefix(start) for line in path.read_text("utf-8").splitlines() if line.startswith(start)]


def said_of(folder: Path, earlier: Path, later: Path) -> Iterator[str]:
    """Each event as its case writes it: event, causes, the last part of the focus."""
    found = rows(folder, earlier, later)
    for gap in {row["id"] for row in found}:
        mine = [row for row in found if row["id"] == gap]
        causes = "+".join(sorted(row["causeWord"] for row in mine if row["causeWord"])) or "-"
        yield f"{mine[0]['eventWord']} {causes} {mine[0]['about']}"


def rows(folder: Path, earlier: Path, later: Path) -> list[Row]:
    """What the classification says of two dates of a case."""
    store = stored(folder)
    graph = {
        "earlierFindings": f"gaps/{earlier.stem}",
        "laterFindings": f"gaps/{later.stem}",
        "earlierData": f"asserted/{earlier.stem}",
        "laterData": f"asserted/{later.stem}",
    }
    before = [f"gaps/{path.stem}" for path in dates(folder) if path.stem < earlier.stem]
    named = [NamedNode(BASE + name) for name in dict.fromkeys([*graph.values(), *before])]
    given = {Variable(name): NamedNode(BASE + place) for name, place in graph.items()}
    found = store.query(system_query("gap-events"), named_graphs=named, substitutions=given)
    names = [each.value for each in found.variables]
    plain = [{name: row[name] and row[name].value for name in names} for row in found]
    return [row | {"about": about(store, row["gap"])} for row in plain]


def about(store: Store, gap: str) -> str:
    """The last part of a gap's focus."""
    focus = store.quads_for_pattern(NamedNode(gap), NamedNode("https://w3id.org/sopkg/ns#focus"), None, None)
    return str(next(iter(focus)).object.value).rpartition("/")[2]


@cache
def stored(folder: Path) -> Store:
    """The data and the findings of each date of a case, each a graph, and the ontology."""
    store, earlier = Store(), list[Triple]()
    store.extend(ontology_store())
    for path in dates(folder):
        asserted = [*read_turtle(CASES / "common.ttl"), *read_turtle(path)]
        observation = NamedNode(f"{BASE}observation/{path.stem}")
        method, asked = "".join(lines(path, "method")), lines(path, "asks")
        audited = derive(Audit(BASE, observation, path.stem), asserted, [], earlier, method, asked=asked)
        earlier += audited.gaps + [triple for triple in asserted if triple.subject == observation]
        for name, triples in (("asserted", asserted), ("gaps", audited.gaps)):
            graph = NamedNode(f"{BASE}{name}/{path.stem}")
            store.extend(Quad(t.subject, t.predicate, t.object, graph) for t in triples)
    return store


def test_the_demonstration_loses_no_gap(demo: Demo, sopkg: Sopkg) -> None:
    told = json.loads(sopkg(demo.store, *DEMO, "--from", EARLY, "--to", LATE).stdout)
    for side, date in (("verdictBefore", EARLY), ("verdictAfter", LATE)):
        audit = json.loads(
            sopkg(demo.store, "audit", "--city", "buenos-aires", "--date", date, "--format", "json").stdout
        )
        assert {row["id"]: row["verdict"] for row in audit} == {row["id"]: row[side] for row in told if row[side]}


def test_a_work_that_a_copy_leaves_out_is_never_closed(demo: Demo, sopkg: Sopkg) -> None:
    told = json.loads(sopkg(demo.store, *DEMO, "--from", EARLY, "--to", LATE).stdout)
    listed = sopkg(demo.store, "query", "-", "--format", "csv", given=LISTED).stdout
    gone = [row for row in told if row["verdictAfter"] is None and "/initiative/" in row["focus"][0]]
    assert {row["event"] for row in gone} == {"closed", "not seen"}
    assert all((row["focus"][0] in listed) == (row["event"] == "closed") for row in gone)


LISTED = "SELECT ?work { ?work a <https://w3id.org/sopkg/ns#Initiative> }"


def test_a_life_line_has_each_date(demo: Demo, sopkg: Sopkg) -> None:
    told = json.loads(sopkg(demo.store, *DEMO, "--from", EARLY, "--to", LATE).stdout)
    closed = next(row for row in told if row["event"] == "closed")
    life = json.loads(sopkg(demo.store, "life", closed["id"], "--format", "json").stdout)["life"]
    assert [each["date"] for each in life] == sorted(cities()["buenos-aires"].tables())
    assert (life[0]["event"], life[0]["verdict"]) == (None, closed["verdictBefore"])
    assert "closed" in {each["event"] for each in life if each["date"] <= LATE}
    assert "first observation" in sopkg(demo.store, "life", closed["id"]).stdout
