"""A worker's operation: explains one gap over the graphs of its audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyoxigraph import NamedNode, Variable

from sopkg.auditgraphs import Dataset
from sopkg.detect import focus_of
from sopkg.errors import NotFound
from sopkg.gapquery import Ground, gap_query_of, parameters
from sopkg.languages import DEFAULT, Language, languages
from sopkg.results import to_term
from sopkg.why import Explanation, explain
from sopkg.whyrecord import Record, record
from sopkg.wording import Speaker
from sopkg.worker import Job


def explain_gap(job: Job) -> Record:
    """The explanation of a gap: the payload names its kind, its focus key, the date, the graphs and those read."""
    data, explanation = explained(job)
    return record(explanation, Speaker(data, spoken(job.payload)))


def explain_gaps(job: Job) -> list[Record]:
    """The explanations of the payload's gaps, each as it would be asked for alone."""
    speakers: dict[tuple[str, ...], tuple[Dataset, Speaker]] = {}
    told = []
    for about in job.payload["gaps"]:
        graphs = (*about["graphs"], *about["read"])
        if graphs not in speakers:
            data = _data(job, about)
            speakers[graphs] = data, Speaker(data, spoken(job.payload))
        data, speaker = speakers[graphs]
        told.append(record(_explanation(data, about), speaker))
    return told


def explained(job: Job) -> tuple[Dataset, Explanation]:
    """The data of a gap's audit and its explanation. Raises NotFound where the data no longer shows the gap."""
    data = _data(job, job.payload)
    return data, _explanation(data, job.payload)


def _data(job: Job, about: Mapping[str, Any]) -> Dataset:
    return Dataset(job.store, map(NamedNode, about["graphs"]), map(NamedNode, about["read"]))


def _explanation(data: Dataset, about: Mapping[str, Any]) -> Explanation:
    kind, date = about["kind"], about["date"]
    gap = gap_query_of(kind)
    given = parameters(date, _thresholds(data, kind))
    explanation = explain(data, gap, given, dict(zip(gap.focus, focus_of(about["key"]), strict=True)))
    if explanation is None:
        raise NotFound(f"the data of {date} no longer shows this gap: it was audited with other queries; load it again")
    return explanation


def spoken(payload: Mapping[str, Any]) -> Language:
    """The language that an explanation is asked for in."""
    return languages()[payload.get("language", DEFAULT)]


def label_things(job: Job) -> dict[str, str]:
    """What the things in the payload are called."""
    speaker = Speaker(Dataset(job.store, map(NamedNode, job.payload["graphs"])))
    return {thing: speaker.label(to_term(thing)) for thing in job.payload["things"]}


def _thresholds(data: Dataset, kind: str) -> dict[Variable, Ground]:
    return {Variable(row["name"].value): row["value"] for row in data.thresholds if row["kind"].value == kind}
