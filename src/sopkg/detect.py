"""Finds the gaps of one city at one date: the gap queries, a verdict for each row, and the severity."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pyoxigraph import Literal, NamedNode, Quad, QueryTriples, Store, Variable
from pyoxigraph import Triple as Statement

from sopkg.catalog import query_files
from sopkg.files import found, system_query
from sopkg.gapquery import Bindings, GapQuery, Ground, gap_queries, parameters, readings, readings_on
from sopkg.graphs import EXTENSION_GAPS, GAPS
from sopkg.negation import Fanout, measure
from sopkg.nodeshape import NodeShape, as_triples, describe
from sopkg.printer import print_query
from sopkg.results import to_term
from sopkg.rows import select
from sopkg.schema import can_match
from sopkg.staging import Cells, construct
from sopkg.substitution import substitute
from sopkg.syntax import Group, Triple
from sopkg.turtle import ALIGNMENTS
from sopkg.verdicts import SUREST, Scope, Verdict, surest

XSD_INTEGER = NamedNode("http://www.w3.org/2001/XMLSchema#integer")

FINDING = Variable("finding")
# From so many findings on a severity step is asked for all that there are at once.
MANY = 50

# A term in N-Triples: an IRI, or a literal with its datatype or language.
_TERM = re.compile(r'<[^>]*>|"(?:[^"\\]|\\.)*"(?:\^\^<[^>]*>|@[\w-]+)?')


@dataclass(frozen=True)
class Kind:
    """A gap kind as the ontology has it."""

    iri: NamedNode
    notation: str
    rank: int
    thresholds: Mapping[Variable, Literal]
    base_includes: frozenset[NamedNode]
    is_extension: bool


@dataclass
class Finding:
    """One gap in one observation."""

    kind: Kind
    focus: tuple[Ground, ...]
    verdicts: list[Verdict] = field(default_factory=list)
    statements: set[NamedNode] = field(default_factory=set)
    lacks: set[NodeShape] = field(default_factory=set)
    names: set[NamedNode] = field(default_factory=set)

    is_counted: bool = False

    @property
    def verdict(self) -> Verdict:
        """As sure as the surest of its rows; where all of them together make it, as the least sure."""
        return max(self.verdicts, key=SUREST.index) if self.is_counted else surest(self.verdicts)

    @property
    def key(self) -> str:
        """The focus terms in N-Triples, in the order of the kind's focus: what the identity is made of."""
        return focus_key(self.focus)

    @property
    def identifier(self) -> str:
        """Kind and the first 12 hex digits of SHA-256 over the key: the same gap at every date."""
        return gap_identifier(self.kind.notation, self.key)


@dataclass(frozen=True)
class Audit:
    """What one audit is about: a city's IRI base, the observation and its date (ISO 8601)."""

    base: str
    observation: NamedNode
    date: str


Progress = Callable[[str], None]


def focus_key(focus: Iterable[Ground]) -> str:
    """The terms of a focus in N-Triples, separated by a space."""
    return " ".join(map(str, focus))


def focus_texts(key: str) -> list[str]:
    """The terms of a focus key, in N-Triples."""
    return _TERM.findall(key)


def focus_of(key: str) -> tuple[Ground, ...]:
    """The terms of a focus key."""
    return tuple(to_term(text) for text in focus_texts(key))  # type: ignore[misc]


def gap_identifier(notation: str, key: str) -> str:
    """The identity of a gap."""
    return f"{notation}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"


def detect(
    store: Store,
    audit: Audit,
    mapping_hash: str = "",
    progress: Progress = lambda _: None,
    asked: Collection[str] | None = None,
    fanout: Fanout | None = None,
) -> list[Statement]:
    """The triples of every finding, severity included.

    `store` holds the ontology, the observation (asserted and inferred) and the findings of earlier dates in its default
    graph; the findings are added to it on the way, so that later strata and the severity steps can see them. `asked`
    names the gap queries to run, those of the paper's kinds if None. `fanout` is measured where it is not given; with
    an empty one only SPARQL 1.1 is asked.
    """
    fanout, kinds = measure(store) if fanout is None else fanout, read_kinds(store)
    scope = Scope(store, audit.date, fanout)
    triples = _write(store, stages(store, audit))
    everything: list[Finding] = []
    for gap in in_strata(chosen(kinds, asked)):
        progress(gap.file.name)
        found_here = find(store, gap, kinds[gap.kind], scope, fanout, audit)
        method = method_version(gap, kinds[gap.kind], mapping_hash)
        triples += _write(store, audited_triples(kinds[gap.kind], audit, method))
        triples += _write(store, finding_triples(found_here, audit, method))
        everything += found_here
    progress("severity")
    return triples + _write(store, severity_triples(store, everything, audit))


def detect_apart(
    store: Store, audit: Audit, mapping_hash: str = "", progress: Progress = lambda _: None
) -> dict[str, list[Statement]]:
    """The triples of every finding by step: those of the paper's kinds, and what those of the others add to them."""
    gaps, others = detect(store, audit, mapping_hash, progress), extensions(read_kinds(store))
    said, beyond = set(gaps), detect(store, audit, mapping_hash, progress, others) if others else []
    return {GAPS: gaps, EXTENSION_GAPS: [triple for triple in beyond if triple not in said]}


def chosen(kinds: Mapping[NamedNode, Kind], asked: Collection[str] | None) -> list[GapQuery]:
    """The gap queries of these names; of the paper's kinds if None."""
    if asked is not None:
        return [gap for name, gap in gap_queries().items() if name in asked]
    return [gap for gap in gap_queries().values() if gap.kind in kinds and not kinds[gap.kind].is_extension]


def extensions(kinds: Mapping[NamedNode, Kind]) -> list[str]:
    """The names of the gap queries of kinds that the paper does not have."""
    return [name for name, gap in gap_queries().items() if gap.kind in kinds and kinds[gap.kind].is_extension]


def in_strata(gaps: Iterable[GapQuery]) -> list[GapQuery]:
    """Kinds that rest on other findings come after all that do not (stratified negation)."""
    return sorted(gaps, key=lambda each: each.inherits is not None)


def stages(store: Store, audit: Audit) -> list[Statement]:
    """The objects that the observation shows in creation: what a later audit of the transition asks for."""
    given: dict[Variable, Any] = {Variable("observation"): audit.observation}
    found = store.query(system_query("stages"), substitutions=given)
    assert isinstance(found, QueryTriples)
    return list(found)


def find(
    store: Store,
    gap: GapQuery,
    kind: Kind,
    scope: Scope,
    fanout: Fanout,
    audit: Audit,
    at: Iterable[tuple[Ground, ...]] | None = None,
) -> list[Finding]:
    """The findings of one kind, in the order of their keys; with `at`, only those on these focuses."""
    if not can_match(store, gap.positive):
        return []
    known = parameters(audit.date, kind.thresholds)
    judge = _Judge(store, gap, scope)
    findings: dict[tuple[Ground, ...], Finding] = {}
    wanted = None if at is None else set(at)
    for missing in (True, False) if judge.may_be_contested else (True,):
        if wanted is None or not gap.is_plain:
            asked = readings(gap, known, fanout, missing=missing)
        else:
            asked = readings_on(gap, known, fanout, wanted, missing=missing)
        for row in solutions(store, print_query(asked), gap.readings):
            judged = judge.judge(row, matched=not missing) if missing or judge.might_deny(row) else None
            if judged is not None:
                _record(findings, gap, kind, row, judged)
    found = (each for each in findings.values() if wanted is None or each.focus in wanted)
    return sorted(found, key=lambda finding: finding.key)


def solutions(store: Store, query: str, columns: Iterable[Variable]) -> Iterator[dict[Variable, Ground]]:
    """The rows of a query as plain bindings."""
    names = [(column, column.value) for column in columns]
    for row in select(store, query):
        yield {column: row[name] for column, name in names}


@dataclass(frozen=True)
class _Judged:
    verdict: Verdict
    statements: list[NamedNode]
    lack: NodeShape | None


class _Judge:
    """Gives the rows of one gap query their verdicts."""

    def __init__(self, store: Store, gap: GapQuery, scope: Scope) -> None:
        self.gap, self.scope = gap, scope
        self.outside = set(gap.readings)
        shape = self.lack({})
        absences = [] if shape is None else scope.absences(shape.of_class)
        self.denied_values = {_values(absence.shape) - _values(shape) for absence in absences if shape is not None}
        self.inherited = dict(read_verdicts(store)) if gap.inherits is not None else {}
        self.denied = dict(read_denials(store)) if gap.lack is None else {}

    @property
    def may_be_contested(self) -> bool:
        """Whether any source asserts an absence of what this kind looks for."""
        return bool(self.denied_values)

    def might_deny(self, row: Bindings) -> bool:
        """Whether a row holds all the values that some asserted absence names: most rows need no closer look."""
        terms = set(row.values())
        return any(values <= terms for values in self.denied_values)

    def lack(self, row: Bindings) -> NodeShape | None:
        return None if self.gap.lack is None else describe(self.gap.lack, row, self.outside)

    def judge(self, row: Bindings, *, matched: bool) -> _Judged | None:
        if self.gap.inherits is not None:
            earlier = row[self.gap.inherits]
            return _Judged(self.inherited[earlier], [earlier] if isinstance(earlier, NamedNode) else [], None)
        lack = self.lack(row)
        if lack is None:
            denials = [self.denied[triple] for triple in evidence(self.gap.positive, row) if triple in self.denied]
            return _Judged(Verdict.CONTESTED if denials else Verdict.CONFIRMED, denials, None)
        judged = self.scope.verdict(lack, matched=matched)
        return None if judged is None else _Judged(*judged, lack)


def _values(shape: NodeShape) -> frozenset[Ground]:
    return frozenset(constraint.value for constraint in shape.constraints if constraint.value is not None)


def evidence(positive: Group, row: Bindings) -> Iterator[Triple]:
    """The plain patterns of the positive part with a row filled in."""
    return (substitute(part, row) for part in positive.parts if isinstance(part, Triple))


def _record(
    findings: dict[tuple[Ground, ...], Finding], gap: GapQuery, kind: Kind, row: Bindings, judged: _Judged
) -> None:
    focus = tuple(row[variable] for variable in gap.focus)
    finding = findings.setdefault(focus, Finding(kind, focus, is_counted=gap.lack is None and bool(gap.counted)))
    finding.verdicts.append(judged.verdict)
    finding.statements.update(judged.statements)
    finding.names.update(term for term in row.values() if isinstance(term, NamedNode))
    if judged.lack is not None:
        finding.lacks.add(judged.lack)


def read_kinds(store: Store) -> dict[NamedNode, Kind]:
    """The gap kinds of the ontology in a store."""
    thresholds: dict[NamedNode, dict[Variable, Literal]] = defaultdict(dict)
    for row in select(store, system_query("thresholds")):
        thresholds[row["kind"]][Variable(row["name"].value)] = row["value"]
    included: dict[NamedNode, set[NamedNode]] = defaultdict(set)
    for row in select(store, system_query("steps")):
        included[row["kind"]].add(row["step"])
    return {
        row["kind"]: Kind(
            row["kind"],
            row["notation"].value,
            int(row["rank"].value),
            thresholds[row["kind"]],
            frozenset(included[row["kind"]]),
            row["extension"].value == "true",
        )
        for row in select(store, system_query("kinds"))
    }


def read_verdicts(store: Store) -> Iterator[tuple[Ground, Verdict]]:
    """Each finding in a store with its verdict."""
    return ((row["finding"], Verdict(row["verdict"].value)) for row in select(store, system_query("verdicts")))


def read_denials(store: Store) -> Iterator[tuple[Triple, NamedNode]]:
    """Each denied triple (owl:NegativePropertyAssertion, OWL 2 Syntax 9.6.5) with the denial."""
    for row in select(store, system_query("denials")):
        yield Triple(row["subject"], row["predicate"], row["object"]), row["denial"]


def finding_triples(findings: list[Finding], audit: Audit, method: str) -> list[Statement]:
    """The findings as the ontology's result terms."""
    shapes = {shape: None for finding in findings for shape in finding.lacks}
    described = [triple for shape in shapes for triple in as_triples(shape, audit.base)]
    rows = (row for finding in findings for row in _finding_rows(finding, audit, method))
    return construct("findings", rows, audit.base) + described


def audited_triples(kind: Kind, audit: Audit, method: str) -> list[Statement]:
    """That the observation was asked for a kind, and how: the only trace where nothing is found."""
    node = NamedNode(f"{audit.base}audit/{audit.date}/{kind.notation}")
    row: Cells = {"audit": node, "kind": kind.iri, "observation": audit.observation, "method": method}
    return construct("kind-audits", [row], audit.base, ontology=())


def _finding_rows(finding: Finding, audit: Audit, method: str) -> Iterator[Cells]:
    node = finding_iri(audit, finding.identifier)
    gap = gap_iri(audit, finding.identifier)
    yield {
        "finding": node,
        "gap": gap,
        "kind": finding.kind.iri,
        "identifier": finding.identifier,
        "key": finding.key,
        "observation": audit.observation,
        "verdict": finding.verdict.value,
        "method": method,
    }
    yield from ({"gap": gap, "focus": term} for term in finding.focus)
    yield from ({"finding": node, "names": term} for term in sorted(finding.names, key=str))
    yield from ({"finding": node, "statement": term} for term in sorted(finding.statements, key=str))
    yield from ({"finding": node, "lack": shape.iri(audit.base)} for shape in finding.lacks)


def gap_iri(audit: Audit, identifier: str) -> NamedNode:
    """The IRI of a gap, the same at every date."""
    return NamedNode(f"{audit.base}gap/{identifier}")


def finding_iri(audit: Audit, identifier: str) -> NamedNode:
    """The IRI of a gap's finding at one date."""
    return NamedNode(f"{audit.base}finding/{audit.date}/{identifier}")


def severity_triples(store: Store, findings: list[Finding], audit: Audit) -> list[Statement]:
    """The severity of each finding and the steps taken: one up and one down at most; undetermined is always low."""
    changes = {row["step"]: int(row["change"].value) for row in select(store, system_query("steps"))}
    sure = [finding_iri(audit, each.identifier) for each in findings if each.verdict is not Verdict.UNDETERMINED]
    taken = steps_taken(store, sure) if sure else {}
    rows = (row for finding in findings for row in _severity_rows(finding, audit, taken, changes))
    return construct("severities", rows, audit.base)


def steps_taken(store: Store, findings: Collection[NamedNode]) -> dict[NamedNode, set[NamedNode]]:
    """The severity steps that findings in a store meet, each by its query."""
    asked = [{FINDING: finding} for finding in findings] if len(findings) < MANY else [{}]
    taken: dict[NamedNode, set[NamedNode]] = defaultdict(set)
    for file in query_files("severity").values():
        for given in asked:
            for row in select(store, file.text, given=given):
                taken[row["finding"]].add(row["step"])
    return taken


def _severity_rows(
    finding: Finding, audit: Audit, taken: Mapping[NamedNode, set[NamedNode]], changes: Mapping[NamedNode, int]
) -> Iterator[Cells]:
    node = finding_iri(audit, finding.identifier)
    steps = set[NamedNode]() if finding.verdict is Verdict.UNDETERMINED else taken.get(node, set())
    steps = steps - finding.kind.base_includes
    yield {"finding": node, "rank": rank(finding, [changes[step] for step in steps])}
    yield from ({"finding": node, "step": step} for step in sorted(steps, key=str))


def rank(finding: Finding, changes: list[int]) -> Literal:
    """The rank of a finding's severity, from 1 (low) to 4 (critical)."""
    if finding.verdict is Verdict.UNDETERMINED:
        return Literal("1", datatype=XSD_INTEGER)
    moved = finding.kind.rank + any(c > 0 for c in changes) - any(c < 0 for c in changes)
    return Literal(str(max(1, min(4, moved))), datatype=XSD_INTEGER)


def method_version(gap: GapQuery, kind: Kind, mapping_hash: str) -> str:
    """What the question was: query, thresholds, norms, mapping, alignments and rules, as 12 hex digits of SHA-256."""
    digest = hashlib.sha256(gap.file.text.encode())
    digest.update(repr(sorted((str(name), str(value)) for name, value in kind.thresholds.items())).encode())
    digest.update(mapping_hash.encode())
    digest.update(_deciding())
    return digest.hexdigest()[:12]


@cache
def _deciding() -> bytes:
    """The norms, alignments and rules."""
    told = (path for path in found("ontology", "*/*.ttl") if path.parent.name in ("norms", ALIGNMENTS))
    return b"".join(path.read_bytes() for path in (*told, *found("queries/entailment", "*.rq")))


def _write(store: Store, triples: list[Statement]) -> list[Statement]:
    store.extend(Quad(triple.subject, triple.predicate, triple.object) for triple in triples)
    return triples
