"""The middle of the program: what can be asked, for both faces alike."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from itertools import pairwise
from typing import Any

from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, serialize

from sopkg.baseline import Comparison, compare
from sopkg.catalog import QueryFile, check_names, named_query, query_files
from sopkg.cities import IDS
from sopkg.cube import UNORDERED, Cube, cube
from sopkg.dataset import INFERRED, CurrentGraph, Selection, current_graphs
from sopkg.dates import observation_date, today
from sopkg.detect import focus_of, focus_texts
from sopkg.errors import BadInput, NotFound, near_names, not_found, not_observed, unknown_names
from sopkg.files import system_query
from sopkg.gapquery import gap_query_of
from sopkg.graphs import AUDITS, CATALOGUE, EXTENSION_GAPS, GAPS
from sopkg.guard import changes_with_time
from sopkg.inference import term as read_term
from sopkg.junit import as_junit
from sopkg.kept import Kept
from sopkg.lifeline import FILTERS as EVENT_FILTERS
from sopkg.lifeline import Difference, changes, event_words, events, life_at, unsettled
from sopkg.pool import Pool
from sopkg.printer import print_query
from sopkg.respond import as_triples, respond, response_to
from sopkg.responses import STEP as RESPONSES
from sopkg.responses import flat, passed, said, standing, summary
from sopkg.results import JSON, Answer, chosen, offered, to_term
from sopkg.rows import select
from sopkg.sarif import as_sarif
from sopkg.schema import ontology_store
from sopkg.settings import Settings
from sopkg.sparql import ROWS, answer
from sopkg.staging import Cells, construct
from sopkg.store import COMMAND_LINE, SnapshotStore
from sopkg.syntax import Select
from sopkg.tabulate import as_csv, as_json, as_table
from sopkg.trees import read_file_query
from sopkg.turtle import prefix_table
from sopkg.weight import cells, check_sort, columns, heaviest, measure, measures, weigh
from sopkg.weight import said as weight_said
from sopkg.wording import as_text, reason, verdict_lines

FINDINGS = ("asserted", "inferred", GAPS, "provenance")
GRADES = ("low", "medium", "high", "critical")
VERDICTS = ("confirmed", "presumed", "contested", "undetermined")
FILTERS = ("city", "date", "as-of", "kind", "object", "severity", "verdict", "extensions")
WORST = 10
CITY_COLUMNS = ("city", "label", "date", "file", "source", "licence", "rows")
FINDING_COLUMNS = (
    *("id", "city", "date", "notation", "kindLabel", "severity", "verdict", "about"),
    *("focus", "focusKey", "objects", "kind", "gap", "responses"),
)
KEPT_AUDITS = 16
KEPT_COMPARISONS = 32
EXPLAINED = 100  # findings that are explained in one request
SHORTEST_HALF = 6  # of a gap's identifier: all of one kind begin alike
XSD = "http://www.w3.org/2001/XMLSchema#"
Row = dict[str, Any]
SourceRows = Mapping[tuple[str, str], Sequence[tuple[str, int]]]
# The columns of a count of findings: the head, and the finding's member.
COUNTED = {"city": "city", "date": "date", "kind": "notation", "gap": "kindLabel"}
GRADED = {**COUNTED, "severity": "severity", "verdict": "verdict"}


@dataclass(frozen=True)
class AuditReport:
    """The gap report: the observations read ("city date") and every finding.

    A reason, and the triples, are asked for where a format needs them.
    """

    observations: list[str]
    findings: list[Row]
    reason: Callable[[Row], str]
    triples: Callable[[], bytes]
    source_rows: Callable[[], SourceRows]
    compared: Comparison | None = None
    passes_accepted: bool = False
    sort: str | None = None
    extensions: bool = False

    def beside(self, baseline: Iterable[Mapping[str, Any]]) -> AuditReport:
        """This report compared with the findings of an earlier one."""
        cities = {each.partition(" ")[0] for each in self.observations}
        return replace(self, compared=compare(self.findings, baseline, cities, GRADES))

    def fails(self, grade: str | None) -> bool:
        """Whether a gap is as severe as a grade; beside a baseline, whether a new or worse one is (of any, if None)."""
        return any(not self.passed_over(row) for row in self._failing(grade))

    def passed_over(self, row: Mapping[str, Any]) -> bool:
        """Whether a gap does not count since it is an accepted risk."""
        return self.passes_accepted and passed(row)

    def passes(self, grade: str | None) -> str:
        """How many gaps would make it fail and are passed over, in words; empty unless accepted ones are."""
        if not self.passes_accepted:
            return ""
        over = [row["id"] for row in self._failing(grade) if passed(row)]
        named = f": {', '.join(over)}" if over else ""
        return f"Passed over as accepted risks: {len(over)} of the gaps that would make this fail{named}\n"

    def _failing(self, grade: str | None) -> Sequence[Mapping[str, Any]]:
        """What is as severe as a grade, accepted or not; undetermined ones do not count."""
        if self.compared is not None:
            return self.compared.reaching(grade, GRADES)
        settled = [row for row in self.findings if grade is not None and row["verdict"] != "undetermined"]
        return [row for row in settled if GRADES.index(row["severity"]) >= GRADES.index(grade)]

    def written(self, form: str) -> str:
        """The report as table, json, csv, turtle, junit or sarif."""
        match form:
            case "junit":
                return as_junit(self.findings, kind_texts(self.extensions), self.compared, self.passed_over)
            case "sarif":
                return as_sarif(self.findings, kind_texts(self.extensions), self.source_rows(), self.compared)
            case "json":
                return as_json(self.findings)
            case "csv":
                return as_csv(*finding_table(self.findings, self.sort))
            case "turtle":
                return self.triples().decode()
            case _:
                return self._summary()

    def _heading(self, count: int) -> str:
        return f"Of {count} gaps those with most {self.sort}:" if self.sort else f"The worst of {count} gaps:"

    def _summary(self) -> str:
        settled = [row for row in self.findings if row["verdict"] != "undetermined"]
        unknown = [row for row in self.findings if row["verdict"] == "undetermined"]
        lines = ["Coordination gaps: what the model expects and the city does not show"]
        lines += [f"Observations read: {', '.join(self.observations)}", ""]
        if settled:
            lines += [as_table(counts(settled, GRADED)), self._heading(len(settled))]
            for row in settled[:WORST]:
                lines.append(f"  {row['id']}  {row['severity']}, {row['verdict']}  {row['city']} {row['date']}")
                lines.append(f"    {row['kindLabel']}: {row['about']}")
                lines.append(f"    {self.reason(row)}")
                lines += [f"    Response: {said(each)}" for each in row["responses"]]
                lines += [f"    Touches: {weight_said(row['weight'])}"] if self.sort else []
        else:
            lines.append("No gap can be shown from this data." if unknown else "No gap was found.")
        if unknown:
            lines += ["", "Not known from this data", ""]
            lines.append("No source says that it would show such things, so that their absence shows nothing.\n")
            lines.append(as_table(counts(unknown, COUNTED)).removesuffix("\n"))
        answered = summary(self.findings)
        lines += ["", f"Responses to these gaps: {answered}; `sopkg responses` lists them."] if answered else []
        lines.append("\n`sopkg why ID` explains one.\n" if self.findings else "")
        return "\n".join(lines)


def finding_table(findings: Sequence[Row], sort: str | None = None) -> tuple[list[Row], list[str]]:
    """Findings as the rows of a table, and its columns; with the weight where they were sorted by one."""
    rows = flat(findings)
    if sort is None:
        return rows, list(FINDING_COLUMNS)
    shown = [{name: value for name, value in row.items() if name != "weight"} | cells(row["weight"]) for row in rows]
    return shown, [*FINDING_COLUMNS, *columns()]


@cache
def kind_texts(extensions: bool) -> list[Row]:
    """What the ontology says of each kind of gap that is looked for, in words; with those that the paper lacks."""
    names = ("kind", "notation", "label", "definition", "question", "remedy", "severity")
    rows = select(ontology_store(), system_query("kind-texts"))
    asked = (row for row in rows if extensions or row["extension"].value == "false")
    return [{name: row[name].value for name in names} for row in asked]


def counts(findings: Iterable[Row], columns: Mapping[str, str]) -> list[Row]:
    """How many findings have the same values in these columns."""
    counted = Counter(tuple(row[column] for column in columns.values()) for row in findings)
    return [{**dict(zip(columns, key, strict=True)), "found": count} for key, count in sorted(counted.items())]


class Answers:
    """Answers from the published state, through the query workers.

    `snapshot` tells what that state is called, where it is not the store that the settings name.
    """

    def __init__(self, settings: Settings, pool: Pool, snapshot: Callable[[], str] | None = None) -> None:
        self.settings, self.pool = settings, pool
        self._snapshot = snapshot or (lambda: SnapshotStore(settings.store).current().name)
        self._kept = Kept(settings.kept_bytes)
        # A snapshot never changes: what was read from it stays true.
        self._graphs = lru_cache(1)(self._read_graphs)
        self._findings = lru_cache(KEPT_AUDITS)(self._read_findings)
        self._event_rows = lru_cache(KEPT_COMPARISONS)(self._read_event_rows)
        self._cube = lru_cache(KEPT_AUDITS)(self._read_cube)
        self._weights = lru_cache(KEPT_AUDITS)(self._read_weights)

    def graphs(self) -> list[CurrentGraph]:
        """The graphs in force."""
        published = SnapshotStore(self.settings.store)
        return self._graphs(published.version()) if published.exists() else current_graphs(self.pool)

    def _read_graphs(self, _: str) -> list[CurrentGraph]:
        return current_graphs(self.pool)

    def cities(self) -> list[Row]:
        """Each observation of each city, with file, source and licence."""
        rows = self.rows(named_query("system", "cities"), {}, [])
        return [{**row, "city": city_key(row["city"])} for row in rows]

    def dated(self, steps: Iterable[str], city: str | None, date: str | None, as_of: str | None = None) -> list[str]:
        """The graphs of these steps and the ontology: at a date that must be there, or the latest of each city.

        With `as_of` the latest that is not after it; a city without any such is left out, and named it is an error.
        """
        graphs = self.graphs()
        mine = self._observed(graphs, city)
        if date is not None and as_of is not None:
            raise BadInput("a date and as-of say both which observation to read; one of them is enough")
        if date is not None and date not in {graph.date for graph in mine}:
            raise not_observed(_on(city), date, (graph.date for graph in mine))
        early = [graph for graph in mine if as_of is None or graph.date <= as_of]
        if as_of is not None and not early:
            raise not_observed(f"of {city} on or before" if city else "on or before", as_of, (g.date for g in mine))
        latest = {each: max(graph.date for graph in early if graph.city == each) for each in {g.city for g in early}}
        wanted = set(steps)
        dated = [g.graph for g in early if g.step in wanted and g.date == (date or latest[g.city])]
        return dated + [graph.graph for graph in graphs if graph.step == "ontology"]

    @staticmethod
    def _observed(graphs: list[CurrentGraph], city: str | None) -> list[CurrentGraph]:
        """The graphs of a city's observations, or of all cities'."""
        mine = [graph for graph in graphs if graph.city and city in (None, graph.city)]
        if city is not None and not mine:
            raise not_found("city", city, {graph.city for graph in graphs if graph.city})
        return mine

    def rows(
        self, query: QueryFile, given: Mapping[str, str], graphs: list[str], as_of: str | None = None
    ) -> list[Row]:
        """The rows of a predefined query as plain values, every column in each."""
        return _rows(self.pool.run("query", self._payload(query, given, graphs, as_of) | {"format": ROWS}), _plain)

    def _payload(self, query: QueryFile, given: Mapping[str, str], graphs: list[str], as_of: str | None = None) -> Row:
        check_names(query, given)
        types = {parameter.name: parameter.type for parameter in query.parameters}
        for name, text in given.items():
            if types[name] == "iri" and ":" not in text:
                self.dated((), text, None, as_of)  # a bare word is a city's name
        terms = {name: str(term(text, types[name], name)) for name, text in given.items()}
        return {"query": query.text, "default_graphs": graphs, "substitutions": terms}

    def gaps(self, filters: Mapping[str, str], sort: str | None = None) -> list[Row]:
        """The findings that meet every filter, the most severe first and undetermined ones last.

        Kinds that the paper does not have are among them with the filter `extensions`, and where one is named. Sorted
        by a measure, or by works, each has its weight, and the heaviest come first. Raises BadInput for a sort or a
        filter that is none.
        """
        check_filters(filters)
        when = [observation_date(filters[name]) if name in filters else None for name in ("date", "as-of")]
        snapshot = self._snapshot()
        read = self.dated(("asserted", "inferred"), filters.get("city"), *when)
        steps = AUDITS if filters.get("extensions") == "true" or "kind" in filters else (GAPS,)
        audits = set(self.dated(steps, filters.get("city"), *when)) - set(read)
        found = self._findings(snapshot, tuple(read), tuple(sorted(audits)))
        answered, now = self._answered(), today()
        rows = [
            {**row, "responses": standing(answered.get(row["gap"], ()), row["date"], now)}
            for row in found
            if meets(row, filters)
        ]
        if sort is None:
            return rows
        check_sort(sort)
        given = self.dated(("provenance",), filters.get("city"), *when)
        weights = self._weights(tuple(read), tuple(each for each in given if each not in read), tuple(sorted(audits)))
        return heaviest(({**row, "weight": weights[row["gap"], row["date"]]} for row in rows), sort)

    def cube(self, city: str, date: str | None = None, as_of: str | None = None) -> Cube:
        """The model's cells as one observation of a city fills them: that of a date, or the latest (as of a date)."""
        read = self.dated(FINDINGS, city, date, as_of)
        observed = next(graph.date for graph in self.graphs() if graph.city and graph.graph in read)
        return self._cube(self._snapshot(), city, observed, tuple(read))

    def _read_cube(self, _: str, city: str, date: str, read: tuple[str, ...]) -> Cube:
        return cube(city, date, lambda name: self.rows(_counted_over(name), {}, list(read)))

    def observed(self, name: str, observations: Sequence[tuple[str, str | None]]) -> list[Row]:
        """The rows of a predefined query over an observation of each of these cities: that of a date, or the latest."""
        read = list(dict.fromkeys(graph for city, date in observations for graph in self.dated(FINDINGS, city, date)))

        def made() -> Answer:
            return Answer(as_json(self.rows(named_query("reports", name), {}, read)).encode(), JSON.header)

        rows: list[Row] = json.loads(self._kept.answer(self._snapshot(), (name, tuple(read)), made).body)
        return rows

    def _read_weights(
        self, read: tuple[str, ...], given: tuple[str, ...], audits: tuple[str, ...]
    ) -> dict[tuple[str, str], Row]:
        """What each finding of these audits touches, by gap and date.

        The works are those that its evidence names; where it names none, the open ones on the object or of the line
        that it is about.
        """
        named, held = dict[str, list[str]](), dict[tuple[str, str], dict[str, None]]()
        for row in self.rows(named_query("system", "touched"), {}, [*read, *audits]):
            named.setdefault(row["gap"], []).append(row["work"])
        for row in self.rows(named_query("system", "open-works"), {}, list(read)):
            held.setdefault((city_key(row["city"]), row["field"]), {})[row["work"]] = None
        known = {name: measure(file, self.rows(file, {}, [*read, *given])) for name, file in measures().items()}
        fields = {place: weigh(list(works), known) for place, works in held.items()}
        nothing, weights = weigh([], known), dict[tuple[str, str], Row]()
        for row in self._findings(self._snapshot(), read, audits):
            about = (fields[place] for iri in row["focus"] if (place := (row["city"], iri)) in fields)
            works = named.get(row["gap"])
            weights[row["gap"], row["date"]] = weigh(works, known) if works else next(about, nothing)
        return weights

    def _answered(self) -> dict[str, list[Row]]:
        """What was answered to each gap, by its IRI, as the query gives it."""
        graphs = [graph.graph for graph in self.graphs() if graph.step == RESPONSES]
        found: dict[str, list[Row]] = {}
        for row in self.rows(named_query("system", "responses"), {}, graphs) if graphs else ():
            found.setdefault(row["gap"], []).append(row)
        return found

    def responses(self, city: str | None = None) -> list[Row]:
        """The responses to the gaps of a city or all, each as it stands beside the latest finding of its gap."""
        self._observed(self.graphs(), city)
        answered = self._answered()
        read = [graph.graph for graph in self.graphs() if graph.step in (*AUDITS, RESPONSES)]
        dated = self.rows(named_query("system", "responded"), {}, [CATALOGUE, *read]) if answered else []
        latest = {row["gap"]: row["date"] for row in dated}
        mine = {gap: rows for gap, rows in answered.items() if city in (None, city_key(gap))}
        return [row for gap, rows in mine.items() for row in standing(rows, latest.get(gap), today())]

    def responses_to(self, identifier: str) -> list[Row]:
        """The responses to one gap. Raises NotFound for a gap that there is not."""
        return [row for row in self.responses(self._city_of(identifier)) if row["gap"] == identifier]

    def respond(self, identifier: str, given: Mapping[str, object], who: str = COMMAND_LINE) -> tuple[Row, bool]:
        """Records what somebody answers to a gap: the response as it stands now, and whether it is new.

        Raises NotFound, BadInput or Unprocessable for what is no response to a gap, Conflict where another writes.
        """
        city = self._city_of(identifier)
        response = response_to(f"{IDS}{city}/gap/{identifier}", given, today())
        told = SnapshotStore(self.settings.store, self.settings.lock_seconds, self.settings.durability, who)
        new = respond(told, response)
        return next(row for row in self.responses_to(identifier) if row["response"] == response.iri), new

    def _city_of(self, identifier: str) -> str:
        graphs = [graph.graph for graph in self.graphs() if graph.step in AUDITS]
        found = self.rows(named_query("system", "gap-identifiers"), {"id": identifier}, graphs)
        if not found:
            raise self._no_gap(identifier)
        return city_key(found[0]["gap"])

    def unknown_gaps(self, identifiers: Iterable[str]) -> list[str]:
        """Those of these identifiers that no gap of any observation has."""
        known = set(self._identifiers())
        return sorted(set(identifiers) - known)

    def _identifiers(self) -> list[str]:
        graphs = [graph.graph for graph in self.graphs() if graph.step in AUDITS]
        return [row["id"] for row in self.rows(named_query("system", "gap-identifiers"), {}, graphs)]

    def _read_findings(self, _: str, read: tuple[str, ...], audits: tuple[str, ...]) -> list[Row]:
        """The findings of these audits, labelled from the graphs read."""
        payload = self._payload(named_query("system", "gaps"), {}, list(read))
        named = {"named_graphs": [CATALOGUE, *audits], "format": ROWS}
        return grouped(_rows(self.pool.run("query", payload | named), _plain))

    def gap(self, identifier: str, date: str | None = None) -> Row:
        """One gap at the latest date that shows it, or at a given one."""
        rows = self._found(identifier)
        if not rows:
            raise self._no_gap(identifier)
        dates = sorted({row["date"] for row in rows})
        if date is not None and date not in dates:
            raise not_observed(f"that shows {identifier} is of", date, dates)
        mine = [row for row in rows if row["date"] == (date or dates[-1])]
        first, about = mine[0], {"finding": mine[0]["finding"]}
        graphs = self.dated((*FINDINGS, EXTENSION_GAPS), city_key(first["city"]), first["date"])
        things = focus_texts(first["key"])
        labels = self.pool.run("labels", {"graphs": graphs, "things": [*things, f"<{first['city']}>"]})
        return {
            "id": identifier,
            "gap": first["gap"],
            "kind": _kind(first, mine),
            "city": labels[f"<{first['city']}>"],
            "date": first["date"],
            "dates": dates,
            "verdict": first["verdict"],
            "meaning": first["meaning"],
            "severity": first["severity"],
            "focus": [{"term": key.strip("<>"), "label": labels[key]} for key in things],
            "focusKey": first["key"],
            "steps": self.rows(named_query("system", "finding-steps"), about, graphs),
            "statements": self.rows(named_query("system", "finding-statements"), about, graphs),
            "finding": first["finding"],
            "methodVersion": first["method"],
            "responses": standing(self._answered().get(first["gap"], ()), first["date"], today()),
        }

    def _no_gap(self, identifier: str) -> NotFound:
        near = near_names(identifier, (each for each in self._identifiers() if _half_alike(identifier, each)))
        hint = f"Near: {', '.join(near)}." if near else "None is like it; the gap report lists all."
        return NotFound(f"No gap named {identifier!r}. {hint}", {"near": near})

    def _found(self, identifier: str) -> list[Row]:
        graphs = self.graphs()
        model = [CATALOGUE, *(graph.graph for graph in graphs if graph.step == "ontology")]
        audits = [graph.graph for graph in graphs if graph.step in AUDITS]
        payload = self._payload(named_query("system", "finding"), {"id": identifier}, model)
        found = _rows(self.pool.run("query", payload | {"named_graphs": audits, "format": ROWS}), _plain)
        return list({(row["date"], row["locator"]): row for row in found}.values())

    def told(self, identifier: str, date: str | None = None) -> Row:
        """One gap with its explanation."""
        gap = self.gap(identifier, date)
        why = self._explained(gap["kind"]["iri"], gap["focusKey"], city_key(gap["gap"]), gap["date"])
        return {**gap, "because": verdict_lines(gap, why), "why": why}

    def explained(self, findings: Sequence[Mapping[str, Any]]) -> list[Row]:
        """The explanations of findings of one observation, in their order."""
        parts = [findings[place : place + EXPLAINED] for place in range(0, len(findings), EXPLAINED)]
        with ThreadPoolExecutor(self.settings.workers) as threads:
            return [each for part in threads.map(self._explained_part, parts) for each in part]

    def _explained_part(self, findings: Sequence[Mapping[str, Any]]) -> list[Row]:
        about = [self._about(row["kind"], row["focusKey"], row["city"], row["date"]) for row in findings]
        explained: list[Row] = self.pool.run("why-each", {"gaps": about})
        return explained

    def graded(self, findings: Sequence[Mapping[str, Any]]) -> list[Row]:
        """Findings of one observation with what made their verdict and the steps of their severity."""
        if not findings:
            return []
        graphs = self.dated((*FINDINGS, EXTENSION_GAPS), findings[0]["city"], findings[0]["date"])
        said: dict[str, dict[str, list[Row]]] = {}
        for name in ("steps", "statements"):
            asked = {"query": named_query("system", f"finding-{name}").text, "default_graphs": graphs, "format": ROWS}
            for row in _rows(self.pool.run("query", asked), _plain):
                said.setdefault(local(row["finding"]), {}).setdefault(name, []).append(row)
        return [{**row, "steps": [], "statements": [], **said.get(row["id"], {})} for row in findings]

    def _explained(self, kind: str, key: str, city: str, date: str) -> Row:
        explained: Row = self.pool.run("why", self._about(kind, key, city, date))
        return explained

    def _about(self, kind: str, key: str, city: str, date: str) -> Row:
        graphs = [*self.dated(FINDINGS, city, date), *self._earlier(kind, city, date)]
        return {"kind": kind, "key": key, "date": date, "graphs": graphs}

    def remedy(self, identifier: str, date: str | None = None) -> Row:
        """What would close one gap: sets of statements with open slots, or why no statement would."""
        gap = self.gap(identifier, date)
        city = city_key(gap["gap"])
        asked = self._about(gap["kind"]["iri"], gap["focusKey"], city, gap["date"])
        told: Row = self.pool.run("remedy", asked | {"base": f"{IDS}{city}/"})
        return {**{name: gap[name] for name in ("id", "kind", "focus", "city", "date", "verdict")}, **told}

    def _earlier(self, kind: str, city: str, date: str) -> list[str]:
        """The graphs of earlier findings, where the kind rests on them."""
        if gap_query_of(kind).inherits is None:
            return []
        mine = [graph for graph in self.graphs() if graph.city == city and graph.date < date]
        return [CATALOGUE, *(graph.graph for graph in mine if graph.step == GAPS)] if mine else []

    def why(self, identifier: str, form: str = "json", date: str | None = None) -> str:
        """The explanation of a gap as json, text or turtle."""
        told = self.told(identifier, date)
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

    def _read_event_rows(
        self, given: tuple[tuple[str, str], ...], read: tuple[str, ...], named: tuple[str, ...]
    ) -> list[Row]:
        """How the gaps of two audits are classified, beside the graphs of the audits before them."""
        payload = self._payload(named_query("system", "gap-events"), dict(given), list(read))
        return _rows(self.pool.run("query", payload | {"named_graphs": list(named), "format": ROWS}), _plain)

    def diff(self, city: str, earlier: str, later: str, filters: Mapping[str, str] | None = None) -> Difference:
        """What became of each gap of a city between two observations, by their dates (ISO 8601).

        Raises NotFound for a city or a date without an observation, and BadInput where the dates are the wrong way
        round or a filter is none.
        """
        for date in (earlier, later):
            self.dated((), city, date)
        if earlier > later:
            raise BadInput(f"from {earlier} is after to {later}: the earlier observation comes first")
        given = dict(filters or {})
        check_event_filters(given)
        found = self._events(city, earlier, later)
        return Difference(city, earlier, later, [row for row in found if happened(row, given)])

    def _events(
        self, city: str, earlier: str, later: str, identifier: str | None = None, step: str = GAPS
    ) -> list[Row]:
        mine = self._observed(self.graphs(), city)
        graph = {(each.step, each.date): each.graph for each in mine}
        given = {
            "earlierFindings": graph[step, earlier],
            "laterFindings": graph[step, later],
            "earlierData": graph["asserted", earlier],
            "laterData": graph["asserted", later],
            **({} if identifier is None else {"id": identifier}),
        }
        formerly = [each.graph for each in mine if each.step == step and each.date < earlier]
        named = (*dict.fromkeys(list(given.values())[:4]), *formerly)
        rows = self._event_rows(tuple(given.items()), tuple(self.dated((), city, later)), named)
        asked = {"city": city, "extensions": "true" if step == EXTENSION_GAPS else "false"}
        at = [{row["id"]: row for row in self.gaps({**asked, "date": date})} for date in (earlier, later)]
        return events(rows, at[0], at[1], (earlier, later))

    def news(self, city: str | None) -> tuple[list[Row], str]:
        """Every event that shows a change between successive observations of a city or all, and the latest date.

        What can be known at neither observation is left out. Raises NotFound for an unknown city.
        """
        mine, found = self._observed(self.graphs(), city), list[Row]()
        for name in sorted({graph.city for graph in mine}):
            dates = sorted({graph.date for graph in mine if graph.city == name})
            for earlier, later in pairwise(dates):
                found += [row for row in self._events(name, earlier, later) if changes(row) and not unsettled(row)]
        return found, max((graph.date for graph in mine), default="")

    def life(self, identifier: str) -> Row:
        """The life line of a gap: at each observation of its city whether it was found, and what became of it."""
        found = self._found(identifier)
        if not found:
            raise self._no_gap(identifier)
        city, step = city_key(found[0]["gap"]), GAPS if found[0]["inPaper"] == "true" else EXTENSION_GAPS
        dates = sorted({graph.date for graph in self._observed(self.graphs(), city) if graph.step == step})
        happened = {later: self._events(city, earlier, later, identifier, step) for earlier, later in pairwise(dates)}
        at = {row["date"]: row for row in found}
        asked = {"city": city, "date": max(at), "kind": found[0]["notation"]}
        told = next(row for row in self.gaps(asked) if row["id"] == identifier)
        about = {name: told[name] for name in ("id", "city", "notation", "kindLabel", "about", "kind", "gap")}
        return {**about, "life": [life_at(date, at.get(date), happened.get(date)) for date in dates]}

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
        why = self._explained(row["kind"], row["focusKey"], row["city"], row["date"])
        return reason(why)

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
        payload = self._payload(named_query("reports", name), given, self._reported(entailment, as_of), as_of)
        answer = self.pool.run("query", payload | {"format": ROWS})
        rows, prefixes = _rows(answer, lambda text: text), prefix_table()
        links = {name for row in rows for name, text in row.items() if _is_link(text)}
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
            payload = self._payload(query, given, self._reported(entailment, as_of), as_of)
            return Answer(self.pool.run("query", payload | {"format": wanted.media_type}), wanted.header)

        if changes_with_time(query.text):
            return made()
        question = (name, frozenset(given.items()), wanted.media_type, entailment, as_of)
        return self._kept.answer(self._snapshot(), question, made)


@cache
def _counted_over(name: str) -> QueryFile:
    """A report whose rows the cube counts: without its order, which takes longer than all else of it."""
    query = named_query("reports", name)
    if name not in UNORDERED:
        return query
    read = read_file_query(query.text)
    assert isinstance(read, Select)
    return replace(query, text=print_query(replace(read, order_by=())))


def _on(city: str | None) -> str:
    return f"of {city} on" if city else "on"


def check_event_filters(filters: Mapping[str, str]) -> None:
    """Raises BadInput for a filter of events that is not one, or a word that is none of its values."""
    unknown = sorted(set(filters) - set(EVENT_FILTERS))
    if unknown:
        raise unknown_names("filter", unknown, EVENT_FILTERS)
    check_filters({name: word for name, word in filters.items() if name == "kind"})
    words = event_words()
    for name in ("event", "because"):
        if name in filters and filters[name] not in words[name]:
            raise BadInput(f"{name} is one of {', '.join(words[name])}, not {filters[name]!r}")


def happened(row: Row, filters: Mapping[str, str]) -> bool:
    """Whether an event meets the filters."""
    met = "event" not in filters or row["event"] == filters["event"]
    met = met and ("because" not in filters or filters["because"] in row["because"])
    return met and ("kind" not in filters or filters["kind"] in kind_words(row))


def kind_words(row: Row) -> tuple[str, ...]:
    """What the kind of a finding or an event can be called."""
    return row["notation"], row["notation"].rstrip("abc"), row["kind"], local(row["kind"])


def term(text: str, kind: str, name: str) -> NamedNode | Literal:
    """A parameter's text as a term of its type. Raises BadInput with the expected type."""
    try:
        match kind:
            case "iri":
                # A bare word is the key of a city: people write `city=buenos-aires`.
                return NamedNode(text if ":" in text else f"{IDS}{text}/city/{text}")
            case "integer":
                return Literal(str(int(text)), datatype=NamedNode(f"{XSD}integer"))
            case "decimal":
                float(text)
                return Literal(text, datatype=NamedNode(f"{XSD}decimal"))
            case "date":
                return Literal(observation_date(text), datatype=NamedNode(f"{XSD}date"))
            case "boolean":
                return Literal({"true": True, "false": False}[text])
            case _:
                return Literal(text)
    except BadInput as error:
        raise BadInput(f"parameter {name}: {error.detail}", {"parameter": name, "expected": kind}) from error
    except (ValueError, KeyError) as error:
        raise BadInput(f"parameter {name}: {text!r} is no {kind}", {"parameter": name, "expected": kind}) from error


def _half_alike(one: str, other: str) -> bool:
    """Whether two identifiers begin or end alike: what a slip of the pen leaves, cheap to see among many thousands."""
    half = max(len(one) // 2, SHORTEST_HALF)
    return other.startswith(one[:half]) or other.endswith(one[-half:])


def _rows(answer: Mapping[str, Any], read: Callable[[str | None], object]) -> list[Row]:
    """A worker's rows, every column in each."""
    return [{name: read(row.get(name)) for name in answer["columns"]} for row in answer["rows"]]


def _is_link(text: str | None) -> bool:
    """Whether a term in N-Triples is an IRI that only programs read: a city's is its name."""
    return text is not None and text.startswith("<") and city_name(text.strip("<>")) is None


def shown(text: str | None, prefixes: Mapping[str, str]) -> object:
    """A term in N-Triples as people read it: an IRI by its prefix, a city by its name."""
    value = _plain(text)
    if text is None or not text.startswith("<"):
        return value
    iri = str(value)
    fitting = {prefix: iri.removeprefix(base) for prefix, base in prefixes.items() if iri.startswith(base)}
    short = min((f"{prefix}:{rest}" for prefix, rest in fitting.items()), key=len, default=iri)
    return city_name(iri) or short


def _plain(text: str | None) -> object:
    """A term in N-Triples as a plain value."""
    if text is None:
        return None
    read = to_term(text)
    if isinstance(read, Literal) and read.datatype.value == f"{XSD}integer":
        return int(read.value)
    return read.value if isinstance(read, NamedNode | Literal) else text


def check_filters(filters: Mapping[str, str]) -> None:
    """Raises BadInput for a filter that is not one, or a word that is none of its values."""
    unknown = sorted(set(filters) - set(FILTERS))
    if unknown:
        raise unknown_names("filter", unknown, FILTERS)
    for name, words in (("severity", GRADES), ("verdict", VERDICTS), ("extensions", ("true", "false"))):
        if name in filters and filters[name] not in words:
            raise BadInput(f"{name} is one of {', '.join(words)}, not {filters[name]!r}")
    for name, known in filter_words().items():
        word = filters.get(name)
        if word is not None and word not in known:
            near = near_names(word, known)
            hint = f"near are {', '.join(near)}" if near else f"known are {', '.join(known)}"
            raise BadInput(f"there is no {name} {word!r}; {hint}", {"near": near})


@cache
def filter_words() -> dict[str, list[str]]:
    """The words that gaps can be asked for by: a kind's notation, stem, name and IRI; an object's name and IRI."""
    words: dict[str, dict[str, None]] = {}
    for row in select(ontology_store(), system_query("filter-words")):
        iri, notation = row["term"].value, row["notation"].value if row["notation"] else ""
        known = (notation, notation.rstrip("abc"), local(iri), iri)
        words.setdefault(row["filter"].value, {}).update(dict.fromkeys(filter(None, known)))
    return {name: list(known) for name, known in words.items()}


def meets(row: Row, filters: Mapping[str, str]) -> bool:
    """Whether a finding meets the filters by kind, object, severity and verdict; a word may be an IRI's last part."""
    objects = [*row["objects"], *map(local, row["objects"])]
    found = {"kind": kind_words(row), "object": objects, "severity": [row["severity"]], "verdict": [row["verdict"]]}
    return all(filters[name] in words for name, words in found.items() if name in filters)


def local(iri: str) -> str:
    """The last part of an IRI."""
    return iri.replace("#", "/").rsplit("/", 1)[-1]


def city_key(iri: str) -> str:
    """The city's name in an IRI of one of its things."""
    return iri.removeprefix(IDS).split("/", 1)[0]


def city_name(iri: str) -> str | None:
    """The city's name if an IRI is a city's."""
    name = city_key(iri)
    return name if iri == f"{IDS}{name}/city/{name}" else None


def grouped(rows: Sequence[Row]) -> list[Row]:
    """One row a finding, its focus in the order of its key."""
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        each = found.setdefault((row["id"], row["date"]), {**row, "labels": {}, "objects": {}})
        each["labels"][row["focus"]] = row["focusLabel"] or local(row["focus"])
        if row["object"]:
            each["objects"][row["object"]] = None
    return sorted((_finding(each) for each in found.values()), key=_badness)


def _finding(row: Row) -> Row:
    focus = [term.value for term in focus_of(row["key"])]
    return {
        "id": row["id"],
        "city": city_key(row["city"]),
        "date": row["date"],
        "notation": row["notation"],
        "kindLabel": row["kindLabel"],
        "severity": row["severity"],
        "verdict": row["verdict"],
        "about": " · ".join(row["labels"].get(iri, local(iri)) for iri in focus),
        "focus": focus,
        "focusKey": row["key"],
        "objects": list(row["objects"]),
        "kind": row["kind"],
        "gap": row["gap"],
    }


def _badness(row: Row) -> tuple[bool, int, int, str, str]:
    unsettled, sure = row["verdict"] == "undetermined", VERDICTS.index(row["verdict"])
    return unsettled, -GRADES.index(row["severity"]), sure, row["city"], row["id"]


def _kind(first: Row, rows: list[Row]) -> Row:
    locators = "; ".join(dict.fromkeys(row["locator"] for row in rows if row["locator"]))
    said = {name: first[name] for name in ("notation", "definition", "question", "remedy", "base")}
    in_paper = first["inPaper"] == "true"
    return {"iri": first["kind"], "label": first["kindLabel"], "inPaper": in_paper, "locator": locators, **said}


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
