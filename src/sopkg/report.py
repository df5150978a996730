"""The gap report of one observation as a document: all that it says, gathered once for every format."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import version
from typing import Any

from sopkg import __version__
from sopkg.answers import Answers
from sopkg.auditreport import kind_texts
from sopkg.cities import IDS
from sopkg.cube import Cube
from sopkg.dates import observation_date
from sopkg.errors import not_found
from sopkg.files import system_query
from sopkg.findings import GRADES, VERDICTS
from sopkg.gapquery import gap_query_of
from sopkg.languages import DEFAULT, Language, languages
from sopkg.lifeline import changes, unsettled
from sopkg.rows import select
from sopkg.schema import ontology_store
from sopkg.whytext import body_lines, reason, verdict_lines

Row = Mapping[str, Any]
UNDETERMINED = "undetermined"
ENGINES = ("pyoxigraph", "rdflib", "pyshacl")


@dataclass(frozen=True)
class Report:
    """What is reported of one city at one date, in one language.

    `settled` are the findings that are told one by one, the worst first, `unknown` those that can't be known from the
    data. `triples` are the gaps and findings in Turtle.
    """

    city: str
    label: str
    date: str
    language: Language
    sources: Sequence[Row]
    settled: Sequence[Row]
    unknown: Sequence[Row]
    cube: Cube
    changed: Row | None
    graphs: Sequence[Row]
    triples: bytes

    @property
    def findings(self) -> list[Row]:
        """All of them."""
        return [*self.settled, *self.unknown]

    @property
    def base(self) -> str:
        """What the IRIs of the city begin with."""
        return f"{IDS}{self.city}/"

    @property
    def name(self) -> str:
        """What a file of it is called, without its ending."""
        return f"sopkg-{self.city}-{self.date}"

    @cached_property
    def kinds(self) -> list[Row]:
        """What is said of each kind that was found, in the report's language where the ontology has it."""
        settled, unknown = (Counter(row["kind"] for row in rows) for rows in (self.settled, self.unknown))
        known = {row["kind"]: row for row in kind_texts(extensions=True)}
        return [
            {**self._kind(row), "settled": settled[iri], "unknown": unknown[iri]}
            for iri, row in known.items()
            if settled[iri] or unknown[iri]
        ]

    def _kind(self, row: Row) -> Row:
        said = {name: self.language.about(row["kind"], name) for name in ("label", "definition", "question", "remedy")}
        texts = {name: each.text if each else row[name] for name, each in said.items()}
        locator, in_paper = _places()[row["kind"]]
        return {**row, **texts, "locator": locator, "inPaper": in_paper}

    def kind_of(self, row: Row) -> Row:
        """What is said of a finding's kind."""
        return next(kind for kind in self.kinds if kind["kind"] == row["kind"])

    @property
    def graded(self) -> list[tuple[str, str, int]]:
        """How many settled findings have each severity and verdict that there is, the worst first."""
        counted = Counter((row["severity"], row["verdict"]) for row in self.settled)
        pairs = ((grade, verdict) for grade in reversed(GRADES) for verdict in VERDICTS)
        return [(grade, verdict, counted[grade, verdict]) for grade, verdict in pairs if counted[grade, verdict]]

    @property
    def queries(self) -> list[Row]:
        """The questions that were asked of the data, by name, each with the SHA-256 of its text."""
        files = sorted((gap_query_of(kind["kind"]).file for kind in self.kinds), key=lambda file: file.name)
        return [
            {
                "name": file.name,
                "summary": file.asked(self.language.code) or file.summary,
                "sha256": hashlib.sha256(file.text.encode()).hexdigest(),
                "text": file.text,
            }
            for file in files
        ]

    @property
    def versions(self) -> list[tuple[str, str]]:
        """What made it."""
        return [("sopkg", __version__), *((name, version(name)) for name in ENGINES)]

    def about(self, row: Row) -> str:
        """What a finding is about: the ontology's terms in the report's language, the city's things by their names."""
        parts = row["about"].split(" · ")
        if len(parts) != len(row["focus"]):
            return str(row["about"])
        named = (self.language.label(iri, part).text for iri, part in zip(row["focus"], parts, strict=True))
        return " · ".join(named)


def gathered(answers: Answers, city: str, date: str | None, language: Language) -> Report:
    """All that a report of a city says, at a date (ISO 8601) or its latest. Raises NotFound for what is not there."""
    observed = [row for row in answers.cities() if row["city"] == city]
    if not observed:
        raise not_found("city", city, {row["city"] for row in answers.cities()})
    answers.dated((), city, None if date is None else observation_date(date))
    day = observation_date(date) if date else max(row["date"] for row in observed)
    audit = answers.audit(city, day)
    settled = [row for row in audit.findings if row["verdict"] != UNDETERMINED]
    return Report(
        city,
        observed[-1]["label"] or city,
        day,
        language,
        _sources(row for row in observed if row["date"] == day),
        list(_told(answers, settled, language)),
        [row for row in audit.findings if row["verdict"] == UNDETERMINED],
        answers.cube(city, day),
        _changed(answers, city, day, sorted({row["date"] for row in observed})),
        [vars(graph) for graph in answers.graphs() if graph.city == city and graph.date == day],
        audit.triples(),
    )


def _sources(rows: Iterable[Row]) -> list[Row]:
    return list({(row["source"], row["file"]): row for row in rows}.values())


def _told(answers: Answers, findings: Sequence[Row], language: Language) -> Iterator[Row]:
    """The findings with their explanation: what makes each sure, how severe it is, and the evidence."""
    graded = answers.graded(findings)
    for row, why in zip(graded, answers.explained(findings, language.code), strict=True):
        steps = [{**each, "label": language.label(each["step"], each["label"]).text} for each in row["steps"]]
        told = {**row, "steps": steps, "meaning": _meaning(row["verdict"])}
        body, because = outline(body_lines(why, language)), verdict_lines(told, why, language)
        yield {**told, "reason": reason(why, language), "body": body, "because": because}


def outline(lines: Iterable[str]) -> list[tuple[int, str]]:
    """The lines of an explanation with how deep each is set in: a head, a line below it, one below that."""
    found = []
    for line in lines:
        text = line.lstrip()
        depth = 0 if text == line else 1 if text.startswith("- ") else 2
        found.append((depth, text.removeprefix("- ")))
    return found


def _changed(answers: Answers, city: str, date: str, dates: Sequence[str]) -> Row | None:
    """What became of the gaps since the observation before; None for the first."""
    earlier = [each for each in dates if each < date]
    if not earlier:
        return None
    found = [row for row in answers.diff(city, earlier[-1], date).events if changes(row) and not unsettled(row)]
    counted = Counter((row["event"], cause) for row in found for cause in row["because"])
    return {"since": earlier[-1], "counts": [(*pair, count) for pair, count in sorted(counted.items())]}


@cache
def _places() -> Mapping[str, tuple[str, bool]]:
    """Where each kind is grounded, and whether in the paper: else in the literature."""
    found: dict[str, tuple[list[str], bool]] = {}
    for row in select(ontology_store(), system_query("kind-places")):
        places, _ = found.setdefault(row["kind"].value, ([], row["inPaper"].value == "true"))
        places.append(row["locator"].value)
    return {kind: ("; ".join(places), in_paper) for kind, (places, in_paper) in found.items()}


@cache
def _meaning(verdict: str) -> str:
    said = languages()[DEFAULT].meaning("verdict", verdict)
    return said.text if said else ""
