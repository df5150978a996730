"""The competency questions: each in words, as a query, on example data, with the rows that answer it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import NamedNode, QueryResultsFormat, QuerySolutions, Store

from sopkg.catalog import QueryFile, read_query_file
from sopkg.detect import Audit
from sopkg.errors import InternalFault
from sopkg.pipeline import closed_ontology, derive
from sopkg.turtle import read_turtle, store_of

FOLDER = Path(__file__).parents[1] / "competency"
# The example data are observations of this city at this date.
BASE, DATE = "https://w3id.org/sopkg/id/t/", "2024-06-30"


@dataclass(frozen=True)
class Question:
    """One competency question: a folder of three files."""

    folder: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def query(self) -> QueryFile:
        """The query; its summary is the question in words."""
        return read_query_file(self.folder / "question.rq")

    @property
    def data(self) -> str:
        """The example data, in Turtle."""
        return (self.folder / "data.ttl").read_text("utf-8")

    @property
    def rows(self) -> list[list[str]]:
        """The expected rows, the header first."""
        return list(csv.reader((self.folder / "expected.csv").read_text("utf-8").splitlines()))


def questions() -> list[Question]:
    """Every question, by name. Raises InternalFault where there is none."""
    folders = sorted(path.parent for path in FOLDER.glob("*/question.rq"))
    if not folders:
        raise InternalFault(f"no question below {FOLDER}")
    return [Question(folder) for folder in folders]


def parts(question: Question) -> list[str]:
    """The parts of the model that a question is about; `entailment` says that nothing answers it without."""
    return " ".join(question.query.headers["tags"]).split()


def answer(question: Question) -> list[list[str]]:
    """The rows that the query gives on the example data and what follows from them."""
    return ask(audited(question), question)


def ask(store: Store, question: Question) -> list[list[str]]:
    """The rows that the query gives on a store, the header first, as SPARQL 1.1 writes them in CSV."""
    solutions = store.query(question.query.text)
    assert isinstance(solutions, QuerySolutions)
    text = (solutions.serialize(format=QueryResultsFormat.CSV) or b"").decode()
    return list(csv.reader(text.splitlines()))


def audited(question: Question) -> Store:
    """The example data with the ontology, what follows from both, and what an audit finds."""
    asserted = read_turtle(question.folder / "data.ttl")
    derived = derive(Audit(BASE, NamedNode(f"{BASE}observation/{DATE}"), DATE), asserted, [])
    return store_of([*closed_ontology(), *asserted, *derived.inferred, *derived.gaps])
