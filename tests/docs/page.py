"""Puts the page together: chapters of our own from the ontology's files, and pyLODE's reference of its terms."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jinja2
import pyoxigraph as ox
from pylode import OntPub
from pyoxigraph import Literal, NamedNode, Store, Triple
from rdflib import OWL, RDF, Graph, URIRef

from sopkg.catalog import read_query_file
from sopkg.files import root
from sopkg.turtle import GENID, read_turtle, store_of
from tests.docs.diagrams import name_of, pattern, pattern_files
from tests.docs.questions import Question, parts, questions

HERE = Path(__file__).parent
IRI = "https://w3id.org/sopkg/ns"
# Where pyLODE's page is taken up.
REFERENCE, CONTENTS = '<div class="section" id="classes">', '<ul class="first">'


def write_page(folder: Path) -> Path:
    """Writes index.html and the ontology's files, each merged and sorted, into a folder; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "index.html"
    page.write_text(page_text(), "utf-8")
    for name, parts_of in {"sop": ("core", "norms"), "alignments": ("alignments",), "shapes": ("shapes",)}.items():
        (folder / f"{name}.ttl").write_bytes(turtle(parts_of))
    return page


def page_text() -> str:
    """The whole page as HTML; nothing in it is fetched from elsewhere."""
    own, everything = store_of(triples_of("core", "norms")), store_of(triples_of("core", "norms", "alignments"))
    context = {
        "header": header(own),
        "patterns": [pattern(path) for path in pattern_files()],
        "questions": [asked(question) for question in questions()],
        "chapters": {path.stem: chapter(path, everything) for path in sorted((HERE / "chapters").glob("*.rq"))},
    }
    return inserted(reference(own), environment().get_template("chapters.html").render(context))


def environment() -> jinja2.Environment:
    """Templates beside this file; what they fill in is escaped."""
    loader = jinja2.FileSystemLoader(HERE)
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)


def triples_of(*folders: str) -> tuple[Triple, ...]:
    """The triples of some folders of the ontology, as they stand in the files."""
    paths = [path for folder in folders for path in sorted((root() / "ontology" / folder).glob("*.ttl"))]
    return tuple(dict.fromkeys(triple for path in paths for triple in read_turtle(path)))


def turtle(folders: Iterable[str]) -> bytes:
    """The files of some folders as one, in Turtle."""
    graph = Graph()
    for folder in folders:
        for path in sorted((root() / "ontology" / folder).glob("*.ttl")):
            graph.parse(path)
    return graph.serialize(format="turtle").encode()


def header(store: Store) -> dict[str, str]:
    """What the ontology's header says, by the end of the property's IRI."""
    said = ((quad.predicate.value, quad.object) for quad in store.quads_for_pattern(NamedNode(IRI), None, None))
    english = ((name, value) for name, value in said if isinstance(value, Literal) and value.language in (None, "en"))
    return {re.split("[#/]", name)[-1]: value.value for name, value in english}


def asked(question: Question) -> dict[str, Any]:
    """A competency question as the template shows it."""
    query = question.query
    body = "\n".join(line for line in query.text.splitlines() if not line.startswith("#+"))
    said = {"name": question.name, "words": query.summary, "note": query.description, "parts": parts(question)}
    return {**said, "query": body, "data": question.data, "rows": question.rows}


def chapter(path: Path, store: Store) -> dict[str, Any]:
    """The rows of a chapter's query, terms by their names beside their IRIs."""
    query = read_query_file(path)
    solutions = store.query(query.text)
    assert isinstance(solutions, ox.QuerySolutions)
    columns = [variable.value for variable in solutions.variables]
    rows = [{column: cell(row[column], store) for column in columns} for row in solutions]
    return {"title": query.summary, "text": query.description, "rows": rows}


def cell(term: object, store: Store) -> dict[str, str]:
    """A term as a template shows it: its name, and where it leads."""
    if isinstance(term, NamedNode):
        return {"text": name_of(term, store), "iri": term.value, "end": term.value.rpartition("#")[2]}
    return {"text": term.value if isinstance(term, Literal) else "", "iri": "", "end": ""}


def reference_graph(store: Store) -> Graph:
    """What pyLODE is given: one label a term, in both languages."""
    graph = Graph()
    triples = store.query(read_query_file(HERE / "reference.rq").text)
    assert isinstance(triples, ox.QueryTriples)
    text = (ox.serialize(triples, format=ox.RdfFormat.N_TRIPLES) or b"").decode()
    # Expressions without a name get a blank node again: pyLODE would list them as classes.
    graph.parse(data=re.sub(f"<{re.escape(GENID)}([^>]*)>", r"_:b\1", text), format="nt")
    for other in set(graph.subjects(RDF.type, OWL.Ontology)) - {URIRef(IRI)}:
        graph.remove((other, None, None))
    return graph


def reference(store: Store) -> str:
    """pyLODE's page; a term's anchor is the end of its IRI (pyLODE makes one of its label), foreign ones apart."""
    ontology = OntPub(reference_graph(store), sort_subjects=True)
    text = str(ontology.make_html())
    ends = {
        anchor: iri.removeprefix(f"{IRI}#") if iri.startswith(f"{IRI}#") else f"foreign-{anchor}"
        for iri, anchor in ontology.fids.items()
    }
    return re.sub(r'(id="|href="#)([^"]+)"', lambda found: f'{found[1]}{ends.get(found[2], found[2])}"', text)


def inserted(text: str, chapters: str) -> str:
    """Our chapters before the reference's first section, in the same column, and their titles in its contents."""
    titles = re.findall(r'<section class="chapter" id="([\w-]+)">\s*<h2>(.*?)</h2>', chapters)
    contents = "".join(f'<li><h4><a href="#{anchor}">{title}</a></h4></li>' for anchor, title in titles)
    for place, addition in ((REFERENCE, chapters + REFERENCE), (CONTENTS, CONTENTS + contents)):
        if text.count(place) != 1:
            raise ValueError(f"pyLODE's page has not one {place}: its layout has changed")
        text = text.replace(place, addition)
    return text
