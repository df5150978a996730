"""The template: tables of a spreadsheet become a city, what is wrong in them is told, and its tutorial is true."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest
from pyoxigraph import RdfFormat, Triple, parse

from sopkg.cities import city
from sopkg.errors import BadInput
from sopkg.graphs import current_graphs
from sopkg.ingest import choose, ingest, mappings
from sopkg.newcity import column_name, column_words, meaning, tables
from sopkg.store import SnapshotStore
from sopkg.tables import Record, read_table
from tests.conftest import Sopkg
from tests.test_ingest import problem, told

HERE = Path(__file__).parent
CASES = HERE / "ingest" / "template"
DOCUMENTS = HERE.parent / "cities" / "template"
TUTORIAL = (DOCUMENTS / "TUTORIAL.md").read_text("utf-8")
CITY, DATE = CASES / "sample", "2024-06-30"


@pytest.mark.parametrize("case", ["all", "half"])
def test_a_folder_of_tables_becomes_its_triples_and_problems(case: str) -> None:
    mapped = ingest(CASES / case, CITY, DATE)
    quads = parse((CASES / f"{case}.ttl").read_bytes(), RdfFormat.TURTLE)
    assert told(mapped.triples) == {Triple(quad.subject, quad.predicate, quad.object) for quad in quads}
    with (CASES / f"{case}.problems.csv").open(encoding="utf-8", newline="") as file:
        assert mapped.problems == [problem(row, "") for row in csv.DictReader(file)]


def test_tables_that_contradict_themselves_are_refused_with_their_rows() -> None:
    with pytest.raises(BadInput, match="nothing of it is loaded") as error:
        ingest(CASES / "twice", CITY, DATE)
    assert error.value.extra["contradictions"] == (CASES / "twice.txt").read_text("utf-8").splitlines()


def test_the_order_of_rows_and_columns_changes_nothing(tmp_path: Path) -> None:
    for path in (CASES / "all").iterdir():
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file, delimiter=";" if path.stem == "organisations" else ",")
        with (tmp_path / path.name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(line[::-1] for line in [header, *rows[::-1]] if "#" not in line[0])
    assert told(ingest(tmp_path, CITY, DATE).triples) == told(ingest(CASES / "all", CITY, DATE).triples)


@pytest.mark.parametrize(
    ("name", "header", "said"),
    [
        ("organisations.csv", "id,subject", "The nearest is template.*Missing: organisations.name"),
        ("engagement.csv", "id", "there is no table engagement in the mapping template. Near: engagements"),
    ],
)
def test_tables_that_half_fit_hear_what_would_be_right(name: str, header: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "channels.csv").write_text("id,name,kind,object\n", "utf-8")
    (tmp_path / name).write_text(f"{header}\n", "utf-8")
    with pytest.raises(BadInput, match=said):
        choose(read_table(tmp_path))


def test_one_table_alone_is_refused() -> None:
    with pytest.raises(BadInput, match="is one of the tables that the mapping template reads together"):
        choose(read_table(CASES / "all" / "channels.csv"))


def test_a_folder_without_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="without JSON files and without CSV tables"):
        read_table(tmp_path)


def columns() -> tuple[Record, ...]:
    return read_table(mappings()["template"].tables["columns"]).records


def test_the_mapping_requires_the_columns_that_are_marked_as_needed() -> None:
    needed = {frozenset([column_name(each)]) for each in columns() if each.values("needed")}
    assert mappings()["template"].columns() == needed


def test_the_mapping_reads_every_column_but_the_notes() -> None:
    text = "".join(query.text for query in mappings()["template"].queries)
    read = set(re.findall(r"\b(?:col|said):(\w+\.\w+)", text))
    ids = {column_name(each) for each in columns() if column_name(each).endswith(".id")}
    assert {column_name(each) for each in columns() if not column_name(each).endswith(".note")} == read | ids


def test_the_documentation_lists_the_tables_and_columns() -> None:
    assert (DOCUMENTS / "README.md").read_text("utf-8").endswith("\n".join(documentation()) + "\n")


def documentation() -> Iterator[str]:
    """The tables as the documentation has them."""
    for table, each in groupby(columns(), lambda column: column_name(column).partition(".")[0]):
        yield from ([f"## {table}.csv", ""] if table == "organisations" else ["", f"## {table}.csv", ""])
        yield from ("| column | | for example |", "|---|---|---|")
        for column in each:
            example = "".join(f"`{value}`" for value in column.values("example"))
            said = meaning(column, {}).replace(" (needed)", "; **needed**")
            yield f"| `{column_name(column).partition('.')[2]}` | {said} | {example} |"


def test_the_examples_are_words_of_the_lists_and_stand_in_the_tables() -> None:
    words, written = column_words(mappings()["template"]), "".join(tables(mappings()["template"]).values())
    assert words["organisations.subject"] == "enterprises, government, society"
    for column in columns():
        for example in column.values("example"):
            assert example in words.get(column_name(column), example).split(", ")
            assert example in written


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("River Town", "can't be the name of a city's folder; expected are lower-case letters"),
        ("../rivertown", "can't be the name"),
        ("barcelona", "there is a city or folder cities/barcelona already"),
        ("taken", "there is a city or folder cities/taken already"),
    ],
)
def test_a_new_city_needs_a_name_of_its_own(
    name: str, said: str, sopkg: Sopkg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cities" / "taken").mkdir(parents=True)
    result = sopkg(tmp_path / "store", "new-city", name)
    assert result.exit_code != 0
    assert said in result.stderr
    assert [*tmp_path.rglob("*.csv")] == []


def test_a_new_city_is_found_where_the_setting_says(
    sopkg: Sopkg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOPKG_CITIES", str(tmp_path / "towns"))
    assert sopkg(tmp_path / "store", "new-city", "san-juan-2").exit_code == 0
    assert city("san-juan-2").folder == tmp_path / "towns" / "san-juan-2"
    assert city("san-juan-2").sources()[0][1] == "template"
    empty = sopkg(
        tmp_path / "store", "load", str(city("san-juan-2").folder / "tables"), "--city", "san-juan-2", "--date", DATE
    )
    assert "has columns and no row" in empty.stderr


def test_the_tutorial_is_true_and_an_alias_is_undone(
    sopkg: Sopkg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store, gaps, again = tmp_path / "sopkg-store", [], ""
    for kind, block, path in steps():
        if kind != "console":
            Path(path).write_text(block, "utf-8")
            continue
        for command, answer in re.findall(r"^\$ sopkg (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            result = sopkg(store, *command.split())
            assert result.exit_code == 0, result.output
            assert re.fullmatch(re.escape(answer).replace("…", "(?s:.*)"), result.stdout), command
            if command.startswith("load"):
                again = command
                gaps.append(gap_graph(store))
    Path("cities/rivertown/aliases.csv").write_text("key,relation,other,decided,reason\n", "utf-8")
    assert sopkg(store, *again.split()).exit_code == 0
    assert gap_graph(store) == gaps[1] != gaps[2]


def steps() -> Iterator[tuple[str, str, str]]:
    """The blocks of the tutorial, each with the file of the city that was named last before it."""
    path = ""
    for named, kind, block in re.findall(r"`(cities/rivertown/[^`]+)`|^```(\w+)\n(.*?)^```$", TUTORIAL, re.M | re.S):
        path = named or path
        if kind:
            yield kind, block, path


def gap_graph(store: Path) -> str:
    """The name of the graph of gaps in force, which is a hash of its triples."""
    with SnapshotStore(store, 10).reading() as opened:
        return next(graph.iri for graph in current_graphs(opened) if graph.step == "gaps")
