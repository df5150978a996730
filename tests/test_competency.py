"""What the ontology can answer: each question on its example data, closed by our rules, gives the rows beside it."""

from __future__ import annotations

import pytest

from sopkg.turtle import ontology, read_turtle, store_of
from tests.docs.questions import Question, answer, ask, parts, questions

OF_THE_MODEL = {"the-three-subjects", "what-comes-before", "norms-of-the-public-roles"}


@pytest.mark.parametrize("question", questions(), ids=lambda question: question.name)
def test_a_question_has_its_answer(question: Question) -> None:
    assert answer(question) == question.rows


@pytest.mark.parametrize("question", questions(), ids=lambda question: question.name)
def test_the_model_alone_answers_those_that_say_so(question: Question) -> None:
    rows = ask(store_of(ontology()), question)
    assert (rows == question.rows) == (question.name in OF_THE_MODEL)


@pytest.mark.parametrize("question", [q for q in questions() if "entailment" in parts(q)], ids=lambda q: q.name)
def test_without_entailment_the_answer_is_another(question: Question) -> None:
    asserted = store_of([*ontology(), *read_turtle(question.folder / "data.ttl")])
    assert ask(asserted, question) != question.rows


def test_the_questions_cover_the_model() -> None:
    assert len({question.query.summary for question in questions()}) == len(questions()) >= 20
    covered = {part for question in questions() for part in parts(question)}
    assert {"subjects", "objects", "processes", "functions", "norms", "roles", "engagement", "interaction"} <= covered
    assert {"composition", "scope", "verdicts", "gaps", "provenance", "alignments", "entailment"} <= covered
