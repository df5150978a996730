"""The alignments: each axiom explained, the whole consistent, read inwards only, and data in foreign words audited."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rdflib import DCTERMS, OWL, RDF, RDFS, SKOS, Graph, Namespace, URIRef

from sopkg.turtle import ontology
from tests.amount import one_in
from tests.test_ontology import ROOT, RULES, SOP, files, read, reason

ALIGN = Namespace("https://w3id.org/sopkg/alignments#")
CASES = Path(__file__).parent / "alignments"
FILES = files("ontology/alignments/*.ttl")
#: The vocabularies that the ontology says it is connected to, by file.
VOCABULARIES = {
    *("org", "prov", "dcat", "skos", "time", "geosparql", "locn", "cpsv-ap", "cpov", "cccev", "sosa"),
    *("data-cube", "iso21972", "saref4city", "data-theme"),
}
MATCHES = {SKOS.exactMatch, SKOS.closeMatch, SKOS.broadMatch, SKOS.narrowMatch, SKOS.relatedMatch}
AXIOMS = {RDFS.subClassOf, RDFS.subPropertyOf, RDFS.domain, RDFS.range, OWL.inverseOf, OWL.propertyChainAxiom}
LISTS = {ALIGN.standsForObject, ALIGN.standsForRole, ALIGN.standsForStatus, ALIGN.standsForStage}
LANGUAGE = (str(OWL), str(RDFS), str(RDF), str(DCTERMS), str(SKOS))


@pytest.fixture(scope="module")
def core() -> Graph:
    return read(*files("ontology/core/*.ttl"), *files("ontology/norms/*.ttl"))


@pytest.fixture(scope="module")
def aligned(core: Graph) -> Graph:
    return core + read(*FILES)


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    return closure_in(ROOT)


@pytest.fixture(scope="module")
def said_without(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a checkout without the alignments says."""
    checkout = tmp_path_factory.mktemp("core")
    for folder in ("src", "ontology", "queries", "cities", "tests"):
        left_out = shutil.ignore_patterns("__pycache__", *(["alignments"] if folder == "ontology" else []))
        shutil.copytree(ROOT / folder, checkout / folder, ignore=left_out)
    return closure_in(checkout)


def closure_in(checkout: Path) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPATH": f"{checkout / 'src'}:{checkout}"}
    words = [sys.executable, "-m", "tests.alignments.closure"]
    done = subprocess.run(words, cwd=checkout, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def mappings(graph: Graph) -> set[tuple[Any, Any, Any]]:
    """The triples that map; that an entry of a closed list stands for itself maps nothing."""
    return {(s, p, o) for s, p, o in graph if p in MATCHES | AXIOMS or (p in LISTS and s != o)}


def test_there_is_a_file_a_vocabulary() -> None:
    assert {path.stem for path in FILES} == VOCABULARIES


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_each_is_an_ontology_of_its_own(path: Path) -> None:
    graph, name = read(path), URIRef(f"https://w3id.org/sopkg/alignments/{path.stem}")
    assert (name, RDF.type, OWL.Ontology) in graph
    header = {OWL.versionIRI, OWL.versionInfo, DCTERMS.title, DCTERMS.description, DCTERMS.license, DCTERMS.creator}
    assert header <= set(graph.predicates(name))
    assert OWL.imports not in set(graph.predicates())


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_each_axiom_says_why_and_where(path: Path) -> None:
    graph = read(path)
    told = {
        (graph.value(axiom, OWL.annotatedSource), graph.value(axiom, OWL.annotatedProperty), target)
        for axiom, target in graph.subject_objects(OWL.annotatedTarget)
        if graph.value(axiom, RDFS.comment) and graph.value(axiom, DCTERMS.bibliographicCitation)
    }
    assert told == mappings(graph) != set()


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_each_foreign_term_is_declared(path: Path, core: Graph) -> None:
    graph = read(path)
    mapped = {term for triple in mappings(graph) for term in triple if isinstance(term, URIRef)}
    mapped |= set(graph.objects(None, RDF.first))
    declared = set((graph + core).subjects(RDF.type, None))
    undeclared = {term for term in mapped - declared if not str(term).startswith((*LANGUAGE, ALIGN))}
    assert undeclared == set()


def test_each_helping_term_is_declared_once(aligned: Graph) -> None:
    used = {term for triple in aligned for term in triple if isinstance(term, URIRef) and term.startswith(ALIGN)}
    assert {term for term in used if aligned.value(term, SKOS.definition) and aligned.value(term, RDFS.label)} == used


def test_terms_of_ours_that_they_name_exist(aligned: Graph, core: Graph) -> None:
    named = {term for triple in aligned for term in triple if isinstance(term, URIRef) and term.startswith(SOP)}
    assert named <= set(core.subjects(RDFS.isDefinedBy, None)) | {URIRef(str(SOP))}


def test_each_construct_has_its_rule() -> None:
    used = {p for path in FILES for _, p, _ in mappings(read(path)) if p in AXIOMS}
    present = {path.stem for path in files("queries/entailment/*.rq")}
    assert set().union(*(RULES[each] for each in used)) <= present


def test_the_whole_is_consistent_and_satisfiable(aligned: Graph) -> None:
    assert reason(aligned) == set()


@pytest.mark.parametrize("case", one_in(3, sorted(CASES.glob("inconsistent/*.ttl"))), ids=lambda p: p.stem)
def test_the_reasoner_finds(case: Path, aligned: Graph, core: Graph) -> None:
    assert reason(aligned + read(case))
    assert not reason(core + read(case))


def test_foreign_data_names_no_term_of_ours() -> None:
    terms = {term for triple in read(CASES / "catalogue/data.ttl") for term in triple}
    assert not [term for term in terms if str(term).startswith(str(SOP))]


def test_foreign_data_has_its_gaps(said: dict[str, Any]) -> None:
    wanted = re.findall(r"^# expect: (.+)$", (CASES / "catalogue/data.ttl").read_text(), re.MULTILINE)
    kinds = {line.split(" ")[0] for line in wanted}
    assert sorted(line for line in said["findings"] if line.split(" ")[0] in kinds) == sorted(wanted)


def test_without_the_alignments_foreign_data_says_nothing(said: dict[str, Any], said_without: dict[str, Any]) -> None:
    about = [line for line in said_without["findings"] if re.search("/(service|api|org)/", line)]
    assert about == []
    assert "presumed" not in " ".join(said_without["findings"])
    assert set(said["findings"]) - set(said_without["findings"])


def test_what_our_terms_are_elsewhere_is_left_to_publishers(core: Graph) -> None:
    kinds = (RDFS.subClassOf, RDFS.subPropertyOf)
    axioms = [axiom for path in FILES for axiom in mappings(read(path)) if axiom[1] in kinds]
    followed = {tuple(str(term).strip("<>") for term in triple) for triple in ontology()}
    outward = {axiom for axiom in axioms if (axiom[0], RDFS.isDefinedBy, None) in core}
    assert {axiom for axiom in axioms if tuple(map(str, axiom)) not in followed} == outward != set()


def test_what_is_inferred_of_a_city_without_foreign_words_stays(
    said: dict[str, Any], said_without: dict[str, Any]
) -> None:
    assert said["inferred"] == said_without["inferred"] != {}
