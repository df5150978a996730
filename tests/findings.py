"""Reads the findings of an audit back from its triples, for tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from pyoxigraph import NamedNode, Triple

from sopkg.gapquery import gap_queries

SOP = "https://w3id.org/sopkg/ns#"
TYPE = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")


@dataclass(frozen=True)
class Found:
    """One finding: the stem of its query, its focus in order, and what the audit says of it."""

    query: str
    identifier: str
    focus: tuple[str, ...]
    verdict: str
    severity: str
    steps: tuple[str, ...]


def read_findings(triples: Iterable[Triple], observation: NamedNode) -> list[Found]:
    """The findings of one observation."""
    said: dict[object, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for triple in triples:
        said[triple.subject.value][triple.predicate.value].append(triple.object.value)
    queries = {gap.kind.value: name for name, gap in gap_queries().items()}
    return [
        _found(about, said[about[f"{SOP}gap"][0]], queries)
        for about in list(said.values())
        if observation.value in about.get(f"{SOP}observation", [])
    ]


def _found(about: dict[str, list[str]], gap: dict[str, list[str]], queries: dict[str, str]) -> Found:
    return Found(
        next(queries[kind] for kind in gap[TYPE.value] if kind in queries),
        gap["http://purl.org/dc/terms/identifier"][0],
        tuple(term.strip("<>") for term in gap[f"{SOP}focusKey"][0].split(" ")),
        _local(about[f"{SOP}verdict"][0]).lower(),
        _local(about[f"{SOP}severity"][0]).lower(),
        tuple(map(_local, about.get(f"{SOP}step", []))),
    )


def _local(iri: str) -> str:
    return iri.rpartition("#")[2]
