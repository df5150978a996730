"""Answers are kept for one published state, up to a number of bytes."""

from __future__ import annotations

from sopkg.kept import Kept
from sopkg.results import Answer


def asked(kept: Kept, state: str, question: str, body: bytes) -> bytes:
    return kept.answer(state, question, lambda: Answer(body, "text/plain")).body


def test_an_answer_is_kept_until_the_state_is_another() -> None:
    kept = Kept(100)
    assert [asked(kept, "1", "q", b"old"), asked(kept, "1", "q", b"new"), asked(kept, "2", "q", b"new")] == [
        b"old",
        b"old",
        b"new",
    ]


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    kept = Kept(10)
    for question in ("a", "b", "a", "c"):
        asked(kept, "1", question, b"1234")
    assert [asked(kept, "1", question, b"") for question in ("a", "c", "b")] == [b"1234", b"1234", b""]


def test_an_answer_that_is_too_large_is_not_kept() -> None:
    kept = Kept(3)
    assert [asked(kept, "1", "q", b"1234"), asked(kept, "1", "q", b"12")] == [b"1234", b"12"]
