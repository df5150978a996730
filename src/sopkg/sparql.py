"""SPARQL queries: what the service hands to a worker, and what the worker does with it."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import pyoxigraph as ox
from pyparsing import ParseException
from rdflib.plugins.sparql.algebra import translateQuery
from rdflib.plugins.sparql.parser import parseQuery, parseUpdate
from rdflib.plugins.sparql.sparql import SPARQLError

from sopkg.amounts import capped, check_rows
from sopkg.dataset import Selection, default_graphs, in_snapshot, resolved
from sopkg.errors import BadInput, NotAcceptable, TooLarge
from sopkg.graphs import DEFAULT
from sopkg.guard import inspect, parts
from sopkg.merge import merge_of
from sopkg.negation import Fanout
from sopkg.pool import Pool
from sopkg.results import JSON, Answer, chosen, offered, to_term
from sopkg.rewriting import nested
from sopkg.sampling import samples_of
from sopkg.settings import Settings
from sopkg.syntax import Triple
from sopkg.tabulate import as_json
from sopkg.whole import damaged
from sopkg.worker import Job, Reply

ROWS = "rows"
"""The format that asks for rows of terms instead of a serialisation."""
_SYNTAX = re.compile(r"error at (\d+):(\d+): (.*)", re.DOTALL)
_MESSAGE_LENGTH, _NEAR_LENGTH = 300, 60
_NO_PLAN = "the engine's Python interface does not offer its plan"
_NAMES = ("JSON", "XML", "CSV", "TSV")
_SERIALISERS: list[ox.QueryResultsFormat] = [getattr(ox.QueryResultsFormat, name) for name in _NAMES]
_RESULT_FORMATS = {each.media_type.partition(";")[0]: each for each in _SERIALISERS}


def answer(
    pool: Pool,
    settings: Settings,
    text: str,
    selection: Selection,
    *,
    accept: str = "",
    form: str | None = None,
    seconds: float | None = None,
    rows: int | None = None,
    prefixes: Mapping[str, str] | None = None,
    optimise: bool = True,
    explain: bool = False,
) -> Answer:
    """A caller's own query, looked over, answered by a worker, in the format negotiated or named.

    `optimise` has negation nested, which changes no answer; with `explain` what was run is told instead, as JSON.
    """
    seen = inspect(text, settings.nesting, settings.body_bytes)
    format_ = chosen(accept, offered(seen.form), None if explain else form)
    payload = {
        "query": text,
        "format": format_.media_type,
        "prefixes": prefixes,
        "rows": rows,
        "optimise": optimise,
        **selection.payload(seen.names_dataset),
    }
    if explain:
        told = {**pool.run("explain", payload, seconds), "entailment": selection.entailed(seen.names_dataset)}
        return Answer(as_json(told).encode(), JSON.header)
    return Answer(pool.run("query", payload, seconds), format_.header)


def _default(job: Job) -> list[str] | None:
    select = job.payload.get("select")
    if select is not None:
        return default_graphs(in_snapshot(job.store), **select)
    graphs: list[str] | None = job.payload.get("default_graphs")
    return graphs


class _Capped(io.RawIOBase):
    """Collects a result, up to its largest size."""

    def __init__(self, size: int) -> None:
        self.parts = bytearray()
        self._size = size

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if len(self.parts) + len(data) > self._size:
            detail = f"the result is larger than {self._size} bytes; a LIMIT or a narrower question helps"
            raise TooLarge(detail, {"limit": self._size})
        self.parts += data
        return len(data)


def query(job: Job) -> Reply:
    """A worker's operation: answers a query, as the payload's media type or as rows of terms in N-Triples."""
    payload = job.payload
    dataset = _dataset(job)
    return _answer(job, dataset, _run_text(dataset, payload))


def explain(job: Job) -> Reply:
    """A worker's operation: answers a query, and tells what was run, over which graphs, and how long it took.

    The engine's own plan is not told: its Python interface has no way to ask for it.
    """
    dataset, started = _dataset(job), time.perf_counter()
    text = _run_text(dataset, job.payload)
    begun = time.perf_counter()
    answer = _answer(job, dataset, text)
    seconds = {"rewriting": begun - started, "answering": time.perf_counter() - begun}
    graphs = {"defaultGraphs": dataset.default, "namedGraphs": dataset.named, "merged": dataset.merged is not None}
    told = {"query": job.payload["query"], "run": text, "snapshot": job.snapshot, "seconds": seconds, **graphs}
    return {**told, "bytes": len(answer) if isinstance(answer, bytes) else None, "plan": _NO_PLAN}


def _run_text(dataset: _Dataset, payload: Mapping[str, Any]) -> str:
    """The text to run: the caller's own, with each negation nested unless the caller wants none of that."""
    text: str = payload["query"]
    run = nested(text, dataset.sizes) if payload.get("optimise", True) else text
    if run is not text:
        try:
            ox.Store().query(text)  # what is wrong with the text is said of what the caller wrote
        except SyntaxError as error:
            raise bad_syntax(text, error) from error
    return run


def _answer(job: Job, dataset: _Dataset, text: str) -> Reply:
    payload = job.payload
    try:
        given = {ox.Variable(name): to_term(each) for name, each in payload.get("substitutions", {}).items()}
        answer = dataset.ask(text, substitutions=given)
        return _rows(answer, job.result_rows) if payload["format"] == ROWS else _serialised(answer, job)
    except SyntaxError as error:
        raise bad_syntax(payload["query"], error) from error
    except RuntimeError as error:
        if damaged(error):
            raise
        raise BadInput(str(error)) from error


@dataclass(frozen=True)
class _Dataset:
    """What a query reads: a store, graphs of it as default graph, and those that GRAPH can name; None for all."""

    store: ox.Store
    default: list[str] | None
    named: list[str] | None
    merged: ox.Store | None = None

    def ask(self, text: str, substitutions: Any = None) -> Any:
        """What the engine answers."""
        default, named = _graphs(self.default), _graphs(self.named)
        if self.merged is None:
            return self.store.query(text, default_graph=default, named_graphs=named, substitutions=substitutions)
        whole: Any = ox.DefaultGraph()
        return self.merged.query(text, default_graph=whole, named_graphs=named, substitutions=substitutions)

    def sizes(self, patterns: list[Triple]) -> Fanout:
        """What a step through the patterns' predicates touches."""
        return samples_of(self.store).of(patterns, self.default or self.named)


def _dataset(job: Job) -> _Dataset:
    """The dataset that the caller chose, or ours."""
    default, named = _default(job), job.payload.get("named_graphs")
    chosen, merge = job.payload.get("chosen"), merge_of(job.store)
    if chosen and default is None:
        default, named = _clauses(job.payload["query"])
    default, named = (None if each is None else resolved(job.store, each) for each in (default, named))
    if not chosen and default and DEFAULT in default and merge.repeats(DEFAULT, tuple(default)):
        chosen, named = True, merge.named()
    if default and chosen and job.payload.get("merges", True) and merge.overlap(default):
        return _Dataset(job.store, default, named or [], merge.merged(tuple(default), tuple(named or ())))
    return _Dataset(job.store, default, named)


def _clauses(text: str) -> tuple[list[str] | None, list[str] | None]:
    """The graphs of a query's FROM and FROM NAMED; None where they are left to the engine, as is what can't be read."""
    try:
        clauses = translateQuery(parseQuery(text)).algebra.datasetClause or ()
    except (ParseException, RecursionError, SPARQLError, ValueError):
        return None, None
    default, named = ([str(each[kind]) for each in clauses if kind in each] for kind in ("default", "named"))
    return default, named


def _graphs(names: list[str] | None) -> Any:
    try:
        return None if names is None else [ox.NamedNode(name) for name in names]
    except ValueError as error:
        raise BadInput(f"a graph of the dataset is named by no absolute IRI: {', '.join(names or ())}") from error


def _rows(answer: Any, most: int) -> Reply:
    """SELECT as columns and rows of terms in N-Triples, unbound ones left out; ASK as a truth value."""
    if isinstance(answer, ox.QueryBoolean):
        return bool(answer)
    if isinstance(answer, ox.QueryTriples):
        raise NotAcceptable("a CONSTRUCT or DESCRIBE query has no rows")
    columns = [each.value for each in answer.variables]
    rows = [{name: str(row[name]) for name in columns if row[name] is not None} for row in capped(answer, most)]
    return {"columns": columns, "rows": rows}


def _serialised(answer: Any, job: Job) -> bytes:
    output, most = _Capped(job.result_bytes), _most_rows(job)
    media_type = job.payload["format"]
    if isinstance(answer, ox.QueryTriples):
        rdf = ox.RdfFormat.from_media_type(media_type)
        if rdf is None:
            raise NotAcceptable(f"{media_type} can't carry the graph that this query makes")
        ox.serialize(capped(answer, most), cast("Any", output), format=rdf, prefixes=job.payload.get("prefixes"))
    elif media_type in _RESULT_FORMATS:
        answer.serialize(cast("Any", output), format=_RESULT_FORMATS[media_type])
    else:
        raise NotAcceptable(f"{media_type} can't carry the rows or truth value that this query gives")
    written = bytes(output.parts)
    if isinstance(answer, ox.QuerySolutions):
        check_rows(written, media_type, most)
    return written


def _most_rows(job: Job) -> int:
    """The limit, or the lower one of the caller."""
    lower = job.payload.get("rows")
    return job.result_rows if lower is None else min(lower, job.result_rows)


def run_update(text: str, store: ox.Store, base: str) -> None:
    """Runs an update over a store. Raises BadInput with line and column for one that can't be read."""
    try:
        for part in parts(text):
            store.update(part, base_iri=base)
    except SyntaxError as error:
        raise bad_syntax(text, error, parseUpdate, "update") from error
    except RuntimeError as error:
        raise BadInput(str(error)) from error


def bad_syntax(
    text: str, error: SyntaxError, parse: Callable[[str], object] = parseQuery, what: str = "query"
) -> BadInput:
    """Where another parser stops; the engine only ever names the end of the text."""
    try:
        parse(text)
    except ParseException as stop:
        place = {"line": stop.lineno, "column": stop.column}
        near = stop.line[stop.column - 1 :][:_NEAR_LENGTH] or "its end"
        return BadInput(f"the {what} can't be read at line {stop.lineno}, column {stop.column}: {near}", place)
    except (RecursionError, ValueError):  # the latter for an escape of no character
        pass  # then the engine's place has to do
    return _as_the_engine_says(error, what)


def _as_the_engine_says(error: SyntaxError, what: str) -> BadInput:
    match = _SYNTAX.search(str(error))
    if match is None:
        return BadInput(f"the {what} can't be read: {str(error)[:_MESSAGE_LENGTH]}")
    line, column, message = int(match[1]), int(match[2]), " ".join(match[3].split())
    short = message if len(message) <= _MESSAGE_LENGTH else message[:_MESSAGE_LENGTH] + " …"
    return BadInput(
        f"the {what} can't be read at line {line}, column {column}: {short}", {"line": line, "column": column}
    )
