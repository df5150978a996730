"""The predefined questions as pages: the catalogue, and each with a form and its answer as a table."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import request, url_for
from pyoxigraph import Literal, NamedNode

from sopkg import asked
from sopkg.barchart import LEFT, LINE, MOST_BARS, WIDTH, bars, shape_of
from sopkg.catalog import QueryFile, named_query
from sopkg.cities import city_name
from sopkg.errors import unknown_names
from sopkg.languages import DEFAULT, Said
from sopkg.linkedweb import reference
from sopkg.middle import middle
from sopkg.overview import by_city
from sopkg.paging import part_of
from sopkg.render import changed, language, page
from sopkg.results import ROWS

Row = Mapping[str, Any]
_SIZE = 100
_LETTERS = 44  # of a label beside a bar
_OURS = ("entailment", "as-of")
_GAP = re.compile(r"[A-Z][0-9]{1,2}[a-d]?-[0-9a-f]{12}")
_CAPITAL = re.compile("[A-Z]")
_XSD_NUMBERS = ("integer", "decimal", "double")


def queries() -> str:
    """The catalogue."""
    asked.known(request.args, ("format",))
    names = [str(each["name"]) for each in middle().queries()]
    return page("queries.html", queries=[(name, question(name), description(name)) for name in names])


def question(name: str) -> Said:
    """What a predefined query asks, in the reader's language where its file has it."""
    file, mine = named_query("reports", name), language()
    said = file.asked(mine.code)
    return Said(file.summary, DEFAULT) if said is None else Said(said, mine.code)


def description(name: str) -> Said:
    """What the answer of a predefined query means, in the reader's language where its file has it."""
    file, mine = named_query("reports", name), language()
    said = file.described(mine.code)
    return Said(file.description, DEFAULT) if said is None else Said(said, mine.code)


def worded(name: str, text: str) -> Said:
    """A text that a predefined query makes, in the reader's language where its file or the ontology has it."""
    mine = language()
    said = named_query("reports", name).says(mine.code, text, lambda english: _term(english).text)
    return _term(text) if said is None else Said(said, mine.code)


def _term(english: str) -> Said:
    return language().term(english) or Said(english, DEFAULT)


def query(name: str) -> str:
    """One question: its form and, where all that it needs is given, its answer."""
    file = named_query("reports", name)
    given = {key: value for key, value in asked.single(request.args).items() if value}
    for ours in ("format", asked.LANGUAGE, "page"):
        given.pop(ours, None)
    values = {key: value for key, value in given.items() if key not in _OURS}
    unknown = sorted(set(values) - {each.name for each in file.parameters})
    if unknown:
        raise unknown_names("parameter", unknown, [*(each.name for each in file.parameters), *_OURS], f" of {name}")
    missing = [p.name for p in file.parameters if not p.optional and p.name not in values]
    found = None if missing else _answer(name, values)
    where = url_for("query", name=name, _external=True) + (f"?{urlencode(given)}" if given else "")
    return page(
        "query.html",
        query=file,
        asked=question(name),
        described=description(name),
        fields=_fields(file, values, _heads(found, name) if found else {}),
        as_of=given.get("as-of", ""),
        missing=missing,
        chart=None if found is None else _chart(found, name),
        **(table_of(found, name) if found else {"columns": [], "total": 0, "part": None}),
        formats=[(each.name, changed(format=each.name, lang=None, page=None)) for each in ROWS],
        where=where,
        curl=f"curl -H 'Accept: text/csv' {shlex.quote(where)}",
    )


def table_of(found: Row, name: str | None = None) -> dict[str, Any]:
    """The page of an answer's rows that is asked for (SPARQL 1.1 Query Results JSON), as a table shows it.

    The columns of a predefined query of that name, and the texts that it makes, are told in the reader's language.
    """
    rows = found["results"]["bindings"]
    return {
        "columns": list(_heads(found, name).values()),
        "total": len(rows),
        "part": part_of([_row(row, found, name) for row in rows], _SIZE),
    }


def _heads(found: Row, name: str | None) -> dict[str, Said]:
    """What each column of an answer is called: as its predefined query has it, or its variable's name as words."""
    names, mine = found["head"]["vars"], language().code
    told = named_query("reports", name).columns(mine) if name else ()
    heads = [Said(each, mine) for each in told] or [Said(_CAPITAL.sub(_apart, each), DEFAULT) for each in names]
    return dict(zip(names, heads, strict=True))


def _apart(capital: re.Match[str]) -> str:
    return f" {capital[0].lower()}"


def _answer(name: str, values: Mapping[str, str]) -> dict[str, Any]:
    found = middle().ask_as(name, values, "", "json", asked.entailment(request.args), asked.date(_when(), "as-of"))
    told: dict[str, Any] = json.loads(found.body)
    return told


def _when() -> dict[str, str]:
    return {name: value for name, value in request.args.items() if value}


def _fields(file: QueryFile, values: Mapping[str, str], heads: Mapping[str, Said]) -> list[dict[str, Any]]:
    """A field for each parameter, called as its column; an IRI of a city is chosen from those that there are."""
    cities = by_city(middle().cities())
    named = {"city": [(name, rows[-1]["label"] or name) for name, rows in cities.items()]}
    return [
        {
            "name": each.name,
            "label": heads.get(each.name, Said(each.name, DEFAULT)),
            "type": each.type,
            "optional": each.optional,
            "value": values.get(each.name, ""),
            "options": named.get(each.name, []),
        }
        for each in file.parameters
    ]


def _chart(found: Row, name: str) -> dict[str, Any] | None:
    """The bars of a result that has such a shape."""
    rows = found["results"]["bindings"]
    shape = shape_of(found["head"]["vars"], rows)
    if shape is None:
        return None
    told = [(" · ".join(_cell(each, name)["text"] for each in named), *bar) for named, bar in bars(shape, rows)]
    heads = _heads(found, name)
    return {
        "label": " · ".join(heads[each].text for each in shape.labels),
        "number": heads[shape.number].text,
        "width": WIDTH,
        "height": LINE * len(told) + 12,
        "left": LEFT,
        "bars": [
            {"y": 6 + LINE * place, "text": _cut(text), "number": _plain(number), "length": length}
            for place, (text, number, length) in enumerate(told)
        ],
        "leftOut": max(0, len(rows) - MOST_BARS),
    }


def _cut(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"


def _plain(number: float | None) -> str:
    """A number as the reader writes it, without a fraction that is none."""
    if number is None:
        return language().message("table.not_said")
    return language().number(int(number) if number.is_integer() else number)


def _row(row: Row, found: Row, name: str | None) -> list[dict[str, Any]]:
    return [_cell(row.get(column), name) for column in found["head"]["vars"]]


def _cell(term: Row | None, name: str | None = None) -> dict[str, Any]:
    """A term of an answer (SPARQL 1.1 Query Results JSON, 3.2.2) as a page shows it."""
    if term is None:
        return {"text": "", "href": None, "number": False}
    if term["type"] == "uri":
        told = reference(NamedNode(term["value"]), {})
        return {**told, "text": city_name(term["value"]) or told["text"], "number": False}
    told = reference(Literal(term["value"]), {})
    number = term.get("datatype", "").rpartition("#")[2] in _XSD_NUMBERS
    gap = url_for("gap", gap_id=term["value"]) if _GAP.fullmatch(term["value"]) else None
    spoken = term.get("xml:lang")
    if name and "datatype" not in term and spoken in (None, DEFAULT):
        said = worded(name, term["value"])
        told, spoken = {**told, "text": said.text}, said.language if said.text != term["value"] else spoken
    return {**told, "href": gap, "language": spoken, "number": number}
