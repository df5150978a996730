"""Responses to gaps as reports show them: beside the finding, whose verdict and severity they leave alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sopkg.files import system_query
from sopkg.rows import select
from sopkg.schema import ontology_store

STEP = "responses"
COLUMNS = ("gap", "kind", "by", "reason", "on", "until")
TOLD = (*COLUMNS, "date", "state")
_ACCEPTED = "accepted"
Row = dict[str, Any]


def standing(rows: Iterable[Mapping[str, Any]], observed: str | None, today: str) -> list[Row]:
    """Responses as they stand today (ISO 8601) beside a finding, or none, of a date.

    A response holds until its last day, by today's date and not by the observation's: else a city that publishes
    nothing more would keep its risks accepted for good. What is claimed to be closed is refuted by a finding of the day
    on which that was said, or a later one; one of an earlier day says nothing of it.
    """
    return [_standing(row, observed, today) for row in rows]


def _standing(row: Mapping[str, Any], observed: str | None, today: str) -> Row:
    state = "in force"
    if row["claims"] == "closed" and observed is not None:
        state = "still found" if observed >= row["on"] else "not observed since"
    if row["until"] < today:
        state = "expired"
    said = {"gap": row["gap"].rpartition("/")[2], "kind": _kind_words()[row["kind"]], "date": observed, "state": state}
    status = "rejected" if state in ("still found", "expired") else row["suppression"]
    return {**{name: {**row, **said}[name] for name in TOLD}, "suppression": status, "response": row["response"]}


def kind_words() -> list[str]:
    """The words for what can be answered."""
    return sorted(_kind_words().values())


@cache
def _kind_words() -> dict[str, str]:
    """The words for what can be answered, by its IRI."""
    rows = select(ontology_store(), system_query("response-kinds"))
    return {row["kind"].value: row["notation"].value for row in rows}


def said(response: Mapping[str, Any]) -> str:
    """A response in one line, for people."""
    until = f"{'held' if response['state'] == 'expired' else 'holds'} until {response['until']}"
    state = "" if response["state"] == "in force" else f", {response['state']}"
    return f"{response['kind']}{state}: {response['reason']} ({response['by']}, {response['on']}; {until})"


def flat(rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Rows of gaps for a table, where the responses of a gap are one cell."""
    return [{**row, "responses": "; ".join(map(said, row.get("responses", ())))} for row in rows]


def passed(row: Mapping[str, Any]) -> bool:
    """Whether a gap is an accepted risk today: a pipeline may pass over it."""
    return any(each["suppression"] == _ACCEPTED for each in row.get("responses", ()))


def summary(rows: Iterable[Mapping[str, Any]]) -> str:
    """How many gaps have which response, in words; empty where there is none."""
    counted = Counter((each["kind"], each["state"]) for row in rows for each in row.get("responses", ()))
    return ", ".join(f"{count} {kind} ({state})" for (kind, state), count in sorted(counted.items()))
