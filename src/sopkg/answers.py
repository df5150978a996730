"""The middle of the program: what can be asked, for both faces alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

from pyoxigraph import RdfFormat, serialize

from sopkg.answered import answered, responses
from sopkg.auditreport import AuditReport, SourceRows
from sopkg.catalog import named_query, query_files
from sopkg.cities import IDS, city_key
from sopkg.cube import Cube, counted_over, cube
from sopkg.dataset import INFERRED, Selection
from sopkg.dates import observation_date, today
from sopkg.explaining import about_gap, explained, explained_each, graded
from sopkg.filters import check_filters, meets
from sopkg.findings import grouped
from sopkg.graphs import AUDITS, CATALOGUE, EXTENSION_GAPS, GAPS
from sopkg.guard import changes_with_time
from sopkg.history import History
from sopkg.inference import term as read_term
from sopkg.kept import Kept
from sopkg.languages import DEFAULT, languages
from sopkg.lifeline import Difference
from sopkg.onegap import city_of, gap_of, identifiers
from sopkg.pool import Pool
from sopkg.published import FINDINGS, Published
from sopkg.respond import respond, response_to
from sopkg.responses import STEP as RESPONSES
from sopkg.responses import standing
from sopkg.results import JSON, Answer, chosen, offered
from sopkg.settings import Settings
from sopkg.sparql import ROWS, answer
from sopkg.store import COMMAND_LINE, SnapshotStore
from sopkg.tabulate import as_json
from sopkg.terms import is_link, local, rows_of, shown
from sopkg.turtle import prefix_table
from sopkg.weight import check_sort, heaviest, weights
from sopkg.whytext import as_text, reason, verdict_lines
from sopkg.whytriples import why_triples

CITY_COLUMNS = ("city", "label", "date", "file", "source", "licence", "rows", "note")
KEPT_AUDITS = 16
Row = dict[str, Any]


class Answers(Published):
    """Answers from the published state, for the command line and over HTTP."""

    def __init__(self, settings: Settings, pool: Pool, snapshot: Callable[[], str] | None = None) -> None:
        super().__init__(settings, pool, snapshot)
        self._kept = Kept(settings.kept_bytes)
        # A snapshot never changes: what was read from it stays true.
        self._findings = lru_cache(KEPT_AUDITS)(self._read_findings)
        self._cube = lru_cache(KEPT_AUDITS)(self._read_cube)
        self._weights = lru_cache(KEPT_AUDITS)(self._read_weights)
        self._history = History(self, self.gaps)

    def gaps(self, filters: Mapping[str, str], sort: str | None = None) -> list[Row]:
        """The findings that meet every filter, the most severe first and undetermined ones last.

        Kinds that the paper does not have are among them with the filter `extensions`, and where one is named. Sorted
        by a measure, or by works, each has its weight, and the heaviest come first. Raises BadInput for a sort or a
        filter that is none.
        """
        check_filters(filters)
        when = [observation_date(filters[name]) if name in filters else None for name in ("date", "as-of")]
        snapshot = self.snapshot()
        read = self.dated(("asserted", "inferred"), filters.get("city"), *when)
        steps = AUDITS if filters.get("extensions") == "true" or "kind" in filters else (GAPS,)
        audits = set(self.dated(steps, filters.get("city"), *when)) - set(read)
        found = self._findings(snapshot, tuple(read), tuple(sorted(audits)))
        told, now = answered(self), today()
        rows = [
            {**row, "responses": standing(told.get(row["gap"], ()), row["date"], now)}
            for row in found
            if meets(row, filters)
        ]
        if sort is None:
            return rows
        check_sort(sort)
        given = self.dated(("provenance",), filters.get("city"), *when)
        touched = self._weights(tuple(read), tuple(each for each in given if each not in read), tuple(sorted(audits)))
        return heaviest(({**row, "weight": touched[row["gap"], row["date"]]} for row in rows), sort)

    def _read_findings(self, _: str, read: tuple[str, ...], audits: tuple[str, ...]) -> list[Row]:
        """The findings of these audits, labelled from the graphs read."""
        payload = self.payload(named_query("system", "gaps"), {}, list(read))
        return grouped(self.rows_for(payload | {"named_graphs": [CATALOGUE, *audits]}))

    def _read_weights(
        self, read: tuple[str, ...], given: tuple[str, ...], audits: tuple[str, ...]
    ) -> dict[tuple[str, str], Row]:
        return weights(self, self._findings(self.snapshot(), read, audits), read, given, audits)

    def cube(self, city: str, date: str | None = None, as_of: str | None = None) -> Cube:
        """The model's cells as one observation of a city fills them: that of a date, or the latest (as of a date)."""
        read = self.dated(FINDINGS, city, date, as_of)
        observed = next(graph.date for graph in self.graphs() if graph.city and graph.graph in read)
        return self._cube(self.snapshot(), city, observed, tuple(read))

    def _read_cube(self, _: str, city: str, date: str, read: tuple[str, ...]) -> Cube:
        return cube(city, date, lambda name: self.rows(counted_over(name), {}, list(read)))

    def observed(self, name: str, observations: Sequence[tuple[str, str | None]]) -> list[Row]:
        """The rows of a predefined query over an observation of each of these cities: that of a date, or the latest."""
        read = list(dict.fromkeys(graph for city, date in observations for graph in self.dated(FINDINGS, city, date)))

        def made() -> Answer:
            return Answer(as_json(self.rows(named_query("reports", name), {}, read)).encode(), JSON.header)

        rows: list[Row] = json.loads(self._kept.answer(self.snapshot(), (name, tuple(read)), made).body)
        return rows

    def responses(self, city: str | None = None) -> list[Row]:
        """The responses to the gaps of a city or all, each as it stands beside the latest finding of its gap."""
        return responses(self, city)

    def responses_to(self, identifier: str) -> list[Row]:
        """The responses to one gap. Raises NotFound for a gap that there is not."""
        return [row for row in self.responses(city_of(self, identifier)) if row["gap"] == identifier]

    def respond(self, identifier: str, given: Mapping[str, object], who: str = COMMAND_LINE) -> tuple[Row, bool]:
        """Records what somebody answers to a gap: the response as it stands now, and whether it is new.

        Raises NotFound, BadInput or Unprocessable for what is no response to a gap, Conflict where another writes.
        """
        city = city_of(self, identifier)
        response = response_to(f"{IDS}{city}/gap/{identifier}", given, today())
        told = SnapshotStore(self.settings.store, self.settings.lock_seconds, self.settings.durability, who)
        new = respond(told, response)
        return next(row for row in self.responses_to(identifier) if row["response"] == response.iri), new

    def unknown_gaps(self, given: Iterable[str]) -> list[str]:
        """Those of these identifiers that no gap of any observation has."""
        return sorted(set(given) - set(identifiers(self)))

    def gap(self, identifier: str, date: str | None = None) -> Row:
        """One gap at the latest date that shows it, or at a given one."""
        return gap_of(self, identifier, date)

    def told(self, identifier: str, date: str | None = None, language: str = DEFAULT) -> Row:
        """One gap with its explanation, in a language."""
        gap = self.gap(identifier, date)
        why = explained(self, gap["kind"]["iri"], gap["focusKey"], city_key(gap["gap"]), gap["date"], language)
        because = verdict_lines(gap, why, languages()[language])
        return {**gap, "because": because, "why": why}

    def explained(self, findings: Sequence[Mapping[str, Any]], language: str = DEFAULT) -> list[Row]:
        """The explanations of findings of one observation, in their order and in a language."""
        return explained_each(self, findings, language)

    def graded(self, findings: Sequence[Mapping[str, Any]]) -> list[Row]:
        """Findings of one observation with what made their verdict and the steps of their severity."""
        return graded(self, findings)

    def remedy(self, identifier: str, date: str | None = None, language: str = DEFAULT) -> Row:
        """What would close one gap: sets of statements with open slots, or why no statement would."""
        gap = self.gap(identifier, date)
        city = city_key(gap["gap"])
        asked = about_gap(self, gap["kind"]["iri"], gap["focusKey"], city, gap["date"])
        told: Row = self.pool.run("remedy", asked | {"base": f"{IDS}{city}/", "language": language})
        return {**{name: gap[name] for name in ("id", "kind", "focus", "city", "date", "verdict")}, **told}

    def why(self, identifier: str, form: str = "json", date: str | None = None, language: str = DEFAULT) -> str:
        """The explanation of a gap as json, in a language, as text or turtle."""
        told = self.told(identifier, date, language)
        if form == "text":
            return as_text(told)
        if form == "turtle":
            turtle = serialize(why_triples(told), format=RdfFormat.TURTLE, prefixes=prefix_table())
            return (turtle or b"").decode()
        return json.dumps(told, ensure_ascii=False, indent=1) + "\n"

    def why_triple(
        self, triple: Sequence[str], form: str, most: int = 1, city: str | None = None, date: str | None = None
    ) -> str:
        """Up to `most` proofs of a triple of the latest observations, or of one named, as json, text or turtle.

        Its terms are in N-Triples, prefixed names or IRIs. Raises NotFound where it neither stands there nor follows.
        """
        given, inferred = self.dated(("asserted", "provenance"), city, date), self.dated((INFERRED,), city, date)
        graphs = {"given": given, "inferred": [each for each in inferred if each not in given]}
        asked = {"triple": [read_term(each) for each in triple], "most": most, "format": form}
        proved: str = self.pool.run("prove", graphs | asked)
        return proved

    def what_if(self, update: str, city: str, date: str | None, extensions: bool = False) -> Row:
        """What a SPARQL update of an observation, the latest if `date` is None, would change; nothing is changed.

        With `extensions` among the gaps of kinds that the paper does not have, too.
        """
        self.dated(("asserted",), city, date)
        latest = max(graph.date for graph in self.graphs() if graph.city == city)
        asked = {"city": city, "date": date or latest, "update": update, "nesting": self.settings.nesting}
        told: Row = self.pool.run("what-if", {**asked, "extensions": extensions})
        return told

    def diff(self, city: str, earlier: str, later: str, filters: Mapping[str, str] | None = None) -> Difference:
        """What became of each gap of a city between two observations, by their dates (ISO 8601).

        Raises NotFound for a city or a date without an observation, and BadInput where the dates are the wrong way
        round or a filter is none.
        """
        return self._history.diff(city, earlier, later, filters)

    def news(self, city: str | None) -> tuple[list[Row], str]:
        """Every event that shows a change between successive observations of a city or all, and the latest date.

        What can be known at neither observation is left out. Raises NotFound for an unknown city.
        """
        return self._history.news(city)

    def life(self, identifier: str) -> Row:
        """The life line of a gap: at each observation of its city whether it was found, and what became of it."""
        return self._history.life(identifier)

    def audit(
        self,
        city: str | None,
        date: str | None,
        as_of: str | None = None,
        sort: str | None = None,
        extensions: bool = False,
    ) -> AuditReport:
        """The gap report of one city or all, at one date, or each city's latest: of all, or not after `as_of`.

        With `extensions` the kinds that the paper does not have are in it.
        """
        asked = {"city": city, "date": date, "as-of": as_of, "extensions": "true" if extensions else "false"}
        findings = self.gaps({name: value for name, value in asked.items() if value is not None}, sort)
        dated = set(self.dated(AUDITS if extensions else (GAPS,), city, date, as_of))
        audits = [graph for graph in self.graphs() if graph.step in AUDITS and graph.graph in dated]
        payload = {
            "query": named_query("system", "gap-triples").text,
            "default_graphs": [
                *(graph.graph for graph in audits),
                *(graph.graph for graph in self.graphs() if graph.step == RESPONSES),
            ],
            "format": "text/turtle",
            "prefixes": prefix_table(),
        }
        observations = sorted({f"{graph.city} {graph.date}" for graph in audits})
        triples, rows = partial(self.pool.run, "query", payload), partial(self._source_rows, city, date, as_of)
        return AuditReport(observations, findings, self._reason, triples, rows, sort=sort, extensions=extensions)

    def _source_rows(self, city: str | None, date: str | None, as_of: str | None) -> SourceRows:
        """The files and rows that the evidence of each finding names, by city and gap."""
        read = self.dated((*FINDINGS, EXTENSION_GAPS), city, date, as_of)
        found = self.rows(named_query("system", "finding-rows"), {}, read)
        rows: dict[tuple[str, str], list[tuple[str, int]]] = {}
        for row in found:
            rows.setdefault((city_key(row["gap"]), local(row["gap"])), []).append((row["title"], int(row["number"])))
        return rows

    def _reason(self, row: Row) -> str:
        """One line: what was looked for and not found, or the evidence."""
        why = explained(self, row["kind"], row["focusKey"], row["city"], row["date"], DEFAULT)
        return reason(why, languages()[DEFAULT])

    @staticmethod
    def queries() -> list[Row]:
        """The predefined queries, with their parameters."""
        return [
            {
                "name": query.name,
                "summary": query.summary,
                "description": query.description,
                "parameters": [{"name": p.name, "type": p.type, "optional": p.optional} for p in query.parameters],
            }
            for query in query_files("reports").values()
        ]

    def sparql(
        self,
        text: str,
        form: str | None = None,
        seconds: float | None = None,
        entailment: bool = True,
        as_of: str | None = None,
        explain: bool = False,
    ) -> Answer:
        """A query of the caller's own, over the default dataset: of today, or as of a date; or what was run for it."""
        read, named = Selection(as_of=as_of, entailment=entailment), prefix_table()
        return answer(self.pool, self.settings, text, read, form=form, seconds=seconds, prefixes=named, explain=explain)

    def ask(self, name: str, given: Mapping[str, str], entailment: bool = True, as_of: str | None = None) -> list[Row]:
        """The rows of a predefined query; without entailment, over what the sources say; of today, or as of a date."""
        return self.rows(named_query("reports", name), given, self._reported(entailment, as_of), as_of)

    def ask_shown(
        self, name: str, given: Mapping[str, str], entailment: bool = True, as_of: str | None = None
    ) -> list[Row]:
        """The rows of a predefined query for a terminal: short names for IRIs, behind what people read."""
        payload = self.payload(named_query("reports", name), given, self._reported(entailment, as_of), as_of)
        answer = self.pool.run("query", payload | {"format": ROWS})
        rows, prefixes = rows_of(answer, lambda text: text), prefix_table()
        links = {name for row in rows for name, text in row.items() if is_link(text)}
        order = sorted(answer["columns"], key=links.__contains__)
        return [{name: shown(row[name], prefixes) for name in order} for row in rows]

    def _reported(self, entailment: bool, as_of: str | None = None) -> list[str]:
        """The graphs that reports read."""
        return self.dated([step for step in FINDINGS if entailment or step != INFERRED], None, None, as_of)

    def ask_as(
        self,
        name: str,
        given: Mapping[str, str],
        accept: str,
        form: str | None,
        entailment: bool = True,
        as_of: str | None = None,
    ) -> Answer:
        """The result of a predefined query, in the format that the caller wants."""
        query = named_query("reports", name)
        wanted = chosen(accept, offered("SELECT"), form)

        def made() -> Answer:
            payload = self.payload(query, given, self._reported(entailment, as_of), as_of)
            return Answer(self.pool.run("query", payload | {"format": wanted.media_type}), wanted.header)

        if changes_with_time(query.text):
            return made()
        question = (name, frozenset(given.items()), wanted.media_type, entailment, as_of)
        return self._kept.answer(self.snapshot(), question, made)
