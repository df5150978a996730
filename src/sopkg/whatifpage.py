"""The page of what if: an engagement more or less, by form, and which gaps that would open and close."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from pyoxigraph import Literal, NamedNode, Variable

from sopkg import asked
from sopkg.cities import City
from sopkg.dataset import current_graphs, default_graphs
from sopkg.errors import BadInput, SopkgError
from sopkg.files import system_query
from sopkg.middle import middle
from sopkg.operations import Parameter, names, operation
from sopkg.overview import by_city, dates_of
from sopkg.parameters import CITY, DATE
from sopkg.pool import Pool
from sopkg.remedy import with_prefixes
from sopkg.render import html, language, page, together
from sopkg.results import HTML, to_term
from sopkg.rows import select
from sopkg.schema import ontology_store
from sopkg.sparql import ROWS
from sopkg.staging import Term, construct

Thing = tuple[str, str]  # its IRI, and what it is called, other than any thing beside it
Search = Callable[[str, str], list[Thing]]  # by a query and for a text
_FOUND = 300  # names that are offered; the query gives one more
_SHOWN = 30  # gaps of each sort that are listed
_NEEDED = ("actor", "role", "object")
_NEW = {"actor": "subject", "initiative": "process"}
"""What may be new, and what has to be said of it then."""
_SAID = {
    "engagement": "an engagement that would not be there: its name as the page offers it",
    "actor": "who would take part: a name that the page offers, or that of someone new",
    "subject": "which subject a new actor acts as: its IRI",
    "role": "the role: its IRI",
    "object": "the object: its IRI",
    "initiative": "in what: a name that the page offers, or that of something new",
    "process": "the stage of a new initiative: its IRI",
}
_SEARCH = Parameter("search", "names that the page offers contain this text")
_FIELDS = tuple(Parameter(name, meaning) for name, meaning in _SAID.items())


def add_what_if_page(app: Flask) -> None:
    """Adds the page."""
    app.add_url_rule("/what-if", endpoint="what_if_page", view_func=what_if_page, methods=["GET"])


@operation(CITY, DATE, _SEARCH, *_FIELDS, media_type=HTML.header)
def what_if_page() -> Response:
    """The form, and where it is filled in what would change; nothing is changed, so that the address can be shared."""
    told = {name: value.strip() for name, value in asked.known(request.args, names()).items() if value.strip()}
    observed = by_city(middle().cities())
    city = told.get("city") or next(iter(observed), None)
    shown: dict[str, Any] = {
        "labels": {name: rows[-1]["label"] or name for name, rows in observed.items()},
        "city": city,
        "told": told,
        "found": _FOUND,
    }
    if city is None:
        return html(page("whatif.html", **shown))
    date = asked.date(told)
    pool = middle().pool
    search = partial(_things, pool, default_graphs(current_graphs(pool), city, date, entailment=False))
    shown |= {
        "dates": dates_of(observed[city])[::-1],
        "choices": _choices(),
        "things": together(
            {name: partial(search, f"names-{name}", told.get("search", "")) for name in ("engagement", *_NEW)}
        ),
    }
    try:
        return html(page("whatif.html", **shown, **_answered(City(city, Path()), date, told, search)))
    except SopkgError as error:  # told beside the form, which is not to be lost
        response = html(page("whatif.html", **shown, problem=error.problem()))
        response.status_code = error.status
        return response


def _answered(city: City, date: str | None, told: Mapping[str, str], search: Search) -> dict[str, Any]:
    """What the form asks for as an update, what is new in it, and what that would change; nothing for an empty form."""
    if not any(name in told for name in _SAID):
        return {}
    parts, new = list[str](), dict[str, str]()
    if "engagement" in told:
        gone = _named("engagement", told["engagement"], search)
        if gone is None:
            raise BadInput(f"no engagement is called {told['engagement']!r}: choose one that the list offers")
        parts.append(f"DELETE WHERE {{\n  {gone} ?property ?value\n}}")
    if any(name in told for name in _SAID if name != "engagement"):
        row, new = _row(city, told, search)
        triples = sorted(map(str, construct("engagement", [row], city.base)))
        parts.append("\n".join(["INSERT DATA {", *(f"  {each} ." for each in triples), "}"]))
    update = with_prefixes(" ;\n".join(parts) + "\n")
    change: Any = middle().what_if(update, city.name, date)
    lists = [(name, change[name][:_SHOWN], len(change[name])) for name in ("closed", "opened", "changed")]
    return {"change": change, "lists": lists, "breaks": change["breaks"][:_SHOWN], "update": update, "new": new}


def _row(city: City, told: Mapping[str, str], search: Search) -> tuple[dict[str, Term | str], dict[str, str]]:
    """The engagement as a row to be staged, and the names of what is new. Raises BadInput for what is not chosen."""
    missing = [name for name in _NEEDED if name not in told]
    if missing:
        raise BadInput(f"{', '.join(missing)} is not chosen: an engagement has an actor, a role and an object")
    offered = _choices()
    row: dict[str, Term | str] = {"engagement": NamedNode(f"{city.base}new/engagement"), "city": city.iri}
    row |= {name: _chosen(name, told[name], offered[name]) for name in offered if name in told}
    new = {}
    for name, of_new in _NEW.items():
        if name not in told:
            continue
        known = _named(name, told[name], search)
        if known is None and of_new not in told:
            raise BadInput(f"no {name} is called {told[name]!r}; of a new one the {of_new} has to be chosen, too")
        row[name] = known or NamedNode(f"{city.base}new/{name}")
        if known is None:
            new[name] = row[f"{name}name"] = told[name]
    return row, new


def _chosen(name: str, iri: str, offered: Sequence[Thing]) -> NamedNode:
    if iri not in {each for each, _ in offered}:
        raise BadInput(f"{name} is {iri!r}; expected is one of {', '.join(each for each, _ in offered)}")
    return NamedNode(iri)


def _choices() -> dict[str, list[Thing]]:
    """The terms of the model that a field takes, with what they are called in the reader's language."""
    given = {Variable("language"): Literal(language().code)}
    found: dict[str, list[Thing]] = {}
    for row in select(ontology_store(), system_query("engagement-choices"), given=given):
        found.setdefault(row["field"].value, []).append((row["term"].value, row["label"].value))
    return found


def _things(pool: Pool, graphs: Sequence[str], query: str, text: str) -> list[Thing]:
    """Things of an observation that a query finds for a text; of one name, each with what its IRI ends with."""
    given = {"search": str(Literal(text))}
    payload = {"query": system_query(query), "default_graphs": list(graphs), "substitutions": given}
    answered: Any = pool.run("query", {**payload, "format": ROWS})
    terms: Any = [(to_term(row["thing"]), to_term(row["label"])) for row in answered["rows"]]
    rows: list[Thing] = sorted(((thing.value, label.value) for thing, label in terms), key=lambda each: each[::-1])
    count = Counter(label for _, label in rows)
    return [(iri, label if count[label] == 1 else f"{label} ({iri.rpartition('/')[2]})") for iri, label in rows]


def _named(field: str, text: str, search: Search) -> NamedNode | None:
    """The thing that a text names, or None. Raises BadInput where several are called so."""
    for part in dict.fromkeys((text, text.rpartition(" (")[0] or text)):
        known = search(f"called-{field}", part)
        for iri, label in known:
            if text == label:
                return NamedNode(iri)
        if len(known) > 1 and part == text:
            raise BadInput(f"several are called {text!r}; say which: {', '.join(label for _, label in known)}")
    return None
