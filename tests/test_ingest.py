"""Tables become triples: cases on disk, the shipped tables, and the publishers' own files against a plain reading."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import RdfFormat, Triple, parse

from sopkg.cities import cities
from sopkg.errors import BadInput, NotFound
from sopkg.functions import key
from sopkg.ingest import Ingested, Problem, choose, export_facts, ingest, mappings, readings
from sopkg.reader import read_query
from sopkg.tables import read_table
from sopkg.turtle import ontology
from tests.amount import one_in

HERE = Path(__file__).parent
CASES = HERE / "ingest"
RAW = HERE.parents[1] / "shared" / "data"
SOP = "https://w3id.org/sopkg/ns#"
TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
# Which city's mapping a case folder tries.
FOLDERS = {"works": "buenos-aires", "plans": "barcelona", "register": "amsterdam", "history": "amsterdam"}
DATE = "2024-06-30"
COPIES = {"2019-11": 991, "2022-11": 1308, "2023-06": 1409, "2023-12": 1498, "2024-06": 1525, "2025-06": 1665}
SHIPPED = {
    ("buenos-aires", "2019-11-30"): "buenos-aires-works/obras_2019-11.csv",
    ("buenos-aires", "2022-11-30"): "buenos-aires-works/obras_2022-11.csv",
    ("buenos-aires", "2023-06-30"): "buenos-aires-works/obras_2023-06.csv",
    ("buenos-aires", "2023-12-31"): "buenos-aires-works/obras_2023-12.csv",
    ("buenos-aires", "2024-06-30"): "buenos-aires-works/obras_2024-06.csv",
    ("buenos-aires", "2025-06-30"): "buenos-aires-works/obras_2025-06.csv",
    ("barcelona", "2016-12-31"): "barcelona-decidim/action_plans.csv",
    ("amsterdam", "2021-12-31"): "amsterdam-register/status_history.csv",
    ("amsterdam", "2022-12-31"): "amsterdam-register/status_history.csv",
    ("amsterdam", "2023-12-31"): "amsterdam-register/status_history.csv",
    ("amsterdam", "2024-12-31"): "amsterdam-register/status_history.csv",
    ("amsterdam", "2025-12-31"): "amsterdam-register/status_history.csv",
    ("amsterdam", "2026-08-20"): "amsterdam-register",
}
# How many initiatives a date of the history of statuses leaves standing.
STANDING = {"2021-12-31": 68, "2022-12-31": 85, "2023-12-31": 102, "2024-12-31": 122, "2025-12-31": 151}
DATES = [date for city, date in SHIPPED if city == "buenos-aires"]
raw_files = pytest.mark.skipif(not RAW.is_dir(), reason="the publishers' files are not here")


def tables(folder: str) -> list[Path]:
    """The tables of a case folder: files, and folders of JSON."""
    found = sorted((CASES / folder).iterdir())
    return [path for path in found if path.is_dir() or re.fullmatch(r"\w+\.csv", path.name)]


@cache
def ingested(path: Path, city: str, date: str = DATE) -> Ingested:
    """A file, mapped once for all tests."""
    return ingest(path, cities()[city].folder, date)


def told(triples: Iterable[Triple]) -> set[Triple]:
    """What is told of the city: without rows, the observation, and the city that everything is in."""
    return {
        triple
        for triple in triples
        if triple.predicate.value not in (f"{SOP}city", "http://www.w3.org/ns/prov#wasDerivedFrom")
        and not re.search(r"/(row|observation|city)/", triple.subject.value)
    }


def of_type(mapped: Ingested, name: str) -> set[str]:
    """The IRIs of a class's members."""
    return {t.subject.value for t in mapped.triples if t.predicate.value == TYPE and t.object.value == f"{SOP}{name}"}


def facts(mapped: Ingested, name: str) -> list[tuple[str, str]]:
    """Subject and value (the local name of an IRI) of a property."""
    pairs = ((t.subject.value, t.object.value) for t in mapped.triples if t.predicate.value == f"{SOP}{name}")
    return [(subject, value.rpartition("#")[2]) for subject, value in pairs]


@pytest.mark.parametrize("path", [path for folder in FOLDERS for path in tables(folder)], ids=lambda path: path.stem)
def test_a_case_becomes_its_triples_and_problems(path: Path) -> None:
    city = FOLDERS[path.parent.name]
    mapped = ingested(path, city)
    base = f"https://w3id.org/sopkg/id/{city}/"
    expected = parse(path.with_suffix(".ttl").read_bytes(), RdfFormat.TURTLE, base_iri=base)
    assert told(mapped.triples) == {Triple(quad.subject, quad.predicate, quad.object) for quad in expected}
    with path.with_suffix(".problems.csv").open(encoding="utf-8", newline="") as file:
        rows = [problem(row, path.name) for row in csv.DictReader(file)]
    assert mapped.problems == rows


def problem(row: dict[str, str], name: str) -> Problem:
    """A problem as a case has it; in a folder each names its file."""
    file, number, line = row.pop("file", name), row.pop("row"), row.pop("line")
    return Problem(file, int(number), int(line), **row)


@pytest.mark.parametrize("path", [*tables("works"), *tables("plans")], ids=lambda path: path.stem)
def test_every_row_is_an_initiative(path: Path) -> None:
    mapped = ingested(path, FOLDERS[path.parent.name])
    assert len(of_type(mapped, "Initiative")) == mapped.rows == len(read_table(path).records)


@pytest.mark.parametrize("path", [path for folder in FOLDERS for path in tables(folder)], ids=lambda path: path.stem)
def test_exported_facts_say_the_same(path: Path, tmp_path: Path) -> None:
    same_as_exported(path, FOLDERS[path.parent.name], DATE, tmp_path)


def same_as_exported(path: Path, city: str, date: str, tmp_path: Path) -> str:
    """The exported form of a file, having found that it maps to the same triples, provenance included."""
    text = export_facts(path, cities()[city].folder)
    (tmp_path / "facts.csv").write_text(text, "utf-8", newline="")
    assert lines(ingest(tmp_path / "facts.csv", cities()[city].folder, date)) == lines(ingested(path, city, date))
    return text


def lines(mapped: Ingested) -> set[str]:
    """The triples as text, the same whatever file they come from."""
    return {str(triple).replace(mapped.sha256[:12], "file") for triple in mapped.triples}


def test_no_natural_person_is_named() -> None:
    path = CASES / "works" / "contractors.csv"
    mapped = ingested(path, "buenos-aires")
    exported = export_facts(path, cities()["buenos-aires"].folder)
    shown = "".join([*map(str, mapped.triples), *map(str, mapped.problems), exported])
    assert not re.search(r"juan|11111111|[^t]modelo", shown, re.IGNORECASE)


def test_a_table_that_fits_no_mapping_hears_which_columns_are_missing() -> None:
    path = CASES / "unfit" / "columns.csv"
    with pytest.raises(BadInput) as error:
        ingest(path, cities()["buenos-aires"].folder, DATE)
    assert error.value.extra["found"] == ["nombre", "etapa", "comuna"]
    assert "area or area_responsable" in error.value.extra["missing"]  # type: ignore[operator]
    assert "fits no mapping" in error.value.detail
    assert "Missing: area or area_responsable, ba_elige" in error.value.detail


def test_an_unknown_mapping_hears_the_near_names() -> None:
    with pytest.raises(NotFound, match="buenos-aires-works"):
        ingest(CASES / "works" / "dirt.csv", cities()["buenos-aires"].folder, DATE, "buenos-aires-work")


def test_a_mapping_is_chosen_by_columns() -> None:
    assert choose(read_table(CASES / "plans" / "plans.csv")).name == "barcelona-action-plans"


def test_readings_are_found_in_the_mapping() -> None:
    found = {(r.function.value.rpartition("#")[2], *r.columns) for r in readings(mappings()["buenos-aires-works"])}
    assert {("decimal", "lat"), ("date", "fecha_inicio"), ("repair", "area", "area_responsable")} <= found


def test_exports_have_the_columns_of_their_mapping() -> None:
    for (city, date), _ in SHIPPED.items():
        table = read_table(cities()[city].tables()[date])
        named = choose(table).columns()
        assert all(not names.isdisjoint(table.columns) for names in named)
        # A member whose name varies, as a version's, is read by a pattern over the names of members.
        patterns = re.findall(r"[#\]](\w+)", "".join(query.text for query in choose(table).queries))
        assert set(table.columns) <= set().union(*named, patterns)


def test_every_term_of_a_mapping_is_one_of_the_ontology() -> None:
    known = {triple.subject.value for triple in ontology()}
    for mapping in mappings().values():
        terms = set(re.findall(r"sop:(\w+)", "".join(query.text for query in mapping.queries)))
        assert {f"{SOP}{term}" for term in terms} <= known


def test_every_term_of_a_value_table_is_one_of_the_ontology() -> None:
    known = {triple.subject.value for triple in ontology()}
    for mapping in mappings().values():
        for path in mapping.tables.values():
            cells = [cell for record in read_table(path).records for cell in record.cells]
            terms = {value for name, value in cells if name in ("object", "stage", "status", "reading")}
            assert {f"{SOP}{term}" for term in terms} <= known


def test_no_two_words_of_a_value_table_contradict() -> None:
    for mapping in mappings().values():
        for name, path in mapping.tables.items():
            meanings = {(key(record.values("text")[0]), record.cells[1:]) for record in read_table(path).records}
            assert max(Counter(word for word, _ in meanings).values()) == 1, name


def test_aliases_have_the_key_of_their_name_and_a_reason() -> None:
    for record in read_table(cities()["buenos-aires"].folder / "aliases.csv").records:
        assert record.values("key") == [key(record.values("name")[0])]
        assert all(record.values(column) for column in ("other", "relation", "from", "decided", "reason"))


def test_the_reader_takes_every_ingest_query() -> None:
    assert all(read_query(query.text) for mapping in mappings().values() for query in mapping.queries)
    assert all(mapping.reads_graphs or mapping.columns() for mapping in mappings().values())
    assert all(read_query(mapping.problems.text) for mapping in mappings().values() if mapping.problems)


def test_the_hash_of_a_mapping_covers_the_files_beside_it() -> None:
    first, second = cities()["buenos-aires"], cities()["barcelona"]
    works = mappings()["buenos-aires-works"]
    assert works.hash(first) == ingested(CASES / "works" / "dirt.csv", "buenos-aires").mapping_hash
    assert works.hash(first) != works.hash(second)  # the aliases are the city's


# The shipped tables


def test_every_shipped_table_is_tried_here_and_earlier_dates_come_first() -> None:
    shipped = [(city, date) for city, each in cities().items() for date in each.tables()]
    assert shipped == sorted(SHIPPED)


@pytest.mark.parametrize(("city", "date"), SHIPPED)
def test_shipped_tables_name_no_natural_person(city: str, date: str) -> None:
    text = cities()[city].tables()[date].read_text("utf-8")
    assert not re.search(r"(?<!\d)(20|23|24|27)-? ?\d{8} ?-? ?\d(?!\d)", text)
    assert not re.search(r"[\w.]+@[\w.]+", text)


@pytest.mark.parametrize("date", DATES)
def test_a_given_name_stands_in_a_shipped_table_only_within_a_companys_name(date: str) -> None:
    table = read_table(cities()["buenos-aires"].tables()[date])
    names = read_table(mappings()["buenos-aires-works"].tables["given-names"])
    given = {key(name) for record in names.records for name in record.values("text")}
    cells = {cell for record in table.records for cell in record.values("licitacion_oferta_empresa")}
    named = {cell for cell in cells if given & {key(word) for word in re.split(r"[^\w]+", cell)}}
    forms = r"\b(S\.? ?A|S\.? ?R\.? ?L|S\.?C\.?A|U\.?T|Ltda)\b|sociedad|hijos|construc"
    assert [cell for cell in named if not re.search(forms, cell, re.IGNORECASE)] == []


@pytest.mark.parametrize("date", one_in(3, list(DATES)))
def test_an_engaged_company_is_named_as_in_the_row_that_says_so(date: str) -> None:
    path = cities()["buenos-aires"].tables()[date]
    mapped, cells = ingested(path, "buenos-aires", date), [dict(record.cells) for record in read_table(path).records]
    label = {t.subject: t.object.value for t in mapped.triples if t.predicate.value.endswith("#label")}
    derived = [t for t in mapped.triples if t.predicate.value.endswith("#wasDerivedFrom")]
    row = {t.subject: int(t.object.value.rpartition("-")[2]) for t in derived}
    engaged = [t for t in mapped.triples if t.predicate.value == f"{SOP}actor" and "-executing-" in t.subject.value]
    pairs = {(label[t.object], cells[row[t.subject] - 1]["licitacion_oferta_empresa"]) for t in engaged}
    assert len(pairs) > 200
    assert {pair for pair in pairs if not near(*pair)} == set()


def near(one: str, other: str) -> bool:
    """Whether two names share a word of four letters, or begin alike."""
    words, others = ({key(word) for word in re.split(r"\W+", name) if len(word) > 3} for name in (one, other))
    return bool(words & others) or key(one)[:3] == key(other)[:3]


def test_the_works_of_2019() -> None:
    mapped = ingested(cities()["buenos-aires"].tables()["2019-11-30"], "buenos-aires", "2019-11-30")
    assert Counter(value for _, value in facts(mapped, "status")) == {"Completed": 889, "Open": 102}
    assert Counter(value for _, value in facts(mapped, "inStage")) == {"Development": 889 + 87, "Creation": 15}
    assert len(of_type(mapped, "Department")) == 11
    assert Counter(value for _, value in facts(mapped, "role"))["PlanningParticipant"] == 4


def test_the_works_of_2024() -> None:
    mapped = ingested(cities()["buenos-aires"].tables()["2024-06-30"], "buenos-aires", "2024-06-30")
    assert Counter(value for _, value in facts(mapped, "status")) == {"Completed": 1394, "Open": 105, "Stopped": 26}
    assert Counter(value for _, value in facts(mapped, "inStage")) == {"Development": 1394 + 97, "Creation": 8}


def test_the_action_plans_of_barcelona_are_on_all_seven_objects() -> None:
    mapped = ingested(cities()["barcelona"].tables()["2016-12-31"], "barcelona", "2016-12-31")
    objects = {subject: value for subject, value in facts(mapped, "onObject") if "/initiative/" in subject}
    assert len(objects) == len(of_type(mapped, "Initiative")) == 1467
    assert len(set(objects.values())) == 7
    assert mapped.problems == []


# The publishers' own files, against a plain reading of them


@cache
def plain(copy: str) -> list[dict[str, str]]:
    """The rows of a copy of the register, read by the csv module alone."""
    content = (RAW / "buenos-aires-works" / f"obras_{copy}.csv").read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    separator = ";" if text.count(";", 0, 400) > text.count(",", 0, 400) else ","
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    return [row for row in rows if any((value or "").strip() for name, value in row.items() if name)]


def raw(copy: str) -> Ingested:
    """A copy of the register, mapped."""
    return ingested(RAW / "buenos-aires-works" / f"obras_{copy}.csv", "buenos-aires", f"{copy}-30")


def plain_key(text: str) -> str:
    """The key of a text, written apart from ours."""
    return "".join(sign for sign in text.lower() if sign in "abcdefghijklmnopqrstuvwxyz0123456789")


@raw_files
@pytest.mark.parametrize("copy", one_in(3, list(COPIES)))
def test_no_row_of_a_copy_is_lost(copy: str) -> None:
    mapped = raw(copy)
    assert len(plain(copy)) == mapped.rows == len(of_type(mapped, "Initiative")) == COPIES[copy]


@raw_files
@pytest.mark.parametrize("copy", one_in(3, list(COPIES)))
def test_each_area_leads_as_many_works_as_it_has_rows(copy: str) -> None:
    mapped = raw(copy)
    column = "area" if copy == "2023-12" else "area_responsable"
    leading = {subject for subject, role in facts(mapped, "role") if role == "Leading"}
    works = dict(facts(mapped, "onInitiative"))
    led = {(actor, works[subject]) for subject, actor in facts(mapped, "actor") if subject in leading}
    counted = Counter(actor.rpartition("/")[2] for actor, _ in led)
    assert counted == Counter(plain_key(row[column]) for row in plain(copy) if row[column].strip())


@raw_files
@pytest.mark.parametrize("copy", one_in(3, list(COPIES)))
def test_the_source_s_words_for_the_stage_are_kept(copy: str) -> None:
    kept = Counter(plain_key(value) for _, value in facts(raw(copy), "stageText"))
    assert kept == Counter(plain_key(row["etapa"]) for row in plain(copy) if row["etapa"].strip())


@raw_files
def test_the_strings_of_2019_are_as_many_as_decided() -> None:
    assert len({row["licitacion_oferta_empresa"] for row in plain("2019-11")} - {""}) == 248


@raw_files
@pytest.mark.parametrize("copy", one_in(3, list(COPIES)))
def test_no_natural_person_of_a_copy_is_named(copy: str, tmp_path: Path) -> None:
    people = set(natural_persons())
    path = RAW / "buenos-aires-works" / f"obras_{copy}.csv"
    exported = same_as_exported(path, "buenos-aires", f"{copy}-30", tmp_path)
    shown = "\n".join([*map(str, raw(copy).triples), *map(str, raw(copy).problems), exported]).lower()
    assert len(people) > 20
    assert [person for person in people if person in shown] == []


def natural_persons() -> Iterator[str]:
    """The names and numbers of contractors who are natural persons, of all copies; joint ventures are none."""
    for row in (row for copy in COPIES for row in plain(copy)):
        digits = re.sub(r"\D", "", row["cuit_contratista"])
        if re.fullmatch(r"(20|23|24|27)\d{9}", digits):
            yield digits
            if not re.search(r"\bUTE\b", row["licitacion_oferta_empresa"]):
                yield row["licitacion_oferta_empresa"].strip().lower()


@raw_files
@pytest.mark.parametrize(("city", "date"), SHIPPED)
def test_the_shipped_tables_are_the_exported_ones(city: str, date: str) -> None:
    shipped = cities()[city].tables()[date].read_bytes().decode("utf-8")
    assert shipped == export_facts(RAW / SHIPPED[city, date], cities()[city].folder)


@raw_files
def test_contracts_have_two_parties_and_amounts_are_not_negative() -> None:
    for copy in one_in(3, list(COPIES)):
        parties = Counter(subject for subject, _ in facts(raw(copy), "party"))
        assert set(parties.values()) == {2}
        assert all(float(amount) >= 0 for _, amount in facts(raw(copy), "amount"))


@cache
def register() -> dict[str, dict[str, Any]]:
    """The files of Amsterdam's register by path, read by the json module alone."""
    folder = RAW / "amsterdam-register"
    return {path.relative_to(folder).as_posix(): json.loads(path.read_bytes()) for path in folder.rglob("*.json")}


def datasets() -> dict[str, dict[str, Any]]:
    """The register's datasets by path."""
    return {path: each for path, each in register().items() if path.endswith("/dataset.json")}


def team(dataset: dict[str, Any]) -> str:
    """The code of a dataset's data team."""
    return str(dataset["publisher"]["$ref"].split("/")[-1].lower())


def words(dataset: dict[str, Any], name: str) -> list[str]:
    """The values of a member that may be an array, one value, or absent."""
    value = dataset.get(name) or []
    return value if isinstance(value, list) else [value]


@raw_files
def test_the_register_s_datasets_and_versions_are_those_of_its_files() -> None:
    mapped = ingested(RAW / "amsterdam-register", "amsterdam", "2026-08-20")
    versions = [(plain_key(each["id"]), *pair) for each in datasets().values() for pair in each["versions"].items()]
    told = {(subject.rpartition("/")[2], word) for subject, word in facts(mapped, "stageText")}
    assert told == {(f"{key}-{name}", version["status"]) for key, name, version in versions}
    held = {(subject.rpartition("/")[2], holder.rpartition("/")[2]) for subject, holder in facts(mapped, "heldBy")}
    assert held == {(plain_key(each["id"]), team(each)) for each in datasets().values()}
    reasons = Counter(word for each in datasets().values() for word in words(each, "reasonsNonPublic"))
    assert Counter(word for _, word in facts(mapped, "refusalReason")) == reasons - Counter(["nader te bepalen"] * 3)
    assert len(datasets()) == 140
    assert Counter(version["status"] for _, _, version in versions).total() == 159


@raw_files
def test_the_objects_of_the_register_are_known_for_about_half() -> None:
    mapped = ingested(RAW / "amsterdam-register", "amsterdam", "2026-08-20")
    table = read_table(mappings()["amsterdam-register"].tables["themes"])
    objects = {plain_key(r.values("text")[0]): r.values("object") for r in table.records}
    told = {each["id"]: words(each, "theme") or words(each, "keywords") for each in datasets().values()}
    named = [(plain_key(id), plain_key(word)) for id, found in told.items() for word in found]
    expected = {(id, each) for id, word in named for each in objects.get(word, [])}
    pairs = {(subject.rpartition("/")[2], o) for subject, o in facts(mapped, "onObject") if "/dataset/" in subject}
    assert pairs == expected
    assert sum(not found for found in told.values()) == 69
    themes = {plain_key(word) for each in datasets().values() for word in words(each, "theme")}
    assert (len(themes), themes - set(objects)) == (70, set())


@raw_files
def test_the_needs_of_the_register_are_its_relations_to_other_teams() -> None:
    mapped = ingested(RAW / "amsterdam-register", "amsterdam", "2026-08-20")
    teams = {each["id"]: team(each) for each in datasets().values()}
    needs = {(target, needer) for needer, target in relations() if teams[target] != needer}
    pairs = {(subject.rpartition("/")[2], actor.rpartition("/")[2]) for subject, actor in facts(mapped, "neededBy")}
    assert pairs == {(plain_key(target), needer) for target, needer in needs}
    assert len(pairs) == 8
    is_open = {plain_key(each["id"]) for each in datasets().values() if words(each, "auth") == ["OPENBAAR"]}
    shared = {subject.rpartition("/")[2] for subject, _ in facts(mapped, "sharedWith")}
    assert shared == {f"{key}-public" for key in is_open} | {f"{key}-{needer}" for key, needer in pairs}
    assert len(is_open) == 111


def relations() -> Iterator[tuple[str, str]]:
    """Each data team with the datasets to which its tables relate, but for versions that are no longer maintained."""
    for path, each in datasets().items():
        for version in each["versions"].values():
            for used in version["tables"] if version["status"] not in ("deprecated", "superseded") else ():
                table = register()[f"{path.removesuffix('dataset.json')}{used['$ref']}.json"]
                for field in table["schema"]["properties"].values():
                    if "relation" in field:
                        yield team(each), field["relation"].split(":")[0]


@raw_files
@pytest.mark.parametrize("date", STANDING)
def test_the_history_of_statuses_leaves_standing_what_it_says(date: str) -> None:
    mapped = ingested(RAW / "amsterdam-register" / "status_history.csv", "amsterdam", date)
    standing: dict[str, dict[str, str]] = {}
    with (RAW / "amsterdam-register" / "status_history.csv").open(encoding="utf-8", newline="") as file:
        for row in (row for row in csv.DictReader(file) if row["date"] <= date):
            if row["status"] == "(deleted)":
                standing.pop(plain_key(row["dataset"][len("datasets/") : -len("/dataset.json")]), None)
            else:
                standing.setdefault(plain_key(row["dataset"]), {})[row["version"]] = row["status"].strip()
    for versions in standing.values():
        if len(versions) > 1:
            versions.pop("-", None)
    named = [(key, name, status) for key, versions in standing.items() for name, status in versions.items()]
    expected = {(f"{key}-{name}".removesuffix("--"), status) for key, name, status in named}
    assert {(subject.rpartition("/")[2], word) for subject, word in facts(mapped, "stageText")} == expected
    assert len(expected) == STANDING[date]


def test_no_address_is_in_what_amsterdam_s_files_become() -> None:
    for path in (CASES / "register" / "sharing", CASES / "history" / "changes.csv"):
        mapped = ingested(path, "amsterdam")
        exported = export_facts(path, cities()["amsterdam"].folder)
        shown = "".join([*map(str, mapped.triples), *map(str, mapped.problems), exported])
        assert re.findall(r"\w+@\w+", shown) == []


def test_the_city_s_node_is_the_same_in_the_table_and_in_its_file() -> None:
    for city in cities().values():
        assert any(triple.subject == city.iri for triple in city.facts())
        mapped = ingested(next(iter(city.tables().values())), city.name)
        assert any(triple.subject == city.iri for triple in mapped.triples)
