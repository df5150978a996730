"""The service's description of itself (SPARQL 1.1 Service Description), from what really runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, serialize

from sopkg.results import GRAPHS, ROWS, Answer, Format

_SD = "http://www.w3.org/ns/sparql-service-description#"
_RDFS = "http://www.w3.org/2000/01/rdf-schema#"
_TYPE = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
_FORMATS = "http://www.w3.org/ns/formats/"
_SIMPLE = NamedNode("http://www.w3.org/ns/entailment/Simple")
# How the W3C names each format (https://www.w3.org/ns/formats/).
_NAMES = {
    **{"turtle": "Turtle", "nt": "N-Triples", "nq": "N-Quads", "trig": "TriG", "rdf": "RDF_XML", "jsonld": "JSON-LD"},
    **{name: f"SPARQL_Results_{name.upper()}" for name in ("json", "xml", "csv", "tsv")},
}
_DEFAULT_GRAPH = (
    "What sources say and what follows from it by OWL 2 RL, of the latest observation of each city, and the ontology. "
    "What follows stands in graphs of its own: a query matches what is there, by simple entailment. "
    "city=NAME keeps one city, as-of=DATE leaves out later observations, entailment=none what follows. "
    "Every graph can be named in GRAPH, FROM and default-graph-uri."
)


def describe(endpoint: str, form: Format, graphs: Sequence[str], writes: bool) -> Answer:
    """The description, with the graphs in force; `writes` says whether anybody may update."""
    service, dataset, default = (NamedNode(endpoint + part) for part in ("", "#dataset", "#default-graph"))
    languages = ("SPARQL11Query", "SPARQL11Update") if writes else ("SPARQL11Query",)
    triples = [
        Triple(service, _TYPE, _sd("Service")),
        Triple(service, _sd("endpoint"), service),
        *(Triple(service, _sd("supportedLanguage"), _sd(each)) for each in languages),
        *(Triple(service, _sd("resultFormat"), _named(each)) for each in (*ROWS, *GRAPHS)),
        *(Triple(service, _sd("inputFormat"), _named(each)) for each in GRAPHS if writes),
        Triple(service, _sd("feature"), _sd("EmptyGraphs")),
        Triple(service, _sd("defaultEntailmentRegime"), _SIMPLE),
        Triple(service, _sd("defaultDataset"), dataset),
        Triple(dataset, _TYPE, _sd("Dataset")),
        Triple(dataset, _sd("defaultGraph"), default),
        Triple(default, _TYPE, _sd("Graph")),
        Triple(default, NamedNode(_RDFS + "comment"), Literal(_DEFAULT_GRAPH, language="en")),
        *(triple for graph in graphs for triple in _graph(dataset, graph)),
    ]
    rdf = RdfFormat.from_media_type(form.media_type)
    return Answer(serialize(triples, format=rdf, prefixes={"sd": _SD, "rdfs": _RDFS}) or b"", form.header)


def _graph(dataset: NamedNode, name: str) -> Iterator[Triple]:
    named, graph = BlankNode(), BlankNode()
    yield Triple(dataset, _sd("namedGraph"), named)
    yield Triple(named, _TYPE, _sd("NamedGraph"))
    yield Triple(named, _sd("name"), NamedNode(name))
    yield Triple(named, _sd("graph"), graph)
    yield Triple(graph, _TYPE, _sd("Graph"))


def _named(form: Format) -> NamedNode:
    return NamedNode(_FORMATS + _NAMES[form.name])


def _sd(name: str) -> NamedNode:
    return NamedNode(_SD + name)
