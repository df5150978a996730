"""The ontology's page of documentation: everything is on it, and nothing is fetched for it."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path

import pytest

from tests.docs.diagrams import pattern, pattern_files
from tests.docs.drawing import Arrow, Drawing, depths
from tests.docs.questions import questions
from tests.test_ontology import ROOT, SOP, files, read

#: What a reader must see drawn; a diagram may be added, none of these may go.
DRAWN = {"engagement", "interaction", "norm-and-gap", "scope-statement", "observation-and-provenance"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not find_spec("pylode"):
        pytest.skip("pylode, which makes the reference, is not installed here")
    # A process of its own, as `make docs` has it: pyLODE leaves files open, and here warnings are errors.
    folder = tmp_path_factory.mktemp("docs")
    subprocess.run([sys.executable, "-m", "tests.docs", str(folder)], cwd=ROOT, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "index.html").read_text("utf-8")


def test_every_term_has_its_place_once(page: str) -> None:
    anchors = re.findall(r'\bid="([^"]+)"', page)
    graph = read(*files("ontology/core/*.ttl"), *files("ontology/norms/*.ttl"))
    terms = {str(term).removeprefix(str(SOP)) for term in graph.subjects() if str(term).startswith(str(SOP))}
    assert terms - set(anchors) == set()
    assert len(anchors) == len(set(anchors))


def test_links_within_the_page_lead_somewhere(page: str) -> None:
    anchors = set(re.findall(r'\bid="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) - anchors == set()


def test_nothing_is_fetched(page: str) -> None:
    assert not re.findall(r'<(?:script|img|iframe)[^>]*\ssrc=|<link[^>]*stylesheet|@import|url\(', page)


def test_every_question_and_diagram_is_on_it(page: str) -> None:
    assert all(f'id="question-{question.name}"' in page for question in questions())
    drawn = set(re.findall(r'<h3 id="pattern-([\w-]+)">', page))
    assert drawn == {path.stem for path in pattern_files()} >= DRAWN
    assert page.count("<svg") == len(drawn)


def test_the_files_that_it_names_are_beside_it(page: str, folder: Path) -> None:
    named = set(re.findall(r'href="([\w.-]+\.ttl)"', page))
    assert named == {path.name for path in folder.glob("*.ttl")} != set()
    assert all(len(read(folder / name)) > 100 for name in named)


@pytest.mark.parametrize("path", pattern_files(), ids=lambda path: path.stem)
def test_boxes_of_a_diagram_lie_apart(path: Path) -> None:
    numbers = re.findall(r'<rect x="(-?\d+)" y="(-?\d+)" width="(\d+)" height="(\d+)"', pattern(path).svg)
    boxes = [tuple(map(int, each)) for each in numbers]
    assert len(boxes) > 2
    assert not [pair for pair in combinations(boxes, 2) if overlap(*pair)]


def overlap(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(one[i] < other[i] + other[i + 2] and other[i] < one[i] + one[i + 2] for i in (0, 1))


def test_a_drawing_escapes_its_words() -> None:
    assert "<b>" not in Drawing({"a": ("<b>", "&"), "b": ("b", "")}, [Arrow("a", "b", "<b>")]).svg("<b>")


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="circle"):
        depths("ab", [Arrow("a", "b", ""), Arrow("b", "a", "")])
