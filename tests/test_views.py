"""The drawn pages: what they show is what a plain reading of the triples gives, and each drawing keeps to its rules."""

from __future__ import annotations

import csv
import json
import math
import re
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient

from sopkg.barchart import Shape, bars, shape_of
from sopkg.circle import RADIUS, SIZE, Circle
from sopkg.geography import Box, Projection, whole
from sopkg.networkpage import MOST_NODES
from sopkg.timeline import Axis, courses, span
from tests.test_pages import check, links_of, shown, tree_of

CASES = json.loads((Path(__file__).parent / "views" / "charts.json").read_text("utf-8"))
SVG = "{http://www.w3.org/2000/svg}"
SOP = "https://w3id.org/sopkg/ns#"
WGS = "http://www.w3.org/2003/01/geo/wgs84_pos#"
BUENOS_AIRES = "city=buenos-aires"
PAGES = (f"/network?{BUENOS_AIRES}", f"/map?{BUENOS_AIRES}", "/timeline?city=amsterdam", "/compare")
Links = dict[str, set[str]]


def links(client: FlaskClient, city: str, name: str, when: str = "") -> Links:
    """All triples of a property in a city's observation, the objects by subject."""
    asked = {"query": f"SELECT ?s ?o WHERE {{ ?s <{name}> ?o }}", "city": city, "format": "json", "rows": "100000"}
    told = client.get("/sparql", query_string=asked | ({"as-of": when} if when else {})).get_json()
    found: Links = defaultdict(set)
    for row in told["results"]["bindings"]:
        found[row["s"]["value"]].add(row["o"]["value"])
    return found


def lines(client: FlaskClient, address: str) -> list[dict[str, str]]:
    return list(csv.DictReader(client.get(address, headers={"Accept": "text/csv"}).text.splitlines()))


def drawn(tree: ElementTree.Element, tag: str, name: str = "") -> list[ElementTree.Element]:
    """The elements of drawings by their tag and a class."""
    found = tree.iter(f"{SVG}{tag}")
    return [each for each in found if not name or name in (each.get("class") or "").split()]


def text(element: ElementTree.Element, path: str = ".") -> str:
    found = element.find(path)
    assert found is not None, path
    return "".join(found.itertext())


def last(iri: str) -> str:
    return re.split("[/#]", iri)[-1]


def test_the_network_joins_whom_the_triples_join(client: FlaskClient) -> None:
    told = {name: links(client, "buenos-aires", SOP + name) for name in ("onInitiative", "actor", "party")}
    engaged: Links = defaultdict(set)
    for engagement, initiatives in told["onInitiative"].items():
        for initiative in initiatives:
            engaged[initiative] |= told["actor"][engagement]
    expected = Counter(pair for actors in engaged.values() for pair in combinations(sorted(actors), 2))
    parties = Counter(pair for actors in told["party"].values() for pair in combinations(sorted(actors), 2))
    found = lines(client, f"/network?{BUENOS_AIRES}")
    joined = {(each["one"], each["other"]): each["onRecord"] for each in found if "#" not in each["other"]}
    assert {tuple(sorted(pair)): said for pair, said in joined.items() if said} == {
        pair: "; ".join(
            f"{sort}: {count[pair]}"
            for sort, count in (("interaction", parties), ("same initiative", expected))
            if count[pair]
        )
        for pair in expected | parties
    }


def test_datasets_join_who_shares_and_who_needs_them(client: FlaskClient) -> None:
    needed, held = (links(client, "amsterdam", SOP + name) for name in ("neededBy", "heldBy"))
    pairs = {frozenset((a, b)) for each in needed for a in needed[each] for b in held[each] if a != b}
    found = lines(client, "/network?city=amsterdam")
    assert {frozenset((each["one"], each["other"])) for each in found if "dataset needed" in each["onRecord"]} == pairs
    assert pairs


def test_a_missing_link_is_a_gap_that_names_both(client: FlaskClient) -> None:
    """By the foci of gaps, and by the cells of subject and object that each gap belongs to."""
    cells = lines(client, f"/queries/gaps-in-cell?{BUENOS_AIRES}&format=csv")
    subjects, objects = (
        {row["id"]: {each[name] for each in cells if each["id"] == row["id"]} - {"all"} for row in cells}
        for name in ("subject", "object")
    )
    expected = set()
    for row in client.get(f"/gaps?{BUENOS_AIRES}&per_page=1000").get_json():
        actors = [last(iri) for iri in row["focus"] if "/actor/" in iri]
        acting = actors or sorted(subjects[row["id"]])
        ends = combinations(acting, 2) if len(acting) > 1 else ((a, o) for a in acting for o in objects[row["id"]])
        expected |= {(row["id"], frozenset(pair)) for pair in ends}
    found = [each for each in lines(client, f"/network?{BUENOS_AIRES}") if each["gaps"]]
    told = {
        (gap, frozenset(last(each[end]) if "/actor/" in each[end] else each[f"{end}Name"] for end in ("one", "other")))
        for each in found
        for gap in each["gaps"].split("; ")
    }
    assert {(gap, frozenset(map(named, pair))) for gap, pair in told} == {
        (gap, frozenset(map(named, pair))) for gap, pair in expected
    }
    numbers = [(-int(each["missing"]), -int(each["number"])) for each in found]
    assert numbers == sorted(numbers)


def named(name: str) -> str:
    """A term by its label as the reports have it, or by the last part of its IRI, alike."""
    return {"enterprises": "enterprise"}.get(name.lower(), name.lower()).replace(" ", "")


@pytest.mark.parametrize("narrowed", ["object=SmartEnvironment", "subject=Society", "stage=Creation"])
def test_what_is_narrowed_is_part_of_the_whole(client: FlaskClient, narrowed: str) -> None:
    whole_, part = (
        {(each["one"], each["other"]): each for each in lines(client, f"/network?{BUENOS_AIRES}{more}")}
        for more in ("", f"&{narrowed}")
    )
    assert 0 < len(part) < len(whole_)
    assert all(int(each["number"]) <= int(whole_[pair]["number"]) for pair, each in part.items())
    assert all(set(each["gaps"].split("; ")) <= {*whole_[pair]["gaps"].split("; "), ""} for pair, each in part.items())


def test_the_network_stays_readable_and_says_what_it_leaves_out(client: FlaskClient) -> None:
    tree = check(shown(client, f"/network?{BUENOS_AIRES}"), "en")
    nodes = drawn(tree, "g", "node")
    known = {each[end] for each in lines(client, f"/network?{BUENOS_AIRES}") for end in ("one", "other")}
    actors = {iri for iri in known if not iri.startswith(SOP)}
    others = [each for node in nodes if (each := re.match(r"([\d,]+) others?$", text(node, f"{SVG}text")))]
    rest = sum(int(each[1].replace(",", "")) for each in others)
    objects = len([node for node in nodes if "sector3" in str(node.get("class"))])
    assert len(nodes) <= MOST_NODES
    assert len(nodes) - objects - len(others) + rest == len(actors)
    assert f"{rest} actors with fewer links" in text(tree, ".//figcaption")
    # Each number on a dashed line is that of a line of the table.
    signs, anchors = drawn(tree, "g", "sign"), {each.get("id") for each in tree.iter("tr")}
    assert len(signs) > 5
    assert {f"line-{text(each, f'{SVG}text')}" for each in signs} <= anchors


def test_what_is_on_the_map_has_the_coordinates_of_its_source(client: FlaskClient) -> None:
    north, east, within = (
        links(client, "buenos-aires", name) for name in (f"{WGS}lat", f"{WGS}long", f"{SOP}inTerritory")
    )
    found = client.get(f"/map?{BUENOS_AIRES}").get_json()
    placed = {each["thing"]: (each["latitude"], each["longitude"]) for each in found if each["latitude"] is not None}
    expected = {thing: (float(min(north[thing])), float(min(east[thing]))) for thing in north.keys() & east.keys()}
    assert placed == expected
    assert {each["thing"]: set(each["territories"].split()) for each in found if each["territories"]} == within
    tree = tree_of(shown(client, f"/map?{BUENOS_AIRES}"))
    clusters, singles = (
        [each for each in drawn(tree, "g", name) if each.find(f"{SVG}title") is not None]
        for name in ("cluster", "thing")
    )
    said = text(tree, ".//figcaption")
    far = re.search(r"(\d+) lies? so far", said)
    shown_there = sum(int(text(each, f"{SVG}text")) for each in clusters) + len(singles)
    assert shown_there + (int(far[1]) if far else 0) == len(placed)
    assert f"{len(found) - len(placed)} works or places have no coordinates" in said


def test_territories_count_what_lies_in_them(client: FlaskClient) -> None:
    plain = Counter(
        territory for each in lines(client, f"/map?{BUENOS_AIRES}") for territory in each["territories"].split()
    )
    tree = tree_of(shown(client, f"/map?{BUENOS_AIRES}"))
    rows = tree.findall(".//section[@aria-labelledby='territories']//tbody/tr")
    told = Counter(int("".join(row.findall("td")[0].itertext()).replace(",", "")) for row in rows[:-1])
    assert told == Counter(plain.values())


@pytest.mark.parametrize("latitude", [-54.8, 0.0, 41.4, 69.6])
def test_the_map_is_true_to_scale_in_its_middle(latitude: float) -> None:
    """The scale bar's length is the distance on the sphere (haversine), north and east alike."""
    box = Box(10.0, latitude - 0.05, 10.2, latitude + 0.05)
    projection, middle = Projection(box), (latitude, 10.1)
    length, metres = projection.bar()
    for other in ((latitude + 0.02, 10.1), (latitude, 10.13)):
        drawn = math.dist(projection.at(middle), projection.at(other)) / length * metres
        assert drawn == pytest.approx(haversine(middle, other), rel=1e-3)


def haversine(one: tuple[float, float], other: tuple[float, float]) -> float:
    (a, b), (c, d) = (map(math.radians, each) for each in (one, other))
    return (
        2
        * 6_371_008.8
        * math.asin(math.sqrt(math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2))
    )


def test_a_slip_does_not_shrink_the_map() -> None:
    places = [(-34.6 + step / 1000, -58.4 - step / 1000) for step in range(100)]
    assert whole([*places, (0.0, 0.0), (34.6, 58.4)]) == whole(places)


@pytest.mark.parametrize("when", ["2023-12-31", "2025-12-31"])
def test_the_timeline_shows_each_stage_that_an_observation_tells(client: FlaskClient, when: str) -> None:
    stages = links(client, "amsterdam", f"{SOP}inStage", when)
    found = [each for each in lines(client, "/timeline?city=amsterdam") if each["date"] == when and each["stage"]]
    assert {each["initiative"]: {f"{SOP}{each['stage']}"} for each in found} == stages
    assert stages


def test_the_timeline_counts_and_says_what_has_no_dates(client: FlaskClient) -> None:
    tree = check(shown(client, "/timeline?city=amsterdam&stage=Creation"), "en")
    rows = lines(client, "/timeline?city=amsterdam&stage=Creation")
    latest = {each["initiative"]: each for each in sorted(rows, key=lambda each: each["date"])}
    bare = sum(not each["plannedStart"] and not each["plannedEnd"] for each in latest.values())
    told = "".join(tree.itertext())
    assert f"{bare} initiatives have no planned start or end" in told
    assert text(tree, ".//h2[@id='initiatives']") == f"{len(latest)} initiatives"


def test_time_runs_from_left_to_right_and_slips_stay_at_the_edge() -> None:
    rows = [
        {"initiative": str(n), "title": "", "objects": None, "stage": None, "status": None} | planned
        for n, planned in enumerate(
            [
                {"plannedStart": f"20{year}-01-01", "plannedEnd": "9020-01-01" if year == 20 else None}
                for year in range(10, 25)
            ]
        )
    ]
    told = courses({"2024-12-31": rows}, {})
    axis = Axis(span(told, ["2024-12-31"]), 0.0, 100.0)
    days = [axis.at(str(each.planned[0])) for each in told]
    assert days == sorted(set(days))
    assert (axis.at("9020-01-01"), axis.beyond("9020-01-01"), axis.beyond("2015-01-01")) == (100.0, True, False)


def test_every_observation_names_its_file_source_and_licence(client: FlaskClient) -> None:
    rows = client.get("/cities?format=json").get_json()
    assert [row for row in rows if not all(row[name] for name in ("label", "file", "source", "licence", "rows"))] == []
    assert [row["date"] for row in rows if row["note"]] == ["2025-06-30"]


def test_two_cities_are_held_side_by_side_as_each_reports(client: FlaskClient) -> None:
    found = lines(client, "/compare?first=amsterdam&second=buenos-aires")
    gaps = client.get(f"/gaps?{BUENOS_AIRES}&per_page=1000").get_json()
    for kind in ("overdue creation", "missing participation of the public"):
        line = next(each for each in found if each["what"].endswith(kind))
        focus = {
            row["focus"][line["of"] == "objects"]  # behind the city
            for row in gaps
            if row["kindLabel"] == kind and row["verdict"] != "undetermined"
        }
        assert int(line["secondWith"]) == len(focus) > 0
    stages = links(client, "amsterdam", f"{SOP}inStage")
    known = next(each for each in found if each["what"] == "is in the stage" and each["of"] == "initiative")
    assert int(known["firstWith"]) == len(stages)
    assert {each["comparable"] for each in found if not each["firstShare"] or not each["secondShare"]} == {"False"}
    swapped = {each["what"]: each for each in lines(client, "/compare?first=buenos-aires&second=amsterdam")}
    assert all(
        swapped[each["what"]]["firstShare"] == each["secondShare"] for each in found if each["report"] == "gap-rates"
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_the_shape_of_a_result_decides_its_chart(case: dict[str, Any]) -> None:
    rows = [{name: term(value) for name, value in row.items()} for row in case["rows"]]
    shape = shape_of(case["columns"], rows)
    assert shape == (Shape(tuple(case["labels"]), case["number"]) if case["labels"] else None)
    if shape:
        drawn = bars(shape, rows)
        longest = max(length for _, (_, length) in drawn)
        assert [number for _, (number, _) in drawn] == [row.get(shape.number) for row in case["rows"]]
        assert all(length == pytest.approx(longest * (number or 0) / 3, abs=0.1) for _, (number, length) in drawn)


def term(value: object) -> dict[str, str]:
    if isinstance(value, int):
        return {"type": "literal", "value": str(value), "datatype": "http://www.w3.org/2001/XMLSchema#integer"}
    text = str(value)
    return {"type": "uri", "value": text.strip("<>")} if text.startswith("<") else {"type": "literal", "value": text}


def test_a_chart_shows_the_numbers_of_its_table(client: FlaskClient) -> None:
    tree = check(shown(client, "/queries/programmes?city=buenos-aires"), "en")
    texts = ["".join(each.itertext()) for each in drawn(tree, "text")]
    rows = lines(client, "/queries/programmes?city=buenos-aires&format=csv")
    assert texts[1::2] == [row["initiatives"] for row in rows[: len(texts) // 2]]
    assert tree_of(shown(client, "/queries/validation-results?city=buenos-aires")).find(f".//{SVG}svg") is None


def test_a_circle_is_drawn_the_same_and_covers_nothing() -> None:
    sectors = {"a": [f"a{n}" for n in range(30)], "b": [f"b{n}" for n in range(20)], "c": [], "o": ["o1", "o2"]}
    weights = {(f"a{n}", f"b{n % 20}"): 1.0 + n for n in range(30)}
    one, other = (Circle(sectors, ["a", "b"], dict(each)) for each in (weights, reversed(weights.items())))
    assert one.spots() == other.spots()
    places = [(spot.x, spot.y) for spot in one.spots().values()]
    assert min(math.dist(*pair) for pair in combinations(places, 2)) > 14
    assert all(math.dist(place, (SIZE / 2, SIZE / 2)) == pytest.approx(RADIUS, abs=0.2) for place in places)
    signs = [(each.x, each.y) for each in one.curves([("a", "b"), ("a", "c"), ("a", "o1"), ("c", "o2")], signed=True)]
    assert min(math.dist(*pair) for pair in combinations(signs, 2)) > 18


@pytest.mark.parametrize("path", PAGES)
def test_the_drawn_pages_are_data_too_and_say_what_they_are(client: FlaskClient, path: str) -> None:
    page = shown(client, path, "zh")
    links_there = links_of(check(page, "zh"))
    as_json = next(each for each in links_there if "format=json" in each)
    assert client.get(as_json, headers={"Accept": "text/html"}).is_json


@pytest.mark.parametrize(
    "path",
    ["/network?object=smart", "/map?bbox=1,2,3", "/map?bbox=3,2,1,4", "/timeline?city=x", "/compare?first=x&second=y"],
)
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_what_there_is_not_is_said(client: FlaskClient, path: str, accept: str) -> None:
    city = "" if "city" in path or "first" in path else f"&{BUENOS_AIRES}"
    assert client.get(path + city, headers={"Accept": accept}).status_code in (400, 404)


def test_an_empty_choice_says_so_in_words(client: FlaskClient) -> None:
    for path, said in (
        ("/network?city=barcelona&subject=Enterprise&stage=Creation", "Nothing is on record for this choice"),
        ("/map?city=barcelona", "So there is no map to draw"),
        ("/timeline?city=barcelona&stage=Creation", "No initiative on record fits"),
    ):
        assert said in shown(client, path).text


def test_the_page_of_a_gap_says_who_has_to_do_with_it_and_where_it_is(client: FlaskClient) -> None:
    found = client.get("/gaps?city=buenos-aires&kind=G16b&format=json").get_json()
    told = client.get(f"/gaps/{next(row['id'] for row in found if row['about'] == 'Parque Ameghino')}").get_json()
    assert [(each["label"], each["role"]["label"]) for each in told["who"]] == [
        ("Ministerio de Espacio Público e Higiene Urbana", "leading")
    ]
    assert [each["label"] for each in told["where"]] == ["Comuna 4", "Parque Patricios"]


def test_of_each_thing_of_the_evidence_something_is_said(client: FlaskClient) -> None:
    found = client.get("/gaps?city=barcelona&kind=G03&format=json").get_json()
    text = client.get(f"/gaps/{found[0]['id']}", headers={"Accept": "text/html"}).text
    assert "<td></td>" not in text.partition('id="evidence"')[2]
