"""A worker's operation: what an update of an observation would change, without changing anything."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from pyoxigraph import NamedNode, Store, Triple, Variable

from sopkg.auditgraphs import Dataset
from sopkg.change import Closed
from sopkg.cities import City
from sopkg.detect import Audit, focus_of
from sopkg.files import system_query
from sopkg.gapquery import gap_queries
from sopkg.graphs import EXTENSION_GAPS, GAPS, triples_of
from sopkg.load import earlier_findings, mapping_hash_of, observation, of_date
from sopkg.naming import Names
from sopkg.negation import RDF_TYPE
from sopkg.pipeline import closed_ontology, closed_schema
from sopkg.reaudit import Audited, Change
from sopkg.rows import select
from sopkg.turtle import store_of
from sopkg.update import FOLLOWS, MODEL, SAID, Edit, checked_edit, closed_of, edited_in
from sopkg.validate import Result, results
from sopkg.worker import Job

Row = dict[str, Any]


def what_if(job: Job) -> Row:
    """The gaps that an update would open, close and change, and what it would infer and break.

    The payload names the city and the date of an observation that is there, and the update (SPARQL 1.1 Update over
    what sources say); with `extensions` it is asked for the kinds that the paper does not have, too. Raises BadInput or
    Forbidden for an update that is refused.
    """
    city, date = City(job.payload["city"], Path()), job.payload["date"]  # no file of the city is read
    edit = checked_edit("the update", job.payload["update"], job.payload["nesting"])
    audited = _audited(job.store, job.snapshot, city, date, job.payload["extensions"])
    whole = False
    try:
        told = answer(audited, edit)
        whole = True
    finally:
        if not whole:  # a change that was not taken back
            _audited.cache_clear()
    return {"city": city.name, "date": date, **told}


def as_text(told: Row) -> str:
    """The answer as people read it."""
    said, inferred = told["said"], told["inferred"]
    lines = [
        f"If the sources of {told['city']} at {told['date']} said so ({said['added']} triples more, {said['removed']} "
        f"less; {inferred['added']} more and {inferred['removed']} less would follow):"
    ]
    for name, none in (("closed", "no gap would close"), ("opened", "no gap would open"), ("changed", "")):
        rows = told[name]
        lines += [f"\n{len(rows)} {_gaps(rows)} would be {name}"] if rows else [f"\n{none}"] if none else []
        lines += [_line(row) for row in rows]
    for name, title in (("breaks", "would break a rule of the data"), ("mends", "would no longer break one")):
        lines += [f"\n{title}:"] * bool(told[name])
        lines += [f"  {row['node']} {row['path']}: {row['message'] or row['value']}" for row in told[name]]
    lines += ["\ncould not all be true:"] * bool(told["inconsistencies"])
    lines += [f"  by the rule {each['rule']}: {' '.join(each['triples'])}" for each in told["inconsistencies"]]
    return "\n".join(lines) + "\n"


def _gaps(rows: list[Row]) -> str:
    return "gap" if len(rows) == 1 else "gaps"


def _line(row: Row) -> str:
    was = f" (was {row['was']['severity']}, {row['was']['verdict']})" if "was" in row else ""
    return f"  {row['id']}  {row['severity']}, {row['verdict']}{was}  {row['gap']}: {row['focus']}"


@lru_cache(maxsize=1)
def _audited(store: Store, snapshot: str, city: City, date: str, extensions: bool) -> Audited:
    """The observation in memory, kept for the next question about the same snapshot."""
    wanted = {"asserted", "inferred", "provenance", GAPS} | ({EXTENSION_GAPS} if extensions else set())
    steps = {graph.step: triples_of(store, graph.iri) for graph in of_date(store, city, date) if graph.step in wanted}
    rest = [*closed_ontology(), *steps["provenance"], *earlier_findings(store, city, date)]
    audit = Audit(city.base, observation(city, date), date)
    findings, asked = steps[GAPS], gap_queries() if extensions else None
    if extensions:
        findings = findings + steps.get(EXTENSION_GAPS, [])
    return Audited(closed_of(steps), rest, findings, audit, mapping_hash_of(steps["provenance"]), asked)


def answer(audited: Audited, edit: Edit) -> Row:
    """What an update of an audited observation would do; the observation is as before."""
    added, removed = edited_in(audited.closed, edit)
    faults = _faults(audited.closed, [*added, *removed])
    change = audited.change(added, removed)
    after = {finding: _finding(audited, finding) for finding in change.after}
    broken = _faults(audited.closed, [*added, *removed])
    audited.undo()
    before = {finding: _finding(audited, finding) for finding in change.before}
    return {
        "said": {"added": len(added), "removed": len(removed)},
        "inferred": {"added": len(change.inferred_added), "removed": len(change.inferred_removed)},
        **_difference(change, before, after),
        "breaks": [_fault(each) for each in broken if each not in faults],
        "mends": [_fault(each) for each in faults if each not in broken],
        "inconsistencies": [
            {"rule": each.rule, "triples": [f"{triple} ." for triple in each.triples]}
            for each in change.inconsistencies
        ],
    }


def _difference(change: Change, before: dict[NamedNode, Row], after: dict[NamedNode, Row]) -> Row:
    """What opens, what closes, and what is another verdict or severity."""
    both = [finding for finding in before if finding in after]
    changed = [(before[each], after[each]) for each in both if before[each] != after[each]]
    return {
        "opened": _sorted(row for finding, row in after.items() if finding not in before),
        "closed": _sorted(row for finding, row in before.items() if finding not in after),
        "changed": _sorted({**new, "was": {k: old[k] for k in ("severity", "verdict")}} for old, new in changed),
    }


def _sorted(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row["kind"], row["id"]))


def _finding(audited: Audited, finding: NamedNode) -> Row:
    """A finding as plain data, its focus by its labels."""
    given = {Variable("finding"): finding}
    row = next(iter(select(audited.store, system_query("finding-row"), given=given)))
    names = Names(Dataset(audited.closed.store, [SAID, FOLLOWS, MODEL]))
    plain = {name: row[name].value for name in ("id", "kind", "gap", "severity", "verdict")}
    return {**plain, "focus": " · ".join(names.label(term) for term in focus_of(row["key"].value))}


def _faults(closed: Closed, changed: Iterable[Triple]) -> list[Result]:
    """What breaks a shape at what a change is about, and at what leads to a thing whose class it changes.

    A shape asks for the properties of a thing and for the classes of their values, and for nothing further away.
    """
    near = {triple.subject for triple in changed}
    for triple in changed:
        if triple.predicate == RDF_TYPE:
            near |= {quad.subject for quad in closed.store.quads_for_pattern(None, None, triple.subject, SAID)}
    mine = [quad.triple for node in near for quad in closed.store.quads_for_pattern(node, None, None, SAID)]
    values = {triple.object for triple in mine if isinstance(triple.object, NamedNode)}
    mine += [q.triple for value in values for q in closed.store.quads_for_pattern(value, RDF_TYPE, None, SAID)]
    store = _beside()
    quads = [quad for quad in store_of(mine) if quad not in store]
    store.extend(quads)
    try:
        return [each for each in results(store, closed_schema()) if each.focus_node in near]
    finally:
        for quad in quads:
            store.remove(quad)


@cache
def _beside() -> Store:
    """The closed ontology in a store of its own, where what is to be validated is put beside it for a while."""
    return store_of(closed_ontology())


def _fault(result: Result) -> Row:
    message = None if result.message is None else result.message.value
    value = None if result.value is None else str(result.value)
    return {"node": result.focus_node.value, "path": result.path.value, "value": value, "message": message}
