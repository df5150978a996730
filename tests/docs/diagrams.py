"""The diagrams: each a CONSTRUCT over the example data of a competency question, drawn as it comes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import Literal, NamedNode, QueryTriples, Store, Triple

from sopkg.catalog import read_query_file
from sopkg.errors import InternalFault
from sopkg.turtle import GENID, prefix_table
from tests.docs.drawing import Arrow, Drawing
from tests.docs.questions import FOLDER, Question, audited

PATTERNS = Path(__file__).parent / "patterns"
TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
LABELS = ("http://www.w3.org/2000/01/rdf-schema#label", "http://purl.org/dc/terms/title")


@dataclass(frozen=True)
class Pattern:
    """One diagram with its words and the question whose example it shows."""

    name: str
    title: str
    text: str
    question: str
    svg: str


def pattern_files() -> list[Path]:
    """The files of the diagrams, by name. Raises InternalFault where there is none."""
    paths = sorted(PATTERNS.glob("*.rq"))
    if not paths:
        raise InternalFault(f"no diagram below {PATTERNS}")
    return paths


def pattern(path: Path) -> Pattern:
    """The pattern of one file; its `#+ source:` names the question. Raises InternalFault where it draws nothing."""
    query = read_query_file(path)
    question = Question(FOLDER / query.headers["source"][0])
    store = audited(question)
    triples = store.query(query.text)
    assert isinstance(triples, QueryTriples)
    drawing = drawn(list(triples), store)
    if not drawing.arrows:
        raise InternalFault(f"{path.name} draws nothing of the data of {question.name}")
    return Pattern(path.stem, query.summary, query.description, question.name, drawing.svg(query.summary))


def drawn(triples: list[Triple], store: Store) -> Drawing:
    """Boxes and arrows: a type is the small print in a box, unless it is a box of its own."""
    edges = [triple for triple in triples if triple.predicate.value != TYPE]
    nodes = {node for triple in edges for node in (triple.subject, triple.object)}
    kinds = [triple for triple in triples if triple.predicate.value == TYPE]
    edges += [triple for triple in kinds if triple.object in nodes]
    small: dict[object, str] = {t.subject: name_of(t.object, store) for t in kinds if t.object not in nodes}
    boxes = {str(node): (name_of(node, store), small.get(node, "")) for node in sorted(nodes, key=str)}
    return Drawing(boxes, list(merged(edges, store)))


def merged(edges: Iterable[Triple], store: Store) -> Iterable[Arrow]:
    """One arrow between two boxes, with the words of all that hold between them."""
    words: dict[tuple[str, str], list[str]] = {}
    for edge in sorted(edges, key=str):
        said = words.setdefault((str(edge.subject), str(edge.object)), [])
        said.append("is a" if edge.predicate.value == TYPE else name_of(edge.predicate, store))
    return (Arrow(tail, head, ", ".join(said)) for (tail, head), said in words.items())


def name_of(term: object, store: Store) -> str:
    """A term's label in English, else its prefixed name, else the end of its IRI; a literal's text."""
    if isinstance(term, Literal):
        return term.value
    assert isinstance(term, NamedNode)
    if term.value.startswith(GENID):
        return "…"
    for label in (quad.object for name in LABELS for quad in store.quads_for_pattern(term, NamedNode(name), None)):
        if isinstance(label, Literal) and label.language in (None, "en"):
            return label.value
    prefixed = next((f"{p}:{term.value[len(ns):]}" for p, ns in prefix_table().items() if is_in(term, p, ns)), None)
    return prefixed or re.split("[#/]", term.value.rstrip("/"))[-1]


def is_in(term: NamedNode, prefix: str, namespace: str) -> bool:
    """Whether a prefixed name of a vocabulary is the best that there is; our own things go by the end of their IRI."""
    return term.value.startswith(namespace) and "/" not in term.value[len(namespace) :] and prefix != "id"
