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
# What a page shows as it stands: code, and what is marked as being in another language.
SOURCES = re.compile(r"(?s)<(script|style|code|pre|textarea|option)\b.*?</\1>|<(\w+)[^>]*\slang=\"(?!zh).*?</\2>")
TAGS = re.compile("(?s)<[^>]*>")
# Four words in small letters, one of them English: what sources call things is in their language.
SENTENCE = re.compile(r"(?=.*\b(?:the|of|is|are|and|not|that|to|which)\b).*\b[a-z]+(?: [a-z]+){3}")
NAMES = re.compile("“[^“”]*”|「[^」]*」")
# What a source says of itself stands in quotation marks, and behind it in which place.
QUOTED = re.compile("“[^“”]*”(（[^（）]*）)?")


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
    files = query_files("reports").values()
    assert [each.name for each in files if not each.columns(language.code)] == []
    assert [each.name for each in files if None in (each.asked(language.code), each.described(language.code))] == []
    assert [each.name for each in query_files("gaps").values() if each.asked(language.code) is None] == []


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


@pytest.mark.parametrize("file", query_files("reports").values(), ids=lambda each: each.name)
def test_what_a_file_says_in_chinese_is_what_its_query_makes(file: QueryFile) -> None:
    said = [line.removeprefix("zh: ").partition(" = ")[0].split("{}") for line in file.headers.get("says", ())]
    query = "\n".join(line for line in file.text.splitlines() if not line.startswith("#+"))
    assert [part for parts in said for part in parts if part not in query] == []


PAGES = (
    *("/", "/cities", "/gaps", "/gaps?verdict=undetermined", "/gaps?city=amsterdam&severity=critical"),
    *("/gaps/G16b-06e62b681415", "/gaps/G08b-4e5e37692f54", "/gaps/G99-none", "/gaps?colour=red", "/cube", "/compare"),
    *("/gaps/diff?city=buenos-aires&from=2024-06-30&to=2025-06-30", "/network?city=barcelona"),
    *("/map?city=buenos-aires", "/timeline?city=buenos-aires", "/what-if?city=barcelona", "/workbench", "/load"),
    *("/queries", "/queries/gap-rates", "/queries/what-is-recorded", "/queries/points-lines-surface"),
    "/report?city=buenos-aires&format=html",
)


@pytest.mark.parametrize("page", PAGES)
def test_no_message_of_a_chinese_page_is_english(client: FlaskClient, page: str) -> None:
    shown = SOURCES.sub("", client.get(page, headers={"Accept": "text/html", "Accept-Language": "zh"}).text)
    text = QUOTED.sub("“”", TAGS.sub("\n", shown))
    english, chinese = (languages()[code].messages for code in (DEFAULT, "zh"))
    parts = {
        part.strip()
        for section, told in english.items()
        for key, message in told.items()
        if isinstance(message, str) and message != chinese.get(section, {}).get(key)
        for part in re.split(r"\{\w*\}", message)
    }
    assert HAN.search(text)
    assert [part for part in parts if len(part) > 12 and part in text] == []
    assert [line for line in text.splitlines() if SENTENCE.search(line)] == []


def test_dates_in_a_sentence_are_told_as_people_write_them() -> None:
    told = languages()["en"].dated("“Plan 2020-01-01” ends by 2016-12-31, not 2016-02-30")
    assert told == "“Plan 2020-01-01” ends by 31 December 2016, not 2016-02-30"
