"""Linked data: every IRI of the published state answers, with RDF about it, and says where it is from."""

from __future__ import annotations

import json
import re
from itertools import islice
from pathlib import Path
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

import pyoxigraph as ox
import pyshacl
import pytest
import rdflib
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sopkg.answers import Answers
from sopkg.files import BASE
from sopkg.functions import FUNCTIONS
from sopkg.graphs import CATALOGUE, Graph
from sopkg.linkedweb import _href
from sopkg.load import catalogue_triples
from sopkg.pool import Pool
from sopkg.results import GRAPHS
from sopkg.settings import Settings
from sopkg.store import SnapshotStore
from sopkg.turtle import prefix_table
from sopkg.vocabularies import _triples
from sopkg.web import create_app
from tests.amount import ALL
from tests.conftest import Demo

HYDRA = "http://www.w3.org/ns/hydra/core#"
VOID = "http://rdfs.org/ns/void#"
DERIVED = "http://www.w3.org/ns/prov#wasDerivedFrom"
CITY = "/about/id/buenos-aires/city/buenos-aires"
WORK = "/about/id/buenos-aires/initiative/distritojoveninfraestructura"
EACH = 20 if ALL else 1  # IRIs of a class that the crawl tries
LOOKED_AT = 100_000 if ALL else 100  # statements of a graph that it finds them in


def minted(store: Path) -> list[str]:
    """A few IRIs of each class that occurs in a store: of each folder, place in a statement, and depth."""
    kinds: dict[tuple[str, ...], set[str]] = {}
    with SnapshotStore(store).reader() as reader:
        found = reader.store().quads_for_pattern
        graphs = [*reader.store().named_graphs()]
        quads = [quad for graph in graphs for quad in islice(found(None, None, None, graph), LOOKED_AT)]
    for role, term in (pair for quad in quads for pair in zip("spog", quad, strict=True)):
        if isinstance(term, ox.NamedNode) and term.value.startswith(BASE):
            steps = re.split("[/#]", term.value.removeprefix(BASE))
            kind = (role, steps[0], *(steps[2:3] if steps[0] == "id" else steps[3:4]), str(len(steps)))
            sample = kinds.setdefault(kind, set())
            if len(sample) < EACH:
                sample.add(term.value)
    return sorted(set().union(*kinds.values()))


def path_of(iri: str) -> str:
    """Where a client asks for an IRI: it keeps what stands behind # to itself."""
    return "/" + quote(iri.removeprefix(BASE).partition("#")[0])


def followed(client: FlaskClient, path: str, accept: str = "application/n-triples") -> TestResponse:
    response = client.get(path, headers={"Accept": accept})
    return client.get(response.location, headers={"Accept": accept}) if response.status_code == 303 else response


def read(response: TestResponse) -> rdflib.Graph:
    assert response.status_code == 200, response.text
    return rdflib.Graph().parse(data=response.data, format=response.mimetype)


def test_every_iri_that_is_minted_answers_about_itself(client: FlaskClient, demo: Demo) -> None:
    sample = minted(demo.store)
    assert len(sample) > 50
    answers = {path: followed(client, path) for path in dict.fromkeys(map(path_of, sample))}
    assert {path for path, answer in answers.items() if answer.status_code != 200} == set()
    for iri in sample:
        answer = answers[path_of(iri)]
        assert answer.mimetype == "text/csv" or f"<{iri}>".encode() in answer.data, iri


def test_every_namespace_and_function_answers(client: FlaskClient) -> None:
    ours = [each.removesuffix("#") for each in prefix_table().values() if each.startswith(BASE)]
    answers = {iri: client.get(path_of(iri), headers={"Accept": "application/n-triples"}) for iri in ours}
    assert {iri for iri, answer in answers.items() if answer.status_code != 200 or iri not in answer.text} == set()
    functions = set(re.findall(r"<([^>]*function#\w+)> <[^>]*#definition>", answers[f"{BASE}function"].text))
    assert functions == {each.value for each in FUNCTIONS}
    assert "d/m/Y" in client.get("/function", headers={"Accept": "text/html"}).text


def test_what_only_a_superseded_ontology_says_is_told(tmp_path: Path) -> None:
    term, graphs = ox.NamedNode(f"{BASE}ns#Gone"), [f"{BASE}graph/ontology/{each}" for each in "ab"]
    said = {graphs[0]: [ox.Triple(term, ox.NamedNode(str(rdflib.RDFS.label)), ox.Literal("as it was"))], graphs[1]: []}
    known = [Graph(iri, "ontology", None, None, None, "m", current=iri == graphs[1]) for iri in graphs]
    store = SnapshotStore(tmp_path / "s")
    store.publish(said, CATALOGUE, catalogue_triples(known))
    settings = Settings(store=store.path, allow_no_netns=True, workers=1)
    with Pool(settings) as pool:
        told = create_app(settings, Answers(settings, pool)).test_client().get("/about/ns%23Gone?format=nq").text
    assert f'{term} <{rdflib.RDFS.label}> "as it was" <{graphs[0]}>' in told


def test_a_thing_sends_to_a_document_and_an_ontology_is_one(client: FlaskClient) -> None:
    thing = client.get("/id/buenos-aires/city/buenos-aires")
    assert (thing.status_code, thing.location) == (303, CITY)
    assert client.get("/ns").status_code == client.get("/ns/0.1.0").status_code == 200
    assert client.head(CITY).status_code == 200


@pytest.mark.parametrize(
    "path", [CITY, WORK, "/ns", "/extension/literature", "/alignments/prov", "/fragments", "/catalog"]
)
def test_all_formats_say_the_same(client: FlaskClient, path: str) -> None:
    said = set()
    for form in GRAPHS:
        quads = ox.parse(client.get(f"{path}?format={form.name}").data, ox.RdfFormat.from_media_type(form.media_type))
        shown = (tuple("_" if isinstance(t, ox.BlankNode) else str(t) for t in quad.triple) for quad in quads)
        said.add(frozenset(each for each in shown if not any("format=" in term for term in each)))
    assert len(said) == 1


@pytest.mark.parametrize("path", [CITY, WORK, "/ns", "/extension", "/about/ns%23Leading", "/about/graph/catalogue"])
def test_pages_are_well_formed_and_fetch_nothing(client: FlaskClient, path: str) -> None:
    page = client.get(path, headers={"Accept": "text/html"}).text
    tree = ElementTree.fromstring(re.sub(r"<(meta|link)([^>]*)>|<br>", r"<v\2/>", page.removeprefix("<!doctype html>")))
    links = {each.get("href") for each in tree.iter() if each.get("href")}
    assert {urlsplit(link).scheme for link in links} <= {"", "http", "https"}
    assert not re.findall(r"<(script|img|iframe|style)", page)


def test_only_safe_links(client: FlaskClient) -> None:
    with client.application.test_request_context():
        assert _href("javascript:alert(1)") is _href("data:text/html,x") is None
        assert _href(BASE + 'id/x/"><script>') == "/id/x/%22%3E%3Cscript%3E"


def test_incoming_links_are_paged_and_none_is_lost(client: FlaskClient) -> None:
    address, found, total = "/about/id/amsterdam/city/amsterdam?per_page=400&format=nq", set[str](), 0
    for _ in range(20):
        response = client.get(address)
        lines = [line for line in response.text.splitlines() if f"> <{BASE}id/amsterdam/city/amsterdam> <" in line]
        found |= {line for line in lines if "primaryTopic" not in line}
        total = int(re.findall(f'{HYDRA}totalItems> "([0-9]+)"', response.text)[0])
        following = re.search(r'<([^>]*)>; rel="next"', response.headers["Link"])
        assert bool(following) == (f"{HYDRA}next" in response.text)
        if not following:
            break
        address = following[1]
    assert len(found) >= total > 400


def test_who_says_it_and_from_which_row(client: FlaskClient) -> None:
    store, thing = ox.Store(), ox.NamedNode(BASE + WORK.removeprefix("/about/"))
    store.load(client.get(f"{WORK}?format=trig").data, ox.RdfFormat.TRIG)
    said = [str(quad.graph_name) for quad in store.quads_for_pattern(thing, ox.NamedNode(DERIVED), None)]
    assert said
    assert all("/asserted/" in graph or "/inferred/" in graph for graph in said)
    asked = (
        "PREFIX csvw: <http://www.w3.org/ns/csvw#> PREFIX dcterms: <http://purl.org/dc/terms/> SELECT DISTINCT ?n ?f { "
        f"{thing} <{DERIVED}> ?r . ?r csvw:rownum ?n ; dcterms:isPartOf ?x . ?x dcterms:title ?f }}"
    )
    rows = store.query(asked, use_default_graph_as_union=True)
    assert [(row["n"].value, row["f"].value) for row in rows] == [("1090", "2025-06-30.csv")]
    assert "2025-06-30.csv" in client.get(WORK).text


def test_an_earlier_observation(client: FlaskClient) -> None:
    graph = read(client.get(f"{WORK}?as-of=2022-12-31&format=nt"))
    read_from = [str(each) for each in graph.objects(None, rdflib.PROV.wasDerivedFrom) if "/graph/" in each]
    assert any("/2022-11-30/" in each for each in read_from)
    assert not any("/2025-06-30/" in each for each in read_from)


@pytest.mark.parametrize(
    "path",
    [
        *("/nowhere", "/id/é/ü", "/id/x/%22%3E%3Cscript%3E", "/id/../../etc/passwd", "/id/%00", "/id/%FF"),
        *("/ns/9.9.9", "/about/id/x", "/.well-known/genid/x"),
        *("/cities/amsterdam/..%2F..%2FREADME.md", "/cities/..%2F/x", "/cities/nowhere/2026-08-20.csv"),
    ],
)
def test_what_is_not_there(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.mimetype) == (404, "application/problem+json")


@pytest.mark.parametrize("path", ["/about/id/%C3%A9/%C3%BC", "/about/id/é/ü", "/about/id/%2525"])
def test_odd_characters_are_looked_up_both_ways(tmp_path: Path, path: str) -> None:
    thing = ox.NamedNode(BASE + ("id/%25" if "25" in path else "id/é/ü"))
    triple = ox.Triple(thing, ox.NamedNode("http://www.w3.org/2000/01/rdf-schema#label"), ox.Literal("<b>&"))
    store = SnapshotStore(tmp_path / "s")
    store.publish({BASE + "graph/x": [triple]}, BASE + "graph/catalogue", [triple])
    settings = Settings(store=store.path, allow_no_netns=True, workers=1)
    with Pool(settings) as pool:
        page = create_app(settings, Answers(settings, pool)).test_client().get(path).text
    assert "<h1>&lt;b&gt;&amp;</h1>" in page


def test_an_address_for_other_methods_says_which(client: FlaskClient) -> None:
    response = client.get("/observations?city=barcelona")
    assert (response.status_code, "DELETE" in response.headers["Allow"]) == (405, True)


def test_what_a_client_has_it_need_not_fetch_again(client: FlaskClient) -> None:
    first = client.get(WORK)
    again = client.get(WORK, headers={"If-None-Match": first.headers["ETag"]})
    other = client.get(WORK, headers={"If-None-Match": first.headers["ETag"], "Accept": "text/turtle"})
    assert (again.status_code, other.status_code) == (304, 200)
    assert first.headers["Vary"] == "Accept, Accept-Language, Accept-Encoding"
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    assert 'rel="alternate"; type="text/turtle"' in first.headers["Link"]


def test_the_catalogue_has_what_dcat_ap_asks_for(client: FlaskClient) -> None:
    graph = read(client.get("/catalog?format=nt"))
    shapes = rdflib.Graph().parse(Path(__file__).parent / "linked" / "dcat-ap.ttl")
    conforms, _, said = pyshacl.validate(graph, shacl_graph=shapes)
    assert conforms, said
    dcat = rdflib.Namespace("http://www.w3.org/ns/dcat#")
    assert len(set(graph.subjects(rdflib.RDF.type, dcat.Distribution))) == 14
    download = next(each for each in graph.subjects(rdflib.RDF.type, dcat.Distribution) if "barcelona" in each)
    assert len(read(client.get(str(download)))) > 1000


def test_void_counts_what_queries_read(client: FlaskClient) -> None:
    told = read(client.get("/.well-known/void?format=nt"))
    asked = client.get("/sparql", query_string={"query": "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }", "format": "json"})
    counted = json.loads(asked.text)["results"]["bindings"][0]["n"]["value"]
    dataset = rdflib.URIRef(f"{BASE}.well-known/void#dataset")
    assert str(told.value(dataset, rdflib.URIRef(f"{VOID}triples"))) == counted
    assert told.value(dataset, rdflib.URIRef(f"{VOID}sparqlEndpoint"))


def test_a_fragment_is_what_its_pattern_fits(client: FlaskClient) -> None:
    pattern, role = {"predicate": f"{BASE}ns#role", "format": "nt"}, f"<{BASE}ns#role>"
    asked = {"query": f"SELECT (COUNT(*) AS ?n) {{ ?s {role} ?o }}", "format": "json"}
    count = json.loads(client.get("/sparql", query_string=asked).text)["results"]["bindings"][0]["n"]["value"]
    page = client.get("/fragments", query_string={**pattern, "page": "2"})
    assert f'{VOID}triples> "{count}"' in page.text
    assert page.text.count(role) == 100
    label = client.get("/fragments", query_string={"object": '"Barcelona"@en', "format": "nt"})
    assert f'{HYDRA}totalItems> "1"' in label.text
    assert client.get("/fragments?subject=%22x%22").status_code == 400


def test_the_context_reads_json_as_ours(client: FlaskClient) -> None:
    context = json.loads(client.get("/context.jsonld").text)["@context"]
    said = {"@context": context, "id": "http://example.org/w", "type": "Initiative", "onObject": "sop:SmartPeople"}
    quads = ox.parse(json.dumps(said).encode(), ox.RdfFormat.JSON_LD)
    assert {quad.object.value.removeprefix(f"{BASE}ns#") for quad in quads} == {"Initiative", "SmartPeople"}


def test_the_queries_are_examples_of_sparql(client: FlaskClient) -> None:
    graph = read(client.get("/queries", headers={"Accept": "text/turtle"}))
    shacl = rdflib.Namespace("http://www.w3.org/ns/shacl#")
    names = {str(each).rpartition("/")[2] for each in graph.subjects(rdflib.RDF.type, shacl.SPARQLExecutable)}
    assert names == {each["name"] for each in json.loads(client.get("/queries").text)}
    assert all(graph.value(each, shacl.select) for each in graph.subjects(rdflib.RDF.type, shacl.SPARQLExecutable))


def test_an_ontology_in_a_relative_folder_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[1])
    assert _triples(Path("ontology", "prefixes.ttl"))
