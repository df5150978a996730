"""Checks an ontology: its files parse and keep the house rules, it is consistent, every class can have an instance."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pyoxigraph import RdfFormat, Store, Triple, serialize

from sopkg.catalog import query_files
from sopkg.dl import has_java
from sopkg.entail import entail
from sopkg.errors import BadInput, InternalFault
from sopkg.files import knowledge
from sopkg.inference import Given, Question
from sopkg.reasoner import Reasoner
from sopkg.settings import Settings
from sopkg.turtle import read_turtle, store_of

HOUSE_RULES = Path("shapes") / "house.ttl"
_SYNTAX, _CONSISTENT, _SATISFIABLE = "Turtle syntax", "the ontology is consistent", "a class can have an instance"
_PREFIX = re.compile(r"^\s*@?prefix\s+([\w-]*):\s*<([^>]*)>", re.IGNORECASE | re.MULTILINE)
_SH = "http://www.w3.org/ns/shacl#"


@dataclass(frozen=True)
class Fault:
    """One fault: which rule is broken, by which term, and where that term is described; line 0 for no one place."""

    file: str
    line: int
    term: str
    rule: str
    detail: str

    def __str__(self) -> str:
        """The fault on one line, as compilers write it."""
        place = f"{self.file}:{self.line}: " if self.line else ""
        return f"{place}{f'{self.term}: ' if self.term else ''}{self.rule}{f': {self.detail}' if self.detail else ''}"


@dataclass(frozen=True)
class _Source:
    """A file of the ontology: its name, lines, triples, and what stands for an IRI in it."""

    name: str
    text: str
    triples: tuple[Triple, ...]
    is_shapes: bool

    def line_of(self, iri: str) -> tuple[int, int]:
        """How well a line tells where a term is described (0 best), and its number."""
        shorts = [
            f"{prefix}:{iri.removeprefix(namespace)}"
            for prefix, namespace in _PREFIX.findall(self.text)
            if iri.startswith(namespace)
        ]
        names = "|".join(map(re.escape, [f"<{iri}>", *shorts]))
        for quality, pattern in enumerate((rf"^(?:{names})(?![\w-])", rf"(?<![\w:-])(?:{names})(?![\w-])")):
            found = re.search(pattern, self.text, re.MULTILINE)
            if found:
                return quality, self.text.count("\n", 0, found.start()) + 1
        return 2, 0


def digest(folder: Path) -> str:
    """What the files below a folder hash to (16 hex digits of SHA-256). Raises BadInput where there is no Turtle."""
    hashed = hashlib.sha256()
    for path in _paths(folder):
        hashed.update(f"{path.relative_to(folder)}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return hashed.hexdigest()[:16]


def _paths(folder: Path) -> list[Path]:
    paths = sorted(folder.rglob("*.ttl"))
    if not paths:
        raise BadInput(f"there is no *.ttl below {folder}: expected is a folder with an ontology")
    return paths


def check(folder: Path, settings: Settings) -> list[Fault]:
    """The faults of an ontology, in the order of its files; DL's only where Java and the reasoners are installed."""
    return list(_checked(folder, digest(folder), has_java(), settings))


@lru_cache(maxsize=8)
def _checked(folder: Path, content: str, by_dl: bool, settings: Settings) -> tuple[Fault, ...]:
    """The same once for each content."""
    sources: list[_Source] = []
    faults: list[Fault] = []
    for path in _paths(folder):
        name = str(path.relative_to(folder))
        try:
            text, triples = knowledge(path), tuple(read_turtle(path))
            sources.append(_Source(name, text, triples, path.parent.name == HOUSE_RULES.parent.name))
        except BadInput as error:
            line = error.extra.get("line")
            faults.append(Fault(name, line if isinstance(line, int) else 0, "", _SYNTAX, error.detail))
        except UnicodeDecodeError as error:
            line = path.read_bytes().count(b"\n", 0, error.start) + 1
            faults.append(Fault(name, line, "", _SYNTAX, f"not UTF-8: {error.reason}"))
    if not faults:  # a reasoner that misses a file would find what is not there
        model = [triple for each in sources if not each.is_shapes for triple in each.triples]
        faults += _house(folder, model, sources)
        faults += _by_rules(model, sources)
        faults += _by_dl(model, sources, settings) if by_dl else ()
    return tuple(sorted(dict.fromkeys(faults), key=lambda each: (each.file, each.line, each.term, each.rule)))


def _house(folder: Path, model: Iterable[Triple], sources: Sequence[_Source]) -> Iterator[Fault]:
    """What breaks a rule of the ontology about itself; these shapes use more of SHACL than cities' shapes may."""
    from pyshacl import validate  # half a second to import, and needed when the ontology has changed only
    from rdflib import SH, Graph

    path = folder / HOUSE_RULES
    if not path.is_file():
        yield Fault(str(HOUSE_RULES), 1, "", "there are house rules", "the file is missing")
        return
    data, shapes = Graph(), Graph()
    data.parse(data=_n_triples(model), format="nt")
    shapes.parse(data=knowledge(path), format="turtle")
    _, report, _ = validate(data, shacl_graph=shapes)
    if not isinstance(report, Graph):
        raise InternalFault(f"pySHACL gives no report: {report}")
    for result in report.subjects(SH.focusNode, None):
        term = str(report.value(result, SH.focusNode))
        component = str(report.value(result, SH.sourceConstraintComponent)).removeprefix(_SH)
        rules = [str(each) for each in report.objects(result, SH.resultMessage)] or [component]
        value = report.value(result, SH.value)
        yield from (_fault(sources, term, rule, "" if value is None else f"found: {value}") for rule in rules)


def _by_rules(model: Sequence[Triple], sources: Sequence[_Source]) -> Iterator[Fault]:
    """What the OWL 2 RL rules with the consequence *false* find."""
    found = entail(Store(), query_files("entailment").values(), store_of(tuple(model)))
    for clash in found.inconsistencies:
        detail = f"{clash.rule}: {' '.join(f'{triple} .' for triple in clash.triples)}"
        yield _fault(sources, str(clash.triples[0].subject).strip("<>"), _CONSISTENT, detail)


def _by_dl(model: Sequence[Triple], sources: Sequence[_Source], settings: Settings) -> Iterator[Fault]:
    given = Given(_n_triples(model).encode(), "application/n-triples", "the ontology")
    payload = Question("consistency", "hermit").payload(given) | {"format": "application/json"}
    told, _ = Reasoner(settings).run("consistency", payload, given.data)
    for each in told["justifications"]:
        terms = [each["of"]["subject"].strip("<>")] if each["of"] else _named(each["justifications"], sources)
        axioms = "; ".join(axiom["turtle"].removesuffix(" .") for axiom in (each["justifications"] or [[]])[0])
        rule = _SATISFIABLE if told["consistent"] else _CONSISTENT
        yield from (_fault(sources, term, rule, f"not so by {axioms}") for term in terms)


def _named(justifications: Sequence[Any], sources: Sequence[_Source]) -> list[str]:
    """The terms that a clash is about: the subjects of its axioms."""
    axioms = justifications[0] if justifications else []
    subjects = [axiom["triples"][0].split(" ", 1)[0] for axiom in axioms]
    named = [subject.strip("<>") for subject in subjects if subject.startswith("<")]
    return list(dict.fromkeys(named)) or [""]


def _fault(sources: Sequence[_Source], term: str, rule: str, detail: str) -> Fault:
    """The fault at the place where its term is described."""
    if not term:
        return Fault("", 0, "", rule, detail)
    (_, line), name = min((each.line_of(term), each.name) for each in sources)
    return Fault(name if line else "", line, term, rule, detail)


def _n_triples(triples: Iterable[Triple]) -> str:
    return (serialize(list(triples), format=RdfFormat.N_TRIPLES) or b"").decode()
