"""What holds of every kind of gap, told by its query alone: monotonicity, another engine, planted gaps, reloading."""

from __future__ import annotations

import io
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
import rdflib
from pyoxigraph import NamedNode, RdfFormat, Store, Triple, parse, serialize

from sopkg.cities import cities
from sopkg.detect import Audit, Kind, read_kinds, solutions
from sopkg.gapquery import SAME_AS, Bindings, GapQuery, Ground, gap_queries, parameters, readings
from sopkg.graphs import current_graphs, triples_of
from sopkg.load import forget, load
from sopkg.negation import RDF_TYPE, Fanout, measure
from sopkg.pipeline import closed_ontology, derive
from sopkg.printer import print_query
from sopkg.reaudit import Audited
from sopkg.store import SnapshotStore
from sopkg.syntax import Part
from sopkg.syntax import Triple as Pattern
from sopkg.turtle import read_turtle, store_of
from sopkg.update import SAID, closed_of
from tests.amount import ALL, one_in
from tests.bench import city as bench
from tests.bench.city import CityWriter
from tests.bench.expectations import Expectations
from tests.bench.generate import generate
from tests.bench.measure import differences
from tests.bench.statements import absence, scope
from tests.polarity import Signed, signed_patterns, signs
from tests.test_gaps import BASE, CASES, last_file, name

SIZE = 9_000
CONTESTED = NamedNode(f"{bench.SOP}Contested")
CITY, OBSERVED = cities()["buenos-aires"], "2019-11-30"
AUDIT = Audit(bench.BASE, NamedNode(f"{bench.BASE}observation/{bench.DATE}"), bench.DATE)
MOST_EDITS = 60 if ALL else 40
Registers = dict[str, set[tuple[Ground, ...]]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("truth")


def city(folder: Path, seed: int) -> tuple[list[Triple], Expectations]:
    path = folder / f"{seed}.nt"
    planted = generate(path, SIZE, seed)
    return [quad.triple for quad in parse(path=str(path), format=RdfFormat.N_TRIPLES)], planted


@pytest.fixture(scope="module")
def mine(folder: Path) -> Audited:
    """A city with some of everything, audited; whoever changes it takes the change back."""
    said, planted = city(folder, 1)
    known = {*closed_ontology()}
    asserted = [triple for triple in said if triple not in known]
    derived = derive(AUDIT, asserted, [], asked=gap_queries())
    assert differences(planted, derived.gaps, AUDIT.observation) == []
    closed = closed_of({"asserted": asserted, "inferred": derived.inferred})
    return Audited(closed, [], derived.gaps, AUDIT, "", gap_queries())


def test_a_city_without_what_concerns_the_whole_of_it_has_the_gaps_planted_and_no_other(folder: Path) -> None:
    said, planted = city(folder, 2)
    derived = derive(AUDIT, said, [], asked=gap_queries())
    assert differences(planted, derived.gaps, AUDIT.observation) == []


def test_every_kind_is_planted_as_a_gap_and_as_nearly_one(folder: Path, mine: Audited) -> None:
    planted = [city(folder, seed)[1] for seed in (1, 2)]
    asked = {gap.file.name for gap in mine.gaps}
    assert asked == {kind for each in planted for kind, gaps in each.expected.items() if gaps}
    assert asked == {kind for each in planted for kind, gaps in each.near.items() if gaps}


def register(mine: Audited) -> Registers:
    return {name: set(keys) for name, keys in mine.register.items()}


def recombined(dice: random.Random, said: list[Triple]) -> Iterator[Triple]:
    """New triples of the predicates that there are: the subject of one with the object of another, or a new thing."""
    by_predicate: dict[NamedNode, list[Triple]] = {}
    for triple in said:
        by_predicate.setdefault(triple.predicate, []).append(triple)
    predicates = sorted(by_predicate, key=str)
    for number in range(100 * MOST_EDITS):
        predicate = dice.choice(predicates)
        one, other = dice.choice(by_predicate[predicate]), dice.choice(by_predicate[predicate])
        fresh = predicate == RDF_TYPE or dice.random() < 0.1
        yield Triple(NamedNode(f"{bench.BASE}new/{number}") if fresh else one.subject, predicate, other.object)


def hanging(dice: random.Random, said: list[Triple], planted: Expectations) -> Iterator[Triple]:
    """Triples of what gaps and near gaps are about, and of what these name, of one kind after the other."""
    about: dict[str, list[Triple]] = {}
    for triple in said:
        for term in {triple.subject.value, triple.object.value}:
            about.setdefault(term, []).append(triple)
    near = {kind: sorted({*planted.expected[kind], *planted.near[kind]}) for kind in planted.near}
    while True:
        for foci in near.values():
            triple = dice.choice(about.get(dice.choice(dice.choice(foci)), said))
            yield dice.choice([triple, dice.choice(about[triple.subject.value])])


def chosen(
    triples: Iterable[Triple], patterns: dict[str, list[Signed]], wanted: Callable[[Triple], bool]
) -> Iterator[Triple]:
    """Triples that together stand in every kind with one sign alone, as far as such are found."""
    seen = Counter[tuple[str, int]]()
    for triple in itertools.islice(triples, 100 * MOST_EDITS):
        told = {name: signs(each, triple) for name, each in patterns.items()}
        new = {(name, *sign) for name, sign in told.items() if len(sign) == 1}
        if any(seen[each] < 2 for each in new) and wanted(triple) and triple.predicate != SAME_AS:
            seen.update(new)
            yield triple


def of_sources(triple: Triple) -> bool:
    """Whether a triple says what a source records or denies, or what was found before."""
    path = triple.subject.value.removeprefix(bench.BASE)
    return path.startswith(("scope", "absence", "shape", "constraint", "list", "denial", "gap", "finding"))


@pytest.mark.parametrize("adding", [True, False])
def test_a_triple_opens_and_closes_gaps_by_its_signs_alone(mine: Audited, folder: Path, adding: bool) -> None:
    patterns = {gap.file.name: signed_patterns(gap) for gap in mine.gaps}
    dice, quads = random.Random(1), mine.closed.store.quads_for_pattern(None, None, None, SAID)
    said = sorted((quad.triple for quad in quads if not of_sources(quad.triple)), key=str)
    pool = recombined(dice, said) if adding else hanging(dice, said, city(folder, 1)[1])
    edits, effects = chosen(pool, patterns, lambda each: mine.closed.says(each) != adding), set[tuple[str, bool]]()
    for triple in itertools.islice(edits, MOST_EDITS):
        less, stages = register(mine), mine.stages
        change = mine.change([triple] if adding else [], [] if adding else [triple])
        more, delta = register(mine), [triple, *(change.inferred_added if adding else change.inferred_removed)]
        mixed = (change.inferred_removed if adding else change.inferred_added) - {triple}
        less, more = (less, more) if adding else (more, less)
        for gap in mine.gaps if not mixed and SAME_AS not in {each.predicate for each in delta} else ():
            name = gap.file.name
            if gap.inherits is not None and (stages != mine.stages or less | {name: set()} != more | {name: set()}):
                continue
            found = set[int]().union(*(signs(patterns[name], each) for each in delta))
            assert 1 in found or more[name] <= less[name], f"{triple} opens {name}"
            assert -1 in found or less[name] <= more[name], f"{triple} closes {name}"
            effects |= {(name, 1 in found)} if len(found) == 1 and less[name] != more[name] else set()
        mine.undo()
    assert len(effects) > 3, "what can open and close gaps does"


def statements(write: Callable[[CityWriter, str], None], mine: Audited) -> list[Triple]:
    """A statement about each class that a kind looks for."""
    out = io.StringIO()
    writer = CityWriter(out, 1)
    writer.numbers.update(dict.fromkeys(("scope", "absence", "shape", "constraint"), 900000))
    lacking = {part.object for gap in mine.gaps if gap.lack for part in gap.lack.parts if is_typed(part)}
    for each in sorted(lacking, key=str):
        write(writer, each.value.rpartition("#")[2])
    return [quad.triple for quad in parse(out.getvalue(), format=RdfFormat.N_TRIPLES)]


def is_typed(part: Part) -> bool:
    return isinstance(part, Pattern) and part.predicate == RDF_TYPE and str(part.object).startswith(f"<{bench.SOP}")


def test_what_a_source_denies_contests_what_another_shows_and_opens_nothing_else(mine: Audited) -> None:
    before = register(mine)
    change = mine.change(statements(absence, mine))
    after = register(mine)
    resting = {finding for finding, (name, _) in mine.focuses.items() if name in inheriting(mine)}
    opened = {iri for iri in change.after if iri not in change.before} - resting
    contested = {each for each in opened if CONTESTED in {triple.object for triple in change.after[each]}}
    mine.undo()
    assert opened == contested != set()
    assert all(before[name] <= after[name] for name in before)


def inheriting(mine: Audited) -> set[str]:
    """The kinds that rest on other findings: their verdict is that of an earlier one."""
    return {gap.file.name for gap in mine.gaps if gap.inherits is not None}


def test_that_some_are_recorded_opens_nothing_except_where_a_kind_asks_what_is_recorded(mine: Audited) -> None:
    before, partial = register(mine), statements(lambda writer, cls: scope(writer, "Partial", cls), mine)
    mine.change(partial)
    after = register(mine)
    mine.undo()
    asking = {gap.file.name for gap in mine.gaps if any(signs(signed_patterns(gap), each) for each in partial)}
    assert len(asking) < len(before) / 2
    assert all(after[name] == before[name] for name in before if name not in asking)


def test_what_is_removed_and_added_again_gives_the_same_gaps_byte_for_byte(mine: Audited) -> None:
    dice = random.Random(2)
    quads = mine.closed.store.quads_for_pattern(None, None, None, SAID)
    said = sorted((quad.triple for quad in quads if not of_sources(quad.triple)), key=str)
    before = written(mine)
    for size in (1, 20, 400):
        some = dice.sample(said, size)
        mine.change(removed=some)
        mine.change(added=some)
        assert written(mine) == before


def written(mine: Audited) -> bytes:
    """The findings as N-Triples, in order."""
    triples = sorted((each for said in mine.findings().values() for each in said), key=str)
    return serialize(triples, format=RdfFormat.N_TRIPLES) or b""


def test_a_forgotten_observation_loaded_again_has_the_same_gaps_byte_for_byte(
    tmp_path: Path, works: Callable[[str, int], Path]
) -> None:
    told = []
    for _ in range(2):
        load(store := SnapshotStore(tmp_path / "s"), works(OBSERVED, 40), CITY, OBSERVED)
        with store.reading() as found:
            graphs = [graph for graph in current_graphs(found) if graph.step == "gaps"]
            told.append([(graph.iri, sorted(map(str, triples_of(found, graph.iri)))) for graph in graphs])
        forget(store, CITY, OBSERVED)
    assert told[0] == told[1] != []


def sampled() -> list[Path]:
    """For each kind a case that has it and one that has it not; every case in the long run."""
    found, every = list[Path](), ALL
    for folder in sorted(each for each in CASES.iterdir() if each.is_dir()):
        having: dict[bool, list[Path]] = {True: [], False: []}
        for case in sorted(folder.iterdir()):
            having["nothing" not in "".join(expected_lines(case))].append(case)
        dice = random.Random(folder.name)
        for cases in filter(None, having.values()):
            found += cases if every else [dice.choice(cases)]
    return found


def expected_lines(case: Path) -> list[str]:
    return [line for line in last_file(case).read_text("utf-8").splitlines() if line.startswith("# expect: ")]


@cache
def other_engine() -> rdflib.Graph:
    """The closed ontology in rdflib; a case adds its triples and takes them away."""
    return rdflib.Graph().parse(data=serialize(closed_ontology(), format=RdfFormat.N_TRIPLES) or b"", format="nt")


@pytest.mark.parametrize("case", one_in(6, sampled()), ids=name)
def test_another_engine_finds_the_same_rows_by_the_query_as_it_is_written(case: Path) -> None:
    gap, (audit, triples) = gap_queries()[case.parent.name], observed(case)
    store, kinds, fanout = model()
    given = parameters(audit.date, kinds[gap.kind].thresholds)
    quads = [quad for quad in store_of(triples) if quad not in store]
    store.extend(quads)
    rows = list(solutions(store, print_query(readings(gap, given, fanout)), gap.readings))
    for quad in quads:
        store.remove(quad)
    assert others(gap, given, triples) == {tuple(str(row[column]) for column in gap.columns) for row in rows}


@cache
def model() -> tuple[Store, Mapping[NamedNode, Kind], Fanout]:
    """The closed ontology, its kinds and its sizes; a case adds its triples and takes them away."""
    store = store_of(closed_ontology())
    return store, read_kinds(store), measure(store)


def observed(case: Path) -> tuple[Audit, list[Triple]]:
    """All that the audit of a case reads beside the ontology, its earlier observations audited before it."""
    earlier: list[Triple] = []
    files = sorted(case.glob("*.ttl")) if case.is_dir() else [case]
    for file in files:
        date = file.stem if case.is_dir() else bench.DATE
        audit = Audit(BASE, NamedNode(f"{BASE}observation/{date}"), date)
        asserted = read_turtle(file)
        derived = derive(audit, asserted, [], earlier, asked=None if file is not files[-1] else ())
        triples = [*asserted, *derived.inferred, *earlier]
        earlier += derived.gaps + [triple for triple in asserted if triple.subject == audit.observation]
    return audit, [*triples, *(t for t in derived.gaps if t.subject == audit.observation)]


def others(gap: GapQuery, given: Bindings, triples: list[Triple]) -> set[tuple[str, ...]]:
    """The rows that rdflib finds, each focus by the first of its names."""
    graph = other_engine()
    added = rdflib.Graph().parse(data=serialize(triples, format=RdfFormat.N_TRIPLES) or b"", format="nt")
    known = {triple for triple in added if triple not in graph}
    for triple in known:
        graph.add(triple)
    bindings = {rdflib.Variable(each.value): term_of(value) for each, value in given.items()}
    rows = list(graph.query(gap.file.text, initBindings=bindings))
    first = [row for row in rows if not any(renamed(graph, row[each.value]) for each in gap.focus)]
    for triple in known:
        graph.remove(triple)
    return {tuple(row[each.value].n3() for each in gap.columns) for row in first}


def term_of(value: Ground) -> rdflib.term.Identifier:
    if isinstance(value, NamedNode):
        return rdflib.URIRef(value.value)
    return rdflib.Literal(value.value, datatype=rdflib.URIRef(value.datatype.value))


def renamed(graph: rdflib.Graph, term: rdflib.term.Identifier) -> bool:
    """Whether a term has an alias before it."""
    return any(str(alias) < str(term) for alias in graph.objects(term, rdflib.OWL.sameAs))
