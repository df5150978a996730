"""OWL 2 DL: HermiT, Pellet and the rules agree; a justification alone entails, and no part of it does; limits hold."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from pyoxigraph import NamedNode, RdfFormat, Triple, parse

from sopkg import dl
from sopkg.axioms import Axiom, Axioms, read_axioms, written
from sopkg.errors import BadInput, Busy, MemoryExceeded, ReasonerMissing, ReasoningTimeout, SopkgError, Unprocessable
from sopkg.inference import REASONERS, Given, Question, reason
from sopkg.justify import denied, justify
from sopkg.reasoner import Reasoner
from sopkg.results import to_term
from sopkg.settings import Settings
from sopkg.turtle import model, prefix_table, read_turtle
from tests.amount import one_in

CASES = Path(__file__).parent / "dl"
EX = "http://example.org/"
SETTINGS = Settings(allow_no_netns=True)

if not dl.has_java():
    pytest.skip("owlready2 or Java is not installed", allow_module_level=True)


@pytest.fixture
def java(tmp_path: Path) -> dl.Java:
    return dl.find_java(1000, tmp_path)


def case(name: str) -> Given:
    return Given((CASES / f"{name}.ttl").read_bytes(), "text/turtle", f"{name}.ttl")


def axioms(name: str) -> Axioms:
    return read_axioms(read_turtle(CASES / f"{name}.ttl"))


def entailed() -> Iterator[object]:
    with open(CASES / "entailed.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            words = (row["subject"], row["predicate"], row["object"])
            triple = Triple(*map(named, words)) if row["subject"] else None
            yield pytest.param(row["graph"], triple, int(row["justifications"]), id=" ".join(words).strip() or "false")


def named(text: str) -> NamedNode:
    if text == "a":
        return dl.RDF_TYPE
    prefix, _, local = text.partition(":")
    return NamedNode({"": EX, **prefix_table()}[prefix] + local)


def found(task: str, reasoner: str, name: str) -> set[Triple]:
    answer = reason(Reasoner(SETTINGS), Question(task, reasoner), case(name), form="nt")
    return {quad.triple for quad in parse(answer.body, RdfFormat.N_TRIPLES)}


def test_hermit_and_pellet_find_the_same() -> None:
    hermit, pellet = (found("entailments", reasoner, "family") for reasoner in dl.REASONERS)
    assert hermit == pellet
    assert Triple(named(":ann"), dl.RDF_TYPE, named(":Parent")) in hermit
    assert found("classify", "hermit", "family") == found("classify", "pellet", "family") != set()


def test_what_the_rules_find_follows_in_dl_too() -> None:
    things = {named(f":{name}") for name in ("ann", "bea", "cleo")}
    by_rules = {t for t in found("entailments", "rl", "family") if t.subject in things and t.object != dl.THING}
    named_ones = {t for t in by_rules if t.subject != t.object and isinstance(t.object, NamedNode)}
    assert set() < named_ones <= found("entailments", "hermit", "family")


@pytest.mark.parametrize("reasoner", dl.REASONERS)
@pytest.mark.parametrize(("name", "empty"), [("family", [named(":Both")]), ("inconsistent", None)])
def test_unsatisfiable_classes(reasoner: str, name: str, empty: list[NamedNode] | None, java: dl.Java) -> None:
    assert dl.unsatisfiable(java, reasoner, axioms(name)) == empty


@pytest.mark.parametrize(("name", "triple", "count"), one_in(14, list(entailed())))
def test_justifications_are_sound_and_minimal(name: str, triple: Triple | None, count: int, java: dl.Java) -> None:
    read = axioms(name)
    result = justify(java, read, triple, 5)
    assert (len(result.found), result.complete) == (count, True)
    for one in result.found:
        assert clash(java, dl.REASONERS, read, one, triple)
        assert [part for part in without_one(one) if clash(java, ["hermit"], read, part, triple)] == []


def clash(java: dl.Java, reasoners: Iterable[str], read: Axioms, some: list[Axiom], triple: Triple | None) -> bool:
    """Whether axioms and denial clash for each reasoner; Pellet was not asked in the search."""
    given = Axioms(tuple(some), (*read.declarations, *(denied(triple, read.declarations) if triple else ())))
    return all(dl.unsatisfiable(java, each, given) is None for each in reasoners)


def without_one(some: list[Axiom]) -> list[list[Axiom]]:
    return [some[:place] + some[place + 1 :] for place in range(len(some))]


def test_the_search_without_a_trace_finds_the_same(java: dl.Java, monkeypatch: pytest.MonkeyPatch) -> None:
    read, triple = axioms("family"), Triple(named(":cleo"), named(":descendsFrom"), named(":ann"))
    traced = justify(java, read, triple, 1).found
    monkeypatch.setattr(dl.Java, "explain", lambda *_: "")
    assert [set(each) for each in justify(java, read, triple, 1).found] == [set(each) for each in traced]


def test_axioms_are_the_whole_graph_but_what_entails_nothing() -> None:
    read = axioms("family")
    triples = {str(t) for t in (*read.declarations, *(t for axiom in read.axioms for t in axiom.triples))}
    plain = read_turtle(CASES / "family.ttl")
    assert len(triples) == len([t for t in plain if t.predicate.value.rpartition("#")[2] != "label"])
    assert ":intersectionOf" in " ".join(written(axiom, prefix_table()) for axiom in read.axioms)


def test_the_ontology_is_classified_alike(java: dl.Java) -> None:
    read = read_axioms(model())
    links = {dl.SUB_CLASS, dl.EQUIVALENT}
    hermit, pellet = (
        {t for t in dl.consequences(java, each, read) if t.predicate in links} for each in dl.REASONERS
    )
    assert hermit == pellet != set()


def test_nothing_is_left_behind_when_time_is_over() -> None:
    question = Question("classify", "hermit")
    with pytest.raises(ReasoningTimeout):
        reason(Reasoner(SETTINGS), question, seconds=0.6)
    assert children() == []


def children() -> list[str]:
    """The processes of ours that reason."""
    time.sleep(0.1)
    listed = subprocess.run(["ps", "-eo", "ppid,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if line.split()[0] == str(os.getpid()) and "sopkg.reasoning" in line]


def test_java_ends_with_a_service_that_is_killed(tmp_path: Path) -> None:
    code = (
        "from sopkg.settings import Settings; from sopkg.reasoner import Reasoner; "
        "from sopkg.inference import Question, reason\n"
        "while True: reason(Reasoner(Settings(allow_no_netns=True)), Question('consistency', 'pellet'))"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    service = subprocess.Popen([sys.executable, "-c", code], env=environment)
    deadline = time.monotonic() + 20
    while not running(tmp_path):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    service.send_signal(signal.SIGKILL)
    service.wait()
    deadline = time.monotonic() + 5
    while running(tmp_path):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def running(folder: Path) -> list[str]:
    """Java processes that read files below a folder."""
    listed = subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if "java" in line and str(folder) in line]


def test_memory_is_limited() -> None:
    with pytest.raises(MemoryExceeded):
        reason(Reasoner(Settings(allow_no_netns=True, reason_megabytes=8)), Question("consistency", "pellet"))


def test_too_many_at_once_are_told_to_come_back() -> None:
    reasoner = Reasoner(Settings(allow_no_netns=True, workers=1, queue_seconds=0.1))
    with reasoner._turns.turn(), pytest.raises(Busy):
        reason(reasoner, Question("consistency"))


def test_without_java_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(dl, "_java", lambda: None)
    with pytest.raises(ReasonerMissing, match="sopkg\\[reason\\]"):
        dl.find_java(1000, tmp_path)


def test_imports_are_not_followed() -> None:
    text = b"<http://example.org/> a <http://www.w3.org/2002/07/owl#Ontology> ; \
        <http://www.w3.org/2002/07/owl#imports> <http://127.0.0.1:9/none> . <a:c> <a:p> <a:d> ."
    for reasoner in REASONERS:
        assert not reason(Reasoner(SETTINGS), Question("consistency", reasoner), Given(text, "text/turtle")).faulty


@pytest.mark.parametrize(
    ("data", "type_", "says"),
    [
        (b"<a:b> <a:c>", "text/turtle", "line 1"),
        (b'<a:b> <a:c> "x"^^<http://www.w3.org/2001/XMLSchema#integer> .', "text/turtle", None),
        (b"<!DOCTYPE rdf SYSTEM 'a:b'><rdf/>", "application/rdf+xml", "DOCTYPE"),
        (b'{"@context": "http://127.0.0.1:9/none", "@id": "a:b", "x": 1}', "application/ld+json", "the graph"),
    ],
)
def test_a_bad_graph_is_refused(data: bytes, type_: str, says: str | None) -> None:
    question = Question("consistency", "hermit")
    if says is None:  # well-formed RDF, which OWL 2 DL has no literal for
        assert told(question, Given(data, type_)) is Unprocessable
    else:
        with pytest.raises(BadInput, match=says):
            reason(Reasoner(SETTINGS), question, Given(data, type_))


def told(question: Question, given: Given) -> type[SopkgError] | None:
    try:
        reason(Reasoner(SETTINGS), question, given)
    except SopkgError as error:
        return type(error)
    return None


def test_a_term_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match="prefix:name"):
        reason(Reasoner(SETTINGS), Question("justifications", triple=("Person", "a", "b:c")))
    assert to_term("<a:b>") == NamedNode("a:b")
