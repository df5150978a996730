"""What both faces ask of a reasoner: over which graph, by which reasoner, and in which format the answer is given."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sopkg.errors import BadInput
from sopkg.reasoner import Reasoner
from sopkg.results import GRAPHS, JSON, TEXT, Answer, Format, chosen, to_term
from sopkg.turtle import prefix_table

TASKS = {
    "consistency": "Is a graph consistent, and which classes can have no instance?",
    "classify": "Which classes are below which?",
    "entailments": "What follows from a graph?",
    "justifications": "From which smallest sets of axioms does a triple follow, or the inconsistency?",
}
"""What a reasoner can be asked, in a word and as a question."""
REASONERS = ("hermit", "pellet", "rl")
MOST_JUSTIFICATIONS = 20
_TOLD = (JSON, TEXT)


@dataclass(frozen=True)
class Given:
    """A graph that came along: its bytes, its media type, and what to call it in a message."""

    data: bytes
    media_type: str
    name: str = "the graph"


@dataclass(frozen=True)
class Reasoned(Answer):
    """An answer, and whether it says that the graph has a fault."""

    faulty: bool


@dataclass(frozen=True)
class Question:
    """What is asked. `ontology` None: the ontology is read too, unless a graph is given.

    `triple` is what is to be justified: subject, predicate and object in N-Triples, or with a known prefix. `whole`:
    the given triples are told with what follows from them, so that its blank nodes are known.
    """

    task: str
    reasoner: str | None = None
    city: str | None = None
    date: str | None = None
    ontology: bool | None = None
    justifications: int | None = None
    triple: Sequence[str] = ()
    whole: bool = False

    def payload(self, given: Given | None) -> dict[str, object]:
        """What the reasoning process has to know. Raises BadInput where the question can't be meant."""
        reasoner = self.reasoner or ("rl" if self.task == "entailments" else "hermit")
        if reasoner not in REASONERS:
            raise BadInput(f"reasoner is {reasoner!r}; expected is one of {', '.join(REASONERS)}")
        if reasoner == "rl" and self.task == "justifications":
            raise BadInput("justifications are of OWL 2 DL: reasoner is hermit or pellet here")
        if self.date is not None and self.city is None:
            raise BadInput("a date is of an observation of a city: which city?")
        if given is not None and self.city is not None:
            raise BadInput("a graph is given and a city is named; expected is one of the two")
        with_ontology = given is None if self.ontology is None else self.ontology
        if not (with_ontology or given or self.city):
            raise BadInput("there is nothing to reason over: expected is a graph, a city or the ontology")
        return {
            "reasoner": reasoner,
            "type": given.media_type if given else "",
            "name": given.name if given else "",
            "city": self.city,
            "date": self.date,
            "ontology": with_ontology,
            "justifications": self._count(),
            "whole": self.whole,
            **dict(zip(("subject", "predicate", "object"), map(term, self.triple), strict=False)),
        }

    def _count(self) -> int:
        count = 1 if self.justifications is None else self.justifications
        least = 1 if self.task == "justifications" else 0
        if not least <= count <= MOST_JUSTIFICATIONS:
            raise BadInput(f"justifications is {count}; expected is {least} to {MOST_JUSTIFICATIONS}")
        return count


def formats(task: str) -> tuple[Format, ...]:
    """What a task's answer is offered in."""
    return _TOLD if task in ("consistency", "justifications") else GRAPHS


def reason(
    reasoner: Reasoner,
    question: Question,
    given: Given | None = None,
    *,
    accept: str = "",
    form: str | None = None,
    seconds: float | None = None,
) -> Reasoned:
    """The answer, in the format negotiated or named."""
    format_ = chosen(accept, formats(question.task), form)
    payload = question.payload(given) | {"format": format_.media_type}
    told, body = reasoner.run(question.task, payload, given.data if given else b"", seconds)
    if format_ is JSON:
        body = (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode()
    elif format_ is TEXT:
        body = ("\n".join(_lines(told)) + "\n").encode()
    faulty = question.task == "consistency" and not (told["consistent"] and not told.get("unsatisfiable"))
    return Reasoned(body, format_.header, faulty)


def term(text: str) -> str:
    """A term in N-Triples from N-Triples, a prefixed name or a bare IRI. Raises BadInput where it is none."""
    prefix, sign, local = text.partition(":")
    if text == "a":
        return term("rdf:type")
    if text[:1] in ("<", '"', "_"):
        return str(to_term(text))
    if sign and prefix in prefix_table():
        return str(to_term(f"<{prefix_table()[prefix]}{local}>"))
    if sign:
        return str(to_term(f"<{text}>"))
    raise BadInput(f"{text!r} is no term: expected is <IRI>, prefix:name or a literal in quotation marks")


def _lines(told: dict[str, Any]) -> Iterator[str]:
    """A verdict or justifications as text."""
    if "consistent" not in told:
        yield from _because(told)
        return
    yield f"{'consistent' if told['consistent'] else 'inconsistent'} ({told['reasoner']})"
    for clash in told.get("inconsistencies", ()):
        yield f"by {clash['rule']}:"
        yield from (f"    {triple}" for triple in clash["triples"])
    for iri in told.get("unsatisfiable", ()):
        yield f"unsatisfiable: {iri}"
    for each in told.get("justifications", ()):
        yield from _because(each)


def _because(told: dict[str, Any]) -> Iterator[str]:
    about = "the inconsistency" if told["of"] is None else " ".join(told["of"].values())
    if not told["follows"]:
        yield f"{about}: does not follow"
        return
    for number, axioms in enumerate(told["justifications"], 1):
        yield f"{about} follows from ({number}):"
        yield from (f"    {axiom['turtle']}" for axiom in axioms)
    if not told["complete"]:
        yield "there may be others"
