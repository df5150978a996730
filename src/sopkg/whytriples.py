"""An explanation of a gap as triples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyoxigraph import Literal, NamedNode, Triple

from sopkg.respond import as_triples
from sopkg.results import to_term
from sopkg.staging import Cells, construct

Row = dict[str, Any]


def why_triples(told: Row) -> list[Triple]:
    """An explanation as triples: the evidence and the nearest misses as statements with graph and source row."""
    explained = construct("why", _why_rows(told), told["finding"] + "/", ontology=())
    return explained + as_triples(told["gap"], told["responses"])


def _why_rows(told: Row) -> Iterator[Cells]:
    finding = NamedNode(told["finding"])
    triples = [triple for reading in told["why"]["evidence"] for triple in reading["triples"]]
    for number, triple in enumerate(triples, 1):
        node = NamedNode(f"{told['finding']}/evidence/{number}")
        yield {"finding": finding, "evidence": node, **_statement_cells(triple)}
    yield from ({"finding": finding, "reading": NamedNode(each["reading"])} for each in told["why"]["readAs"])
    for number, miss in enumerate(told["why"]["nearestMisses"], 1):
        node = NamedNode(f"{told['finding']}/miss/{number}")
        for place, triple in enumerate(miss["found"], 1):
            near = NamedNode(f"{node.value}/{place}")
            about = {"finding": finding, "miss": node, "near": near}
            yield {**about, "condition": miss["condition"], **_statement_cells(triple)}


def _statement_cells(triple: Row) -> dict[str, NamedNode | Literal | str]:
    links = {"graph": triple["graph"], "from": triple["source"] and triple["source"]["iri"]}
    terms = {name: to_term(triple[name]) for name in ("subject", "predicate", "object")}
    return {**terms, **{name: NamedNode(iri) for name, iri in links.items() if iri}}  # type: ignore[dict-item]
