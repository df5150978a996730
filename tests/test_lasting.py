"""Answers that outlive the process: true as long as the graphs are there, of no use to anybody when they are gone."""

from pathlib import Path
from typing import Any

import pytest

from sopkg import lasting
from sopkg.lasting import FOLDER, Lasting

ASKED = {"query": "SELECT"}


@pytest.fixture(autouse=True)
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is asked takes long."""
    monkeypatch.setattr(lasting, "SLOW_SECONDS", -1)


def answer(kept: Lasting, value: Any, question: dict[str, str] = ASKED, states: str = "11") -> Any:
    names = iter(states)
    return kept.answer(question, ["graph:1"], lambda: next(names), lambda: value)


def test_an_answer_outlives_who_asked(tmp_path: Path) -> None:
    answer(Lasting(tmp_path, 1000), ["first"])
    assert answer(Lasting(tmp_path, 1000), ["second"]) == ["first"]
    assert answer(Lasting(tmp_path, 1000), ["another"], {"query": "ASK"}) == ["another"]


def test_what_is_found_soon_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lasting, "SLOW_SECONDS", 60)
    assert [answer(Lasting(tmp_path, 1000), number) for number in (1, 2)] == [1, 2]


def test_an_answer_is_not_kept_where_something_was_published_meanwhile(tmp_path: Path) -> None:
    assert [answer(Lasting(tmp_path, 1000), number, states="12") for number in (1, 2)] == [1, 2]


def test_a_file_that_was_cut_short_is_no_answer(tmp_path: Path) -> None:
    kept = Lasting(tmp_path, 1000)
    answer(kept, ["first"])
    (file,) = (tmp_path / FOLDER).iterdir()
    file.write_bytes(file.read_bytes()[:-3])
    assert answer(kept, ["second"]) == ["second"]


def test_those_used_longest_ago_go_first(tmp_path: Path) -> None:
    kept = Lasting(tmp_path, 100)
    for name in ("one", "two", "one", "three"):
        answer(kept, [name * 5], {"query": name})
    assert [answer(kept, "", {"query": name}) for name in ("one", "three", "two")] == [["one" * 5], ["three" * 5], ""]


def test_an_answer_on_graphs_that_are_gone_goes(tmp_path: Path) -> None:
    kept = Lasting(tmp_path, 1000)
    answer(kept, ["first"])
    kept.keep_only(["graph:1", "graph:2"])
    assert answer(kept, ["second"]) == ["first"]
    kept.keep_only(["graph:2"])
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_a_folder_that_cant_be_written_keeps_nothing(tmp_path: Path) -> None:
    assert [answer(Lasting(tmp_path / "none", 1000), number) for number in (1, 2)] == [1, 2]
