"""The command line: each command as its help shows it, and each fault in one line."""

from __future__ import annotations

import csv
import json
import os
import pty
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import click
import pyoxigraph as ox
import pytest
from conftest import Demo, Sopkg

from sopkg.catalog import query_files
from sopkg.cities import cities
from sopkg.cli import main
from sopkg.graphs import current_graphs
from sopkg.load import STEPS
from sopkg.store import SnapshotStore
from tests.amount import one_in

CASES = Path(__file__).parent / "cli"
IDENTIFIER = ox.NamedNode("http://purl.org/dc/terms/identifier")
OBSERVATIONS = [(city, date) for city, each in cities().items() for date in each.tables()]
ROWS = (991, 1308, 1409, 1498, 1525, 1665, 1467, 635, 471)
POINT_7 = ["load", "audit", "why", "ask", "query", "serve", "cities", "export-facts", "forget", "backup", "restore"]
# Each example in an order in which each has what it needs.
ORDER = ["load", "what-if", "update", "cities", "audit", "why", "remedy", "ask", "query", "export-facts"]
ORDER += ["backup", "restore", "forget", "settings"]


def example(command: click.Command) -> list[str]:
    """The words of a command's example, without the program and what is piped into it."""
    lines = [line.strip() for line in (command.help or "").splitlines()]
    shown = next(line.removeprefix("Example: ") for line in lines if line.startswith("Example: "))
    return shlex.split(shown)[shlex.split(shown).index("sopkg") + 1 :]


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_example_names_what_there_is(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("obras.csv", "corrections.ru", "responses.csv"):
        (tmp_path / name).touch()
    first, *words = example(main.commands[command])
    assert first == command
    main.commands[command].make_context(command, words)


def test_the_commands_that_were_asked_for_are_there() -> None:
    assert set(POINT_7) <= set(main.commands)
    options = [each for command in main.commands.values() for each in command.params if isinstance(each, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_every_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sopkg: Sopkg, works: Callable[[str, int], Path]
) -> None:
    here = tmp_path / "here"
    (here / "cities" / "buenos-aires").mkdir(parents=True)
    monkeypatch.chdir(here)
    (here / "obras.csv").write_bytes(works("2019-11-30", 60).read_bytes())
    (here / "corrections.ru").write_text("DELETE DATA { <http://example.org/s> <http://example.org/p> 1 }", "utf-8")
    for name in ORDER:
        words = example(main.commands[name])
        if name in ("why", "remedy"):
            words[1] = json.loads(sopkg(here / "s", "audit", "--format", "json").stdout)[0]["id"]
        result = sopkg(here / "s", *words, given="SELECT * { ?s ?p ?o } LIMIT 3")
        assert (name, result.exit_code, result.exception) == (name, 0, None), result.stderr
    assert (here / "cities" / "buenos-aires" / "2019-11-30.csv").stat().st_size > 1000


def faults() -> list[dict[str, str]]:
    """Each fault: the words, the exit code, and what the line says."""
    with open(CASES / "faults.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("case", one_in(2, faults()), ids=lambda case: case["command"])
def test_every_fault_is_one_line(
    case: dict[str, str], demo: Demo, sopkg: Sopkg, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CASES)
    result = sopkg(demo.store, *shlex.split(case["command"]))
    told = result.stderr.splitlines()
    assert (result.exit_code, len(told), result.stdout) == (int(case["exit"]), 1, ""), result.output
    assert told[0].startswith("sopkg: ")
    assert case["says"] in told[0]


@pytest.mark.parametrize("words", ["audit", "cities", "ask who-leads-what", "forget --city barcelona --date 2016-12"])
def test_no_store_is_said_with_what_builds_it(words: str, tmp_path: Path, sopkg: Sopkg) -> None:
    result = sopkg(tmp_path / "none", *words.split())
    assert result.exit_code == 2
    assert result.stderr.startswith("sopkg: No store: ")
    assert "sopkg load" in result.stderr
    assert not (tmp_path / "none").exists()


def test_a_folder_that_is_no_store_is_left_alone(sopkg: Sopkg, works: Callable[[str, int], Path]) -> None:
    table = str(works("2019-11-30", 5))
    result = sopkg(CASES, "load", table, "--city", "buenos-aires", "--date", "2019-11")
    assert (result.exit_code, "not a store" in result.stderr) == (2, True)
    assert not (CASES / "format").exists()


def test_what_the_system_refuses_is_one_line_too(tmp_path: Path, sopkg: Sopkg, demo: Demo) -> None:
    (tmp_path / "file").touch()
    refused = [
        sopkg(demo.store, "backup", str(tmp_path / "file" / "below")),
        sopkg(tmp_path / "file" / "below", "audit"),
    ]
    assert [each.exit_code > 0 and each.stderr.count("\n") == 1 for each in refused] == [True, True]


def test_a_wrong_setting_is_named(sopkg: Sopkg, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOPKG_WORKERS", "many")
    result = sopkg(tmp_path, "cities")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "SOPKG_WORKERS is 'many'; expected is a whole number" in result.stderr


def test_the_demonstration_says_what_it_found(demo: Demo) -> None:
    assert [f"{rows} rows;" in demo.said for rows in ROWS] == [True] * len(ROWS)
    assert "Coordination gaps" in demo.said
    assert "The worst of" in demo.said


def test_what_is_not_known_is_counted_apart(demo: Demo, sopkg: Sopkg) -> None:
    rows = Counter(row["verdict"] for row in json.loads(sopkg(demo.store, "audit", "--format", "json").stdout))
    shown, unknown = sopkg(demo.store, "audit").stdout.split("\nNot known from this data\n")
    assert "undetermined" not in shown
    assert f"The worst of {rows.total() - rows['undetermined']} gaps:" in shown
    named = tuple(f"{city}  " for city in cities())
    counted = [line.split()[-1] for line in unknown.splitlines() if line.startswith(named)]
    assert sum(map(int, counted)) == rows["undetermined"]


def test_an_audit_without_findings_has_its_header(demo: Demo, sopkg: Sopkg, tmp_path: Path) -> None:
    # Graphs are emptied under their names, which the product never does: what is kept by name would not fit.
    shutil.copytree(demo.store, tmp_path / "s", ignore=shutil.ignore_patterns("answers"))
    store = SnapshotStore(tmp_path / "s")
    with store.writing() as draft:
        for graph in current_graphs(draft.store):
            draft.replace(graph.iri, []) if graph.step == "gaps" else None
    told = sopkg(store.path, "audit", "--format", "csv").stdout
    assert told == sopkg(demo.store, "audit", "--format", "csv").stdout.splitlines()[0] + "\n"
    assert "No gap was found." in sopkg(store.path, "audit").stdout


def test_a_second_demonstration_changes_nothing(demo: Demo, sopkg: Sopkg) -> None:
    before = (demo.store / "current").read_text()
    again = sopkg(demo.store, "demo")
    assert again.stdout.count("nothing changed") == len(OBSERVATIONS)
    assert (demo.store / "current").read_text() == before


def test_all_formats_have_the_same_findings(demo: Demo, sopkg: Sopkg) -> None:
    words = ("audit", "--city", "buenos-aires", "--format")
    told = {form: sopkg(demo.store, *words, form).stdout for form in ("table", "json", "csv", "turtle")}
    rows = json.loads(told["json"])
    listed = list(csv.DictReader(told["csv"].splitlines()))
    graph = ox.Store()
    graph.load(told["turtle"].encode(), ox.RdfFormat.TURTLE)
    identifiers = Counter(quad.object.value for quad in graph.quads_for_pattern(None, IDENTIFIER, None))
    assert Counter(row["id"] for row in rows) == Counter(row["id"] for row in listed) == identifiers
    counted = [line.split()[-1] for line in told["table"].splitlines() if line.startswith("buenos-aires  ")]
    assert sum(map(int, counted)) == len(rows)
    assert not any("[" in row["focus"] for row in listed)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--city buenos-aires --date 2024-06 --fail-on medium", 1),
        ("--city buenos-aires --date 2024-06 --fail-on low", 1),
        ("--city buenos-aires --date 2024-06 --fail-on critical", 0),
        ("--city barcelona --fail-on low", 0),  # undetermined all: gaps in the data
        ("--fail-on medium", 1),
    ],
)
def test_fail_on_settled_gaps_only(words: str, code: int, demo: Demo, sopkg: Sopkg) -> None:
    assert sopkg(demo.store, "audit", *words.split()).exit_code == code


def test_an_audit_reads_one_observation(demo: Demo, sopkg: Sopkg) -> None:
    words = ("audit", "--city", "buenos-aires", "--format", "json")
    dates = [(), ("--date", "2019-11"), ("--date", "2024-06")]
    found = [json.loads(sopkg(demo.store, *words, *date).stdout) for date in dates]
    assert [{row["date"] for row in rows} for rows in found] == [{"2025-06-30"}, {"2019-11-30"}, {"2024-06-30"}]
    kinds = [Counter(row["notation"] for row in rows) for rows in found]
    assert [each["G16b"] for each in kinds] == [16, 3, 7]
    assert [each["G05"] for each in kinds] == [0, 0, 0]


@pytest.mark.parametrize("form", ["text", "json", "turtle"])
def test_why_in_each_format(form: str, demo: Demo, sopkg: Sopkg) -> None:
    gap = json.loads(sopkg(demo.store, "audit", "--city", "buenos-aires", "--format", "json").stdout)[0]
    told = sopkg(demo.store, "why", gap["id"], "--format", form).stdout
    read: dict[str, Callable[[str], object]] = {
        "text": lambda text: gap["kindLabel"] in text,
        "json": lambda text: json.loads(text)["id"] == gap["id"],
        "turtle": lambda text: list(ox.parse(text.encode(), ox.RdfFormat.TURTLE)),
    }
    assert read[form](told)


@pytest.mark.parametrize("form", ["text", "json", "turtle"])
def test_an_inferred_triple_is_proved_from_its_row(form: str, demo: Demo, sopkg: Sopkg) -> None:
    triple = ("id:buenos-aires/actor/ministeriodesalud", "sop:actsAs", "sop:Government")
    told = sopkg(demo.store, "why-triple", *triple, "--city", "buenos-aires", "--format", form).stdout
    proof = {"text": str, "json": lambda text: str(json.loads(text)["proofs"]), "turtle": str}[form](told)
    assert "cls-hv1" in proof
    assert "asserted" in proof


def test_reports_are_listed(demo: Demo, sopkg: Sopkg) -> None:
    listed = [line.split()[0] for line in sopkg(demo.store, "ask", "--list").stdout.splitlines()[2:]]
    assert listed == sorted(query_files("reports"))


def test_a_table_on_a_terminal_begins_with_what_people_read(demo: Demo, sopkg: Sopkg) -> None:
    for line in sopkg(demo.store, "ask", "who-leads-what").stdout.splitlines()[5:]:
        assert line.startswith("buenos-aires  ")
        assert line.split()[-1].startswith("id:buenos-aires/actor/")
        assert "https://" not in line
    whole = json.loads(sopkg(demo.store, "ask", "who-leads-what", "--format", "json").stdout)
    assert all(row[name].startswith("https://w3id.org/sopkg/id/") for row in whole for name in ("city", "leader"))


CONTRACTS = """PREFIX sop: <https://w3id.org/sopkg/ns#> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
SELECT DISTINCT ?object ?actor ?name ?work ?contract ?amount {
  ?e sop:role sop:Executing ; sop:actor ?actor ; sop:onInitiative ?work . ?actor rdfs:label ?name .
  OPTIONAL { ?e sop:onObject/rdfs:label ?object FILTER(LANG(?object) = "en") }
  OPTIONAL { ?contract sop:about ?work ; sop:party ?actor ; sop:amount ?amount }
  FILTER NOT EXISTS { ?actor a sop:SoleTrader }
}"""


def test_contractors_are_told_apart_and_unknown_sums_are_blank(demo: Demo, sopkg: Sopkg) -> None:
    told = sopkg(demo.store, "query", "-", "--format", "csv", given=CONTRACTS).stdout
    expected: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for row in csv.DictReader(told.splitlines()):
        works = expected.setdefault((row["object"], row["actor"], row["name"]), {})
        works.setdefault(row["work"], []).extend([row["amount"]] if row["amount"] else [])
    report = sopkg(demo.store, "ask", "contractors-by-object", "--format", "csv").stdout
    rows = [row for row in csv.DictReader(report.splitlines()) if not row["contractor"].endswith("#SoleTrader")]
    assert len(rows) == len(expected) > len({(row["object"], row["contractorName"]) for row in rows})
    assert any(not row["amount"] for row in rows)
    for row in rows:
        works = expected[row["object"], row["contractor"], row["contractorName"]]
        paid = [Decimal(amount) for amounts in works.values() for amount in amounts]
        assert (int(row["initiatives"]), int(row["withAmount"])) == (len(works), sum(map(bool, works.values())))
        assert row["amount"] == "" if not paid else Decimal(row["amount"]) == sum(paid)


def test_problems_are_all_listed(demo: Demo, sopkg: Sopkg) -> None:
    words = ("ask", "problems", "-p", "city=buenos-aires", "--format", "json")
    by_date = Counter(row["date"] for row in json.loads(sopkg(demo.store, *words).stdout))
    assert by_date["2024-06-30"] > 10 > by_date["2019-11-30"] > 0
    one = json.loads(sopkg(demo.store, *words, "-p", "date=2019-11").stdout)
    assert {(row["row"], row["column"], row["value"]) for row in one} >= {(452, "fecha_fin_inicial", "06/03/19")}


def test_queries_from_files_and_standard_input(demo: Demo, sopkg: Sopkg, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES)
    assert json.loads(sopkg(demo.store, "query", "ask.rq").stdout)["boolean"] is True
    assert sopkg(demo.store, "query", "-", "--format", "csv", given="ASK { }").stdout == "true"
    late = sopkg(demo.store, "query", "-", "--seconds", "0.2", given="SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }")
    assert (late.exit_code, late.stderr.count("\n"), "0.2 s" in late.stderr) == (1, 1, True)


def test_backup_is_a_store_and_restore_publishes_it(demo: Demo, tmp_path: Path, sopkg: Sopkg) -> None:
    assert sopkg(demo.store, "backup", str(tmp_path / "b")).exit_code == 0
    assert sopkg(tmp_path / "new", "restore", str(tmp_path / "b")).exit_code == 0
    told = {sopkg(store, "cities").stdout for store in (demo.store, tmp_path / "b", tmp_path / "new")}
    assert len(told) == 1
    assert told.pop().count("\n") == 2 + len(OBSERVATIONS)  # a head and a line for each observation


def run(*words: str, **settings: str) -> subprocess.Popen[bytes]:
    """The installed command in a process of its own."""
    program = [sys.executable, "-c", "from sopkg.cli import main; main()", *words]
    return subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **settings})


@pytest.mark.parametrize("words", [("ask", "what-society-takes-part-in"), ("query", str(CASES / "ask.rq"))])
def test_a_reader_that_goes_away_is_no_fault(words: tuple[str, ...], demo: Demo) -> None:
    process = run("--store", str(demo.store), *words)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait() == 0


def test_progress_is_a_line_for_each_step(tmp_path: Path, sopkg: Sopkg, works: Callable[[str, int], Path]) -> None:
    words = ("--city", "buenos-aires", "--date", "2019-11")
    result = sopkg(tmp_path / "s", "load", str(works("2019-11-30", 5)), *words)
    assert result.stderr.splitlines() == [f"buenos-aires 2019-11-30: {step}" for step in STEPS]


def test_progress_on_a_terminal_is_one_line(tmp_path: Path, works: Callable[[str, int], Path]) -> None:
    master, slave = pty.openpty()
    words = ("load", str(works("2019-11-30", 5)), "--city", "buenos-aires", "--date", "2019-11")
    program = [sys.executable, "-c", "from sopkg.cli import main; main()", "--store", str(tmp_path / "s"), *words]
    with subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=slave) as process:
        os.close(slave)
        shown = terminal(master)
    assert process.returncode == 0
    assert (shown.count("\n"), shown.count("\r") > len(STEPS)) == (1, True)
    assert "detect uncovered-object" in shown


def terminal(master: int) -> str:
    """What a terminal showed until the program let go of it."""
    shown = b""
    while True:
        try:
            shown += os.read(master, 4096)
        except OSError:  # the other end is closed
            os.close(master)
            return shown.decode()
