"""Changes over HTTP: an update, or a graph put in place of another, as one transaction in a process of its own.

What can be written to are *client graphs*, which callers name and audits never read, and what sources say of an
observation, which is called GRAPHS city / date / asserted whatever its content. All else is derived.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyoxigraph as ox
from pyoxigraph import BlankNode, DefaultGraph, NamedNode, Quad, Store, Triple

from sopkg.cities import City
from sopkg.draft import Draft
from sopkg.errors import BadInput, Forbidden, NotFound
from sopkg.files import BASE
from sopkg.graphs import CATALOGUE, CLIENT, DEFAULT, Graph, current_graphs, known_graphs, triples_of
from sopkg.guard import inspect_update, using
from sopkg.load import GRAPHS, Loaded, catalogue_triples, forget, load, method_hash
from sopkg.rdfinput import read_quads
from sopkg.sparql import run_update
from sopkg.store import SnapshotStore
from sopkg.turtle import skolemised
from sopkg.update import Edit, Updated, revise, said_in
from sopkg.worker import Job

MINTED = f"{GRAPHS}client/"
"""What the graphs begin with that are made for who names none (Graph Store Protocol, 5.5)."""
_OBSERVED = re.compile(re.escape(GRAPHS) + r"([^/]+)/(\d{4}-\d\d-\d\d)/asserted$")
Content = dict[NamedNode | DefaultGraph, set[Triple]]
Row = dict[str, Any]


class Unchanged(Exception):  # noqa: N818 - no error: it leaves a draft unpublished
    """Nothing is to be published."""


@dataclass
class Written:
    """What a change did: to which graphs, how many triples were added and removed, and what followed."""

    graphs: list[Row] = field(default_factory=list)
    observations: list[Row] = field(default_factory=list)
    snapshot: str = ""


def observed(graph: str) -> tuple[str, str] | None:
    """The city's name and the date, if a graph's name stands for what sources say of an observation."""
    found = _OBSERVED.match(graph)
    return (found[1], found[2]) if found else None


def write(job: Job) -> Row:
    """A worker's operation: runs an update, or puts, adds or drops a graph, and publishes the outcome.

    The payload has the store's folder and settings, who writes, and either `update`, with `city` and `date` of the
    observation that is its default graph, if any, and the graphs of `using`; or `graph`, `method` and `body`.
    """
    given, told = job.payload, Written()
    snapshots = _snapshots(given)
    change = _update_of(given) if "update" in given else _graph_of(given)
    try:
        with snapshots.writing(change.title) as draft:
            working = change.read(draft.store)
            before = _content(working)
            change.make(working)
            _publish(draft, before, _content(working), change, given["lenient"], told)
    except Unchanged:
        pass
    return {**asdict(told), "snapshot": snapshots.current().name}


@dataclass(frozen=True)
class _Change:
    """What is read into memory for a change, how it is made there, and which observation is its default graph."""

    title: str
    edit: Edit
    read: Callable[[Store], Store]
    make: Callable[[Store], None]
    default: tuple[str, str] | None = None


def _update_of(given: Mapping[str, Any]) -> _Change:
    text, names = given["update"], (given["using"], given["using_named"])
    inspect_update(text, given["nesting"])
    run = using(text, *names) if any(names) else text
    run_update(run, Store(), given["base"])
    default = (given["city"], given["date"]) if given["city"] else None
    edit = Edit("the update", text, hashlib.sha256(text.encode()).hexdigest())
    return _Change(
        f"update of {' '.join(default) if default else 'graphs'}",
        edit,
        lambda store: _dataset(store, default, f"{text} {' '.join((*names[0], *names[1]))}"),
        lambda working: run_update(run, working, given["base"]),
        default,
    )


def _graph_of(given: Mapping[str, Any]) -> _Change:
    name, method = given["graph"], given["method"]
    body = [triple for part in given["bodies"] for triple in _read_body(part, name)]
    digest = hashlib.sha256(repr(sorted(map(str, body))).encode()).hexdigest()

    def make(working: Store) -> None:
        graph = NamedNode(name)
        there = working.contains_named_graph(graph)
        if method == "DELETE" and not there:
            raise no_graph(name)
        if method in ("PUT", "DELETE"):
            working.remove_graph(graph)
        if method != "DELETE":
            working.add_graph(graph)
            working.extend(Quad(each.subject, each.predicate, each.object, graph) for each in body)

    edit = Edit("the graph", "", digest)
    return _Change(f"{method} of graph {name}", edit, lambda store: _dataset(store, None, name), make)


def _read_body(part: Mapping[str, Any], name: str) -> list[Triple]:
    data = Path(part["file"]).read_bytes()
    rdf = ox.RdfFormat.from_media_type(part["media_type"])
    assert rdf is not None
    quads = read_quads(data, rdf, "the body")
    return skolemised(quads, data) if observed(name) else [quad.triple for quad in quads]


def no_graph(name: str) -> NotFound:
    """The error for a graph that there is not."""
    return NotFound(f"there is no graph {name}; the service's description lists those that are there")


def _dataset(store: Store, default: tuple[str, str] | None, text: str) -> Store:
    """What a change can see, in memory: its default graph, all client graphs, and others that its text names."""
    working, named = Store(), text.replace("\\", "")
    if default is not None:
        working.bulk_extend(_quads(said_in(store, City(default[0], Path()), default[1]), DefaultGraph()))
    for graph in current_graphs(store):
        iri = _writable_name(graph)
        if graph.step == CLIENT and iri == DEFAULT:
            working.bulk_extend(_quads(triples_of(store, iri), DefaultGraph() if default is None else NamedNode(iri)))
        elif graph.step == CLIENT or iri.removeprefix(GRAPHS) in named:
            working.add_graph(NamedNode(iri))
            working.bulk_extend(_quads(triples_of(store, graph.iri), NamedNode(iri)))
    return working


def _writable_name(graph: Graph) -> str:
    """What a change calls a graph: what sources say of an observation has a name that stays."""
    return graph.iri.rpartition("/")[0] if observed(graph.iri.rpartition("/")[0]) else graph.iri


def _quads(triples: Iterable[Triple], graph: NamedNode | DefaultGraph) -> Iterable[Quad]:
    return (Quad(each.subject, each.predicate, each.object, graph) for each in triples)


def _content(store: Store) -> Content:
    """The triples of each graph, empty graphs too."""
    names = [graph for graph in store.named_graphs() if isinstance(graph, NamedNode)]
    graphs: Sequence[NamedNode | DefaultGraph] = (DefaultGraph(), *names)
    return {graph: {quad.triple for quad in store.quads_for_pattern(None, None, None, graph)} for graph in graphs}


def _publish(draft: Draft, before: Content, after: Content, change: _Change, lenient: bool, told: Written) -> None:
    """Puts what a change made into a draft. Raises Unchanged where that is nothing, Forbidden for a derived graph."""
    touched = [graph for graph in {**before, **after} if before.get(graph) != after.get(graph)]
    if not touched:
        raise Unchanged
    for graph in touched:
        old, new = before.get(graph, set()), after.get(graph)
        about = _observation_of(graph, change)
        if about is not None:
            difference = _of_observation(old, new or set())
            told.observations.append(_revised(draft, about, change.edit, difference, lenient))
        else:
            name = DEFAULT if isinstance(graph, DefaultGraph) else graph.value
            _check_ours(name)
            _put(draft, name, new)
            new = new or set()
            told.graphs.append({"graph": name, "added": len(new - old), "removed": len(old - new)})


def _observation_of(graph: NamedNode | DefaultGraph, change: _Change) -> tuple[str, str] | None:
    return change.default if isinstance(graph, DefaultGraph) else observed(graph.value)


def _of_observation(old: set[Triple], new: set[Triple]) -> tuple[list[Triple], list[Triple]]:
    added, removed = sorted(new - old, key=str), sorted(old - new, key=str)
    for triple in added:
        if isinstance(triple.subject, BlankNode) or isinstance(triple.object, BlankNode):
            raise BadInput(f"the change adds a blank node ({triple} .): what a city has, has an IRI")
    if not new:
        raise BadInput("the change removes all that sources say of the observation: DELETE /observations drops it")
    return added, removed


def _revised(
    draft: Draft, about: tuple[str, str], edit: Edit, change: tuple[list[Triple], list[Triple]], lenient: bool
) -> Row:
    city, date = City(about[0], Path()), about[1]
    said_in(draft.store, city, date)
    return {"city": city.name, "date": date, **_row(revise(draft, city, date, edit, change, lenient=lenient))}


def _row(updated: Updated) -> Row:
    names = ("broken", "opened", "closed", "changed")
    return {
        "added": updated.added,
        "removed": updated.removed,
        "inferredAdded": updated.inferred_added,
        "inferredRemoved": updated.inferred_removed,
        "inconsistencies": len(updated.inconsistencies),
        **{name: list(getattr(updated, name)) for name in names},
    }


def _check_ours(name: str) -> None:
    if name.startswith(BASE) and name != DEFAULT and not name.startswith(MINTED):
        said = f"{name} is derived, or none of this service: what sources say of an observation is written to, as"
        raise Forbidden(f"{said} {GRAPHS}CITY/DATE/asserted, and graphs with names of one's own")


def _put(draft: Draft, name: str, triples: set[Triple] | None) -> None:
    """Gives a client graph its content, or drops it."""
    draft.remove([name])
    others = [graph for graph in known_graphs(draft.store) if graph.iri != name]
    mine = []
    if triples is not None:
        draft.store.add_graph(NamedNode(name))
        draft.store.extend(_quads(triples, NamedNode(name)))
        mine = [Graph(name, CLIENT, None, None, None, method_hash(), current=True)]
    draft.replace(CATALOGUE, catalogue_triples([*others, *mine]))


def load_file(job: Job) -> Row:
    """A worker's operation: loads a file as the observation of a city at a date, as `sopkg load` does."""
    given = job.payload
    city = City(given["city"], Path(given["folder"]))
    loaded: Loaded = load(_snapshots(given), Path(given["file"]), city, given["date"], given["mapping"])
    problems = [asdict(each) for each in loaded.problems]
    return {
        "city": city.name,
        "date": given["date"],
        "changed": loaded.changed,
        "rows": loaded.rows,
        "triples": dict(loaded.counts),
        "broken": loaded.broken,
        "problems": problems,
    }


def drop_observation(job: Job) -> Row:
    """A worker's operation: drops every graph of an observation, as `sopkg forget` does."""
    given = job.payload
    gone = forget(_snapshots(given), City(given["city"], Path()), given["date"])
    return {"city": given["city"], "date": given["date"], "graphs": gone}


def _snapshots(given: Mapping[str, Any]) -> SnapshotStore:
    return SnapshotStore(Path(given["store"]), given["lock_seconds"], given["durability"], given["who"])
