"""Plants gaps and near gaps of the kinds that the paper does not have.

Some of these follow from all that a city says: they are counted here once more, plainly, from the written file.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations, product
from pathlib import Path

from pyoxigraph import RdfFormat, parse

from tests.bench.city import (
    A_ENGAGEMENT,
    A_INITIATIVE,
    ACTOR,
    AFTER,
    BASE,
    CITY,
    DATE,
    ENDED,
    FROM,
    IN_CITY,
    LABEL,
    ON_INITIATIVE,
    PART,
    ROLE,
    ROWNUM,
    SOP,
    STILL,
    TYPE,
    CityWriter,
    Pair,
    Work,
    sop,
    text,
    thing,
    typed,
)
from tests.bench.expectations import Expectations
from tests.bench.planted import Planter
from tests.bench.records import DATASET, TRUE, dataset, decision, record, sharing

CLASS_OF = {"Department": "Government", "Company": "Enterprise", "Public": "Society"}
FULL = ("SmartInfrastructure", "SmartPeople", "SmartEnvironment")
STAGES = ("Creation", "Development")
MOST_CELLS = 7
# The values of each property of each thing, by the property's last part; everything without its base.
Said = dict[str, dict[str, list[str]]]
# The objects and stages of each open work.
Cells = dict[str, list[tuple[str, str]]]


def sopx(name: str) -> str:
    return f"<https://w3id.org/sopkg/extension#{name}>"


def at(level: str) -> Pair:
    return sopx("atLevel"), sopx(f"{level}Administration")


def levels(p: Planter) -> None:
    """X2: led, or needed, at one level; paid for, decided or held at another."""
    unknown, district = "undetermined", sopx("DistrictAdministration")

    def department(*more: Pair) -> str:
        return p.city.actor("Department", *more)

    def led(*more: Pair, status: str = "Open", level: str = "District") -> Work:
        return p.work("SmartInfrastructure", status=status).engage(department(at(level)), "Leading", *more)

    def paid(work: Work, *more: Pair) -> Work:
        return work.engage(department(at("City")), "Funding", *more)

    def decided(work: Work, *others: str) -> Work:
        node = decision(p.city, work, department(at("City")), next(p.publics), *others)
        p.near("decision-without-the-public", (node,))
        return work

    bare, ended = paid(led()), paid(led()).engage(department(at("District")), "Funding", ENDED)
    p.gaps("funds-at-another-level", unknown, (bare, district), (ended, district))
    own = paid(led()).engage(department(at("District")), "Funding", STILL)
    others = paid(led(), ENDED), paid(led(status="Completed")), paid(led(level="City")), led()
    p.near("funds-at-another-level", *((each, district) for each in (own, *others)))
    p.gaps("authority-at-another-level", unknown, (decided(led()), district))
    shared = decided(led(), department(at("District")))
    others = decided(led(status="Completed")), decided(led(level="City")), led()
    p.near("authority-at-another-level", *((each, district) for each in (shared, *others)))

    def needed(level: str = "City", *more: Pair) -> tuple[str, str]:
        needer = department(at("District"))
        pairs = (sop("heldBy"), department(at(level))), (sop("neededBy"), needer)
        return dataset(p.city, *pairs, *more), needer

    apart, lapsed, level = needed(), needed(), needed("District")
    sharing(p.city, *lapsed, ENDED)
    p.gaps("data-at-another-level", unknown, (apart[0], district), (lapsed[0], district))
    p.gaps("unshared-dataset", unknown, apart, lapsed, level)
    given, beside = needed(), needed()
    sharing(p.city, *given)
    sharing(p.city, beside[0], department(at("District")))
    p.gaps("unshared-dataset", unknown, beside)
    p.near("data-at-another-level", *((each[0], district) for each in (level, given, beside)))


def evidence(p: Planter) -> None:
    """X3: an engagement without a record, an initiative without a date, a source without a publisher."""
    city, governed = p.city, "SmartInfrastructure"

    def undated(*more: Pair, engaged: tuple[Pair, ...] = ()) -> Work:
        node, row = city.new("work"), city.row()
        city.objects[governed] += 1
        place = (sop("onObject"), sop(governed)), (sop("status"), sop("Open"))
        city.say(node, A_INITIATIVE, (LABEL, text("a work without a date")), IN_CITY, *place, (FROM, row), *more)
        return Work(city, node, governed, row).engage(next(p.departments), "Leading", *engaged)

    planned = [undated((sop(each), typed(AFTER, "date"))) for each in ("plannedStart", "plannedEnd")]
    dated = undated(engaged=(STILL,)), undated(engaged=((sop("validFrom"), typed(DATE, "date")),))
    p.gaps("undated-initiative", "confirmed", (undated(),))
    p.near("undated-initiative", *((each,) for each in (*planned, *dated)))

    def engaged(*record: Pair) -> str:
        node, work = city.new("engagement"), p.work().engage(next(p.departments), "Leading")
        who = (ACTOR, next(p.departments)), (ROLE, sop("Funding")), (ON_INITIATIVE, work.node)
        city.say(node, A_ENGAGEMENT, IN_CITY, (sop("onObject"), sop(work.governed)), *who, *record)
        city.engagements += 1
        return node

    ledger, row, file = (city.new(each) for each in ("source", "row/ledger", "file/ledger"))
    city.say(row, (ROWNUM, typed(1, "integer")), (PART, file))
    city.say(file, ("<http://purl.org/dc/terms/source>", ledger))
    city.say(ledger, (TYPE, DATASET), ("<http://purl.org/dc/terms/publisher>", text("City of Bench")))
    p.gaps("unsourced-engagement", "undetermined", (engaged(),))
    p.near("unsourced-engagement", (engaged((FROM, row)),))
    p.near("holderless-source", (ledger,))
    p.gaps("holderless-source", "undetermined", (thing("source/register"),))


def values(p: Planter) -> None:
    """X4: values of one indicator by several definitions."""

    def indicator(*definitions: str) -> str:
        follows = ((sopx("followsDefinition"), thing(f"definition/{each}")) for each in definitions)
        return record(p.city, "Indicator", (sop("public"), TRUE), *follows)

    def value(of: str, definition: str, day: str = "2023-12-31", territory: str = "") -> str:
        node = p.city.new("value")
        place = [(sop("inTerritory"), thing(f"territory/{territory}"))] if territory else []
        follows = (sopx("followsDefinition"), thing(f"definition/{definition}"))
        when = (sopx("standsOn"), typed(day, "date"))
        p.city.say(node, (TYPE, sopx("IndicatorValue")), (sopx("valueOf"), of), when, follows, *place)
        return node

    own, other = indicator("a"), indicator("a", "b")
    p.gaps("definitional-inconsistency", "confirmed", (value(own, "b"),))
    p.near("definitional-inconsistency", (value(other, "b"),), (value(indicator(), "b"),))
    across, places, days = indicator(), ("1", "2", "3", "1"), ("2023-12-31",) * 3 + ("2020-12-31",)
    four = [value(across, each, day, place) for each, day, place in zip("abaa", days, places, strict=True)]
    for first, second in combinations(four, 2):
        found = {first, second} in ({four[0], four[1]}, {four[1], four[2]})
        told = (lambda *given: p.gaps(given[0], "confirmed", given[1])) if found else p.near
        told("transversal-inconsistency", (first, second))
    along = indicator()
    years = [value(along, each, f"20{year}-12-31") for each, year in zip("aabb", range(20, 24), strict=True)]
    p.gaps("longitudinal-inconsistency", "confirmed", (years[1], years[2]))
    p.near("longitudinal-inconsistency", (years[0], years[1]), (years[0], years[2]), (years[1], years[3]))


def overload(city: CityWriter, covered: str) -> None:
    """X6: one department leads in eight cells, another in six; on the object of a mechanism one that this covers."""
    for lead, objects in ((covered, (*FULL, "SmartLivelihood")), (city.actor("Department"), FULL)):
        for governed, stage in product(objects, STAGES):
            city.work(governed, stage).engage(lead, "Leading")


def counted(path: Path, expected: Expectations) -> None:
    """Notes what follows from all that a city says, counted from its file."""
    said = read(path)
    first = {alias: names[0] for alias, names in said["sameAs"].items()}
    works: Cells = {
        work: [(governed, stage) for governed in said["onObject"][work] for stage in said["inStage"].get(work, [])]
        for work, status in said["status"].items()
        if status == ["Open"]
    }
    _lapsed(said, works, first, expected)
    _brokers(said, works, first, expected)
    _overloads(said, works, first, expected)


def read(path: Path) -> Said:
    """The file as plain Python."""
    said: Said = defaultdict(lambda: defaultdict(list))
    for quad in parse(path=str(path), format=RdfFormat.N_TRIPLES):
        subject, value = quad.subject.value.removeprefix(BASE), quad.object.value.removeprefix(BASE)
        said[quad.predicate.value.rpartition("#")[2]][subject].append(value.removeprefix(SOP))
    return said


def _lapsed(said: Said, works: Cells, first: dict[str, str], expected: Expectations) -> None:
    """X1: in a cell some were at work, and all have left."""
    sides = {each: CLASS_OF[cls] for each, classes in said["type"].items() for cls in classes if cls in CLASS_OF}
    sides |= {unit: sides[body] for unit, (body, *_) in said["unitOf"].items()}
    live: dict[tuple[str, ...], bool] = {}
    for engagement, (work, *_) in said["onInitiative"].items():
        actor = said["actor"][engagement][0]
        over = any(day <= DATE for day in said["validTo"].get(engagement, []))
        for governed, stage in works.get(work, []):
            cell = sides[first.get(actor, actor)], governed, stage
            live[cell] = live.get(cell, False) or not over
    for cell, somebody in live.items():
        focus = CITY, *map(sop, cell)
        _note(expected, "lapsed-engagement", not somebody, "confirmed", focus)


def _brokers(said: Said, works: Cells, first: dict[str, str], expected: Expectations) -> None:
    """X5: who has at least two partners on an object, one of whom has no other."""
    partners: dict[tuple[str, str], set[str]] = defaultdict(set)
    for interaction, abouts in said["about"].items():
        if not any(day <= DATE for day in said["validTo"].get(interaction, [])):
            parties = {first.get(each, each) for each in said["party"][interaction]}
            objects = {governed for work in abouts for governed, _ in works.get(work, [])}
            for governed, party in product(objects, parties):
                partners[governed, party] |= parties - {party}
    for (governed, party), others in partners.items():
        alone = any(len(partners[governed, each]) == 1 for each in others)
        if len(others) > 1:
            _note(expected, "broker-dependence", alone, "presumed", (sop(governed), thing(party)))


def _overloads(said: Said, works: Cells, first: dict[str, str], expected: Expectations) -> None:
    """X6: who leads in how many cells."""
    cells: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for engagement, roles in said["role"].items():
        if roles == ["Leading"] and engagement not in said["validTo"]:
            actor = said["actor"][engagement][0]
            for work in said["onInitiative"].get(engagement, []):
                cells[first.get(actor, actor)].update(works.get(work, []))
    for actor, led in cells.items():
        if len(led) >= MOST_CELLS - 1:
            _note(expected, "role-overload", len(led) > MOST_CELLS, "confirmed", (thing(actor),))


def _note(expected: Expectations, kind: str, found: bool, verdict: str, focus: tuple[str, ...]) -> None:
    if found:
        expected.gap(kind, verdict, *focus)
    else:
        expected.miss(kind, *focus)


PLANTERS = (levels, evidence, values)
