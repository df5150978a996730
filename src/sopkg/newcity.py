"""Lays out the files of a new city, with comments: what it says of itself, its aliases, and tables to fill in."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from sopkg.cities import City, cities
from sopkg.errors import BadInput, Conflict
from sopkg.files import knowledge, root, system_query
from sopkg.ingest import ALIASES, TableMapping, mappings, value_quads
from sopkg.rows import select
from sopkg.tables import COMMENT, Record, read_table
from sopkg.turtle import ontology, read_turtle, store_of

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# What stands for the city in the file that a new one is made from.
EXAMPLE_NAME, EXAMPLE_LABEL = "new-city", "New City"
ALIAS_COLUMNS = ("key", "relation", "other", "decided", "reason")
COLUMNS = "columns"


def lay_out(name: str, folder: Path) -> list[Path]:
    """Writes the files of a new city below the folder of cities; all of them are new. Returns them in reading order.

    Raises BadInput for a name that can't be part of an address, Conflict for a city or folder that is there.
    """
    if not NAME.fullmatch(name):
        raise BadInput(
            f"{name!r} can't be the name of a city's folder; expected are lower-case letters a to z and digits, "
            "with single hyphens between them, as in san-juan-2"
        )
    target = folder / name
    if name in cities() or target.exists():
        raise Conflict(f"there is a city or folder {target} already; nothing was written")
    texts = {target / "city.ttl": _city(name), target / f"{ALIASES}.csv": _csv([ALIAS_COLUMNS])}
    texts |= {target / "tables" / f"{table}.csv": text for table, text in tables(_mapping()).items()}
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", newline="")
    return list(texts)


def _example() -> Path:
    return root() / "cities" / "template" / f"{EXAMPLE_NAME}.ttl"


def _city(name: str) -> str:
    text = knowledge(_example())
    return text.replace(EXAMPLE_LABEL, name.replace("-", " ").title()).replace(EXAMPLE_NAME, name)


def _mapping() -> TableMapping:
    """The mapping that the example of a city names."""
    sources = select(store_of(read_turtle(_example())), system_query("sources"))
    return mappings()[next(row["mapping"].value for row in sources)]


def tables(mapping: TableMapping) -> dict[str, str]:
    """The tables that a mapping reads, as CSV: header, what each column is for, an example; the latter are comments."""
    words = column_words(mapping)
    records = read_table(mapping.tables[COLUMNS]).records
    grouped = groupby(records, lambda record: column_name(record).partition(".")[0])
    return {table: _csv(_lines(list(each), words)) for table, each in grouped}


def _lines(columns: Sequence[Record], words: Mapping[str, str]) -> Iterator[Sequence[str]]:
    yield [column_name(each).partition(".")[2] for each in columns]
    yield _comment([meaning(each, words) for each in columns])
    yield _comment(["".join(each.values("example")) for each in columns])


def column_name(column: Record) -> str:
    """The name of a column, with its table's before it."""
    return column.values("text")[0]


def meaning(column: Record, words: Mapping[str, str]) -> str:
    """What a column is for, and the words that may stand there."""
    listed = f": {words[column_name(column)]}" if column_name(column) in words else ""
    choice = ": yes or no" if column.values("choice") else ""
    needed = " (needed)" if column.values("needed") else ""
    return f"{column.values('meaning')[0]}{listed}{choice}{needed}"


def column_words(mapping: TableMapping) -> dict[str, str]:
    """The ontology's words for each column that has a list of them."""
    city = City(EXAMPLE_NAME, _example().parent)
    store = store_of(ontology())
    store.extend(value_quads(COLUMNS, mapping.tables[COLUMNS], city))
    return {row["name"].value: row["words"].value for row in select(store, system_query("column-words"))}


def _comment(cells: Sequence[str]) -> Sequence[str]:
    return [f"{COMMENT} {cells[0]}", *cells[1:]]


def _csv(lines: Sequence[Sequence[str]] | Iterator[Sequence[str]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue()
