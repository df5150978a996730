"""The model is complete: each row of the paper's inventory is a term, each term is used or said to be descriptive."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from pyoxigraph import NamedNode, QuerySolutions, Triple

from sopkg.catalog import query_files
from sopkg.detect import Audit, detect
from sopkg.pipeline import closed_ontology, derive
from sopkg.turtle import ontology, read_turtle, store_of
from tests.findings import read_findings

ROOT = Path(__file__).parents[1]
CASES = ROOT / "tests" / "ontology"
INVENTORY = ROOT.parent / "shared" / "design" / "concepts.md"
BASE = "https://w3id.org/sopkg/id/t/"
SOP, SOPX = "https://w3id.org/sopkg/ns#", "https://w3id.org/sopkg/extension#"
#: Where terms are used: what is expected, what data must look like, what is asked, what becomes of tables.
USERS = ("ontology/norms/*.ttl", "ontology/shapes/*.ttl", "queries/*/*.rq", "queries/ingest/*.csv")
DESCRIPTIVE = f"{SOP}DescriptiveTerm"
TYPE = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")


def rows(name: str) -> list[dict[str, str]]:
    with open(CASES / name, encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert found
    return found


def ask(query: str, *more: Triple) -> list[list[str]]:
    """The rows of a query over the ontology without its shapes, which are no part of what OWL reads, as text."""
    files = [path for path in sorted((ROOT / "ontology").glob("*/*.ttl")) if path.parent.name != "shapes"]
    read = [triple for path in files for triple in read_turtle(path)]
    solutions = store_of((*read, *more)).query(query)
    assert isinstance(solutions, QuerySolutions)
    return [[str(value) for value in solution] for solution in solutions]


def values(predicate: str) -> dict[str, set[str]]:
    """Each subject of a property of the ontology with its values."""
    found: dict[str, set[str]] = {}
    for triple in ontology():
        if triple.predicate.value == predicate:
            found.setdefault(triple.subject.value, set()).add(triple.object.value)
    return found


def terms() -> set[str]:
    return set(values("http://www.w3.org/2000/01/rdf-schema#isDefinedBy"))


def types() -> dict[str, set[str]]:
    """The classes of each term, those above them included."""
    above = values("http://www.w3.org/2000/01/rdf-schema#subClassOf")
    found = values("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
    return {term: classes.union(*(above.get(each, set()) for each in classes)) for term, classes in found.items()}


def named() -> set[str]:
    """The terms that a norm, shape, query or mapping names."""
    texts = [path.read_text("utf-8") for pattern in USERS for path in sorted(ROOT.glob(pattern))]
    assert texts
    short = {"sop": SOP, "sopx": SOPX}
    prefixed = {short[prefix] + name for text in texts for prefix, name in re.findall(r"\b(sopx?):(\w+)", text)}
    cells = {SOP + cell for path in ROOT.glob(USERS[-1]) for cell in re.findall(r"[A-Z]\w+", path.read_text("utf-8"))}
    return (prefixed | cells) & terms() - {DESCRIPTIVE}


def used() -> set[str]:
    """What is named; the members of a class that is; the class of a term that is, and the class above it."""
    found, classes = named(), types()
    members = {term for term in terms() if classes.get(term, set()) & found}
    lists = {each for term in found for each in classes.get(term, set())}
    above = values("http://www.w3.org/2000/01/rdf-schema#subClassOf")
    supers = {each for term in found for each in above.get(term, set())}
    return (found | members | lists | supers) & terms() - {DESCRIPTIVE}


def test_each_row_of_the_inventory_is_a_term() -> None:
    cited = set().union(*values(f"{SOP}paperLocator").values())
    assert [row for row in rows("rows.csv") if f"{row['place']} ({row['row']})" not in cited] == []


def test_each_damaged_place_says_how_it_was_read() -> None:
    """Damaged, or silent where a word is needed."""
    places, notes = values(f"{SOP}paperLocator"), values("http://www.w3.org/2004/02/skos/core#scopeNote")
    noted = set().union(*(places.get(term, set()) for term in notes))
    assert [row for row in rows("rows.csv") if row["damaged"] and f"{row['place']} ({row['row']})" not in noted] == []


def test_the_model_stands_without_its_extensions() -> None:
    files = [path for path in (ROOT / "ontology").glob("*/*.ttl") if path.parent.name in {"core", "norms", "shapes"}]
    assert len(files) > 20
    assert [path.name for path in files if "sopx:" in path.read_text("utf-8")] == []


def test_each_locator_is_a_row_of_the_inventory() -> None:
    cited = set().union(*values(f"{SOP}paperLocator").values())
    assert {place.rpartition("(")[2].rstrip(")") for place in cited} == {row["row"] for row in rows("rows.csv")}


@pytest.mark.skipif(not INVENTORY.is_file(), reason="the inventory itself is kept outside the repository")
def test_the_list_of_rows_is_the_inventorys() -> None:
    text = INVENTORY.read_text("utf-8")
    listed = re.findall(r"^\| ([A-Z]\d+|T\d\.\w|E-[GES]\d) \|", text, re.MULTILINE)
    assert [row["row"] for row in rows("rows.csv")] == listed


def test_the_words_of_records_and_results_are_terms() -> None:
    assert [row for row in rows("vocabulary.csv") if SOP + row["term"] not in terms()] == []


def test_a_term_is_used_or_descriptive_and_never_both() -> None:
    descriptive = {term for term, classes in types().items() if DESCRIPTIVE in classes}
    unused = terms() - used()
    assert (sorted(unused - descriptive - {DESCRIPTIVE}), sorted(descriptive & used())) == ([], [])


def test_the_readme_states_the_ratio() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    stated = re.search(r"Of its (\d+) terms, (\d+) are used", readme)
    assert stated
    assert (int(stated[1]), int(stated[2])) == (len(terms()), len(used()))


@pytest.mark.parametrize("name", sorted(query_files("quality")))
def test_the_ontology_has_no_fault_of_the_kind(name: str) -> None:
    assert ask(query_files("quality")[name].text) == []


@pytest.mark.parametrize("name", sorted(query_files("quality")))
def test_a_fault_of_the_kind_is_found(name: str) -> None:
    text = (CASES / "quality" / f"{name}.ttl").read_text("utf-8")
    found = ask(query_files("quality")[name].text, *read_turtle(CASES / "quality" / f"{name}.ttl"))
    wanted = re.findall("^# finds: (.*)$", text, re.MULTILINE)
    assert {row[0].strip("<>").removeprefix(SOP) for row in found} == set(wanted[0].split())


def test_the_cells_are_the_product_of_the_closed_lists() -> None:
    city = Triple(NamedNode(f"{BASE}city/t"), TYPE, NamedNode(f"{SOP}City"))
    cells = ask(query_files("reports")["cells"].text, city)
    assert (len(cells), len({tuple(cell[1:4]) for cell in cells})) == (42, 42)
    assert [len({tuple(cell[i] for i in kept) for cell in cells}) for kept in ((1, 2), (1, 3), (2, 3))] == [21, 6, 14]


def decided() -> list[Path]:
    """The gap cases that say that entailment decides them."""
    files = sorted((ROOT / "tests" / "gaps").glob("*/*.ttl"))
    found = [path for path in files if "# entailment: decides" in path.read_text("utf-8")]
    assert len({path.parent for path in found}) >= 5
    return found


@pytest.mark.parametrize("case", decided(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_case_differs_without_entailment(case: Path) -> None:
    audit = Audit(BASE, NamedNode(f"{BASE}observation/2024-06-30"), "2024-06-30")
    asserted = read_turtle(case)
    without = store_of((*closed_ontology(), *asserted))
    entailed = derive(audit, asserted, [], asked=[case.parent.name]).gaps
    assert findings(entailed, audit) != findings(detect(without, audit, asked=[case.parent.name]), audit)


def findings(gaps: list[Triple], audit: Audit) -> set[tuple[str, str]]:
    return {(each.identifier, each.verdict) for each in read_findings(gaps, audit.observation)}
