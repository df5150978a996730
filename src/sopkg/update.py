"""Changes what sources say of a city at a date by a SPARQL update, and publishes what follows: all, or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Store
from rdflib.plugins.sparql.parser import parseUpdate

from sopkg.change import Closed
from sopkg.cities import City
from sopkg.detect import Audit
from sopkg.draft import Draft
from sopkg.entail import Inconsistency
from sopkg.errors import BadInput, Unprocessable, not_observed
from sopkg.files import BASE, system_query
from sopkg.graphs import GAPS, Graph, current_graphs, triples_of
from sopkg.guard import all_named, inspect_update, parts
from sopkg.load import (
    Progress,
    detect_again,
    earlier_findings,
    graph_name,
    in_steps,
    instant,
    integer,
    method_hash,
    observation,
    of_date,
    publish_all,
)
from sopkg.pipeline import Triples, closed_ontology, closed_schema, data_rules, is_named
from sopkg.rows import select
from sopkg.sparql import bad_syntax
from sopkg.staging import construct
from sopkg.store import SnapshotStore
from sopkg.turtle import store_of
from sopkg.validate import report, validate

SAID, FOLLOWS, MODEL = (NamedNode(f"{BASE}graph/working/{name}") for name in ("a", "i", "o"))


Row = dict[str, str]
_VIOLATION, _FINDING = ("thing", "path", "value", "message"), ("id", "kind", "gap", "severity", "verdict")


@dataclass(frozen=True)
class Updated:
    """What an update did to an observation.

    How many triples it added to what sources say and removed from it, what followed, what clashes, which rules it
    broke, and which gaps opened, closed, or got another verdict or severity.
    """

    added: int
    removed: int
    inferred_added: int = 0
    inferred_removed: int = 0
    counts: Mapping[str, int] | None = None
    inconsistencies: Sequence[Inconsistency] = ()
    broken: Sequence[Row] = ()
    opened: Sequence[Row] = ()
    closed: Sequence[Row] = ()
    changed: Sequence[Row] = ()


@dataclass(frozen=True)
class Edit:
    """A SPARQL update in a file."""

    title: str
    text: str
    sha256: str


def update(
    snapshots: SnapshotStore,
    path: Path,
    city: City,
    date: str,
    nesting: int,
    progress: Progress = lambda step, detail: None,
    *,
    lenient: bool = False,
) -> Updated:
    """Runs a file of SPARQL 1.1 Update over the asserted triples of an observation, and publishes the outcome.

    An update that changes nothing publishes nothing. Raises NotFound where there is no such observation; BadInput for
    an update that can't be read, names a graph, brings a blank node or leaves nothing; Forbidden for LOAD and SERVICE;
    Unprocessable as `revise` does.
    """
    edit = read_edit(path, nesting)
    with snapshots.reading() as store:
        if edited(said_in(store, city, date), edit) == ([], []):
            return Updated(0, 0)
    with snapshots.writing(f"update {city.name} {date} by {path.name}") as draft:
        change = edited(said_in(draft.store, city, date), edit)
        return revise(draft, city, date, edit, change, progress, lenient=lenient)


def revise(
    draft: Draft,
    city: City,
    date: str,
    edit: Edit,
    change: tuple[Triples, Triples],
    progress: Progress = lambda step, detail: None,
    *,
    lenient: bool = False,
) -> Updated:
    """Adds triples to what sources say of a city at a date, and removes others; a draft gets all that follows.

    Only what hangs on the changed triples is inferred anew; validation and detection read everything. Raises
    Unprocessable with the results of the SHACL report where the change breaks a rule of the data that was kept before,
    unless `lenient`.
    """
    started = datetime.now(UTC)
    added, removed = change
    mine = {graph.step: graph for graph in of_date(draft.store, city, date)}
    steps = {step: triples_of(draft.store, graph.iri) for step, graph in mine.items()}
    progress("entail", "")
    closed = closed_of(steps)
    # What other files inferred can't be taken up; the whole is closed anew.
    close = closed.change if mine["asserted"].method == method_hash() else closed.change_from_scratch
    changed = close(added, removed)
    now = {"asserted": triples_in(closed, SAID), "inferred": triples_in(closed, FOLLOWS)}
    audit = Audit(city.base, observation(city, date), date)
    told = provenance(edit, city, date, mine["asserted"], now["asserted"], (len(added), len(removed)), started)
    progress("validate", "")
    validation = report(validate(store_of(now["asserted"]), closed_schema()), audit.base)
    broken = _broken(steps["validation"], validation)
    if broken and not lenient:
        said = f"{edit.title} breaks {len(broken)} {'rule' if len(broken) == 1 else 'rules'} of the data"
        raise Unprocessable(f"{said}: {broken[0]['message']} ({broken[0]['thing']})", {"results": broken})
    now = {**now, "provenance": [*steps["provenance"], *told], "validation": validation}
    gaps = detect_again(now, earlier_findings(draft.store, city, date), audit, in_steps(progress))
    publish_all(draft, city, date, {**now, **gaps}, method_hash(), progress)
    counts = {step: len(triples) for step, triples in {**now, **gaps}.items()}
    sizes = (len(added), len(removed), len(changed.added), len(changed.removed))
    return Updated(*sizes, counts, changed.inconsistencies, broken, *_became(steps, gaps))


def _broken(before: Triples, after: Triples) -> list[Row]:
    """The violations of one validation report that another has not; a result has the same name in both."""
    known = {triple.subject for triple in before}
    rows = select(store_of(after), system_query("violations"))
    return [_plain(row, _VIOLATION) for row in rows if row["result"] not in known]


def _became(before: Mapping[str, Triples], after: Mapping[str, Triples]) -> tuple[list[Row], list[Row], list[Row]]:
    """The gaps of an audit that another has not, those that only the other has, and those of which it says else."""
    old, new = (_findings(steps) for steps in (before, after))
    other = [(old[gap], row) for gap, row in new.items() if gap in old and old[gap] != row]
    return (
        [row for gap, row in new.items() if gap not in old],
        [row for gap, row in old.items() if gap not in new],
        [{**row, "severityBefore": was["severity"], "verdictBefore": was["verdict"]} for was, row in other],
    )


def _findings(steps: Mapping[str, Triples]) -> dict[str, Row]:
    """The findings of the paper's kinds, by their gaps' identifiers."""
    rows = select(store_of([*closed_ontology(), *steps[GAPS]]), system_query("finding-row"))
    told = [_plain(row, _FINDING) for row in rows]
    return {row["id"]: row for row in sorted(told, key=lambda row: (row["kind"], row["id"]))}


def _plain(row: Any, columns: Iterable[str]) -> Row:
    return {name: row[name].value for name in columns if row[name] is not None}


def said_in(store: Store, city: City, date: str) -> Triples:
    """What sources say of a city at a date. Raises NotFound, with the dates that there are, for one not loaded."""
    mine = [graph for graph in current_graphs(store) if graph.city == city.iri.value and graph.step == "asserted"]
    for graph in mine:
        if graph.date == date:
            return triples_of(store, graph.iri)
    raise not_observed(f"of {city.name} on", date, (graph.date for graph in mine if graph.date))


def read_edit(path: Path, nesting: int) -> Edit:
    """An update in a file. Raises BadInput with line and column, or Forbidden for what calls other servers."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path.name} is not UTF-8: {error}") from error
    return checked_edit(path.name, text, nesting)


def checked_edit(title: str, text: str, nesting: int) -> Edit:
    """An update that can be read. Raises BadInput with line and column, or Forbidden for what calls other servers."""
    inspect_update(text, nesting)
    edit = Edit(title, text, hashlib.sha256(text.encode()).hexdigest())
    edited([], edit)
    return edit


def edited(said: Triples, edit: Edit) -> tuple[Triples, Triples]:
    """What an update adds to triples and removes from them."""
    store = store_of(said)
    try:
        for part in parts(edit.text):
            store.update(part)
    except SyntaxError as error:
        raise bad_syntax(edit.text, error, parseUpdate, f"update {edit.title}") from error
    named = next(iter(store.named_graphs()), None)
    if named is not None:
        raise BadInput(f"{edit.title} writes to the graph {named}: an update of an observation names no graph")
    before = set(said)
    now = dict.fromkeys(quad.triple for quad in store)
    added = [triple for triple in now if triple not in before]
    for triple in added:
        if isinstance(triple.subject, BlankNode) or isinstance(triple.object, BlankNode):
            raise BadInput(f"{edit.title} adds a blank node ({triple} .): what a city has, has an IRI")
    if said and not now:
        raise BadInput(f"{edit.title} removes everything: `sopkg forget` drops an observation")
    return added, [triple for triple in said if triple not in now]


def edited_in(closed: Closed, edit: Edit) -> tuple[Triples, Triples]:
    """What an update adds to what sources say and removes from it; one of DATA alone looks at no other triple."""
    named = all_named(edit.text)
    if named is None:
        return edited(triples_in(closed, SAID), edit)
    store = Store()
    for part in parts(named):
        store.update(part)
    touched = {quad.triple for quad in store}
    said = (quad.triple for quad in closed.store.quads_for_pattern(None, None, None, SAID))
    another = next((triple for triple in said if triple not in touched), None)  # whether anything is left
    here = [triple for triple in touched if not isinstance(triple.subject, BlankNode) and closed.says(triple)]
    return edited(here if another is None else [*here, another], edit)


def closed_of(steps: Mapping[str, Triples]) -> Closed:
    """The closed observation in memory, to be changed."""
    store = Store()
    for graph, triples in ((SAID, steps["asserted"]), (FOLLOWS, steps["inferred"]), (MODEL, closed_ontology())):
        store.bulk_extend(Quad(triple.subject, triple.predicate, triple.object, graph) for triple in triples)
    return Closed(store, data_rules(), SAID, FOLLOWS, [MODEL], is_named)


def triples_in(closed: Closed, graph: NamedNode) -> Triples:
    """The triples of one of its graphs."""
    return triples_of(closed.store, graph.value)


def provenance(
    edit: Edit,
    city: City,
    date: str,
    before: Graph,
    said: Triples,
    counts: tuple[int, int],
    started: datetime,
) -> Triples:
    """Who made the asserted graph of which other by which update, and when (PROV-O)."""
    row: dict[str, NamedNode | Literal | str] = {
        "graph": NamedNode(graph_name(city, date, "asserted", said)),
        "before": NamedNode(before.iri),
        "activity": NamedNode(f"{city.base}update/{date}-{before.iri[-12:]}-{edit.sha256[:12]}"),
        "file": NamedNode(f"{city.base}file/{edit.sha256[:12]}"),
        "title": edit.title,
        "sha256": edit.sha256,
        "started": instant(started),
        "ended": instant(datetime.now(UTC)),
        "added": integer(counts[0]),
        "removed": integer(counts[1]),
    }
    return construct("update-provenance", [row], city.base, ontology=())
