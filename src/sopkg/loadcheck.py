"""A worker's operation: what loading a file would give and change, without publishing anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sopkg.auditgraphs import Dataset
from sopkg.cities import City
from sopkg.detect import Audit, focus_of
from sopkg.files import system_query
from sopkg.graphs import GAPS, current_graphs, triples_of
from sopkg.ingest import TableMapping, named_columns
from sopkg.load import (
    check_observed,
    earlier_findings,
    graph_name,
    inputs_hash,
    observation,
    provenance_triples,
    said_by,
    table_of,
)
from sopkg.naming import Names
from sopkg.negation import RDF_TYPE
from sopkg.pipeline import Triples, closed_ontology, derive
from sopkg.rows import select
from sopkg.store import SnapshotStore
from sopkg.tables import Table
from sopkg.turtle import store_of
from sopkg.update import FOLLOWS, MODEL, SAID, closed_of
from sopkg.worker import Job

Row = dict[str, Any]
Steps = Mapping[str, Triples]
_LISTED = 200  # problems, broken rules and gaps of each sort that are told; all are counted
_FINDING = ("id", "kind", "gap", "severity", "verdict", "key")
_VIOLATION = ("thing", "path", "value", "message")


def check_file(job: Job) -> Row:
    """What loading the file of the payload would give; the payload is that of `load`.

    What was read and what not, the problems of its cells, the rules that the data breaks, and which gaps would open,
    close and change: against the same date where it is loaded, else the observation before. Raises as `load` does.
    """
    given, started = job.payload, datetime.now(UTC)
    city, date = City(given["city"], Path(given["folder"])), given["date"]
    check_observed(date, started.date().isoformat())
    table, chosen, source = table_of(Path(given["file"]), city, given["mapping"])
    ingested, asserted = said_by(table, chosen, city, date)
    compared, before, earlier = _known(SnapshotStore(Path(given["store"])), city, date)
    audit = Audit(city.base, observation(city, date), date)
    name = graph_name(city, date, "asserted", asserted)
    inputs = inputs_hash(table, city, chosen.name)
    provenance = provenance_triples(ingested, source, audit, name, inputs, started)
    derived = derive(audit, asserted, provenance, earlier, ingested.mapping_hash)
    after = {"asserted": asserted, "inferred": derived.inferred, GAPS: derived.gaps}
    broken = [
        {name: row[name].value for name in _VIOLATION if row[name] is not None}
        for row in select(store_of(derived.validation), system_query("violations"))
    ]
    classes = Counter(str(triple.object) for triple in ingested.triples if triple.predicate == RDF_TYPE)
    return {
        "city": city.name,
        "date": date,
        "file": table.name,
        "mapping": chosen.name,
        "encoding": ingested.encoding,
        "rows": ingested.rows,
        "statements": len(ingested.triples),
        "classes": classes.most_common(),
        "unread": _unread(table, chosen),
        "problems": _some(map(asdict, ingested.problems)),
        "broken": _some(broken),
        "inconsistencies": len(derived.inconsistencies),
        "compared": compared,
        "same": compared == date and set(before["asserted"]) == set(asserted),
        **_became(before, after),
    }


def _some(rows: Iterable[Any]) -> Row:
    every = list(rows)
    return {"count": len(every), "rows": every[:_LISTED]}


def _unread(table: Table, chosen: TableMapping) -> list[str]:
    """The columns that no query of the mapping names; a graph has none."""
    if chosen.reads_graphs:
        return []
    queries = [query for query in (*chosen.queries, chosen.problems, chosen.contradictions) if query]
    named = {name for query in queries for names in named_columns(query.text) for name in names}
    return [name for name in table.columns if name not in named]


def _known(snapshots: SnapshotStore, city: City, date: str) -> tuple[str | None, Steps, Triples]:
    """The date that a load is compared with, what is stored of it, and the findings of all that are earlier."""
    if not snapshots.exists():
        return None, {}, []
    with snapshots.reading() as store:
        mine = [graph for graph in current_graphs(store) if graph.city == city.iri.value]
        compared = max((graph.date for graph in mine if graph.date and graph.date <= date), default=None)
        steps = {graph.step: triples_of(store, graph.iri) for graph in mine if graph.date == compared}
        return compared, steps, earlier_findings(store, city, date)


def _became(before: Steps, after: Steps) -> Row:
    """The gaps that would open, close, or be of another verdict or severity."""
    old, new = (_findings(steps) for steps in (before, after))
    changed = [
        {**row, "was": {name: old[gap][name] for name in ("severity", "verdict")}}
        for gap, row in new.items()
        if gap in old and old[gap] != row
    ]
    return {
        "opened": _told([row for gap, row in new.items() if gap not in old], after),
        "closed": _told([row for gap, row in old.items() if gap not in new], before),
        "changed": _told(changed, after),
        "found": dict(Counter(row["verdict"] for row in new.values())),
    }


def _findings(steps: Steps) -> dict[str, Row]:
    """The findings by their gaps' identifiers, those that can't be known last."""
    rows = select(store_of([*closed_ontology(), *steps.get(GAPS, ())]), system_query("finding-row"))
    told = [{name: row[name].value for name in _FINDING} for row in rows]
    told.sort(key=lambda row: (row["verdict"] == "undetermined", row["kind"], row["id"]))
    return {row["id"]: row for row in told}


def _told(rows: list[Row], steps: Steps) -> Row:
    """The first rows with what each is about by its names, and how many there are."""
    if not rows:
        return _some(rows)
    names = Names(Dataset(closed_of(steps).store, [SAID, FOLLOWS, MODEL]))
    told = _some(rows)
    for row in told["rows"]:
        row["focus"] = " · ".join(names.label(term) for term in focus_of(row.pop("key")))
    return told
