"""What both faces ask: the middle of the program, as an application holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from flask import current_app

from sopkg.cube import Cube
from sopkg.lifeline import Difference
from sopkg.pool import Pool
from sopkg.settings import Settings

Row = Mapping[str, object]


class Middle(Protocol):
    """What is asked behind the addresses, by both faces."""

    settings: Settings
    pool: Pool

    def cities(self) -> Sequence[Row]:
        """Each city with its observations."""

    def gaps(self, filters: Mapping[str, str], sort: str | None = None) -> Sequence[dict[str, Any]]:
        """The gaps that fit all filters, the most severe or the heaviest first."""

    def cube(self, city: str, date: str | None = None, as_of: str | None = None) -> Cube:
        """The model's cells as one observation of a city fills them."""

    def observed(self, name: str, observations: Sequence[tuple[str, str | None]]) -> Sequence[dict[str, Any]]:
        """The rows of a predefined query over an observation of each of these cities: that of a date, or the latest."""

    def gap(self, identifier: str, date: str | None = None) -> Row:
        """One gap."""

    def why(self, identifier: str, form: str = "json", date: str | None = None, language: str = ...) -> str:
        """Why a gap is one: form is json, in a language, text or turtle."""

    def why_triple(
        self, triple: Sequence[str], form: str, most: int = 1, city: str | None = None, date: str | None = None
    ) -> str:
        """The proofs of a triple: form is text, json or turtle."""

    def remedy(self, identifier: str, date: str | None = None, language: str = ...) -> Row:
        """What would close a gap, in a language."""

    def what_if(self, update: str, city: str, date: str | None, extensions: bool = False) -> Row:
        """What an update would change."""

    def diff(self, city: str, earlier: str, later: str, filters: Mapping[str, str] | None = None) -> Difference:
        """What became of a city's gaps between two dates."""

    def life(self, identifier: str) -> Row:
        """The life line of one gap."""

    def news(self, city: str | None) -> tuple[Sequence[Row], str]:
        """What became of the gaps of a city or all, and the latest observation's date."""

    def responses_to(self, identifier: str) -> Sequence[Row]:
        """What was answered to a gap."""

    def respond(self, identifier: str, given: Mapping[str, object], who: str = ...) -> tuple[Row, bool]:
        """Records what is answered to a gap: the response, and whether it is new."""

    def queries(self) -> Sequence[Row]:
        """The predefined queries."""

    def ask_as(
        self,
        name: str,
        given: Mapping[str, str],
        accept: str,
        form: str | None,
        entailment: bool = True,
        as_of: str | None = None,
    ) -> Answered:
        """A predefined query's result; without entailment, over what the sources say; of today, or as of a date."""


class Answered(Protocol):
    """A whole answer."""

    @property
    def body(self) -> bytes:
        """Its bytes."""

    @property
    def content_type(self) -> str:
        """What they are."""


def middle() -> Middle:
    """That of the application that answers."""
    held: Middle = current_app.extensions["sopkg"]
    return held
