"""The page of where things are: a map of works and places, territories with their counts, and the things themselves."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from flask import request
from pyoxigraph import NamedNode

from sopkg import asked
from sopkg.geography import HEIGHT, WIDTH, Box, Cluster, Projection, box_around, place_of, read_box, whole, with_degrees
from sopkg.linkedweb import reference
from sopkg.middle import middle
from sopkg.observationform import STAGE_SHAPES, narrowed, observed, options, stage_names, stage_place
from sopkg.paging import part_of
from sopkg.render import address, changed, language, page, together

Row = Mapping[str, Any]
CLOSED = ("object", "stage")
_SIZE = 50
_NAMES = 24  # of territories on the map, at most
_LETTER, _LINE = 5.8, 15.0  # of a name on the map
_LINES = (0.0, 16.0, -16.0, 28.0, -28.0, 40.0, -40.0)  # where it may stand instead, below and above
REPORTS = _REPORT, _TERRITORIES = "where-things-are", "works-by-territory"


def things_of(city: str, date: str | None, given: Mapping[str, str]) -> list[Row]:
    """The things of an observation that fit: of an object, at a stage, in a territory, within a box."""
    chosen = narrowed({name: value for name, value in given.items() if name in CLOSED})
    box, territory = read_box(given["bbox"]) if "bbox" in given else None, given.get("territory")
    return [
        row
        for row in map(with_degrees, middle().observed(_REPORT, [(city, date)]))
        if ("object" not in chosen or chosen["object"] in _parts(row["objects"], "; "))
        and ("stage" not in chosen or chosen["stage"] == row["stage"])
        and (territory is None or territory in _parts(row["territories"], " "))
        and (box is None or ((place := place_of(row)) is not None and box.holds(place)))
    ]


def _parts(text: str | None, separator: str) -> Sequence[str]:
    return text.split(separator) if text else ()


def map_page() -> str:
    """Where the works and places of one observation are."""
    given = asked.known(request.args, ("city", "date", *CLOSED, "territory", "bbox", "page", "format"))
    given = {name: value for name, value in given.items() if value}  # a form sends what is left open, too
    seen = observed(given)
    if seen is None:
        return page("map.html", seen=None)
    observation, held = [(seen.city, seen.date)], middle()  # both are asked at the same time, and kept
    together({name: partial(held.observed, name, observation) for name in REPORTS})
    found = things_of(seen.city, seen.date, given)
    places = [place for row in found if (place := place_of(row))]
    box = read_box(given["bbox"]) if "bbox" in given else whole(places) if places else None
    inside = [row for row in found if box and (place := place_of(row)) and box.holds(place)]
    names, part = _names(seen.city, seen.date), part_of(found, _SIZE)
    return page(
        "map.html",
        seen=seen,
        fields=[(sort, options(sort, given.get(sort))) for sort in CLOSED],
        territory=names.get(given.get("territory", ""), given.get("territory")),
        narrowed=any(name in given for name in (*CLOSED, "territory", "bbox")),
        wider=changed(bbox=None, page=None) if "bbox" in given else None,
        drawing=_drawn(inside, box, names) if inside and box else None,
        found=len(found),
        nowhere=len(found) - len(places),
        far=len(places) - len(inside),
        territories=_territories(found, names),
        part=replace(part, rows=[_thing(row, names) for row in part.rows]),
        formats=[(each, changed(format=each, lang=None, page=None)) for each in ("json", "csv")],
    )


def _names(city: str, date: str) -> dict[str, str]:
    """What the territories are called, by their IRIs."""
    rows = middle().observed(_TERRITORIES, [(city, date)])
    return {row["territory"]: row["territoryName"] for row in rows if row["territory"]}


def _drawn(things: Sequence[Row], box: Box, names: Mapping[str, str]) -> dict[str, Any]:
    projection = Projection(box)
    length, metres = projection.bar()
    clusters = projection.clusters(things)
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "bar": round(length, 1),
        "metres": metres,
        "signs": [_sign(each) for each in sorted(clusters, key=_drawn_after)],
        "names": _labels(things, projection, clusters, names),
        "legend": list(zip(STAGE_SHAPES, stage_names(), strict=True)),
    }


def _drawn_after(cluster: Cluster) -> tuple[bool, int]:
    """What has gaps is drawn last, over the others; of the rest the small ones over the large."""
    return any(row["gaps"] for row in cluster.things), -len(cluster.things)


def _sign(cluster: Cluster) -> dict[str, Any]:
    """A thing by its own, or how many there are in one place."""
    gaps, unknown = (sum(row[name] for row in cluster.things) for name in ("gaps", "unknown"))
    told = {"x": cluster.x, "y": cluster.y, "count": len(cluster.things), "gaps": gaps, "unknown": unknown}
    mine = language()
    found = [mine.counted("map.gaps", gaps)] if gaps else []
    if len(cluster.things) > 1:
        said = ", ".join([mine.counted("map.things", len(cluster.things)), *found])
        nearer = changed(bbox=box_around(cluster.things).text(), page=None)
        return {**told, "radius": _radius(cluster), "said": said, "href": nearer}
    (row,) = cluster.things
    number = stage_place(row["stage"])
    said = ", ".join([row["thingName"], stage_names()[number], *found])
    return {**told, "shape": STAGE_SHAPES[number], "stage": number, "said": said, "href": _href(row)}


def _radius(cluster: Cluster) -> float:
    return round(6 + 2.2 * math.log2(len(cluster.things)), 1)


def _href(row: Row) -> str | None:
    """Where a thing leads: to its gap if it has one that is shown, else to what is said of it."""
    return address("gap", gap_id=row["gap"]) if row["gaps"] else reference(NamedNode(row["thing"]), {})["href"]


def _labels(
    things: Sequence[Row], projection: Projection, clusters: Sequence[Cluster], names: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The names of the territories with most things, each near the middle of its own, where they cover nothing."""
    held: dict[str, list[tuple[float, float]]] = {}
    for row in things:
        for iri in _parts(row["territories"], " "):
            if (place := place_of(row)) is not None:
                held.setdefault(iri, []).append(place)
    taken = [(each.x, each.y, _radius(each)) for each in clusters]
    told: list[tuple[float, float, str]] = []
    for iri, places in sorted(held.items(), key=lambda each: (-len(each[1]), each[0])):
        text = names.get(iri, iri)
        x, y = projection.at((_median(each[0] for each in places), _median(each[1] for each in places)))
        half = _LETTER * len(text) / 2
        tried = [y + line for line in _LINES if half < x < WIDTH - half]
        free = (line for line in tried if all(_apart(x, line, half, other) for other in taken))
        at = next(free, None) if len(told) < _NAMES else None
        if at is not None:
            told.append((x, at, text))
            taken.append((x, at, half))
    return [{"x": round(x, 1), "y": round(y, 1), "text": text} for x, y, text in told]


def _apart(x: float, y: float, half: float, other: tuple[float, float, float]) -> bool:
    """Whether a name does not cover what is drawn: its middle, and how far that reaches to the sides."""
    reach = min(other[2], _LINE)
    return abs(y - other[1]) > reach or abs(x - other[0]) > half + other[2]


def _median(values: Iterable[float]) -> float:
    told = sorted(values)
    return told[len(told) // 2]  # which a slip does not move


def _territories(found: Sequence[Row], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """How many things each territory has, on the map and with gaps; the last line is what none is recorded of."""
    counted: dict[str, Counter[str]] = {}
    for row in found:
        for iri in _parts(row["territories"], " ") or ("",):
            mine = counted.setdefault(iri, Counter())
            mine.update(things=1, placed=place_of(row) is not None, gaps=row["gaps"], unknown=row["unknown"])
    told = []
    for iri, mine in sorted(counted.items(), key=lambda each: (not each[0], names.get(each[0], each[0]))):
        href = changed(territory=iri, bbox=None, page=None) if iri else None
        text = names.get(iri, iri) if iri else language().message("map.no_territory")
        told.append({"text": text, "href": href, **mine})
    return told


def _thing(row: Row, names: Mapping[str, str]) -> dict[str, Any]:
    mine = language()
    return {
        "text": row["thingName"],
        "href": reference(NamedNode(row["thing"]), {})["href"],
        "stage": mine.called("stage", row["stage"]) if row["stage"] else "",
        "territories": [names.get(iri, iri) for iri in _parts(row["territories"], " ")],
        "place": place_of(row),
        "gaps": row["gaps"],
        "unknown": row["unknown"],
        "gap": address("gap", gap_id=row["gap"]) if row["gap"] else None,
    }
