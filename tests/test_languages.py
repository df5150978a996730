"""What readers are told is in each language: the ontology's words for what pages show, and explanations of gaps."""

from __future__ import annotations

import json
import re

import pytest
from flask.testing import FlaskClient
from pyoxigraph import Variable

from sopkg.catalog import QueryFile, query_files
from sopkg.files import system_query
from sopkg.grammar import Grammar, words
from sopkg.languages import DEFAULT, Language, languages, notations
from sopkg.rows import select
from sopkg.schema import ontology_store

HAN = re.compile("[\u4e00-\u9fff]")
OTHERS = [language for code, language in languages().items() if code != DEFAULT]
SHOWN = ("severity", "verdict", "response", "event", "cause")
NAMES = re.compile("“[^“”]*”|「[^」]*」")


@pytest.mark.parametrize("language", OTHERS, ids=lambda each: each.code)
@pytest.mark.parametrize("part", ["label", "definition", "question", "remedy"])
def test_kinds_are_told_in_each_language(language: Language, part: str) -> None:
    kinds = [row["kind"].value for row in select(ontology_store(), system_query("kind-texts"))]
    told = {kind: language.about(kind, part) for kind in kinds}
    assert {kind for kind, said in told.items() if said is None or said.language == DEFAULT} == set()


@pytest.mark.parametrize("language", OTHERS, ids=lambda each: each.code)
def test_closed_lists_and_questions_are_told_in_each_language(language: Language) -> None:
    told = {(sort, each): language.meaning(sort, each) for sort in SHOWN for each in notations(sort)}
    assert {key for key, said in told.items() if said is None or said.language == DEFAULT} == set()
    assert [file.name for file in query_files("reports").values() if file.asked(language.code) is None] == []


@pytest.mark.parametrize("file", query_files("gaps").values(), ids=lambda each: each.name)
def test_the_variables_of_a_question_have_words_in_chinese(file: QueryFile) -> None:
    grammar = Grammar.of(languages()["zh"])
    named = {Variable(name) for name in re.findall(r"\?(\w+)", file.text)}
    assert {words(each) for each in named if re.search("[A-Za-z]", grammar.words(each))} == set()


def test_explanations_are_in_the_readers_language(client: FlaskClient) -> None:
    answers = client.application.extensions["sopkg"]
    one_of_each = {row["kind"]: row["id"] for row in answers.gaps({"extensions": "true"})}
    said = [each for gap in one_of_each.values() for each in _sentences(json.loads(answers.why(gap, language="zh")))]
    assert said
    assert [each for each in said if not HAN.search(each)] == []
    english = [pattern for pattern in languages()[DEFAULT].messages["why"].values() if "{" not in pattern]
    longer = {each for each in english if len(each.split()) > 2}
    assert {each for each in said for pattern in longer if pattern in NAMES.sub("", each)} == set()


def _sentences(told: dict[str, object]) -> list[str]:
    why: object = told["why"]
    assert isinstance(why, dict)
    looked = [each for each in (why["lookedFor"], *why["alsoLookedFor"]) if each]
    conditions = [each for reading in why["evidence"] for each in reading["conditions"]]
    return [
        *(each for one in looked for each in [*one["values"], *one["conditions"]]),
        *(miss["condition"] for miss in why["nearestMisses"]),
        *(each["definition"] for each in why["readAs"]),
        *conditions,
        *(told["because"] if isinstance(told["because"], list) else []),
    ]
