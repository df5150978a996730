"""One case, audited and published in memory: what is asked of a gap there is answered as by the service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, cast

from pyoxigraph import NamedNode, Quad, Store, Variable
from pyoxigraph import Triple as Statement

from sopkg.answers import Answers
from sopkg.auditgraphs import Dataset
from sopkg.dataset import read_current_graphs
from sopkg.detect import Audit, Finding, Kind, find, read_kinds
from sopkg.entail import entail
from sopkg.explained import explain_gap, label_things
from sopkg.gapquery import GapQuery, Ground, gap_queries, parameters
from sopkg.graphs import CATALOGUE, EXTENSION_GAPS, GAPS, Graph
from sopkg.load import catalogue_triples
from sopkg.negation import measure
from sopkg.pipeline import closed_ontology, data_rules, derive, is_named
from sopkg.pool import Pool
from sopkg.settings import Settings
from sopkg.sparql import query
from sopkg.syntax import Call, Exists, Filter, Group, Part, Triple
from sopkg.turtle import read_turtle, store_of
from sopkg.verdicts import Scope
from sopkg.why import Explanation, Search, explain
from sopkg.worker import Job
from tests.test_gaps import BASE, last_file

GRAPHS = "https://w3id.org/sopkg/graph/t"
OPERATIONS = {"query": query, "current-graphs": read_current_graphs, "labels": label_things, "why": explain_gap}
NOTHING: frozenset[Statement] = frozenset()


class Here:
    """Stands for the pool of workers: does in this process what one of them would do."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def run(self, operation: str, payload: Mapping[str, Any]) -> Any:
        return OPERATIONS[operation](Job(self.store, "1", payload, 1 << 24))


@dataclass
class Audited:
    """The graphs of a case by step and date, the kind that it is about, and the kind's findings at its last date."""

    graphs: dict[tuple[str, str], list[Statement]]
    gap: GapQuery
    date: str
    found: list[Finding]

    @cached_property
    def store(self) -> Store:
        """A store with every graph and the catalogue."""
        store = Store()
        for (step, date), triples in self.graphs.items():
            store.extend(quads(triples, graph_name(step, date)))
        entries = (catalogued(step, date) for step, date in self.graphs)
        store.extend(quads(catalogue_triples(entries), NamedNode(CATALOGUE)))
        return store

    def answers(self) -> Answers:
        """The answers over this case."""
        return Answers(Settings(), cast(Pool, Here(self.store)))

    @property
    def data(self) -> Dataset:
        """What an explanation reads."""
        return Dataset(self.store, [graph_name(step, date) for step, date in self.graphs])

    def explained(self, finding: Finding) -> Explanation | None:
        """A finding explained."""
        given = parameters(self.date, finding.kind.thresholds)
        return explain(self.data, self.gap, given, dict(zip(self.gap.focus, finding.focus, strict=True)))

    def holds(self, triple: Triple) -> bool:
        """Whether one of the graphs has a triple."""
        return any(Quad(*terms(triple), graph_name(step, date)) in self.store for step, date in self.graphs)


def quads(triples: Iterable[Statement], graph: NamedNode) -> list[Quad]:
    """Triples in a graph."""
    return [Quad(triple.subject, triple.predicate, triple.object, graph) for triple in triples]


def graph_name(step: str, date: str) -> NamedNode:
    """The name of a step's graph."""
    return NamedNode(f"{GRAPHS}/{date}/{step}/1")


def catalogued(step: str, date: str) -> Graph:
    """The catalogue's entry of a step's graph."""
    observation, city = (f"{BASE}observation/{date}", f"{BASE}city/t") if date else (None, None)
    return Graph(graph_name(step, date).value, step, observation, city, date or None, "method", current=True)


@cache
def schema() -> Store:
    """The ontology with what follows from it."""
    return store_of(closed_ontology())


@cache
def kinds() -> dict[NamedNode, Kind]:
    """The kinds of the ontology."""
    return read_kinds(schema())


def whole(path: Path) -> Audited:
    """A case with every finding of its audits, published."""
    graphs = dict(_audits(files(path)))
    return Audited({**_ontology(), **graphs}, gap_queries()[path.parent.name], date_of(last_file(path)), [])


@cache
def audited(path: Path, added: frozenset[Statement] = NOTHING) -> Audited:
    """A case with the findings of its own kind alone, which is quicker; triples may be added to its last file."""
    *before, last = files(path)
    graphs = dict(_audits(before))
    asserted = [*read_turtle(last), *added]
    store = store_of(asserted)
    inferred = [t for t in entail(store, data_rules(), schema()).triples if is_named(t)]
    store.extend(Quad(*terms(t)) for t in _earlier(graphs))
    gap, date = gap_queries()[path.parent.name], date_of(last)
    audit, fanout = Audit(BASE, NamedNode(f"{BASE}observation/{date}"), date), measure(store)
    text = last.read_text("utf-8")
    found = [
        finding
        for finding in find(store, gap, kinds()[gap.kind], Scope(store, date, fanout), fanout, audit)
        if matters([term.value for term in finding.focus], text)
    ]
    graphs |= {("asserted", date): asserted, ("inferred", date): inferred}
    return Audited({**_ontology(), **graphs}, gap, date, found)


def matters(focus: list[str], text: str) -> bool:
    """Whether a case speaks of a focus: some name the term that they are about."""
    only = [line.removeprefix("# only: ").split() for line in text.splitlines() if line.startswith("# only: ")]
    return all(any(term in focus for term in each) for each in only)


def files(path: Path) -> list[Path]:
    """The files of a case, by date."""
    return sorted(path.glob("*.ttl")) if path.is_dir() else [path]


def date_of(file: Path) -> str:
    """The date of a case's file."""
    return file.stem if file.stem[:2] == "20" else "2024-06-30"


def _ontology() -> dict[tuple[str, str], list[Statement]]:
    return {("ontology", ""): list(closed_ontology())}


def _audits(each: list[Path]) -> Iterator[tuple[tuple[str, str], list[Statement]]]:
    graphs: dict[tuple[str, str], list[Statement]] = {}
    for file in each:
        date, asserted = date_of(file), read_turtle(file)
        audit = Audit(BASE, NamedNode(f"{BASE}observation/{date}"), date)
        derived = derive(audit, asserted, [], _earlier(graphs))
        graphs |= {("asserted", date): asserted, ("inferred", date): derived.inferred}
        graphs |= {(GAPS, date): derived.gaps, (EXTENSION_GAPS, date): derived.extension_gaps}
    yield from graphs.items()


def _earlier(graphs: Mapping[tuple[str, str], list[Statement]]) -> list[Statement]:
    """Findings, and the observations' city and date."""
    marked = f"{BASE}observation/"
    return [
        t for (step, _), ts in graphs.items() for t in ts if step == GAPS or str(t.subject)[1:].startswith(marked)
    ]


def filled(search: Search) -> frozenset[Statement]:
    """What was looked for as data: a new thing for each free variable, every condition met."""
    values = dict(_limits(search.pattern))
    patterns = (part for part in _wanted(search.pattern) if isinstance(part, Triple))
    return frozenset(Statement(*(_ground(term, values) for term in terms(each))) for each in patterns)


def _wanted(group: Group) -> Iterator[Part]:
    """The parts of a group, and those that a negation inside it makes an exception of."""
    for part in group.parts:
        yield part
        if isinstance(part, Filter) and isinstance(part.expression, Exists):
            for inner in part.expression.group.parts:
                if isinstance(inner, Filter) and isinstance(inner.expression, Exists):
                    yield from inner.expression.group.parts


def _limits(group: Group) -> Iterator[tuple[Any, Any]]:
    """For a variable that a condition limits, the limit itself where it may be reached."""
    for part in group.parts:
        if isinstance(part, Filter) and isinstance(part.expression, Call) and part.expression.name in {"<=", ">="}:
            variable, limit = part.expression.arguments
            yield variable, limit


def terms(pattern: Any) -> tuple[Any, Any, Any]:
    """Subject, predicate and object."""
    return pattern.subject, pattern.predicate, pattern.object


def _ground(term: Any, values: Mapping[Variable, Ground]) -> Any:
    return values.get(term, NamedNode(f"{BASE}new/{term.value}")) if isinstance(term, Variable) else term
