"""One gap of the published state, by its identifier."""

from __future__ import annotations

from typing import Any

from sopkg.answered import answered
from sopkg.catalog import named_query
from sopkg.cities import city_key
from sopkg.dates import today
from sopkg.detect import focus_texts
from sopkg.errors import NotFound, near_names, not_observed
from sopkg.graphs import AUDITS, CATALOGUE, EXTENSION_GAPS
from sopkg.published import FINDINGS, Published
from sopkg.responses import standing
from sopkg.sparql import ROWS
from sopkg.terms import plain, rows_of

SHORTEST_HALF = 6  # of a gap's identifier: all of one kind begin alike
Row = dict[str, Any]


def gap_of(published: Published, identifier: str, date: str | None = None) -> Row:
    """One gap at the latest date that shows it, or at a given one."""
    rows = findings_of(published, identifier)
    dates = sorted({row["date"] for row in rows})
    if date is not None and date not in dates:
        raise not_observed(f"that shows {identifier} is of", date, dates)
    mine = [row for row in rows if row["date"] == (date or dates[-1])]
    first, finding = mine[0], {"finding": mine[0]["finding"]}
    graphs = published.dated((*FINDINGS, EXTENSION_GAPS), city_key(first["city"]), first["date"])
    things = focus_texts(first["key"])
    asked = {"gap": first["gap"], "asOf": first["date"]}
    beside = published.rows(named_query("system", "finding-beside"), asked, graphs)
    named = {f"<{each}>" for row in beside for name, each in row.items() if each and name in ("who", "role", "where")}
    about = [*things, f"<{first['city']}>", *sorted(named)]
    labels = published.pool.run("labels", {"graphs": graphs, "things": about})
    return {
        "id": identifier,
        "gap": first["gap"],
        "kind": _kind(first, mine),
        "city": labels[f"<{first['city']}>"],
        "date": first["date"],
        "dates": dates,
        "verdict": first["verdict"],
        "meaning": first["meaning"],
        "severity": first["severity"],
        "focus": [_labelled(key, labels) for key in things],
        "focusKey": first["key"],
        "who": [
            {**_labelled(f"<{row['who']}>", labels), "role": _labelled(f"<{row['role']}>", labels)}
            for row in beside
            if row["who"]
        ],
        "where": [_labelled(f"<{row['where']}>", labels) for row in beside if row["where"]],
        "steps": published.rows(named_query("system", "finding-steps"), finding, graphs),
        "statements": published.rows(named_query("system", "finding-statements"), finding, graphs),
        "finding": first["finding"],
        "methodVersion": first["method"],
        "responses": standing(answered(published).get(first["gap"], ()), first["date"], today()),
    }


def _labelled(term: str, labels: Row) -> Row:
    return {"term": term.strip("<>"), "label": labels[term]}


def findings_of(published: Published, identifier: str) -> list[Row]:
    """What the observations that show a gap say of it. Raises NotFound for a gap that there is not."""
    graphs = published.graphs()
    model = [CATALOGUE, *(graph.graph for graph in graphs if graph.step == "ontology")]
    audits = [graph.graph for graph in graphs if graph.step in AUDITS]
    payload = published.payload(named_query("system", "finding"), {"id": identifier}, model)
    found = rows_of(published.pool.run("query", payload | {"named_graphs": audits, "format": ROWS}), plain)
    if not found:
        raise _no_gap(published, identifier)
    return list({(row["date"], row["locator"]): row for row in found}.values())


def city_of(published: Published, identifier: str) -> str:
    """The city that a gap is of. Raises NotFound for a gap that there is not."""
    graphs = [graph.graph for graph in published.graphs() if graph.step in AUDITS]
    found = published.rows(named_query("system", "gap-identifiers"), {"id": identifier}, graphs)
    if not found:
        raise _no_gap(published, identifier)
    return city_key(found[0]["gap"])


def identifiers(published: Published) -> list[str]:
    """The identifiers of the gaps of all observations."""
    graphs = [graph.graph for graph in published.graphs() if graph.step in AUDITS]
    return [row["id"] for row in published.rows(named_query("system", "gap-identifiers"), {}, graphs)]


def _no_gap(published: Published, identifier: str) -> NotFound:
    near = near_names(identifier, (each for each in identifiers(published) if _half_alike(identifier, each)))
    hint = f"Near: {', '.join(near)}." if near else "None is like it; the gap report lists all."
    return NotFound(f"No gap named {identifier!r}. {hint}", {"near": near})


def _kind(first: Row, rows: list[Row]) -> Row:
    locators = "; ".join(dict.fromkeys(row["locator"] for row in rows if row["locator"]))
    said = {name: first[name] for name in ("notation", "definition", "question", "remedy", "base")}
    in_paper = first["inPaper"] == "true"
    return {"iri": first["kind"], "label": first["kindLabel"], "inPaper": in_paper, "locator": locators, **said}


def _half_alike(one: str, other: str) -> bool:
    """Whether two identifiers begin or end alike: what a slip of the pen leaves, cheap to see among many thousands."""
    half = max(len(one) // 2, SHORTEST_HALF)
    return other.startswith(one[:half]) or other.endswith(one[-half:])
