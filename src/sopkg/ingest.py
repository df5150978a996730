"""Turns a table into triples of our terms, by a mapping that is a CONSTRUCT file, and reports its faults.

A mapping reads rows, or an RDF graph (header `#+ reads: graph`). Beside `<mapping>.rq` may stand
`<mapping>.keys1.rq`, `<mapping>.keys2.rq` …, CONSTRUCTs that run first, one after the other, and add to the rows;
`<mapping>.problems.rq`, a SELECT of what no function can see; and `<mapping>.<table>.csv`, its value tables; one of
that name in a city's folder takes its place.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from pyoxigraph import Literal, NamedNode, Quad, QuerySolutions, QueryTriples, Store, Triple, Variable

from sopkg import syntax
from sopkg.catalog import QueryFile, query_files
from sopkg.cities import City
from sopkg.errors import BadInput, InternalFault, not_found, unknown_names
from sopkg.files import BASE, root
from sopkg.functions import FUNCTIONS, custom_functions
from sopkg.rdftable import graph_quads, read_source
from sopkg.staging import COLUMN
from sopkg.tables import NO_LINE, Record, Table, read_table, row_node, row_quads, split_cell, unwrapped
from sopkg.trees import read_file_query
from sopkg.turtle import ontology

TABLE = f"{BASE}table/"
XSD_DATE = NamedNode("http://www.w3.org/2001/XMLSchema#date")
# Where a mapping finds what a graph says, and what the ontology and city.ttl do.
SOURCE_GRAPH, ONTOLOGY_GRAPH = NamedNode(f"{TABLE}source"), NamedNode(f"{TABLE}ontology")
DERIVED = NamedNode("http://www.w3.org/ns/prov#wasDerivedFrom")
# The city's own value table, for every mapping.
ALIASES = "aliases"
# What an error says of a table's columns at most: any file can be handed in.
MOST_NAMES, LONGEST_NAME = 100, 80
# Of so many rows it is said why they gave nothing.
SHOWN_REASONS = 3


@dataclass(frozen=True)
class Problem:
    """A cell that says nothing usable, and what was expected; `line` is where its row begins in the file, if known."""

    file: str
    row: int
    line: int
    column: str
    value: str
    expected: str

    def place(self) -> str:
        """Where it is, in words."""
        line = "" if self.line == NO_LINE else f" (line {self.line})"
        return f"{self.file}, row {self.row}{line}, {self.column or 'below no column name'}"


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
    """A call of a function on the cells of columns, as a mapping makes it."""

    function: NamedNode
    columns: tuple[str, ...]
    constants: tuple[Literal, ...]


@dataclass(frozen=True)
class TableMapping:
    """A mapping: its query, and the files beside it."""

    query: QueryFile
    keys: tuple[QueryFile, ...]
    problems: QueryFile | None
    contradictions: QueryFile | None
    tables: Mapping[str, Path]

    @property
    def name(self) -> str:
        """The stem of the query's file."""
        return self.query.name

    @property
    def queries(self) -> tuple[QueryFile, ...]:
        """The queries that read the rows to make triples."""
        return (*self.keys, self.query)

    @property
    def splits(self) -> dict[str, re.Pattern[str]]:
        """What separates the values in a cell, by column (header `#+ split COLUMN: REGEX`)."""
        pairs = (line.partition(": ") for line in self.query.headers.get("split", ()))
        return {name: re.compile(pattern) for name, _, pattern in pairs}

    @property
    def reads_graphs(self) -> bool:
        """Whether it reads RDF graphs, not rows (header `#+ reads: graph`)."""
        return "graph" in self.query.headers.get("reads", ())

    @property
    def reads_ontology(self) -> bool:
        """Whether it finds the ontology beside what it reads (of rows by the header `#+ reads: ontology`)."""
        return self.reads_graphs or "ontology" in self.query.headers.get("reads", ())

    def rows(self, table: Table) -> Table:
        """The table of the rows that it reads: what a record wraps (header `#+ rows: MEMBER MEMBER`)."""
        return unwrapped(table, " ".join(self.query.headers.get("rows", ())).split())

    def columns(self) -> set[frozenset[str]]:
        """The columns that a table must have, of each set one: those of `#+ required: A B|C`, else all named."""
        required = " ".join(self.query.headers.get("required", ())).split()
        if required:
            return {frozenset(each.split("|")) for each in required}
        return set().union(*(named_columns(query.text) for query in self.queries))

    def missing(self, table: Table) -> list[str]:
        """The columns that a table lacks for this mapping, alternatives joined by " or ".

        Of a folder of CSV tables, those of the tables that are there, if any of the mapping's is.
        """
        found = self.rows(table).columns
        lacking = [each for each in self.columns() if each.isdisjoint(found)]
        if not self.parts().isdisjoint(table.parts):
            lacking = [each for each in lacking if _parts_of(each) & {*table.parts}]
        return sorted(" or ".join(sorted(each)) for each in lacking)

    def parts(self) -> set[str]:
        """The tables that it reads of a folder of CSV tables; none, if it reads anything else."""
        names = set().union(*self.columns())
        return _parts_of(names) if all("." in name for name in names) else set()

    def hash(self, city: City) -> str:
        """16 hex digits of SHA-256 over all the files that decide what a table becomes in a city."""
        texts = [query.text for query in (*self.queries, self.problems, self.contradictions) if query]
        paths = [path for _, path in sorted(value_tables(self, city).items())]
        content = b"\0".join([*(text.encode() for text in texts), *(path.read_bytes() for path in paths)])
        return hashlib.sha256(content).hexdigest()[:16]


def mappings() -> dict[str, TableMapping]:
    """Every mapping by name."""
    files = query_files("ingest")
    tables = sorted((root() / "queries" / "ingest").glob("*.csv"))
    return {
        name: TableMapping(
            query,
            tuple(file for stem, file in sorted(files.items()) if stem.startswith(f"{name}.keys")),
            files.get(f"{name}.problems"),
            files.get(f"{name}.contradictions"),
            {path.stem.partition(".")[2]: path for path in tables if path.stem.partition(".")[0] == name},
        )
        for name, query in files.items()
        if "." not in name
    }


def ingest(path: Path, folder: Path, date: str, mapping: str | None = None) -> Ingested:
    """The triples and problems of a file, as the observation of the city in `folder` at `date` (ISO 8601).

    Raises BadInput for a file that can't be read or that fits no mapping, NotFound for an unknown mapping.
    """
    table = read_source(path)
    chosen = choose(table, mapping)
    return ingest_table(chosen.rows(table), chosen, City(folder.name, folder), date)


def ingest_table(table: Table, chosen: TableMapping, city: City, date: str) -> Ingested:
    """The same of the rows of a table that was read, by the mapping chosen for it.

    Raises BadInput where the rows contradict each other.
    """
    store = _staged(table, city, chosen, chosen.splits, _load_quads(city, date))
    if chosen.contradictions is not None:
        _check_consistent(table, _told(table, city, store, chosen.contradictions))
    triples = _constructed(store, chosen.query)
    return Ingested(
        triples=triples,
        problems=list(_problems(table, city, chosen, store)),
        name=table.name,
        sha256=table.sha256,
        encoding=table.encoding,
        separator=table.separator,
        rows=len(table.records),
        mapping=chosen.name,
        mapping_hash=chosen.hash(city),
    )


def export_facts(path: Path, folder: Path, mapping: str | None = None) -> str:
    """The shipped form of a file: CSV text with the columns of `queries/export/<mapping>.rq`.

    The first variable of that query is the row's number; a row without facts stays as an empty record, so
    that rows keep their numbers.
    """
    table, city = read_table(path), City(folder.name, folder)
    chosen = choose(table, mapping)
    exports = query_files("export")
    if chosen.name not in exports:
        raise not_found("export", chosen.name, exports)
    solutions = _selected(_staged(table, city, chosen, {}), exports[chosen.name])
    number, *names = solutions.variables
    rows = {int(row[number].value): [_text(row[name]) for name in names] for row in solutions}
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([name.value for name in names])
    writer.writerows(rows.get(place, [""] * len(names)) for place in range(1, max(rows, default=0) + 1))
    return out.getvalue()


def _check_consistent(table: Table, contradictions: Iterable[Problem]) -> None:
    told = [f"{each.place()}: {each.value!r}; expected: {each.expected}" for each in contradictions]
    if told:
        more = f" (and {len(told) - MOST_NAMES} more)" if len(told) > MOST_NAMES else ""
        said = f"{table.name} contradicts itself, so nothing of it is loaded. {'. '.join(told[:MOST_NAMES])}{more}"
        raise BadInput(said, {"contradictions": told})


def _text(term: object) -> str:
    return term.value if isinstance(term, Literal) else ""


def check_read(ingested: Ingested) -> None:
    """Raises BadInput where no row gave anything, with the first problems: nothing was observed."""
    if any(triple.predicate == DERIVED for triple in ingested.triples):
        return
    first = ingested.problems[:SHOWN_REASONS]
    reasons = "; ".join(f"{each.place()}: expected is {each.expected}" for each in first)
    said = f"{ingested.name}: of {ingested.rows} rows none says anything that the mapping {ingested.mapping} reads"
    raise BadInput(f"{said}, so there is nothing to load. {reasons}".strip(), {"mapping": ingested.mapping})


def choose(table: Table, name: str | None = None, own: Collection[str] = ()) -> TableMapping:
    """The mapping of that name, or the one all of whose columns the table has; of several the one with most.

    `own` are the mappings that read a city's sources: one of them comes before any other that fits as well. Raises
    BadInput with the columns expected and found, for the nearest mapping.
    """
    known = mappings()
    if name is not None and name not in known:
        raise not_found("mapping", name, known)
    named = list(known.values()) if name is None else [known[name]]
    candidates = [mapping for mapping in named if mapping.reads_graphs == (table.triples is not None)]
    if not candidates:
        kinds = ("an RDF graph", "rows") if table.triples is not None else ("rows", "an RDF graph")
        raise BadInput(f"{table.name} is {kinds[0]}, and the mapping {name} reads {kinds[1]}", {"mapping": name})
    fitting = [mapping for mapping in candidates if not mapping.missing(table)]
    if fitting:
        best = max(fitting, key=lambda mapping: (mapping.name in own, len(mapping.columns())))
        strange = sorted({*table.parts} - best.parts())
        if strange:
            raise unknown_names("table", strange, sorted(best.parts()), f" in the mapping {best.name}")
        return best
    part_of = next((mapping.name for mapping in candidates if Path(table.name).stem in mapping.parts()), None)
    if part_of is not None:
        said = f"{table.name} is one of the tables that the mapping {part_of} reads together: load the folder of them"
        raise BadInput(said, {"mapping": part_of})
    raise _unfit(table, min(candidates, key=lambda each: len(each.missing(table)) / len(each.columns())))


def _unfit(table: Table, nearest: TableMapping) -> BadInput:
    expected = sorted(" or ".join(sorted(each)) for each in nearest.columns())
    columns = nearest.rows(table).columns[:MOST_NAMES]
    missing, found = nearest.missing(table), [name[:LONGEST_NAME] for name in columns]
    return BadInput(
        f"{table.name} fits no mapping. The nearest is {nearest.name}. "
        f"Expected are the columns {', '.join(expected)}. Found: {', '.join(found) or 'none'}. "
        f"Missing: {', '.join(missing)}.",
        {"mapping": nearest.name, "expected": expected, "found": found, "missing": missing},
    )


def value_tables(mapping: TableMapping, city: City) -> dict[str, Path]:
    """The value tables that a mapping reads for a city, by name."""
    aliases = city.folder / f"{ALIASES}.csv"
    own = {path.stem.partition(".")[2]: path for path in sorted(city.folder.glob(f"{mapping.name}.*.csv"))}
    return {**mapping.tables, **own, **({ALIASES: aliases} if aliases.exists() else {})}


def _staged(
    table: Table,
    city: City,
    mapping: TableMapping,
    splits: Mapping[str, re.Pattern[str]],
    load: Iterable[Quad] = (),
) -> Store:
    """A store with the rows, the value tables, and what the keys queries add, one after the other."""
    store = Store()
    store.extend(load)
    store.bulk_extend(row_quads(table, city.base, splits))
    if mapping.reads_graphs:
        store.bulk_extend(graph_quads(table, city.base, SOURCE_GRAPH))
    if mapping.reads_ontology:
        known = (*ontology(), *city.facts())
        store.bulk_extend(Quad(t.subject, t.predicate, t.object, ONTOLOGY_GRAPH) for t in known)
    for name, path in value_tables(mapping, city).items():
        store.extend(value_quads(name, path, city))
    for keys in mapping.keys:
        added = _constructed(store, keys)
        store.bulk_extend(Quad(triple.subject, triple.predicate, triple.object) for triple in added)
    return store


def value_quads(name: str, path: Path, city: City) -> Iterator[Quad]:
    """The rows of a value table as triples."""
    for record in read_table(path).records:
        node = NamedNode(f"{city.base}table/{name}/{record.ordinal}")
        for cell, value in record.cells:
            yield Quad(node, NamedNode(f"{TABLE}{name}#{cell}"), Literal(value))


def _load_quads(city: City, date: str) -> Iterator[Quad]:
    """What the mapping is told of the load, as the one row of a value table `load`."""
    node = NamedNode(f"{city.base}table/load/1")
    facts: dict[str, NamedNode | Literal] = {
        "base": Literal(city.base),
        "city": city.iri,
        "observation": NamedNode(f"{city.base}observation/{date}"),
        "date": Literal(date, datatype=XSD_DATE),
    }
    for name, value in facts.items():
        yield Quad(node, NamedNode(f"{TABLE}load#{name}"), value)


def _constructed(store: Store, query: QueryFile) -> list[Triple]:
    result = store.query(query.text, custom_functions=custom_functions())
    if not isinstance(result, QueryTriples):
        raise InternalFault(f"{query.name} is no CONSTRUCT query")
    return list(dict.fromkeys(result))


def _selected(store: Store, query: QueryFile) -> QuerySolutions:
    result = store.query(query.text, custom_functions=custom_functions())
    if not isinstance(result, QuerySolutions):
        raise InternalFault(f"{query.name} is no SELECT query")
    return result


def _problems(table: Table, city: City, mapping: TableMapping, store: Store) -> Iterator[Problem]:
    found = [*_stray(table), *_unread(table, mapping)]
    if mapping.problems is not None:
        found += _told(table, city, store, mapping.problems)
    # A folder of JSON numbers its rows through; in one of CSV tables each table has a row 1.
    yield from sorted(dict.fromkeys(found), key=lambda each: (each.file if table.parts else "", each.row, each.column))


def _problem(table: Table, record: Record, name: str, value: str, expected: str) -> Problem:
    # What stands at the place of a file's path in a graph may name a person.
    file = table.name if table.triples is not None else record.url or table.name
    column = name.partition(".")[2] if table.parts else name
    return Problem(file, record.rownum, record.line, column, value, expected)


def _stray(table: Table) -> Iterator[Problem]:
    """The values that stand below no column name."""
    for record in table.records:
        for value in record.stray:
            yield _problem(table, record, "", value, "no value without a column name")


def _unread(table: Table, mapping: TableMapping) -> Iterator[Problem]:
    """The cells from which a function of the mapping gets no value."""
    for reading in readings(mapping):
        function = FUNCTIONS[reading.function]
        expected = function.expected(*(constant.value for constant in reading.constants))
        for record, name, value in _parts(table, reading.columns, mapping.splits):
            if function(Literal(value), *reading.constants) is None:
                yield _problem(table, record, name, value, expected)


def _parts(
    table: Table, columns: tuple[str, ...], splits: Mapping[str, re.Pattern[str]]
) -> Iterator[tuple[Record, str, str]]:
    """The parts of the cells of some columns, with their record and column."""
    for record in table.records:
        for name, cell in record.cells:
            if name in columns:
                yield from ((record, name, part) for part in split_cell(cell, splits.get(name)))


def _told(table: Table, city: City, store: Store, query: QueryFile) -> Iterator[Problem]:
    solutions = _selected(store, query)
    records = {row_node(table, city.base, record.ordinal): record for record in table.records}
    for row in solutions:
        record = records[row["row"]]
        yield _problem(table, record, row["column"].value, row["value"].value, row["expected"].value)


def readings(mapping: TableMapping) -> list[Reading]:
    """The calls of functions on cells that a mapping makes, each once."""
    found = dict.fromkeys(reading for query in mapping.queries for reading in _readings(query.text))
    return list(found)


def _readings(text: str) -> Iterator[Reading]:
    parts = list(_nodes(read_file_query(text)))
    cells = {
        part.object: tuple(sorted(_column_names(part.predicate)))
        for part in parts
        if isinstance(part, syntax.Triple) and isinstance(part.object, Variable)
    }
    for call in parts:
        if not isinstance(call, syntax.Call) or not isinstance(call.name, NamedNode):
            continue
        argument, *others = call.arguments
        constants = tuple(other for other in others if isinstance(other, Literal))
        columns = cells.get(argument, ()) if isinstance(argument, Variable) else ()
        if call.name in FUNCTIONS and columns and len(constants) == len(others):
            yield Reading(call.name, columns, constants)


@cache
def named_columns(text: str) -> frozenset[frozenset[str]]:
    """The columns that a query names: the choices of a path alternative together, every other alone."""
    paths = (part.predicate for part in _nodes(read_file_query(text)) if isinstance(part, syntax.Triple))
    return frozenset(names for path in paths if (names := _column_names(path)))


def _column_names(path: syntax.Path | Variable) -> frozenset[str]:
    named = (step.value for step in syntax.path_steps(path))
    return frozenset(unquote(iri.removeprefix(COLUMN)) for iri in named if iri.startswith(COLUMN))


def _parts_of(columns: Iterable[str]) -> set[str]:
    """The tables that columns of the form `<table>.<column>` are of."""
    return {name.partition(".")[0] for name in columns}


def _nodes(tree: object) -> Iterator[object]:
    """Every node of a syntax tree, itself first."""
    yield tree
    if isinstance(tree, tuple):
        for item in tree:
            yield from _nodes(item)
    elif is_dataclass(tree):
        for each in fields(tree):
            yield from _nodes(getattr(tree, each.name))
