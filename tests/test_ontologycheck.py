"""An ontology with a fault is refused with term, rule and line, and the last good one serves on."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Sopkg
from stores import small_store

from sopkg.dl import has_java
from sopkg.errors import OntologyRefused
from sopkg.ontologycheck import check
from sopkg.ontologystate import require_good, use_good
from sopkg.settings import Settings
from tests.amount import one_in

ROOT = Path(__file__).parents[1]
# Each rule is tried in test_ontology; here a few show that the place is told, since each takes the whole ontology.
CASES = one_in(20, sorted((ROOT / "tests" / "ontology" / "house").glob("*.ttl")))
CLASHES = one_in(4, sorted((ROOT / "tests" / "ontology" / "inconsistent").glob("*.ttl")))
needs_java = pytest.mark.skipif(not has_java(), reason="owlready2 or Java is not installed")


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    """A copy of the ontology, to be edited."""
    return Path(shutil.copytree(ROOT / "ontology", tmp_path / "ontology"))


@pytest.fixture
def settings(tmp_path: Path, edited: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A store whose ontology is the copy; the variable is put back afterwards."""
    monkeypatch.setenv("SOPKG_ONTOLOGY", str(edited))
    return Settings(store=small_store(tmp_path / "store").path, ontology=edited, allow_no_netns=True)


def spoil(edited: Path) -> None:
    (edited / "core" / "spoiled.ttl").write_text("@prefix ex: <http://example.org/> .\n\nex:a ex:b .\n", "utf-8")


def test_the_ontology_has_no_fault(edited: Path) -> None:
    assert check(edited, Settings(allow_no_netns=True)) == []


@pytest.mark.parametrize("case", one_in(3, CASES), ids=lambda path: path.stem)
def test_a_broken_house_rule_is_told_with_its_place(
    case: Path, edited: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sopkg.ontologycheck.has_java", lambda: False)
    shutil.copy(case, edited / "core" / "case.ttl")
    rule = case.read_text("utf-8").split("# expects: ")[1].splitlines()[0]
    faults = [each for each in check(edited, Settings()) if each.rule == rule]
    assert {each.file for each in faults} == {"core/case.ttl"}
    lines = case.read_text("utf-8").splitlines()
    assert all(each.term.rpartition("#")[2].rpartition("/")[2] in lines[each.line - 1] for each in faults)


@needs_java
@pytest.mark.parametrize("case", one_in(3, CLASHES), ids=lambda path: path.stem)
def test_a_clash_is_told_with_its_place(case: Path, edited: Path) -> None:
    shutil.copy(case, edited / "core" / "case.ttl")
    faults = check(edited, Settings(allow_no_netns=True))
    assert [each for each in faults if each.file == "core/case.ttl" and each.line and each.term and each.detail]


def test_every_file_that_does_not_parse_is_told(edited: Path) -> None:
    spoil(edited)
    (edited / "norms" / "other.ttl").write_bytes(b"\n<a:b> <a:c> '\xff' .")
    told = [(each.file, each.line, each.rule) for each in check(edited, Settings())]
    assert told == [("core/spoiled.ttl", 3, "Turtle syntax"), ("norms/other.ttl", 2, "Turtle syntax")]


def test_a_good_ontology_is_kept_and_known_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    used, faults = use_good(settings)
    assert (faults, used.ontology.parent) == ([], settings.store / "ontology")
    monkeypatch.setattr("sopkg.ontologystate.check", lambda *_: pytest.fail("checked again"))
    assert use_good(settings) == use_good(used) == (used, [])


def test_the_last_good_ontology_serves_on(settings: Settings, edited: Path) -> None:
    used, _ = use_good(settings)
    spoil(edited)
    again, faults = use_good(settings)
    assert (again, [each.line for each in faults]) == (used, [3])
    with pytest.raises(OntologyRefused, match=r"core/spoiled.ttl:3: Turtle syntax"):
        require_good(settings)


def test_without_a_good_one_nothing_starts(settings: Settings, edited: Path) -> None:
    spoil(edited)
    with pytest.raises(OntologyRefused, match=r"spoiled.ttl:3") as refused:
        use_good(settings)
    assert (refused.value.status, refused.value.exit_code, refused.value.extra["faults"][0]["line"]) == (503, 2, 3)


def test_a_load_under_a_bad_ontology_changes_nothing(
    settings: Settings, edited: Path, sopkg: Sopkg, works: Callable[[str, int], Path]
) -> None:
    before = (settings.store / "current").read_text()
    spoil(edited)
    table = str(works("2019-11-30", 5))
    told = sopkg(settings.store, "load", table, "--city", "buenos-aires", "--date", "2019-11")
    assert (told.exit_code, told.stderr.count("\n")) == (2, 1)
    assert "core/spoiled.ttl:3: Turtle syntax" in told.stderr
    assert (settings.store / "current").read_text() == before


def test_a_running_service_does_not_see_an_edit_and_starts_again_on_the_last_good(
    settings: Settings, edited: Path
) -> None:
    for spoiled in (False, True):
        server, address = started(settings)
        with server:
            try:
                spoil(edited)
                front = urllib.request.urlopen(f"{address}/queries").read()
                assert json.loads(front)
                health = json.loads(urllib.request.urlopen(f"{address}/health").read())
                assert ["core/spoiled.ttl:3" in each for each in health["ontology_refused"]] == [True] * spoiled
            finally:
                server.terminate()
            assert server.stderr is not None
            assert ("core/spoiled.ttl:3" in server.stderr.read()) == spoiled
        assert server.returncode == 0


def started(settings: Settings) -> tuple[subprocess.Popen[str], str]:
    """The service in a process of its own, and where it answers."""
    words = ["--store", str(settings.store), "serve", "--port", "0", "--allow-no-netns"]
    port = free_port()
    words[words.index("0")] = str(port)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "SOPKG_ONTOLOGY": str(settings.ontology)}
    program = [sys.executable, "-c", "from sopkg.cli import main; main()", *words]
    server = subprocess.Popen(program, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health").close()
            return server, f"http://127.0.0.1:{port}"
        except OSError:
            assert time.monotonic() < deadline
            assert server.poll() is None
            time.sleep(0.1)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_the_check_on_the_command_line(edited: Path, sopkg: Sopkg, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sopkg.ontologycheck.has_java", lambda: False)
    assert sopkg(edited, "ontology", "check", str(edited)).exit_code == 0
    spoil(edited)
    told = sopkg(edited, "ontology", "check", str(edited), "--format", "json")
    assert (told.exit_code, json.loads(told.stdout)[0]["line"]) == (1, 3)
