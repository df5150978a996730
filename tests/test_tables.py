"""Reading tables: encodings, separators, records and their lines, as the cases on disk say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode

from sopkg.errors import BadInput
from sopkg.staging import column
from sopkg.tables import decoded, read_table, row_node, row_quads

FOLDER = Path(__file__).parent / "ingest" / "tables"
EXPECTED = json.loads((FOLDER / "expected.json").read_text("utf-8"))
BASE = "https://w3id.org/sopkg/id/somewhere/"


def test_every_table_on_disk_has_an_expectation() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*EXPECTED, "expected.json"}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_table_is_read_as_it_is(name: str) -> None:
    table, expected = read_table(FOLDER / name), EXPECTED[name]
    assert (table.encoding, table.separator) == (expected["encoding"], expected["separator"])
    assert list(table.columns) == expected["columns"]
    assert [[r.ordinal, r.line, [list(cell) for cell in r.cells]] for r in table.records] == expected["rows"]


def test_a_quotation_mark_within_a_line_swallows_no_row(tmp_path: Path) -> None:
    (tmp_path / "marks.csv").write_bytes(b'a,b\n1,"x"y\n2,a "b" c\n3,"z"w')
    cells = [record.cells[1][1] for record in read_table(tmp_path / "marks.csv").records]
    assert cells == ["xy", 'a "b" c', "zw"]


def test_values_below_no_column_are_kept_apart() -> None:
    assert [record.stray for record in read_table(FOLDER / "lost.csv").records] == [("sobra",), ("más",), ()]


def test_a_row_is_a_node_with_a_literal_for_each_cell() -> None:
    table = read_table(FOLDER / "latin.csv")
    quads = {(q.predicate, q.object) for q in row_quads(table, BASE) if q.subject == row_node(table, BASE, 3)}
    assert (column("área"), Literal("2,5")) in quads
    assert (NamedNode("http://purl.org/dc/terms/isPartOf"), NamedNode(f"{BASE}file/{table.short_hash}")) in quads
    assert len(quads) == 4


def test_items_of_an_array_are_nodes_with_index_and_parent() -> None:
    table = read_table(FOLDER / "items.jsonl")
    parent = row_node(table, BASE, 2).value
    quads = {(q.subject.value, q.predicate.value.rpartition("#")[2], q.object.value) for q in row_quads(table, BASE)}
    assert (parent, "parts", f"{parent}.parts.2") in quads
    assert {(f"{parent}.parts.2", "n", "2"), (f"{parent}.parts.2", "rownum", "2")} <= quads


def test_a_row_of_a_folder_says_in_which_file_it_stands() -> None:
    table = read_table(FOLDER / "folder")
    urls = [q.object.value for q in row_quads(table, BASE) if q.predicate.value == "http://www.w3.org/ns/csvw#url"]
    assert urls == ["a.json", "a.json", "b/two.json"]


def test_what_can_not_be_read_in_a_folder_is_said_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="without JSON files"):
        read_table(tmp_path)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "bad.json").write_text('{\n"a" 2}')
    with pytest.raises(BadInput, match=r"below/bad\.json, line 2, column 5"):
        read_table(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("empty.csv", b"", "no header"),
        ("twice.csv", b"a,b,a\n1,2,3\n", "column a more than once"),
        ("long.csv", b"a\n" + b"x" * 140_000, "row 1, line 2: a cell has more than"),
        ("open.csv", b'a,b\n1,"two\nlines"\n2,"open\n3,x\n', "open.csv, row 2, line 4: .* never closed"),
        ("end.csv", b'a,b\n1,"open', "row 1, line 2: .* never closed"),
        ("head.csv", b'a,"b\n1,2\n', "header, line 1: .* never closed"),
        ("huge.csv", b'a\n"' + b"x\n" * 140_000, "row 1, line 2: .* never closed"),
        ("other.csv", b'a,b,c\n1,"x,2\n3,4,5\n6,"y",7\n', "row 1, line 2: .* that of another cell, on line 4"),
        ("bad.json", b'[{"a": 1},\n {"a" 2}]', "line 2, column 7"),
        ("bad.jsonl", b'{"a": 1}\n{"a": }\n', "line 2, column 7"),
        ("list.jsonl", b"[1]\n", "an object for each row"),
        ("deep.json", b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_can_not_be_read_is_said_with_its_place(tmp_path: Path, name: str, content: bytes, complaint: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=complaint):
        read_table(tmp_path / name)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="can't be read: No such file"):
        read_table(tmp_path / "none.csv")


def test_bytes_that_windows_does_not_know_stay_characters() -> None:
    assert decoded(b"\x93Ni\xf1o\x94 \x81") == ("“Niño” \x81", "windows-1252")
