"""A worker's operation: explains one gap over the graphs of its audit."""

from __future__ import annotations

import re

from pyoxigraph import NamedNode, Variable

from sopkg.errors import NotFound
from sopkg.files import system_query
from sopkg.gapquery import Ground, gap_query_of, parameters
from sopkg.results import to_term
from sopkg.rows import select
from sopkg.why import Dataset, explain
from sopkg.wording import Record, Speaker, record
from sopkg.worker import Job

# A term in N-Triples: an IRI, or a literal with its datatype or language.
TERM = re.compile(r'<[^>]*>|"(?:[^"\\]|\\.)*"(?:\^\^<[^>]*>|@[\w-]+)?')


def explain_gap(job: Job) -> Record:
    """The explanation of a gap: the payload names its kind, its focus key, the date and the graphs."""
    kind, date = job.payload["kind"], job.payload["date"]
    gap = gap_query_of(kind)
    data = Dataset(job.store, map(NamedNode, job.payload["graphs"]))
    given = parameters(date, _thresholds(data, kind))
    explanation = explain(data, gap, given, dict(zip(gap.focus, _focus(job.payload["key"]), strict=True)))
    if explanation is None:
        raise NotFound(f"the data of {date} no longer shows this gap: it was audited with other queries; load it again")
    return record(explanation, Speaker(data))


def label_things(job: Job) -> dict[str, str]:
    """What the things in the payload are called."""
    speaker = Speaker(Dataset(job.store, map(NamedNode, job.payload["graphs"])))
    return {thing: speaker.label(to_term(thing)) for thing in job.payload["things"]}


def _focus(key: str) -> list[Ground]:
    return [to_term(text) for text in TERM.findall(key)]  # type: ignore[misc]


def _thresholds(data: Dataset, kind: str) -> dict[Variable, Ground]:
    rows = select(data.store, system_query("thresholds"), data.graphs)
    return {Variable(row["name"].value): row["value"] for row in rows if row["kind"].value == kind}
