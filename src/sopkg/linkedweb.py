"""Linked data over HTTP: every IRI that is minted answers by its path, whatever stands in front of it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from flask import Flask, Response, current_app, redirect, request
from pyoxigraph import Literal, NamedNode
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.urls import iri_to_uri

from sopkg import replies
from sopkg.cities import cities
from sopkg.errors import BadInput, NotFound
from sopkg.inference import term as read_term
from sopkg.languages import DEFAULT, Said
from sopkg.linked import Pages, described, document, fragment, query_catalogue, serialised
from sopkg.middle import middle
from sopkg.operations import Parameter, form, given, operation
from sopkg.parameters import AS_OF, CITY, PAGE, TRIPLE, per_page
from sopkg.render import html, language, page
from sopkg.results import CSV, GRAPHS, HTML, JSON, Format, to_term
from sopkg.turtle import prefix_table
from sopkg.vocabularies import context, vocabulary_files, written
from sopkg.vocabularies import described as described_vocabulary

_PAGED = (PAGE, per_page(100, 1000))
_PATTERN = tuple(replace(each, required=False) for each in TRIPLE)
_PATH = Parameter("path", "what stands behind the base in an IRI")
_ENCODED = "/#:@!$&'()*+,;=~%"  # what an IRI may have as it is
_NOT_IN_IRIS = re.compile(r"""[\x00-\x20<>"{}|\\^`\x7f]""")
_SAFE_LINKS = ("http://", "https://")
_ABOUT = "about/"
_CONTEXT = Format("jsonld", "application/ld+json")
_CSVW, _DCTERMS = "http://www.w3.org/ns/csvw#", "http://purl.org/dc/terms/"


def add_linked_data(app: Flask) -> None:
    """Adds the addresses of linked data; the last answers whatever no other address is made for."""
    for address, view in _VIEWS:
        app.add_url_rule(address, endpoint=f"linked.{view.__name__}", view_func=view)


@operation(_PATH, formats=(HTML, *GRAPHS), status=(200, 303))
def named(path: str) -> Response:
    """Any IRI under the base: an ontology answers itself, a thing sends to the document about it (303)."""
    same = [rule for rule in current_app.url_map.iter_rules() if rule.rule == request.path]
    others = {method for rule in same for method in rule.methods or ()}
    if others:  # an address of its own, made for other methods: this rule would hide that
        raise MethodNotAllowed(sorted(others))
    for iri in _iris(path):
        if iri in vocabulary_files():
            return _vocabulary(iri)
    given()
    place = _path_of(_known_of(path))
    return redirect(_local(f"{_ABOUT}{quote(place, safe='/')}"), 303, Response)  # type: ignore[return-value]


@operation(_PATH, AS_OF, *_PAGED, formats=(HTML, *GRAPHS))
def about(path: str) -> Response:
    """The document about a thing."""
    told, wanted = given(), form()
    return _told(_known_of(path), told, wanted)


def _told(iri: str, asked_for: Mapping[str, Any], wanted: Format) -> Response:
    number, size = asked_for["page"], asked_for["per_page"]
    payload = {"iri": iri, "as_of": asked_for.get("as-of"), "offset": (number - 1) * size, "size": size}
    told = _pool().run("resource", payload | {"language": language().code if wanted is HTML else DEFAULT})
    pages = _pages(number, size, told["total"])
    if wanted is HTML:
        body: bytes | str = page("resource.html", **_shown(iri, told, pages))
    else:
        body = serialised(document(told, iri, request.base_url, _dataset(), pages), wanted)
    links = [(_local(_path_of(iri)), "describes"), *pages.links(), *_alternates((HTML, *GRAPHS))]
    return _answer(body, wanted, links)


@operation(formats=GRAPHS)
def catalog() -> Response:
    """The catalogue of what is published, in DCAT 3."""
    given()
    wanted, bound = form(), {"home": f"{_base()}catalog", "at": request.url_root, "dataset": _dataset()}
    return _answer(described(_pool(), "catalog", bound, {}, wanted), wanted, _alternates(GRAPHS))


@operation(formats=GRAPHS)
def void() -> Response:
    """The published state, in VoID."""
    given()
    wanted, bound = form(), {"dataset": _dataset(), "at": request.url_root}
    read = {"select": {"city": None, "as_of": None, "entailment": True}}
    return _answer(described(_pool(), "void", bound, read, wanted), wanted, _alternates(GRAPHS))


@operation(*_PATTERN, *_PAGED, formats=GRAPHS)
def fragments() -> Response:
    """A page of the triples that fit a pattern, with the controls of Triple Pattern Fragments."""
    told_of, wanted = given(), form()
    number, size = told_of["page"], told_of["per_page"]
    texts = {each.name: told_of[each.name] for each in _PATTERN if each.name in told_of}
    pattern = {name: _term(text, name) for name, text in texts.items() if text and text[0] != "?"}
    told = _pool().run("fragment", {"pattern": pattern, "offset": (number - 1) * size, "size": size})
    pages = _pages(number, size, told["total"])
    sought = urlencode(texts)
    whole = f"{request.base_url}?{sought}" if sought else request.base_url
    template = f"{request.base_url}{{?subject,predicate,object}}"
    triples = fragment(told, f"{request.base_url}#dataset", whole, template, size, pages)
    return _answer(serialised(triples, wanted), wanted, [*pages.links(), *_alternates(GRAPHS)])


@operation(media_type=_CONTEXT.header)
def json_context() -> Response:
    """The ontology's terms as a JSON-LD context."""
    given()
    return _answer(json.dumps(context(), ensure_ascii=False, indent=1), _CONTEXT, ())


@operation(CITY, Parameter("file", "the table's file name"), media_type=CSV.header)
def table(city: str, file: str) -> Response:
    """A table that a city ships, as its distribution says."""
    given()
    known = cities().get(city)
    tables = {path.name: path for path in known.tables().values()} if known else {}
    if file not in tables:
        raise NotFound(f"{request.path} is no table that a city ships")
    return _answer(tables[file].read_bytes(), CSV, ())


def query_graph(wanted: Format) -> Response:
    """The predefined queries as RDF."""
    triples = query_catalogue(f"{request.url_root}queries", f"{request.url_root}sparql", f"{_base()}ns")
    return _answer(serialised(triples, wanted), wanted, _alternates((JSON, *GRAPHS)))


_VIEWS: tuple[tuple[str, Callable[..., Response]], ...] = (
    ("/about/<path:path>", about),
    ("/catalog", catalog),
    ("/.well-known/void", void),
    ("/fragments", fragments),
    ("/context.jsonld", json_context),
    ("/cities/<city>/<file>", table),
    ("/<path:path>", named),
)


def _vocabulary(iri: str) -> Response:
    given()
    wanted = form()
    if wanted is not HTML:
        return _answer(written(iri, wanted), wanted, _alternates((HTML, *GRAPHS)))
    header, rows = described_vocabulary(iri)
    terms: dict[str, dict[str, Any]] = {}
    for row in rows:
        value = row["term"].value
        term = terms.setdefault(value, {"iri": value, "id": value.rpartition("#")[2], "above": []})
        label, definition = (row[name].value if row[name] else "" for name in ("label", "definition"))
        term["name"] = language().label(value, label or term["id"])
        term["definition"] = language().about(value, "definition") or Said(definition, DEFAULT)
        term["more"] = _local(_ABOUT + quote(_path_of(value), safe="/")) if value.startswith(_base()) else None
        term["above"] += [reference(row["above"], {})] if row["above"] else []
    text = {name: header[name].value if header[name] else "" for name in ("version", "title", "description")}
    body = page("ontology.html", iri=iri, **text, terms=terms.values(), formats=_alternates(GRAPHS))
    return _answer(body, wanted, _alternates((HTML, *GRAPHS)))


def _shown(iri: str, told: Mapping[str, Any], pages: Pages) -> dict[str, Any]:
    """What the page about a thing shows."""
    labels: dict[str, str] = {each: getattr(to_term(text), "value", "") for each, text in told["labels"].items()}
    facts = _grouped((row[1], row[2], row[3]) for row in told["outgoing"])
    leading = _grouped((row[1], row[0], row[3]) for row in told["incoming"])
    graphs = dict.fromkeys(row[3] for row in (*told["outgoing"], *told["incoming"]))
    return {
        "iri": iri,
        "title": told["title"],
        "facts": [_line(row, labels) for row in facts.items()],
        "incoming": [_line(row, labels) for row in leading.items()],
        "total": told["total"],
        "rows": _source_rows(told["origins"]),
        "graphs": [reference(to_term(graph), labels) for graph in graphs],
        "dates": [(date, f"?{urlencode({'as-of': date})}") for date in told["dates"]],
        "size": told["size"],
        "content": f"{_local('sparql')}?{urlencode({'query': _CONTENT, 'default-graph-uri': iri})}",
        "pages": pages,
        "formats": _alternates(GRAPHS),
    }


_CONTENT = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"


def _grouped(rows: Any) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for predicate, value, graph in rows:
        found.setdefault((predicate, value), []).append(graph)
    return found


def _line(row: tuple[tuple[str, str], list[str]], labels: Mapping[str, str]) -> dict[str, Any]:
    (predicate, value), graphs = row
    return {
        "predicate": reference(to_term(predicate), labels),
        "value": reference(to_term(value), labels),
        "graphs": [reference(to_term(graph), labels) for graph in graphs],
    }


def _source_rows(origins: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """The rows that a thing comes from, in CSVW's words, with their file."""
    said = {(row[0], row[1]): row[2] for row in origins}
    found = dict.fromkeys(
        (subject, number, said.get((subject, f"<{_DCTERMS}isPartOf>")))
        for (subject, predicate), number in said.items()
        if predicate == f"<{_CSVW}rownum>"
    )
    return [
        {
            "row": reference(to_term(subject), {}),
            "number": getattr(to_term(number), "value", ""),
            "file": getattr(to_term(said.get((file or "", f"<{_DCTERMS}title>"), '""')), "value", ""),
        }
        for subject, number, file in found
    ]


def reference(term: Any, labels: Mapping[str, str]) -> dict[str, str | None]:
    """A term as a page shows it: its words, where it leads to (http and https only), and the language of a text."""
    if isinstance(term, Literal):
        datatype = None if term.datatype.value.endswith(("#string", "#langString")) else _short(term.datatype.value)
        return {"text": term.value, "href": None, "iri": None, "language": term.language, "datatype": datatype}
    if not isinstance(term, NamedNode):
        return {"text": str(term), "href": None, "iri": None, "language": None, "datatype": None}
    return {
        "text": labels.get(term.value) or _short(term.value),
        "href": _href(term.value),
        "iri": term.value,
        "language": None,
        "datatype": None,
    }


def _href(iri: str) -> str | None:
    if iri.startswith(_base()):
        path, _, anchor = _path_of(iri).partition("#")
        return _local(quote(path, safe="/%")) + (f"#{quote(anchor)}" if anchor else "")
    return iri if iri.startswith(_SAFE_LINKS) else None


def _short(iri: str) -> str:
    """An IRI by its prefix, the longest that fits."""
    fitting = [(len(base), prefix, base) for prefix, base in prefix_table().items() if iri.startswith(base)]
    if not fitting:
        return iri
    _, prefix, base = max(fitting)
    return f"{prefix}:{iri.removeprefix(base)}"


def _known_of(path: str) -> str:
    """The IRI that a path stands for. Raises NotFound if nothing is said of it."""
    found: str | None = _pool().run("known-of", {"iris": _iris(path)})
    if found is None:
        raise NotFound(f"nothing published here is named {_iris(path)[0]}")
    return found


def _iris(path: str) -> list[str]:
    """What a path can stand for under the base: the server decodes it, and an IRI may have it either way."""
    plain = _NOT_IN_IRIS.sub(lambda sign: quote(sign[0]), path)
    ways = (plain, quote(path, safe=_ENCODED), quote(path, safe=_ENCODED.replace("%", "")))
    found = [_base() + each for each in dict.fromkeys(ways) if _is_iri(_base() + each)]
    if not found:
        raise NotFound("no IRI has such a path: it is not UTF-8, or has signs that an IRI can't have")
    return found


def _is_iri(text: str) -> bool:
    try:
        NamedNode(text)
    except ValueError:
        return False
    return True


def _term(text: str, name: str) -> str:
    """A pattern's term in N-Triples: an IRI, or a literal as N-Triples writes it."""
    found = read_term(text)
    if name != "object" and not found.startswith("<"):
        raise BadInput(f"{name} is {text!r}; expected is an IRI")
    return found


def _base() -> str:
    return middle().settings.base


def _pool() -> Any:
    return middle().pool


def _dataset() -> str:
    return f"{_base()}.well-known/void#dataset"


def _path_of(iri: str) -> str:
    return iri.removeprefix(_base())


def _local(path: str) -> str:
    """An address of this server, with what a proxy puts in front."""
    return f"{request.script_root}/{path}"


def _pages(page: int, size: int, total: int) -> Pages:
    last = max(1, math.ceil(total / size))
    at: Callable[[int], str] = lambda number: _changed(page=str(number))  # noqa: E731 - said once, used four times
    beside = (at(page - 1) if 1 < page <= last + 1 else None, at(page + 1) if page < last else None)
    return Pages(iri_to_uri(request.url), at(1), at(last), *beside)


def _changed(**given: str) -> str:
    return f"{request.base_url}?{urlencode({**request.args.to_dict(), **given})}"


def _alternates(formats: Sequence[Format]) -> list[tuple[str, str, str]]:
    """The same in each format: address, relation, media type."""
    return [(_changed(format=each.name), "alternate", each.media_type) for each in formats]


def _answer(body: bytes | str, wanted: Format, links: Sequence[tuple[str, ...]]) -> Response:
    response = html(str(body)) if wanted is HTML else replies.written(body, wanted.header)
    if links:
        response.headers["Link"] = ", ".join(_link(*each) for each in links)
    return response


def _link(address: str, relation: str, media_type: str | None = None) -> str:
    """One link of a Link header (RFC 8288)."""
    stated = f'; type="{media_type}"' if media_type else ""
    return f'<{quote(address, safe=_ENCODED + "?[]")}>; rel="{relation}"{stated}'
