"""The page of one gap: what it says, how sure it is and why, what would close it, and what was answered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from flask import g, redirect, request, url_for
from pyoxigraph import Literal, NamedNode
from werkzeug.wrappers import Response

from sopkg import __version__, asked
from sopkg.access import AUDITOR, FIELD, taken
from sopkg.cities import city_key
from sopkg.citing import Entry
from sopkg.errors import BadInput
from sopkg.languages import literature, notations, papers
from sopkg.linkedweb import reference
from sopkg.middle import middle
from sopkg.negation import RDF_TYPE
from sopkg.operations import OBJECT, operation
from sopkg.parameters import GAP
from sopkg.remedy import cells_of, with_cells, with_prefixes
from sopkg.render import address, language, page, sentence, together, weight_text
from sopkg.results import HTML, to_term

Row = Mapping[str, Any]
_SHOWN = 30  # gaps of each sort that a dry run lists
_XSD_DATE = "http://www.w3.org/2001/XMLSchema#date"


def gap(gap_id: str) -> str:
    """One gap."""
    given = asked.known(request.args, ("date", "format"))
    date, held, mine = asked.date(given), middle(), language()
    held.gap(gap_id, date)  # says at once that there is none, or none at that date
    told = together(
        {
            "why": partial(held.why, gap_id, "json", date, mine.code),
            "remedy": partial(held.remedy, gap_id, date, mine.code),
            "life": partial(held.life, gap_id),
        }
    )
    found = json.loads(told["why"])
    city = city_key(found["gap"])
    row = _row(gap_id, found)
    observed = [each for each in held.cities() if (each["city"], each["date"]) == (city, found["date"])]
    return page(
        "gap.html",
        gap=found,
        city=city,
        kind=_kind(found["kind"]),
        about=_focus(found["focus"]),
        focus=list(map(_reference, found["focus"])),
        who=[{**_reference(each), "role": _text(each["role"])} for each in found["who"]],
        where=list({each["term"]: _reference(each) for each in found["where"]}.values()),
        model=_statements(found["why"], in_model=True),
        data=_statements(found["why"], in_model=False),
        conditions=_conditions(found["why"]),
        misses=_misses(found["why"]["nearestMisses"]),
        contrary=_lines(t for each in found["why"]["evidence"] if each["meetsNorm"] for t in each["triples"]),
        denials=_lines(found["why"]["denials"]),
        steps=[mine.label(each["step"], each["label"]) for each in found["steps"]],
        remedy=told["remedy"],
        removable=_removable(told["remedy"]["evidence"]),
        weight=weight_text(row["weight"]),
        life=told["life"]["life"],
        drawing=_drawing(told["life"]["life"]),
        literature=literature(mine, found["kind"]["iri"]),
        papers=papers(),
        answers=notations("response"),
        writable=taken(AUDITOR, held.settings),
        sources=list({each["source"]: each for each in observed}.values()),
        formats=_formats(gap_id, found),
        entry=_entry(found),
        place=reference(NamedNode(found["gap"]), {})["href"],
    )


@operation(GAP, media_type=HTML.header, body=lambda: {asked.FORM: OBJECT})
def dry_run(gap_id: str) -> str:
    """What would change if the sources said what would close a gap; nothing is changed."""
    asked.known(request.args, ())
    given = asked.single(request.form)
    told: Any = middle().remedy(gap_id, asked.date(given))
    found: Any = middle().gap(gap_id, told["date"])
    update, beyond = _update(told, given), not found["kind"]["inPaper"]
    change: Any = middle().what_if(update, city_key(found["gap"]), told["date"], beyond)
    return page(
        "dryrun.html",
        gap=found,
        kind=_kind(found["kind"]),
        about=_focus(found["focus"]),
        closes=any(each["id"] == gap_id for each in change["closed"]),
        change=change,
        lists=[(name, change[name][:_SHOWN], len(change[name])) for name in ("closed", "opened", "changed")],
        breaks=change["breaks"][:_SHOWN],
        update=update,
    )


@operation(GAP, media_type=HTML.header, status=(303,))
def dry_run_form(gap_id: str) -> Any:
    """Leads to the form that asks for a dry run."""
    asked.known(request.args, ())
    return redirect(address("gap", gap_id=gap_id) + "#remedy", 303, Response)


def answered(gap_id: str) -> Any:
    """Records a response that the form gives, with an auditor's token in a field of it, and shows the gap."""
    given = asked.single(request.form)
    given.pop(FIELD, None)
    middle().respond(gap_id, given, g.who)
    return redirect(address("gap", gap_id=gap_id) + "#responses", 303, Response)


def _row(gap_id: str, found: Row) -> Row:
    """The gap as the list has it, with its weight; what the paper does not have is listed only where asked for."""
    beyond = "false" if found["kind"]["inPaper"] else "true"
    listed = middle().gaps({"city": city_key(found["gap"]), "date": found["date"], "extensions": beyond}, "works")
    return next(each for each in listed if each["id"] == gap_id)


def _kind(kind: Row) -> dict[str, Any]:
    """What the kind of a gap is called and says, in the reader's language where the ontology has it."""
    mine, iri = language(), kind["iri"]
    said = {name: sentence(mine.about(iri, name), kind[name]) for name in ("definition", "question", "remedy")}
    places = kind["locator"].split("; ")
    return {**said, "name": mine.label(iri, kind["label"]).text, "places": places, "base": kind["base"], **_named(kind)}


def _named(kind: Row) -> dict[str, Any]:
    said = {name: kind[name] for name in ("notation", "inPaper")}
    return {**said, "href": reference(NamedNode(kind["iri"]), {})["href"]}


def _focus(focus: Iterable[Row]) -> str:
    return " · ".join(_text(each) for each in focus)


def _reference(each: Row) -> dict[str, Any]:
    """A thing as the page shows it; some gaps are about a word that things have in common."""
    said = each["term"]
    return dict(reference(to_term(said) if said.startswith('"') else NamedNode(said), {said: _text(each)}))


def _text(each: Row) -> str:
    return language().label(each["term"], each["label"]).text


def _statements(why: Row, *, in_model: bool) -> list[dict[str, Any]]:
    """What the readings of the evidence say, a line a subject; what the model says and what the data says apart."""
    readings = [each for each in why["evidence"] if not each["meetsNorm"]]
    return _lines(t for each in readings for t in each["triples"] if t["inModel"] == in_model)


def _lines(triples: Iterable[Row], *, together: bool = True) -> list[dict[str, Any]]:
    """Statements in words, a line a subject or a statement, each with the row that it comes from."""
    lines: dict[Any, list[Row]] = {}
    for number, triple in enumerate(_unique(triples)):
        lines.setdefault(triple["subject"] if together else number, []).append(triple)
    return [
        {
            "about": _thing(mine[0]),
            "says": list(map(_said, [triple for triple in mine if not triple["inName"]] or mine[:1])),
            "source": _source(next((t["source"] for t in mine if t["source"]), None)),
            "triple": [mine[0][part] for part in ("subject", "predicate", "object")],
        }
        for mine in lines.values()
    ]


def _removable(evidence: Sequence[Row]) -> list[dict[str, Any]]:
    """The statements that make the gap, each with its place among them; what somebody can change comes first."""
    lines = ({**line, "number": number} for number, line in enumerate(_lines(evidence, together=False)))
    return sorted(lines, key=lambda line: line["triple"][1] == str(RDF_TYPE))


def _unique(triples: Iterable[Row]) -> list[Row]:
    """Statements, each once."""
    return list({(t["subject"], t["predicate"], t["object"]): t for t in triples}.values())


def _thing(triple: Row) -> dict[str, Any]:
    told = reference(to_term(triple["subject"]), {})
    return {"href": told["href"], "text": language().label(str(told["iri"]), _bare(triple["about"])).text}


def _said(triple: Row) -> dict[str, Any]:
    """A statement without its subject: the property and its value, in the reader's language."""
    mine, value = language(), to_term(triple["object"])
    verb = mine.label(triple["predicate"].strip("<>"), triple["verb"]).text
    if mine.code == "en" or triple["predicate"] == str(RDF_TYPE):
        verb = triple["verb"] if mine.code == "en" else mine.message("gap.is")
    if isinstance(value, Literal):
        text = mine.day(value.value) if value.datatype.value == _XSD_DATE else triple["value"]
        return {"verb": verb, "text": text, "href": None}
    told = mine.label(str(getattr(value, "value", "")), _bare(triple["value"]))
    text = _bare(triple["value"]) if mine.code == "en" else told.text
    return {"verb": verb, "text": text, "href": reference(value, {})["href"]}


def _bare(text: str) -> str:
    """A name without the quotation marks that it has in a sentence; what only ends with a name keeps them."""
    return text[1:-1] if re.fullmatch("“[^“”]*”", text) else text


def _source(source: Row | None) -> dict[str, Any] | None:
    if source is None:
        return None
    return {**source, "href": reference(NamedNode(source["iri"]), {})["href"]}


def _conditions(why: Row) -> list[str]:
    readings = [each for each in why["evidence"] if not each["meetsNorm"]]
    return list(dict.fromkeys(condition for each in readings for condition in each["conditions"]))


def _misses(misses: Sequence[Row]) -> list[dict[str, Any]]:
    """What comes nearest, by the one condition that it does not meet."""
    conditions = dict.fromkeys(miss["condition"] for miss in misses)
    return [
        {"condition": each, "lines": _lines(t for miss in misses if miss["condition"] == each for t in miss["found"])}
        for each in conditions
    ]


def _drawing(life: Sequence[Row]) -> list[dict[str, Any]]:
    """Where the dates of a life line are drawn, along a line of 600, and what is found at each."""
    step = 600 / max(1, len(life) - 1)
    settled = {None: "absent", "undetermined": "open"}
    return [
        {**each, "x": round(20 + number * step), "shape": settled.get(each["verdict"], "found")}
        for number, each in enumerate(life)
    ]


def _entry(found: Row) -> Entry:
    """The gap as an entry of a bibliography."""
    kind = language().label(found["kind"]["iri"], found["kind"]["label"]).text
    title = f"{kind}: {_focus(found['focus'])} ({found['city']}, {found['date']})"
    made_by = f"sopkg {__version__}, method {found['methodVersion']}"
    return Entry(found["id"], title, found["date"], made_by, found["gap"])


def _formats(gap_id: str, found: Row) -> list[tuple[str, list[tuple[str, str]]]]:
    """Every other form of what the page tells: what, and its formats with their addresses."""
    told = {"gap": ("json",), "why": ("json", "text", "turtle"), "remedy": ("json", "text")}
    dated = {"date": found["date"]}
    links = [
        (name, [(form, url_for(name, gap_id=gap_id, **dated, format=form)) for form in forms])
        for name, forms in told.items()
    ]
    more = {"life": ("json", "text"), "responses": ("json", "csv")}
    return links + [
        (name, [(form, url_for(name, gap_id=gap_id, format=form)) for form in forms]) for name, forms in more.items()
    ]


def _update(told: Row, given: Mapping[str, str]) -> str:
    """The update that a form asks for: the sets of what is missing, filled in, or a statement taken away."""
    if told["sets"]:
        return ";\n".join(_filled(each, number, given) for number, each in enumerate(told["sets"], 1))
    held, number = dict(enumerate(_unique(told["evidence"]))), asked.number(given, "statement")
    if number not in held:
        raise BadInput(f"which statement would no longer hold? expected is a number below {len(held)} for statement")
    triple = held[number]
    return with_prefixes(f"DELETE DATA {{\n  {triple['subject']}\n    {triple['predicate']} {triple['object']}\n}}\n")


def _filled(each: Row, number: int, given: Mapping[str, str]) -> str:
    pairs = zip(each["slots"], cells_of(each["update"]), strict=True)
    return with_cells(
        each["update"], [_chosen(slot, cell, given.get(f"{number}.{slot['name']}", "")) for slot, cell in pairs]
    )


def _chosen(slot: Row, cell: str, text: str) -> str:
    """The term for a slot: what the form says, or what stands there. Raises BadInput where it is to be chosen."""
    if not text:
        if cell == "UNDEF":
            raise BadInput(f"{slot['name']} is not chosen: {slot['wanted']} is asked for")
        return cell
    if slot["datatype"]:
        return str(Literal(text, datatype=NamedNode(slot["datatype"])))
    return str(to_term(text))
