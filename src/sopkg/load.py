"""Loads one table as the observation of a city at a date, and publishes what follows from it: all of it, or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyoxigraph as ox
from pyoxigraph import Literal, NamedNode, Store, Triple

from sopkg import __version__
from sopkg.cities import City
from sopkg.detect import Audit, detect_apart
from sopkg.draft import Draft
from sopkg.entail import Inconsistency
from sopkg.errors import BadInput, not_observed
from sopkg.files import BASE, found, system_query
from sopkg.graphs import CATALOGUE, EXTENSION_GAPS, GAPS, Graph, current_graphs, known_graphs, triples_of
from sopkg.ingest import Ingested, Problem, TableMapping, check_read, choose, ingest_table
from sopkg.lasting import Lasting
from sopkg.pipeline import Triples, closed_ontology, derive
from sopkg.rdftable import read_source
from sopkg.rows import select
from sopkg.staging import Cells, construct
from sopkg.store import SnapshotStore
from sopkg.tables import Table
from sopkg.turtle import store_of

GRAPHS = f"{BASE}graph/"
STEPS = ("ingest", "validate", "entail", "detect", "publish")
Progress = Callable[[str, str], None]
"""Is told which step begins, and what it is busy with ("" for nothing to add)."""


@dataclass(frozen=True)
class Loaded:
    """What a load did: whether anything changed, the problems of the table, counts by step, clashes, broken rules."""

    changed: bool
    problems: list[Problem]
    rows: int
    counts: Mapping[str, int]
    inconsistencies: Sequence[Inconsistency] = ()
    broken: int = 0


def load(
    snapshots: SnapshotStore,
    path: Path,
    city: City,
    date: str,
    mapping: str | None = None,
    progress: Progress = lambda step, detail: None,
) -> Loaded:
    """Loads a table. The published state moves at the end, in one step; a failure or a kill leaves it as it was.

    `date` is the observation's (ISO 8601), not after today (UTC). The same file with the same mapping, ontology and
    queries changes nothing. What can't be loaded is refused before the first step begins.
    """
    started = datetime.now(UTC)
    check_observed(date, started.date().isoformat())
    table, chosen, source = table_of(path, city, mapping)
    method, inputs = method_hash(), inputs_hash(table, city, chosen.name)
    rows = rows_loaded(snapshots, city, date, method, inputs)
    if rows is not None:
        return Loaded(False, [], rows, {})
    progress("ingest", "")
    ingested, asserted = said_by(table, chosen, city, date)
    name = graph_name(city, date, "asserted", asserted)
    if snapshots.exists():
        with snapshots.reading() as store:
            if any(graph.iri == name and graph.method == method for graph in of_date(store, city, date)):
                return Loaded(False, ingested.problems, ingested.rows, {"asserted": len(asserted)})
    audit = Audit(city.base, observation(city, date), date)
    provenance = provenance_triples(ingested, source, audit, name, inputs, started)
    with snapshots.writing(f"load {table.name} as {city.name} {date}") as draft:
        earlier = earlier_findings(draft.store, city, date)
        derived = derive(audit, asserted, provenance, earlier, ingested.mapping_hash, in_steps(progress))
        steps = {
            "asserted": asserted,
            "validation": derived.validation,
            "inferred": derived.inferred,
            GAPS: derived.gaps,
            EXTENSION_GAPS: derived.extension_gaps,
            "provenance": provenance,
        }
        publish_all(draft, city, date, steps, method, progress)
    counts = {step: len(triples) for step, triples in steps.items()}
    return Loaded(True, ingested.problems, ingested.rows, counts, derived.inconsistencies, derived.broken)


def table_of(path: Path, city: City, mapping: str | None = None) -> tuple[Table, TableMapping, NamedNode]:
    """The rows of a file, the mapping that reads them, and the city's source that they are of.

    Raises BadInput for a file that can't be read or has no row, that no mapping fits, or that is of no source.
    """
    table = read_source(path)
    chosen = choose(table, mapping, [reads for _, reads in city.sources()])
    table = chosen.rows(table)
    source = source_of(city, table, chosen.name)
    if not table.records:
        raise BadInput(f"{table.name} has columns and no row: nothing was observed, so there is nothing to load")
    return table, chosen, source


def said_by(table: Table, chosen: TableMapping, city: City, date: str) -> tuple[Ingested, Triples]:
    """What a mapping reads of a table, and all that is said with what the city says of itself.

    Raises BadInput where nothing is read, or what is read contradicts itself.
    """
    ingested = ingest_table(table, chosen, city, date)
    check_read(ingested)
    return ingested, list(dict.fromkeys([*ingested.triples, *city.facts()]))


def check_observed(date: str, today: str) -> None:
    """Raises BadInput for a date after today: nobody has observed it yet."""
    if date > today:
        raise BadInput(f"the observation date {date} lies in the future: it can be {today} (today, UTC) at the latest")


def in_steps(progress: Progress) -> Callable[[str], None]:
    """The same for the pipeline, which tells each gap query: what is no step of its own belongs to detection."""
    return lambda name: progress(name, "") if name in STEPS else progress("detect", name)


def observation(city: City, date: str) -> NamedNode:
    """The IRI of a city's observation at a date."""
    return NamedNode(f"{city.base}observation/{date}")


def method_hash() -> str:
    """What all of our files that decide an answer hash to, with the program's version (16 hex digits of SHA-256)."""
    digest = hashlib.sha256(__version__.encode())
    for folder in ("ontology", "queries"):
        for path in found(folder, "**/*.*"):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def inputs_hash(table: Table, city: City, mapping: str) -> str:
    """What a table, its mapping's name and what the city's folder says hash to (16 hex digits of SHA-256)."""
    digest = hashlib.sha256(f"{table.name} {table.sha256} {mapping}".encode())
    beside = (path for path in city.folder.iterdir() if path.is_file())
    for path in sorted(set(beside) - set(city.tables().values())):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def rows_loaded(snapshots: SnapshotStore, city: City, date: str, method: str, inputs: str) -> int | None:
    """The number of rows that were read of the same inputs by the same method; None where something else is there."""
    if not snapshots.exists():
        return None
    with snapshots.reading() as store:
        mine = {graph.step: graph for graph in of_date(store, city, date) if graph.method == method}
        if not {"asserted", "provenance"} <= mine.keys():
            return None
        told = store_of(triples_of(store, mine["provenance"].iri))
    loads = {(row["graph"].value, row["hash"].value): row["rows"] for row in select(told, system_query("loads"))}
    rows = loads.get((mine["asserted"].iri, inputs))
    return None if rows is None else int(rows.value)


def content_hash(triples: Iterable[Triple]) -> str:
    """16 hex digits of SHA-256 over the sorted N-Triples lines: the same triples have the same one."""
    lines = sorted(_n_triples(triples).splitlines())
    return hashlib.sha256(b"\n".join(lines)).hexdigest()[:16]


def _n_triples(triples: Iterable[Triple]) -> bytes:
    return ox.serialize(triples, format=ox.RdfFormat.N_TRIPLES) or b""


def graph_name(city: City, date: str, step: str, triples: Iterable[Triple]) -> str:
    """The name of a step's graph, by its content."""
    return f"{GRAPHS}{city.name}/{date}/{step}/{content_hash(triples)}"


def publish_all(
    draft: Draft, city: City, date: str, steps: Mapping[str, Triples], method: str, progress: Progress
) -> None:
    """Publishes the graphs of an observation, and audits the city's later ones again."""
    progress("publish", "")
    publish(draft, city, date, steps, method)
    for later in later_dates(draft.store, city, date):
        progress("audit again", later)
        audit_again(draft, city, later)


def publish(draft: Draft, city: City, date: str, steps: Mapping[str, Triples], method: str) -> None:
    """Puts the steps' graphs and their catalogue entries into a draft, in place of the current ones of that date."""
    schema = closed_ontology()
    common = Graph(f"{GRAPHS}ontology/{content_hash(schema)}", "ontology", None, None, None, method, current=True)
    named = [
        Graph(
            graph_name(city, date, step, triples),
            step,
            observation(city, date).value,
            city.iri.value,
            date,
            method,
            True,
        )
        for step, triples in steps.items()
    ]
    draft.load({common.iri: _n_triples(schema)})
    draft.load({graph.iri: _n_triples(steps[graph.step]) for graph in named})
    entries = [graph for graph in known_graphs(draft.store) if graph.iri not in {common.iri, *(g.iri for g in named)}]
    kept = [graph.superseded_by([common, *named]) for graph in entries]
    draft.replace(CATALOGUE, catalogue_triples([*kept, common, *named]))


def catalogue_triples(graphs: Iterable[Graph]) -> Triples:
    """The catalogue's content."""
    return construct("catalogue", (graph.row() for graph in graphs), GRAPHS)


def source_of(city: City, table: Table, mapping: str) -> NamedNode:
    """The source of a city that a mapping reads. Raises BadInput where the table is none of the city's."""
    known = city.sources()
    for source, reads in known:
        if reads == mapping:
            return source
    read = ", ".join(sorted({reads for _, reads in known})) or "none"
    fits = f"{table.name} fits the mapping {mapping}, which reads no source of {city.name}"
    raise BadInput(f"{fits}; its city.ttl names the mappings {read}")


def provenance_triples(
    ingested: Ingested, source: NamedNode, audit: Audit, graph: str, inputs: str, started: datetime
) -> Triples:
    """Who made the asserted graph from which file of a source, how and when (PROV-O)."""
    row: dict[str, NamedNode | Literal | str] = {
        "graph": NamedNode(graph),
        "activity": NamedNode(f"{audit.base}load/{audit.date}-{ingested.sha256[:12]}"),
        "file": NamedNode(f"{audit.base}file/{ingested.sha256[:12]}"),
        "title": ingested.name,
        "sha256": ingested.sha256,
        "started": instant(started),
        "ended": instant(datetime.now(UTC)),
        "mapping": ingested.mapping,
        "mappinghash": ingested.mapping_hash,
        "inputs": inputs,
        "rows": integer(ingested.rows),
        "triples": integer(len(ingested.triples)),
        "source": source,
    }
    return construct("provenance", [row, *_problem_rows(ingested, audit)], audit.base, ontology=())


def _problem_rows(ingested: Ingested, audit: Audit) -> Iterator[Cells]:
    for number, problem in enumerate(ingested.problems, 1):
        yield {
            "problem": NamedNode(f"{audit.base}problem/{audit.date}-{ingested.sha256[:12]}-{number}"),
            "of": NamedNode(f"{audit.base}file/{ingested.sha256[:12]}"),
            "rownum": integer(problem.row),
            "column": problem.column,
            "value": problem.value,
            "expected": problem.expected,
            **({"url": problem.file} if problem.file != ingested.name else {}),
        }


def instant(moment: datetime) -> Literal:
    """A moment as xsd:dateTime, to the millisecond."""
    text = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Literal(text, datatype=NamedNode("http://www.w3.org/2001/XMLSchema#dateTime"))


def integer(number: int) -> Literal:
    """A number as xsd:integer."""
    return Literal(str(number), datatype=NamedNode("http://www.w3.org/2001/XMLSchema#integer"))


def earlier_findings(store: Store, city: City, date: str) -> Triples:
    """The findings of a city's earlier observations, with these observations' city and date."""
    mine = [graph for graph in current_graphs(store) if graph.city == city.iri.value and (graph.date or "") < date]
    findings = [triple for graph in mine if graph.step == GAPS for triple in triples_of(store, graph.iri)]
    return findings + catalogue_triples(graph for graph in mine if graph.step == "asserted")


def later_dates(store: Store, city: City, date: str) -> list[str]:
    """The dates of a city's later observations: their audits read this one."""
    return sorted({g.date for g in current_graphs(store) if g.city == city.iri.value and g.date and g.date > date})


def of_date(store: Store, city: City, date: str) -> list[Graph]:
    """The graphs in force of a city's observation."""
    return [graph for graph in current_graphs(store) if graph.city == city.iri.value and graph.date == date]


def audit_again(draft: Draft, city: City, date: str) -> None:
    """Detects the gaps of an observation anew, from what is stored of it.

    Its graphs keep their method: what was not made anew must not pass for made by today's files.
    """
    mine = {graph.step: graph for graph in of_date(draft.store, city, date)}
    steps = {step: triples_of(draft.store, graph.iri) for step, graph in mine.items()}
    audit = Audit(city.base, observation(city, date), date)
    gaps = detect_again(steps, earlier_findings(draft.store, city, date), audit)
    publish(draft, city, date, {**steps, **gaps}, mine["asserted"].method)


def detect_again(
    steps: Mapping[str, Triples],
    earlier: Triples,
    audit: Audit,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Triples]:
    """The steps that detect, of an observation whose other steps are there."""
    working = store_of([*closed_ontology(), *steps["asserted"], *steps["inferred"], *steps["provenance"], *earlier])
    return detect_apart(working, audit, mapping_hash_of(steps["provenance"]), progress)


def mapping_hash_of(provenance: Triples) -> str:
    """The hash of the mapping that a provenance graph names."""
    rows = select(store_of(provenance), system_query("mapping-hash"))
    return next((row["hash"].value for row in rows), "")


def forget(snapshots: SnapshotStore, city: City, date: str) -> list[str]:
    """Drops every graph of a city's observation, superseded ones too; returns their names.

    Raises NotFound if there is none, with the dates that there are.
    """
    with snapshots.reading() as store:
        dates = {graph.date for graph in known_graphs(store) if graph.city == city.iri.value and graph.date}
    if date not in dates:
        raise not_observed(f"of {city.name} on", date, dates)
    with snapshots.writing(f"forget {city.name} {date}") as draft:
        known = known_graphs(draft.store)
        gone = [graph for graph in known if graph.city == city.iri.value and graph.date == date]
        draft.replace(CATALOGUE, catalogue_triples(graph for graph in known if graph not in gone))
        for later in later_dates(draft.store, city, date):
            audit_again(draft, city, later)
    # What the catalogue no longer names is dropped on the side: dropping a large graph takes long.
    snapshots.sweep(CATALOGUE)
    Lasting(snapshots.path, 0).keep_only(())
    return [graph.iri for graph in gone]
