"""What became of the gaps of a city from one observation to another, and the life line of one gap."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pyoxigraph import NamedNode, RdfFormat, serialize

from sopkg.cities import IDS
from sopkg.files import system_query
from sopkg.rows import select
from sopkg.schema import ontology_store
from sopkg.staging import Cells, construct
from sopkg.tabulate import as_csv, as_json, as_table
from sopkg.turtle import prefix_table

Row = dict[str, Any]
SHOWN = 10
FILTERS = ("event", "because", "kind")
EVENT_COLUMNS = (
    *("id", "city", "from", "to", "event", "because", "notation", "kindLabel", "about"),
    *("verdictBefore", "verdictAfter", "severityBefore", "severityAfter", "focus", "focusKey", "kind", "gap"),
    *("methodBefore", "methodAfter"),
)
_TOLD = ("notation", "kindLabel", "about", "focus", "focusKey", "kind", "gap")
_SIDES = ("verdictBefore", "verdictAfter", "severityBefore", "severityAfter", "methodBefore", "methodAfter")


@dataclass(frozen=True)
class Difference:
    """The events of a city's gaps between two dates (ISO 8601), those that show a change first."""

    city: str
    earlier: str
    later: str
    events: Sequence[Row]

    def written(self, form: str) -> str:
        """The events as table, json, csv or turtle."""
        match form:
            case "json":
                return as_json([_public(row) for row in self.events])
            case "csv":
                return as_csv([_public(row) for row in self.events], EVENT_COLUMNS)
            case "turtle":
                return as_turtle(self.events)
            case _:
                return self._summary()

    def _summary(self) -> str:
        lines = [f"What became of the gaps of {self.city} from {self.earlier} to {self.later}", ""]
        known = [row for row in self.events if not unsettled(row)]
        unknown = [row for row in self.events if unsettled(row)]
        lines.append(as_table(_counts(known)) if known else "No gap was known at either date.\n")
        changed = [row for row in known if changes(row)]
        lines.append(f"Of the {len(changed)} that changed:" if changed else "None of them changed.")
        lines += [line for row in changed[:SHOWN] for line in _event_lines(row)]
        if len(changed) > SHOWN:
            lines.append(f"  and {len(changed) - SHOWN} more; --format csv has all")
        if unknown:
            lines += ["", "Not known from the data, and counted apart", "", as_table(_counts(unknown)).rstrip("\n")]
        told = {row["event"]: row["meaning"] for row in self.events}
        lines += ["", *(f"{event}: {meaning}" for event, meaning in told.items())]
        return "\n".join(lines) + "\n"


def events(
    rows: Iterable[Row], earlier: Mapping[str, Row], later: Mapping[str, Row], dates: tuple[str, str]
) -> list[Row]:
    """The events that the classification gives, each with what the reports of both dates say of its gap."""
    told: dict[str, Row] = {}
    for row in rows:
        about = later.get(row["id"]) or earlier[row["id"]]
        event = {
            "id": row["id"],
            "city": about["city"],
            "from": dates[0],
            "to": dates[1],
            "event": row["eventWord"],
            "because": [],
            **{name: about[name] for name in _TOLD},
            **{name: row[name] for name in _SIDES},
            "meaning": row["meaning"],
            "terms": {"event": row["event"], "causes": []},
            "findings": {"before": row["findingBefore"], "after": row["findingAfter"]},
        }
        each = told.setdefault(row["id"], event)
        if row["cause"] is not None:
            each["because"].append(row["causeWord"])
            each["terms"]["causes"].append(row["cause"])
    return sorted(told.values(), key=lambda row: (not changes(row), unsettled(row), row["event"], row["id"]))


def changes(row: Mapping[str, Any]) -> bool:
    """Whether an event shows a change, of whatever cause."""
    return bool(row["because"])


def unsettled(row: Mapping[str, Any]) -> bool:
    """Whether the gap could be known at neither date."""
    return {row["verdictBefore"], row["verdictAfter"]} <= {None, "undetermined"}


def _public(row: Row) -> Row:
    return {name: row[name] for name in EVENT_COLUMNS}


def _counts(rows: Iterable[Row]) -> list[Row]:
    counted = Counter((row["event"], ", ".join(row["because"]) or "nothing changed") for row in rows)
    return [{"event": event, "because of": cause, "gaps": count} for (event, cause), count in sorted(counted.items())]


def _event_lines(row: Row) -> Iterator[str]:
    yield f"  {row['id']}  {row['event']} ({', '.join(row['because'])})  {said(row)}"
    yield f"    {row['kindLabel']}: {row['about']}"


def said(row: Mapping[str, Any]) -> str:
    """The verdict and severity of an event's gap, before and after."""
    before, after = (_state(row[f"verdict{side}"], row[f"severity{side}"]) for side in ("Before", "After"))
    return before if before == after else f"{before} → {after}"


def _state(verdict: str | None, severity: str | None) -> str:
    return "not found" if verdict is None else f"{severity}, {verdict}"


def as_turtle(rows: Iterable[Row]) -> str:
    """Events as triples."""
    triples = construct("gap-event-triples", (cells for row in rows for cells in _cells(row)), IDS, ontology=())
    return (serialize(triples, format=RdfFormat.TURTLE, prefixes=prefix_table()) or b"").decode()


def event_iri(row: Mapping[str, Any]) -> str:
    """The IRI of an event: the same at every asking."""
    return f"{row['gap'].rpartition('gap/')[0]}event/{row['from']}/{row['to']}/{row['id']}"


def _cells(row: Row) -> Iterator[Cells]:
    base, terms = row["gap"].rpartition("gap/")[0], row["terms"]
    said = {
        "happened": event_iri(row),
        "gap": row["gap"],
        "event": terms["event"],
        "earlier": f"{base}observation/{row['from']}",
        "later": f"{base}observation/{row['to']}",
        **row["findings"],
    }
    named = {name: NamedNode(iri) for name, iri in said.items() if iri is not None}
    causes: list[Cells] = [{"cause": NamedNode(iri)} for iri in terms["causes"]]
    yield from ({**named, **cause} for cause in causes or [{}])


def life_at(date: str, finding: Row | None, happened: Sequence[Row] | None) -> Row:
    """One date of a life line: the finding, if there is one, and the event that led to it (None at the first date)."""
    event = happened[0] if happened else {"event": None, "because": [], "meaning": None}
    state = {name: finding[name] if finding else None for name in ("verdict", "severity")}
    said = {name: event[name] for name in ("event", "because", "meaning")}
    return {"date": date, "first": happened is None, **state, **said}


@cache
def event_words() -> dict[str, list[str]]:
    """The words that events can be asked for by."""
    words: dict[str, list[str]] = {}
    for row in select(ontology_store(), system_query("event-words")):
        words.setdefault(row["filter"].value, []).append(row["notation"].value)
    return words


def life_json(told: Row) -> str:
    """A gap's life line as a JSON object."""
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def life_text(told: Row) -> str:
    """A gap's life line for people."""
    lines = [f"{told['id']} · {told['kindLabel']} · {told['city']}", told["about"], ""]
    lines.append(as_table([_line(each) for each in told["life"]]))
    meant = {each["event"]: each["meaning"] for each in told["life"] if each["event"]}
    return "\n".join([*lines, *(f"{event}: {meaning}" for event, meaning in meant.items())]) + "\n"


def _line(each: Row) -> Row:
    state = _state(each["verdict"], each["severity"])
    happened = each["event"] or ("first observation" if each["first"] else "")
    return {"date": each["date"], "found": state, "event": happened, "because of": ", ".join(each["because"])}
