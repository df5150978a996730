"""The page of who works with whom: a network that a person can read, and the same as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import log2
from typing import Any

from flask import request
from pyoxigraph import NamedNode

from sopkg import asked
from sopkg.circle import SIZE, Circle, Curve
from sopkg.languages import closed_list
from sopkg.linkedweb import reference
from sopkg.middle import middle
from sopkg.network import ACTS, REPORTS, Choice, End, Link, Network, network
from sopkg.observationform import CLOSED, narrowed, observed, options
from sopkg.paging import part_of
from sopkg.render import address, changed, language, page, together

Row = Mapping[str, Any]
MOST_NODES = 60
_MOST_JOINED, _MOST_ACTING, _MOST_MISSING = 150, 120, 40
_SIZE = 50
_LETTERS = 26  # of a name on the circle; the table has all of it
_THICKEST = 6.0
_UNSETTLED = "undetermined"
_OBJECTS, _UNSAID = "objects", "unsaid"
_REST = "rest:"
# A shape for each sector, so that colour is never the only sign (SVG 2, 9.3).
_SHAPES = (
    "M-5.5-5.5h11v11h-11z",
    "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0z",
    "M0-7L7 5.5H-7z",
    "M0-7.5L7.5 0 0 7.5-7.5 0z",
    "M-6-2h4v-4h4v4h4v4h-4v4h-4v-4h-4z",
)


def network_of(city: str, date: str | None, given: Mapping[str, str]) -> Network:
    """The network of an observation, narrowed by subject, object and stage."""
    held, choice = middle(), Choice(**narrowed(given))
    found = together({name: partial(held.observed, name, [(city, date)]) for name in REPORTS})
    return network(found, closed_list("object"), closed_list("subject"), choice)


def network_page() -> str:
    """Who works with whom at one observation."""
    given = asked.known(request.args, ("city", "date", *CLOSED, "page", "format"))
    given = {name: value for name, value in given.items() if value}  # a form sends what is left open, too
    seen = observed(given)
    if seen is None:
        return page("network.html", seen=None)
    told = network_of(seen.city, seen.date, given)
    part = part_of(list(enumerate(told.links, 1)), _SIZE)
    return page(
        "network.html",
        seen=seen,
        fields=[(sort, options(sort, given.get(sort))) for sort in CLOSED],
        narrowed=any(sort in given for sort in CLOSED),
        drawing=_drawn(told) if told.links else None,
        total=len(told.links),
        missing=sum(bool(each.gaps) for each in told.links),
        part=replace(part, rows=[_line(number, each, told.ends) for number, each in part.rows]),
        formats=[(each, changed(format=each, lang=None, page=None)) for each in ("json", "csv")],
    )


def _line(number: int, link: Link, ends: Mapping[str, End]) -> dict[str, Any]:
    mine = language()
    on_record = [mine.counted(f"network.on_{sort.replace(' ', '_')}", n) for sort, n in sorted(link.on_record.items())]
    return {
        "number": number,
        "ends": [_end(ends[each]) for each in (link.one, link.other)],
        "onRecord": on_record,
        "gaps": _by_kind(link.gaps.values()),
    }


def _end(end: End) -> dict[str, Any]:
    told = reference(NamedNode(end.iri), {})
    return {"text": _name(end), "href": told["href"], "subjects": _called(end)}


def _called(end: End) -> str:
    own = closed_list("subject").get(end.name) == end.iri
    return "" if own else ", ".join(language().called("subject", each) for each in sorted(end.subjects))


def _name(end: End) -> str:
    return language().label(end.iri, end.name).text


def _by_kind(gaps: Iterable[Row]) -> list[dict[str, Any]]:
    """The gaps of a link, those that are alike together."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for row in sorted(gaps, key=lambda row: (row["verdict"] == _UNSETTLED, row["id"])):
        alike.setdefault((row["kind"], row["severity"], row["verdict"]), []).append(row["id"])
    return [
        {"text": language().named("kind", kind), "severity": severity, "verdict": verdict, "ids": ids}
        for (kind, severity, verdict), ids in alike.items()
    ]


@dataclass
class _Bundle:
    """What is drawn between two nodes: all that joins the ends that they stand for."""

    number: int = 0
    acts: int = 0
    gaps: dict[str, Row] = field(default_factory=dict)
    line: int = 0  # of the table, the first

    def add(self, link: Link, line: int) -> None:
        self.acts += link.on_record[ACTS]
        self.number += link.number
        self.gaps |= link.gaps
        self.line = self.line or line


Pair = tuple[str, str]


def _drawn(told: Network) -> dict[str, Any]:
    """What the circle shows: the most connected actors, the rest of each subject as one, and links between them."""
    linked = {end for each in told.links for end in (each.one, each.other)}
    shown = _shown(told, linked)
    node = {iri: _node(told.ends[iri], shown) for iri in linked}
    bundles: dict[Pair, _Bundle] = {}
    for number, link in enumerate(told.links, 1):
        pair = (node[link.one], node[link.other])
        if pair[0] != pair[1]:
            bundles.setdefault((min(pair), max(pair)), _Bundle()).add(link, number)
    missing = [pair for pair, each in bundles.items() if each.gaps][:_MOST_MISSING]
    by_number = sorted(bundles, key=lambda pair: (-bundles[pair].number, pair))
    joined = [pair for pair in by_number if bundles[pair].number > bundles[pair].acts]
    acting = [pair for pair in by_number if bundles[pair].acts]
    kept = [*joined[:_MOST_JOINED], *acting[:_MOST_ACTING]]
    rest = Counter(key for key in node.values() if key.startswith(_REST))
    sectors = _sectors(told, shown, rest, [*kept, *missing])
    weights = {pair: float(log2(1 + bundles[pair].number) + len(bundles[pair].gaps)) for pair in [*kept, *missing]}
    circle = Circle(sectors, [name for name in sectors if name != _OBJECTS], weights)
    return {
        "size": SIZE,
        "arcs": _arcs(circle, told.ends),
        "nodes": _nodes(circle, sectors, told.ends, rest),
        "joined": [(path, _width(bundles[pair].number)) for path, pair in _paths(circle, joined[:_MOST_JOINED])],
        "acting": [(path, _width(bundles[pair].acts)) for path, pair in _paths(circle, acting[:_MOST_ACTING])],
        "missing": [
            _missing(bundles[pair], curve)
            for pair, curve in zip(missing, circle.curves(missing, signed=True), strict=True)
        ],
        "legend": [(shape, text) for _, shape, text in _shapes(sectors, told.ends)],
        "leftOut": {
            "actors": rest.total(),
            "links": len(joined) + len(acting) - len(kept),
            "missing": sum(bool(each.gaps) for each in bundles.values()) - len(missing),
        },
    }


def _shown(told: Network, linked: set[str]) -> set[str]:
    """The actors that have a node of their own: those with gaps first, then those with most others."""
    others: Counter[str] = Counter()
    gaps: Counter[str] = Counter()
    for each in told.links:
        for end in (each.one, each.other):
            others[end] += bool(each.number)
            gaps[end] += len(each.gaps)
    terms = _terms()
    actors = sorted(linked - terms, key=lambda iri: (-gaps[iri], -others[iri], told.ends[iri].name, iri))
    # Each subject may need a node for the rest of its actors.
    room = MOST_NODES - len(terms)
    return set(actors if len(actors) <= room + len(closed_list("subject")) else actors[:room])


def _terms() -> set[str]:
    return {*closed_list("subject").values(), *closed_list("object").values()}


def _node(end: End, shown: set[str]) -> str:
    """What stands for an end: itself, a sector as a whole for a subject, or the rest of its subject's actors."""
    if end.iri in shown or end.iri in _terms():
        return end.iri
    return _REST + _sector(end)


def _sector(end: End) -> str:
    return closed_list("subject").get(min(end.subjects, default=""), _UNSAID)


def _sectors(told: Network, shown: Iterable[str], rest: Iterable[str], drawn: Iterable[Pair]) -> dict[str, list[str]]:
    """The nodes of each subject, and of the objects that something is drawn to."""
    used = {key for pair in drawn for key in pair}
    sectors: dict[str, list[str]] = {iri: [] for iri in closed_list("subject").values()}
    for iri in sorted(shown):
        sectors.setdefault(_sector(told.ends[iri]), []).append(iri)
    for key in sorted(rest):
        sectors.setdefault(key.removeprefix(_REST), []).append(key)
    objects = [iri for iri in closed_list("object").values() if iri in used]
    return {**sectors, _OBJECTS: objects}


def _shapes(sectors: Iterable[str], ends: Mapping[str, End]) -> list[tuple[str, str, str]]:
    texts = {_OBJECTS: language().message("network.objects"), _UNSAID: language().message("network.unsaid")}
    named = [(name, texts.get(name) or _name(ends[name])) for name in sectors]
    return [(name, shape, text) for (name, text), shape in zip(named, _SHAPES, strict=False)]


def _arcs(circle: Circle, ends: Mapping[str, End]) -> list[dict[str, Any]]:
    """The arcs of the sectors; a subject's has a sign for the subject as a whole."""
    arcs = circle.arcs()
    return [
        {"path": arcs[name][0], "middle": arcs[name][1], "shape": shape if name in ends else None, "text": text}
        for name, shape, text in _shapes(arcs, ends)
    ]


def _nodes(
    circle: Circle, sectors: Mapping[str, Sequence[str]], ends: Mapping[str, End], rest: Mapping[str, int]
) -> list[dict[str, Any]]:
    spots, told = circle.spots(), []
    for number, (name, shape, text) in enumerate(_shapes(sectors, ends)):
        for key in sectors[name]:
            called = language().counted("network.rest", rest[key]) if key in rest else _name(ends[key])
            told.append(
                {
                    "spot": spots[key],
                    "shape": shape,
                    "sector": number,
                    "text": called if len(called) <= _LETTERS else f"{called[: _LETTERS - 1]}…",
                    "said": f"{called} ({text})",
                    "href": None if key in rest else _leads_to(ends[key], name),
                }
            )
    return told


def _leads_to(end: End, sector: str) -> str | None:
    """Of an object the network of that object, of an actor what is said of it."""
    if sector == _OBJECTS:
        return changed(object=end.name, page=None)
    return reference(NamedNode(end.iri), {})["href"]


def _paths(circle: Circle, pairs: Sequence[Pair]) -> list[tuple[str, Pair]]:
    return [(curve.path, pair) for curve, pair in zip(circle.curves(pairs), pairs, strict=True)]


def _width(number: int) -> float:
    return round(min(_THICKEST, 0.7 + 0.6 * log2(number)), 1)


def _missing(bundle: _Bundle, curve: Curve) -> dict[str, Any]:
    """A missing link: its curve, the number of its line in the table, and where its gap is."""
    kinds = sorted({language().named("kind", row["kind"]) for row in bundle.gaps.values()})
    only = next(iter(bundle.gaps)) if len(bundle.gaps) == 1 else None
    return {
        "curve": curve,
        "line": bundle.line,
        "settled": any(row["verdict"] != _UNSETTLED for row in bundle.gaps.values()),
        "href": address("gap", gap_id=only) if only else f"#line-{bundle.line}",
        "said": language().message("network.missing_said", number=bundle.line, kinds=", ".join(kinds)),
    }
