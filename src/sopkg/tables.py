"""Reads tables as rows of text cells: CSV, JSON, JSON lines, folders of JSON or CSV. Knows formats, never sources."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pyoxigraph import Literal, NamedNode, Quad, Triple

from sopkg.errors import BadInput
from sopkg.staging import column

SEPARATORS = (",", ";", "\t")
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Where Windows-1252 differs from Latin-1; five of its bytes mean nothing and stay as they are.
WINDOWS = {code: bytes([code]).decode("cp1252", "ignore") or chr(code) for code in range(0x80, 0xA0)}
JSON_SUFFIXES, JSON_LINES_SUFFIXES = {".json"}, {".jsonl", ".ndjson"}
DAMAGE = "\ufffd"
# What the first cell of a line begins with that is for the reader of a CSV table in a folder, and no row.
COMMENT = "#"
ROWNUM = NamedNode("http://www.w3.org/ns/csvw#rownum")
URL = NamedNode("http://www.w3.org/ns/csvw#url")
IS_PART_OF = NamedNode("http://purl.org/dc/terms/isPartOf")
INTEGER = NamedNode("http://www.w3.org/2001/XMLSchema#integer")
# A cell's own limit is checked below: the reader's would be met far behind the quotation mark that opened the cell.
csv.field_size_limit(2**31 - 1)
LONGEST_CELL = 131_072
LINE_BREAK = re.compile(r"\r\n|\r|\n")
# In a JSON document and in a graph no row has a line of its own.
NO_LINE = 0
# An object in an array, with its place.
Item = tuple[int, Mapping[str, Any]]


@dataclass(frozen=True)
class Record:
    """One row: its ordinal from 1 (the header not counted), the line it begins on
    or NO_LINE, its non-empty cells.

    `stray` holds the values that stand below no column name. An array of objects in JSON gives `children`:
    the member's name, and the item's record, whose ordinal is its place in the array. `url` is the path of its
    file in a folder, `place` its ordinal there where a file of the folder is a table.
    """

    ordinal: int
    line: int
    cells: tuple[tuple[str, str], ...]
    stray: tuple[str, ...] = ()
    children: tuple[tuple[str, Record], ...] = ()
    url: str = ""
    place: int = 0

    @property
    def rownum(self) -> int:
        """What people find it by: its ordinal in its own file."""
        return self.place or self.ordinal

    def values(self, name: str) -> list[str]:
        """The values of a column: none, one, or those of an array."""
        return [value for column, value in self.cells if column == name]


@dataclass(frozen=True)
class Table:
    """A file as it was read; records without any value are not kept.

    Of an RDF graph `triples` holds what it says, and a record stands for each resource that it describes. Of a folder
    of CSV tables `parts` names these; a column is `<table>.<column>` then.
    """

    name: str
    sha256: str
    encoding: str
    separator: str
    columns: tuple[str, ...]
    records: tuple[Record, ...]
    triples: tuple[Triple, ...] | None = None
    parts: tuple[str, ...] = ()

    @property
    def short_hash(self) -> str:
        """What the IRIs of the file and its rows end with: 12 hex digits."""
        return self.sha256[:12]

    @cached_property
    def by_ordinal(self) -> Mapping[int, Record]:
        """The records by their place in the file."""
        return {record.ordinal: record for record in self.records}


def read_table(path: Path) -> Table:
    """The table in a file, whose suffix says whether it is JSON, or in the files of a folder together.

    These are all JSON files below it, or, where there are none, the CSV tables in it. Raises BadInput with the line of
    what can't be read.
    """
    return _folder(path) if path.is_dir() else _file(path, path.name)


def _folder(path: Path) -> Table:
    """The records of a folder's files, in the order of their paths; hidden files are left out."""
    urls = sorted(file.relative_to(path).as_posix() for file in path.rglob("*.json"))
    tables = {url: _file(path / url, url) for url in urls if not f"/{url}".count("/.")}
    if tables:
        return _joined(path, tables)
    parts = {file.name: _part(file) for file in sorted(path.glob("*.csv")) if not file.name.startswith(".")}
    if not parts:
        raise BadInput(f"{path} is a folder without JSON files and without CSV tables")
    whole = _joined(path, parts)
    columns = tuple(column for table in parts.values() for column in table.columns)
    return replace(whole, columns=columns, parts=tuple(name.removesuffix(".csv") for name in parts))


def _joined(path: Path, tables: Mapping[str, Table]) -> Table:
    found = [replace(record, url=url) for url, table in tables.items() for record in table.records]
    records = tuple(replace(record, ordinal=ordinal) for ordinal, record in enumerate(found, 1))
    listed = "".join(f"{table.sha256}  {url}\n" for url, table in tables.items())
    encodings = ", ".join(sorted({table.encoding for table in tables.values()}))
    name = path.resolve().name
    return Table(name, hashlib.sha256(listed.encode()).hexdigest(), encodings, "", _columns(records), records)


def _part(file: Path) -> Table:
    """A CSV table of a folder: each column bears the table's name too, and comments are no rows."""
    table, prefix = _file(file, file.name), f"{file.stem}."
    rows = (record for record in table.records if not _is_comment(record))
    records = tuple(
        replace(record, place=record.ordinal, cells=tuple((f"{prefix}{name}", value) for name, value in record.cells))
        for record in rows
    )
    return replace(table, columns=tuple(f"{prefix}{name}" for name in table.columns), records=records)


def _is_comment(record: Record) -> bool:
    return any(value.lstrip().startswith(COMMENT) for _, value in record.cells[:1])


def _file(path: Path, name: str) -> Table:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} can't be read: {error.strerror}") from error
    text, encoding = decoded(content)
    separator = ""
    if path.suffix.lower() in JSON_SUFFIXES | JSON_LINES_SUFFIXES:
        records = _json_records(text, name)
        columns = _columns(records)
    else:
        separator = _separator(text)
        columns, records = _csv_records(text, separator, name)
    return Table(name, hashlib.sha256(content).hexdigest(), encoding, separator, columns, tuple(records))


def decoded(content: bytes) -> tuple[str, str]:
    """Bytes as text, with the encoding found: by byte order mark, UTF-8, damaged UTF-8, else Windows-1252.

    Damaged UTF-8 is a text in which more characters beyond ASCII are whole than broken; U+FFFD stands for the
    broken.
    """
    for mark, encoding in BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace"), encoding
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        text = content.decode("utf-8", "replace")
        broken = text.count(DAMAGE)
        if sum(not character.isascii() for character in text) > 2 * broken:
            return text, "utf-8 (damaged)"
        return content.decode("latin-1").translate(WINDOWS), "windows-1252"


def _separator(text: str) -> str:
    """The separator that splits the header into most columns."""
    lines = io.StringIO(text, newline="")
    return max(SEPARATORS, key=lambda sign: _header_width(lines, sign))


def _header_width(lines: io.StringIO, separator: str) -> int:
    lines.seek(0)
    return len(next(csv.reader(lines, delimiter=separator), []))


def _csv_records(text: str, separator: str, name: str) -> tuple[tuple[str, ...], list[Record]]:
    rows = _csv_rows(text, separator, name)
    columns = _header(next(rows, (1, []))[1], name)
    records = [_record(ordinal, line, columns, cells) for ordinal, (line, cells) in enumerate(rows, 1)]
    return tuple(filter(None, columns)), [record for record in records if record.cells or record.stray]


def _csv_rows(text: str, separator: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """The header and each row: the line that it begins on, and its cells."""
    lines = list(io.StringIO(text, newline=""))
    reader, begin = csv.reader(lines, delimiter=separator), 0
    for ordinal, cells in enumerate(reader):
        place = f"{name}, row {ordinal}" if ordinal else f"{name}, header"
        whole = lines[begin : reader.line_num]
        fault = _quoting_fault(whole, cells, separator, begin + 1)
        if fault is None and max(map(len, cells), default=0) > LONGEST_CELL:
            fault = begin + 1, f"a cell has more than {LONGEST_CELL} characters"
        if fault is not None:
            line, said = fault
            raise BadInput(f"{place}, line {line}: {said}", {"row": ordinal, "line": line})
        yield begin + 1, cells
        begin = reader.line_num


def _quoting_fault(whole: list[str], cells: list[str], separator: str, first: int) -> tuple[int, str] | None:
    """Where in a row's lines a quoted cell begins that goes on to the end, or to another cell's quotation mark.

    The reader takes such a cell for a long one, with all rows that it runs over; `first` is the number of the
    first line.
    """
    if len(list(csv.reader([*whole, "the end"], delimiter=separator))) == 1:
        return _begin(cells, len(cells) - 1, first), "a quotation mark opens a cell here and is never closed"
    if len(whole) == 1:  # what is wrong within one line swallows no row
        return None
    try:
        list(csv.reader(whole, delimiter=separator, strict=True))
    except csv.Error:
        last = max(place for place, cell in enumerate(cells) if LINE_BREAK.search(cell))
        end = first + len(whole) - 1
        said = f"a quotation mark opens a cell here and is closed only by that of another cell, on line {end}"
        return _begin(cells, last, first), said
    return None


def _begin(cells: list[str], place: int, first: int) -> int:
    """The line that a cell begins on, in a row that begins on `first`."""
    return first + sum(len(LINE_BREAK.findall(cell)) for cell in cells[:place])


def _header(cells: list[str], name: str) -> list[str]:
    columns = [cell.strip().lstrip("\ufeff") for cell in cells]
    named = [column for column in columns if column]
    if not named:
        raise BadInput(f"{name} has no header line with column names")
    twice = sorted({column for column in named if named.count(column) > 1})
    if twice:
        raise BadInput(f"{name} has the column {', '.join(twice)} more than once")
    return columns


def _record(ordinal: int, line: int, columns: list[str], cells: list[str]) -> Record:
    padded = columns + [""] * (len(cells) - len(columns))
    filled = [(column, cell) for column, cell in zip(padded, cells, strict=False) if cell.strip()]
    return Record(
        ordinal,
        line,
        tuple((column, cell) for column, cell in filled if column),
        tuple(cell for column, cell in filled if not column),
    )


def _columns(records: Iterable[Record]) -> tuple[str, ...]:
    """The names that JSON records have members by, those of the objects in their arrays too, each once."""
    return tuple(dict.fromkeys(name for record in records for name in _names(record)))


def _names(record: Record) -> Iterator[str]:
    yield from (name for name, _ in record.cells)
    for name, child in record.children:
        yield name
        yield from _names(child)


def _json_records(text: str, name: str) -> list[Record]:
    if Path(name).suffix.lower() in JSON_LINES_SUFFIXES:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        items = [(number, _parsed(line, name, number)) for number, line in lines]
    else:
        whole = _parsed(text, name, 1)
        items = [(NO_LINE, item) for item in (whole if isinstance(whole, list) else [whole])]
    wrong = next((line for line, item in items if not isinstance(item, dict)), None)
    if wrong is not None:
        place = f"{name}, line {wrong}" if wrong else name
        raise BadInput(f"{place}: expected is an object for each row", {"line": wrong or 1})
    return [_object_record(ordinal, line, item) for ordinal, (line, item) in enumerate(items, 1) if item]


def _parsed(text: str, name: str, line: int) -> Any:
    try:
        # Numbers stay as they were written, as every cell does.
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        place = {"line": line + error.lineno - 1, "column": error.colno}
        raise BadInput(f"{name}, line {place['line']}, column {error.colno}: {error.msg}", place) from error
    except RecursionError as error:
        raise BadInput(f"{name}, line {line}: nested too deeply") from error


def _object_record(ordinal: int, line: int, item: Mapping[str, Any]) -> Record:
    members = list(_members(item, ""))
    cells = tuple((name, value) for name, value in members if isinstance(value, str) and value.strip())
    numbered = [(name, value) for name, value in members if isinstance(value, tuple)]
    children = tuple((name, _object_record(place, line, value)) for name, (place, value) in numbered)
    return Record(ordinal, line, cells, (), children)


def _members(item: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str | Item]]:
    """An object's members by dotted name: scalars as text, objects in arrays with their place."""
    for name, value in item.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _members(value, f"{path}.")
            continue
        for place, single in enumerate(value if isinstance(value, list) else [value], 1):
            if isinstance(single, Mapping):
                yield path, (place, single)
            elif single is not None:
                yield path, _scalar(single)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value)


def unwrapped(table: Table, members: Sequence[str]) -> Table:
    """The table of what its records wrap: of each the items of the first of these members that it has, again and again.

    A record that has none of them is a row as it is. The rows are numbered anew, in the file's order.
    """
    if not members:
        return table
    found = [inner for record in table.records for inner in _inner(record, members)]
    records = tuple(replace(record, ordinal=ordinal) for ordinal, record in enumerate(found, 1))
    return replace(table, columns=_columns(records), records=records)


def _inner(record: Record, members: Sequence[str]) -> Iterator[Record]:
    for member in members:
        items = [child for name, child in record.children if name == member] or _nested(record, f"{member}.")
        if items:
            for item in items:
                yield from _inner(replace(item, line=record.line, url=record.url), members)
            return
    if record.cells or record.children:
        yield record


def _nested(record: Record, prefix: str) -> list[Record]:
    """The object that a member is, whose own members have dotted names."""
    cells = tuple((name.removeprefix(prefix), value) for name, value in record.cells if name.startswith(prefix))
    children = tuple((name.removeprefix(prefix), child) for name, child in record.children if name.startswith(prefix))
    return [replace(record, cells=cells, children=children)] if cells or children else []


def row_quads(table: Table, base: str, splits: Mapping[str, re.Pattern[str]] | None = None) -> Iterator[Quad]:
    """The rows as triples: a node each below `base`, its number, its file, and a literal for each cell.

    A column in `splits` gives a literal for each part of its cells, stripped.
    """
    file = NamedNode(f"{base}file/{table.short_hash}")
    for record in table.records:
        node = row_node(table, base, record.ordinal)
        yield from _record_quads(node, record, file, splits or {})


def row_node(table: Table, base: str, ordinal: int) -> NamedNode:
    """The IRI of a row."""
    return NamedNode(f"{base}row/{table.short_hash}-{ordinal}")


def _record_quads(
    node: NamedNode, record: Record, whole: NamedNode, splits: Mapping[str, re.Pattern[str]]
) -> Iterator[Quad]:
    yield Quad(node, ROWNUM, Literal(str(record.rownum), datatype=INTEGER))
    yield Quad(node, IS_PART_OF, whole)
    if record.url:
        yield Quad(node, URL, Literal(record.url))
    for name, value in record.cells:
        for part in split_cell(value, splits.get(name)):
            yield Quad(node, column(name), Literal(part))
    for name, child in record.children:
        child_node = NamedNode(f"{node.value}.{column(name).value.rpartition('#')[2]}.{child.ordinal}")
        yield Quad(node, column(name), child_node)
        yield from _record_quads(child_node, child, node, splits)


def split_cell(value: str, pattern: re.Pattern[str] | None) -> Iterable[str]:
    """The parts of a cell: itself as it is where nothing splits it."""
    if pattern is None:
        return (value,)
    return tuple(part.strip() for part in pattern.split(value) if part and part.strip())
