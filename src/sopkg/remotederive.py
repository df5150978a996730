"""Entails and audits an observation where it lies: on another SPARQL server, by SPARQL 1.1 Update.

What is written is not in force before the last step, which replaces the catalogue's graph.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import pyoxigraph as ox
from pyoxigraph import Quad, Store

from sopkg.cities import City
from sopkg.detect import Audit, detect
from sopkg.entail import conditions, for_ontology
from sopkg.errors import NotFound, not_observed
from sopkg.graphs import CATALOGUE, Graph, known_graphs
from sopkg.load import GRAPHS, catalogue_triples, mapping_hash_of, method_hash, observation
from sopkg.negation import RDF_TYPE, Fanout, measure
from sopkg.pipeline import data_rules, open_schema
from sopkg.printer import print_group, print_part
from sopkg.remote import Endpoint, RemoteStore
from sopkg.rules import Instance, Reach, meets
from sopkg.syntax import Filter, Group
from sopkg.turtle import GENID

_TRIPLES, _RULES = 500, 40  # that one request brings
_SAME = "<http://www.w3.org/2002/07/owl#sameAs>"
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Derived:
    """What was derived: how many triples of each step, and in how many rounds of the rules."""

    inferred: int
    gaps: int
    rounds: int


class _Working(RemoteStore):
    """One graph of an endpoint, as a store."""

    def __init__(self, endpoint: Endpoint, graph: str) -> None:
        super().__init__(endpoint, [graph])
        self.graph = graph

    def extend(self, quads: Iterable[Quad]) -> None:
        """Adds triples to it."""
        for some in _batches([f"{each.subject} {each.predicate} {each.object} ." for each in quads], _TRIPLES):
            self.endpoint.update(f"INSERT DATA {{ GRAPH <{self.graph}> {{ {' '.join(some)} }} }}")

    def size(self) -> int:
        """The number of its triples."""
        found = self.query("SELECT (COUNT(*) AS ?size) { ?s ?p ?o }")
        assert isinstance(found, ox.QuerySolutions)
        return int(next(found)["size"].value)


def _batches(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def derive_remotely(endpoint: Endpoint, city: City, date: str, progress: Progress = lambda _: None) -> Derived:
    """Closes an observation under OWL 2 RL and audits it; both graphs replace those in force.

    The rules are those of the ontology: what the data itself says in OWL makes none. All that is read is first added to
    one graph, on the server: over a union of graphs an engine can take a thousand times as long. Raises NotFound for an
    observation that the endpoint does not have.
    """
    store = cast(Store, RemoteStore(endpoint))
    known = known_graphs(store)
    mine = {each.step: each for each in known if each.current and each.city == city.iri.value and each.date == date}
    asserted, provenance, ontology = _needed(endpoint, city, date, known, mine)
    earlier = [each for each in known if each.current and each.city == city.iri.value and (each.date or "") < date]
    run = hashlib.sha256(" ".join([asserted, ontology, method_hash(), *(each.iri for each in earlier)]).encode())
    inferred, gaps, working = (
        _Working(endpoint, f"{GRAPHS}{city.name}/{date}/{step}/{run.hexdigest()[:16]}r")
        for step in ("inferred", "gaps", "working")
    )
    for each in (inferred, gaps, working):
        endpoint.update(f"DROP SILENT GRAPH <{each.graph}>")
    progress("entail")
    _add(endpoint, [asserted, ontology], working)
    rounds = _entail(working, inferred)
    progress("detect")
    _add(endpoint, [provenance, *(each.iri for each in earlier if each.step == "gaps")], working)
    working.extend(map(_quad, catalogue_triples(each for each in earlier if each.step == "asserted")))
    loaded = store.quads_for_pattern(None, None, None, ox.NamedNode(provenance))
    mapping = mapping_hash_of([each.triple for each in loaded])
    audit = Audit(city.base, observation(city, date), date)
    gaps.extend(map(_quad, detect(cast(Store, working), audit, mapping, progress, fanout=Fanout())))
    progress("publish")
    endpoint.update(f"DROP SILENT GRAPH <{working.graph}>")
    steps = {"inferred": inferred, "gaps": gaps}
    _publish(endpoint, known, [replace(mine["asserted"], iri=each.graph, step=step) for step, each in steps.items()])
    return Derived(inferred.size(), gaps.size(), rounds)


def _add(endpoint: Endpoint, graphs: Iterable[str], to: _Working) -> None:
    endpoint.update(" ; ".join(f"ADD SILENT <{each}> TO <{to.graph}>" for each in graphs))


def _quad(triple: ox.Triple) -> Quad:
    return Quad(triple.subject, triple.predicate, triple.object)


def _needed(
    endpoint: Endpoint, city: City, date: str, known: list[Graph], mine: dict[str, Graph]
) -> tuple[str, str, str]:
    """The names of the graphs that it takes: what sources say, where that is from, and the ontology."""
    if "asserted" not in mine:
        dates = {each.date or "" for each in known if each.city == city.iri.value}
        raise not_observed(f"of {city.name} at {endpoint.address} on", date, dates)
    ontology = next((each.iri for each in known if each.step == "ontology" and each.current), None)
    if ontology is None or "provenance" not in mine:
        lacks = "the ontology" if ontology is None else f"the provenance of {city.name} {date}"
        raise NotFound(f"{endpoint.address} holds no graph with {lacks}; `sopkg dump` writes it with all others")
    return mine["asserted"].iri, mine["provenance"].iri, ontology


def _entail(working: _Working, inferred: _Working) -> int:
    """Runs the rules until nothing new follows, and takes out what is not stored; the number of rounds."""
    asked, rounds, size = for_ontology(data_rules(), open_schema()), 0, -1
    while (now := inferred.size()) > size:
        rounds, size = rounds + 1, now
        there = measure(cast(Store, working))
        made: set[Reach] = {(each, None) for each in there.counts if each != RDF_TYPE}
        made |= {(RDF_TYPE, each) for each in there.classes}
        possible = [each for each in asked if all(meets(one, made) for one in each.reads)]
        inserts = [text for each in possible for text in _inserts(each, working.graph, inferred.graph)]
        for some in _batches(inserts, _RULES):
            working.endpoint.update(" ;\n".join(some))
    found = f"GRAPH <{inferred.graph}> {{ ?s ?p ?o }}"
    unnamed = f'STRSTARTS(STR(?p), "{GENID}") || STRSTARTS(STR(?o), "{GENID}")'
    working.endpoint.update(f"DELETE {{ {found} }} WHERE {{ {found} FILTER({unnamed} || ?p = {_SAME} && ?s = ?o) }}")
    return rounds


def _inserts(instance: Instance, working: str, inferred: str) -> Iterator[str]:
    """One update for each triple that a rule makes and the working graph does not say."""
    for head in instance.template:
        where = print_group(Group((*instance.where.parts, *map(Filter, conditions((head,))))))
        made = " ".join(f"GRAPH <{graph}> {{ {print_part(head)} }}" for graph in (inferred, working))
        yield f"INSERT {{ {made} }} USING <{working}> WHERE {where}"


def _publish(endpoint: Endpoint, known: list[Graph], derived: list[Graph]) -> None:
    """Puts graphs in force in one request, and drops those that they replace."""
    names = {each.iri for each in derived}
    kept = [each.superseded_by(derived) for each in known if each.iri not in names]
    current = {each.iri for each in known if each.current}
    gone = [each.iri for each in kept if each.iri in current and not each.current]
    entries = catalogue_triples([*(each for each in kept if each.iri not in gone), *derived])
    lines = " ".join(f"{each.subject} {each.predicate} {each.object} ." for each in entries)
    everything = f"GRAPH <{CATALOGUE}> {{ ?s ?p ?o }}"
    endpoint.update(f"DELETE WHERE {{ {everything} }} ; INSERT DATA {{ GRAPH <{CATALOGUE}> {{ {lines} }} }}")
    for name in gone:
        endpoint.update(f"DROP SILENT GRAPH <{name}>")
