"""What a generated city has or lacks as a whole: a core, foundations, channels, evaluations, an emergency mechanism.

A city of an odd seed has some of each, one of an even seed none: for most of these kinds one city can't show both.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pyoxigraph import RdfFormat, parse

from sopkg.detect import gap_identifier
from tests.bench.city import CITY, IN_CITY, TYPE, CityWriter, sop, thing, typed
from tests.bench.expectations import Expectations
from tests.bench.records import TRUE, record

CORE = Path(__file__).parents[2] / "ontology" / "core"
OBJECTS = tuple(
    f"Smart{each}"
    for each in (
        "People",
        "Governance",
        "Industry",
        "Environment",
        "Livelihood",
        "Infrastructure",
        "PlanningAndConstruction",
    )
)
LINES, CONNECTED = 40, 35
UNKNOWN = "undetermined"
EARLIER = thing("observation/2023-06-30")


def whole(city: CityWriter, expected: Expectations, departments: list[str]) -> None:
    """Writes all that is about the city as a whole, and notes what is to be found."""
    has = expected.seed % 2 == 1
    for write in (_core, _foundations, _levels, _inputs, _key_links, _indicators, _evaluations, _channels):
        write(city, expected, has)
    _mechanism(city, expected, departments, has)
    _transition(city, expected)
    _elsewhere(city, has)


def sort(expected: Expectations, kind: str, there: bool, *focus: str, verdict: str = UNKNOWN) -> None:
    """Notes a gap if something is not there, else that it nearly is one."""
    if there:
        expected.miss(kind, *focus)
    else:
        expected.gap(kind, verdict, *focus)


@cache
def said(predicate: str) -> tuple[tuple[str, str], ...]:
    """The subjects and objects of a property in the ontology, by their local names, in order."""
    told = (quad for path in sorted(CORE.glob("*.ttl")) for quad in parse(path=str(path), format=RdfFormat.TURTLE))
    found = {(each.subject.value, each.object.value) for each in told if each.predicate.value.endswith(predicate)}
    return tuple(sorted((subject.rpartition("#")[2], value.rpartition("#")[2]) for subject, value in found))


def members(of_class: str) -> list[str]:
    """The individuals of a class of the ontology."""
    return [subject for subject, named in said("rdf-syntax-ns#type") if named == of_class]


def _core(city: CityWriter, expected: Expectations, has: bool) -> None:
    """G11: some lines reach the core over one another, five reach nothing."""
    sort(expected, "coreless-surface", has, CITY)
    core = record(city, "IntegrationCore")
    lines = [thing(f"line/{number}") for number in range(LINES)]
    for line, to in zip(lines[:CONNECTED], [core, *lines], strict=False):
        city.say(line, (sop("connectedTo"), to))
    if has:
        city.say(CITY, (sop("core"), core))
    for number, line in enumerate(lines):
        sort(expected, "disconnected-line", not has or number < CONNECTED, line)


def _foundations(city: CityWriter, expected: Expectations, has: bool) -> None:
    """G15: three of five."""
    for number, each in enumerate(members("Foundation")):
        there = has and number < 3
        if there:
            city.say(CITY, (sop("hasFoundation"), sop(each)))
        sort(expected, "missing-foundation", there, CITY, sop(each))


def _levels(city: CityWriter, expected: Expectations, has: bool) -> None:
    """G24a: what the plans leave out."""
    for each in members("PlanningLevel"):
        there = each in ("UrbanMasterLevel", "ZoningLevel", "DetailedLevel")
        sort(expected, "missing-planning-level", there, CITY, sop(each))


def _inputs(city: CityWriter, expected: Expectations, has: bool) -> None:
    """G25: each first input of an object is there, the others on another object only."""
    for governed, other in (("Environment", "Infrastructure"), ("Infrastructure", "People")):
        required = [value for subject, value in said("ns#requires") if subject == f"Smart{governed}"]
        right = city.work(f"Smart{governed}", status="Completed")
        wrong = city.work(f"Smart{other}", status="Completed")
        kind = f"missing-{governed.lower()}-input"
        for number, each in enumerate(required):
            there = has and number == 0
            to = (sop("forInitiative"), (right if there else wrong).node)
            record(city, "Investment", IN_CITY, (sop("inputKind"), sop(each)), to)
            sort(expected, kind, there, CITY, sop(each))


def _key_links(city: CityWriter, expected: Expectations, has: bool) -> None:
    """G23a: each first one is pursued by whom it is a key link of, the others by another."""
    actors = {each: record(city, cls) for each, cls in (("Government", "Department"), ("Enterprise", "Company"))}
    actors["Society"] = record(city, "Public")
    others = dict(zip(actors, [*list(actors)[1:], "Government"], strict=True))
    pursued = set[str]()
    for subject, link in said("hasKeyLink"):
        there = has and subject not in pursued
        pursued.add(subject)
        work = city.work("SmartInfrastructure", status="Completed")
        city.say(work.node, (sop("contributesTo"), sop(link)))
        work.engage(actors[subject if there else others[subject]], "Proposing")
        sort(expected, "unpursued-key-link", there, CITY, sop(subject), sop(link), verdict="confirmed")


def _indicators(city: CityWriter, expected: Expectations, has: bool) -> None:
    """G20b: one object has a public indicator; another's is of an indicator that is not said to be public."""
    hidden = record(city, "Indicator", (sop("onObject"), sop("SmartLivelihood")))
    expected.gap("unpublished-indicator", UNKNOWN, hidden)
    if has:
        record(city, "Indicator", (sop("onObject"), sop("SmartPeople")), (sop("public"), TRUE))
    for each in OBJECTS:
        sort(expected, "object-without-public-indicator", has and each == "SmartPeople", CITY, sop(each))


def _evaluations(city: CityWriter, expected: Expectations, has: bool) -> None:
    """G18: one is as expected, one uses no indicator, one is old and uses none; the others are not evaluated."""
    indicator = record(city, "Indicator", (sop("public"), TRUE))
    days = {"SmartPeople": "2024-01-01", "SmartInfrastructure": "2023-05-01", "SmartEnvironment": "2019-01-01"}
    for governed, day in days.items() if has else ():
        used = [(sop("usesIndicator"), indicator)] if governed == "SmartPeople" else []
        what = (sop("evaluates"), sop(governed)), (sop("evaluatedOn"), typed(day, "date"))
        record(city, "Evaluation", *what, *used)
    for each in OBJECTS:
        evaluated = has and each in days
        sort(expected, "unevaluated-object", evaluated or each == "SmartIndustry", CITY, sop(each))
        sort(expected, "outdated-evaluation", not (evaluated and each == "SmartEnvironment"), CITY, sop(each))
        without = evaluated and each != "SmartPeople"
        sort(expected, "evaluation-without-indicator", not without, CITY, sop(each))


def _channels(city: CityWriter, expected: Expectations, has: bool) -> None:
    """G21: one object has two kinds of channel, one has one, the others have none."""
    kinds = members("ChannelKind")
    there = {"SmartPeople": kinds[:2], "SmartEnvironment": kinds[:1]} if has else {}
    for governed, each in ((governed, each) for governed, some in there.items() for each in some):
        record(city, "FeedbackChannel", (sop("onObject"), sop(governed)), (sop("channelKind"), sop(each)))
    for governed in OBJECTS:
        some = there.get(governed, [])
        for each in kinds:
            focus = CITY, sop(governed), sop(each)
            sort(expected, "no-feedback-channel", bool(some), *focus)
            sort(expected, "single-feedback-channel", len(some) != 1 or each in some, *focus)


def _mechanism(city: CityWriter, expected: Expectations, departments: list[str], has: bool) -> None:
    """G19: one mechanism covers all that are at work on its object but one, and that one's unit."""
    sort(expected, "missing-emergency-mechanism", has, CITY)
    mechanism = record(city, "EmergencyMechanism", (sop("onObject"), sop("SmartLivelihood")))
    if has:
        city.say(CITY, (sop("hasMechanism"), mechanism))
    city.say(mechanism, *((sop("coversDepartment"), each) for each in departments))
    outside, unit = city.actor("Department"), city.unit(departments[0])
    for lead in (outside, unit):
        city.work("SmartLivelihood").engage(lead, "Leading")
    expected.gap("uncovered-department", UNKNOWN, mechanism, outside)
    expected.miss("uncovered-department", mechanism, unit)


def _transition(city: CityWriter, expected: Expectations) -> None:
    """G16a: of three earlier gaps one persists, one is closed, one was not known."""
    date = (sop("date"), typed("2023-06-30", "date"))
    city.say(EARLIER, (TYPE, sop("Observation")), IN_CITY, date, (sop("objectInCreation"), sop("SmartGovernance")))
    verdicts = {"SmartGovernance": "Presumed", "SmartEnvironment": "Confirmed", "SmartLivelihood": "Undetermined"}
    for governed, verdict in verdicts.items():
        identifier = gap_identifier("G05", f"{CITY} {sop(governed)}")
        gap, finding = thing(f"gap/{identifier}"), thing(f"finding/2023-06-30/{identifier}")
        city.say(gap, (TYPE, sop("MissingCreationLeadership")), (sop("focus"), CITY), (sop("focus"), sop(governed)))
        said_then = (sop("gap"), gap), (sop("observation"), EARLIER), (sop("verdict"), sop(verdict))
        city.say(finding, (TYPE, sop("Finding")), *said_then)
        sort(expected, "unready-development", governed != "SmartGovernance", CITY, sop(governed), verdict="presumed")


def _elsewhere(city: CityWriter, has: bool) -> None:
    """G12: works on two further objects, so many that in a small city three do not hold most of them all."""
    for governed in ("SmartPlanningAndConstruction", "SmartLivelihood") if not has else ():
        for _ in range(24):
            city.work(governed, status="Completed")
