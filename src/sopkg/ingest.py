"""Turns a table into triples of our terms, by a mapping that is a CONSTRUCT file; and reports what the table got wrong.

Beside `<mapping>.rq` may stand: `<mapping>.keys.rq`, a CONSTRUCT that adds to the rows and runs first;
`<mapping>.problems.rq`, a SELECT of what no function can see; and `<mapping>.<table>.csv`, its value tables.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache, cached_property
from pathlib import Path

from pyoxigraph import Literal, NamedNode, Quad, QuerySolutions, Store, Triple, Variable

from sopkg import syntax
from sopkg.catalog import QueryFile, query_files
from sopkg.cities import City
from sopkg.errors import BadInput, InternalFault, near_names, not_found
from sopkg.files import root
from sopkg.functions import FUNCTIONS
from sopkg.reader import read_query
from sopkg.staging import COLUMN, column
from sopkg.tables import Record, Table, read_table, row_node, row_quads, split_cell

TABLE = "https://w3id.org/sopkg/table/"
XSD_DATE = NamedNode("http://www.w3.org/2001/XMLSchema#date")
FOLDER = "ingest"
COMPANIONS = ("keys", "problems")


@dataclass(frozen=True)
class Problem:
    """One cell that says nothing usable, and what was expected there; `line` is where the row begins in the file."""

    file: str
    row: int
    line: int
    column: str
    value: str
    expected: str


@dataclass(frozen=True)
class Ingested:
    """What a table gave: its triples, its problems, and the facts of file and mapping."""

    triples: list[Triple]
    problems: list[Problem]
    name: str
    sha256: str
    encoding: str
    separator: str
    rows: int
    mapping: str
    mapping_hash: str


@dataclass(frozen=True)
class Reading:
    """A call of a function on the cells of a column, as the mapping makes it."""

    function: NamedNode
    columns: tuple[str, ...]
    constants: tuple[str, ...]


@dataclass(frozen=True)
class Mapping_:
    """A mapping: its query and the files beside it."""

    query: QueryFile
    keys: QueryFile | None
    problems: QueryFile | None
    tables: Mapping[str, Path]

    @property
    def name(self) -> str:
        """The stem of its file."""
        return self.query.name
