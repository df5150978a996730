"""Generates one city of any size, with planted gaps beside planted near gaps.

`python -m tests.bench.generate OUT --triples N` writes OUT (N-Triples) and, beside it, what is to be found (JSON).
One object holds half of the initiatives, one actor is in a twentieth of the engagements. The ordinary part has no gap
of the kinds about single initiatives; what is to be found of the kinds about the city follows from how its objects
are made.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyoxigraph import RdfFormat, parse

from tests.bench.city import (
    BASE,
    CITY,
    DATE,
    ENDED,
    FILE,
    FROM,
    HUB,
    IN_CITY,
    LABEL,
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
from tests.bench.extensions import PLANTERS as EXTENSION_PLANTERS
from tests.bench.extensions import counted, overload
from tests.bench.planted import PLANTERS, Planter, point
from tests.bench.records import PLANTERS as RECORD_PLANTERS
from tests.bench.records import frame, ordinary
from tests.bench.statements import REGISTER, scope
from tests.bench.whole import whole

NORMS = Path(__file__).parents[2] / "ontology" / "norms" / "paper.ttl"
TRIPLES_A_WORK = 45
PUBLIC_ROLES = ("Supervisor", "PlanningParticipant", "InterestRepresentative")
SUBJECTS = ("Government", "Enterprise", "Society")
# Of twenty ordinary works: half on one object, seventeen on three, none on industry.
MIX = (
    *(["SmartInfrastructure"] * 3 + ["SmartPeople"]) * 2,
    *["SmartEnvironment", "SmartLivelihood", "SmartInfrastructure"] * 2,
    *[
        "SmartPeople",
        "SmartInfrastructure",
        "SmartGovernance",
        "SmartEnvironment",
        "SmartPeople",
        "SmartInfrastructure",
    ],
)
PLAIN = ("SmartInfrastructure", "SmartPeople", "SmartEnvironment")
OBJECTS = (*PLAIN, "SmartGovernance", "SmartIndustry", "SmartLivelihood", "SmartPlanningAndConstruction")


@dataclass
class Site:
    """A place, who leads everything there, and how many more works fit."""

    node: str
    lead: str
    room: int


class Cast:
    """The actors and places of the ordinary part."""

    def __init__(self, city: CityWriter, works: int) -> None:
        self.city = city
        departments = [city.actor("Department") for _ in range(max(8, min(240, works // 40)))]
        self.departments = departments + [city.unit(each) for each in departments[: len(departments) // 10 + 1]]
        self.companies = [city.actor("Company") for _ in range(max(8, works // 40))]
        self.publics = [city.actor("Public") for _ in range(max(4, works // 200))]
        self.sites: list[Site] = []
        self.last: tuple[Work, str] | None = None

    def pick(self, actors: list[str]) -> str:
        return self.city.random.choice(actors)

    def site(self) -> Site:
        """An open place; a new one when none has room."""
        self.sites = [site for site in self.sites if site.room]
        if len(self.sites) < 5:
            self.sites.append(Site(self.city.place(), self.pick(self.departments), self.city.random.randint(1, 20)))
        found = self.city.random.choice(self.sites)
        found.room -= 1
        return found


def generate(path: Path, triples: int, seed: int = 1) -> Expectations:
    """Writes about so many triples as N-Triples (at least some 4,000) and returns what is to be found in them."""
    expectations = Expectations(seed)
    works = triples // TRIPLES_A_WORK
    rounds = max(1, min(60, works // 400))
    with path.open("w", encoding="utf-8", newline="\n") as out:
        city = CityWriter(out, seed)
        _frame(city)
        _scope(city)
        planter = Planter(city, expectations, rounds)
        for _ in range(rounds):
            for plant in (*PLANTERS, *RECORD_PLANTERS, *EXTENSION_PLANTERS):
                plant(planter)
        cast = Cast(city, works)
        whole(city, expectations, cast.departments)
        overload(city, cast.departments[1])
        _unstarted(city, cast)
        _functions(city, cast, expectations)
        _ordinary(city, cast, triples)
    _city_gaps(expectations, city.objects)
    counted(path, expectations)
    expectations.triples = city.triples
    return expectations


def _frame(city: CityWriter) -> None:
    observation = thing(f"observation/{DATE}")
    city.say(CITY, (TYPE, sop("City")), (LABEL, text("Bench")))
    city.say(observation, (TYPE, sop("Observation")), IN_CITY, (sop("date"), typed(DATE, "date")))
    city.say(HUB, (TYPE, sop("Department")), (LABEL, text("the busy department")))
    city.say(FILE, ("<http://purl.org/dc/terms/source>", REGISTER))
    for number in range(40):
        city.say(thing(f"line/{number}"), (TYPE, sop("ApplicationLine")), (LABEL, text(f"Line {number}")), IN_CITY)
    for number in range(15):
        city.say(thing(f"territory/{number}"), (TYPE, sop("Territory")), (LABEL, text(f"Territory {number}")))
    frame(city)


def _scope(city: CityWriter) -> None:
    """All leads and initiatives are recorded; interactions, planning and enterprises perhaps not all."""
    scope(city, "Complete", "Engagement", classes=((("role",), sop("LeadingRole")),))
    scope(city, "Complete", "Initiative")
    scope(city, "Partial", "Interaction")
    scope(city, "Partial", "Engagement", (("role",), sop("PlanningParticipant")))
    scope(city, "Partial", "Engagement", (("actor", "actsAs"), sop("Enterprise")))


def _unstarted(city: CityWriter, cast: Cast) -> None:
    """An object in creation whose every engagement has ended."""
    for _ in range(3):
        work = city.work("SmartPlanningAndConstruction", "Creation").engage(
            cast.pick(cast.departments), "Leading", ENDED
        )
        work.engage(cast.pick(cast.companies), "Executing", ENDED).engage(cast.pick(cast.publics), "Supervisor", ENDED)


def _ordinary(city: CityWriter, cast: Cast, triples: int) -> None:
    number = 0
    while city.triples < triples - TRIPLES_A_WORK:
        governed = MIX[number % len(MIX)]
        {"SmartGovernance": _companies_create, "SmartLivelihood": _government_alone}.get(governed, _plain)(
            city, cast, governed, number
        )
        if number % 20 == 0:
            point(city, line=1 + number % 39)
        number += 1


def _plain(city: CityWriter, cast: Cast, governed: str, number: int) -> None:
    """A work without a gap: one lead, a contract of all who take part. The first ones show all that an object needs."""
    first, chance = number < 2 * len(MIX), city.random.random
    stage = "Creation" if number % 3 == 0 else "Development"
    status = "Open" if first or stage == "Creation" or chance() < 0.6 else "Completed" if chance() < 0.8 else "Stopped"
    site = cast.site() if chance() < 0.7 else None
    lead = site.lead if site else cast.pick(cast.departments)
    work = city.work(governed, stage, status, site.node if site else "").engage(lead, "Leading")
    parties = [lead]
    if first or chance() < 0.9:
        parties.append(cast.pick(cast.companies))
        broadband = governed == "SmartInfrastructure" and (first or chance() < 0.3)
        work.engage(
            parties[-1], "Executing", *([(sop("exercises"), sop("BuildBroadbandNetworks"))] if broadband else [])
        )
    if first or chance() < 0.2:
        parties.append(cast.pick(cast.publics))
        work.engage(parties[-1], PUBLIC_ROLES[number % 3])
    if len(parties) > 1:
        work.contract(*parties)
    if number % 10 == 0:
        ordinary(city, work, lead, cast.pick(cast.publics), cast.last)
        cast.last = work, lead
    _extras(city, cast, work)


def _extras(city: CityWriter, cast: Cast, work: Work) -> None:
    """What changes no answer: former leads, the busy department, money, safety."""
    if city.random.random() < 0.05:
        work.engage(cast.pick(cast.departments), "Leading", ENDED)
    if city.hub_is_due():
        work.engage(HUB, "Funding")
    if city.random.random() < 0.1:
        amount = (sop("amount"), typed(f"{city.random.randrange(1000, 9_000_000)}.0", "decimal"))
        city.say(
            city.new("investment"),
            (TYPE, sop("Investment")),
            IN_CITY,
            (sop("forInitiative"), work.node),
            amount,
            (FROM, work.row),
        )
    if city.random.random() < 0.05:
        city.say(work.node, (sop("safetyRelated"), typed("true", "boolean")))


def _companies_create(city: CityWriter, cast: Cast, governed: str, number: int) -> None:
    """Companies lead in creation, the government in development only; society was there once, on a finished work."""
    leader, other = city.random.sample(cast.companies, 2)
    lead = cast.pick(cast.departments)
    if city.objects[governed] % 2 == 0:
        city.work(governed, "Creation").engage(leader, "Leading").engage(other, "Executing")
    else:
        city.work(governed).engage(lead, "Leading").engage(leader, "Executing").contract(lead, leader)
    if city.objects[governed] < 3:
        city.work(governed, status="Completed").engage(cast.pick(cast.publics), "Supervisor").engage(lead, "Leading")


def _government_alone(city: CityWriter, cast: Cast, governed: str, number: int) -> None:
    """The government leads at both stages; companies and society have left, and a company once supervised."""
    stage = "Creation" if city.objects[governed] % 2 == 0 else "Development"
    work = city.work(governed, stage).engage(cast.pick(cast.departments), "Leading")
    work.engage(cast.pick(cast.companies), "Supervisor", ENDED).engage(
        cast.pick(cast.publics), "PlanningParticipant", ENDED
    )


# (subject, object, function): what somebody does, or what a norm asks for.
Duty = tuple[str, str, str]


def _functions(city: CityWriter, cast: Cast, expectations: Expectations) -> None:
    """G02: of three norms one is met, one nearly, one not at all. The ended count as well as the others."""
    actors = {"Government": cast.departments, "Enterprise": cast.companies, "Society": cast.publics}
    duties, wider = _norms()
    done: list[Duty] = [("Enterprise", "SmartInfrastructure", "BuildBroadbandNetworks")]
    for number, (subject, governed, function) in enumerate(duties.values()):
        if number % 3 == 0:
            done.append((subject, governed, function))
        elif number % 3 == 1:
            other = SUBJECTS[(SUBJECTS.index(subject) + 1) % 3]
            done += [(other, governed, function), (subject, "SmartPeople", function)]
    for number, (subject, governed, function) in enumerate(done):
        row = city.row()
        more: list[Pair] = [(sop("exercises"), sop(function)), (FROM, row)] + ([ENDED] if number % 2 else [])
        city.engagement(cast.pick(actors[subject]), "Executing", governed, *more)
    met = {(subject, governed, each) for subject, governed, function in done for each in _upward(function, wider)}
    for norm, duty in duties.items():
        if duty in met:
            expectations.miss("missing-expected-function", CITY, sop(norm))
        else:
            verdict = "presumed" if duty[0] == "Enterprise" else "undetermined"
            expectations.gap("missing-expected-function", verdict, CITY, sop(norm))


def _norms() -> tuple[dict[str, Duty], dict[str, list[str]]]:
    """The norms that the kind checks, by name, and of which functions each function is a part."""
    said: dict[str, dict[str, list[str]]] = {}
    for quad in parse(path=str(NORMS), format=RdfFormat.TURTLE):
        subject, predicate, value = (_local(term.value) for term in (quad.subject, quad.predicate, quad.object))
        said.setdefault(subject, {}).setdefault(predicate, []).append(value)
    duties = {
        name: (facts["expectedOf"][0], facts["expectedOn"][0], facts["expects"][0])
        for name, facts in sorted(said.items())
        if facts.get("checkedBy") == ["MissingExpectedFunction"]
    }
    assert all(len(said[norm][each]) == 1 for norm in duties for each in ("expectedOf", "expectedOn", "expects"))
    return duties, {name: facts["subFunctionOf"] for name, facts in said.items() if "subFunctionOf" in facts}


def _local(iri: str) -> str:
    return iri.rpartition("#")[2]


def _upward(function: str, wider: dict[str, list[str]]) -> set[str]:
    return {function}.union(*(_upward(each, wider) for each in wider.get(function, [])))


def _city_gaps(expectations: Expectations, counts: Counter[str]) -> None:
    """What follows for the kinds about the city, from how each object was made."""
    industry, planning = "SmartIndustry", "SmartPlanningAndConstruction"
    governance, livelihood = "SmartGovernance", "SmartLivelihood"
    undetermined, presumed = "undetermined", "presumed"
    _sort_out(
        expectations,
        "uncovered-object",
        {(industry,): undetermined, (planning,): undetermined},
        [(each,) for each in OBJECTS],
    )
    leaderless = {(governance,): "confirmed", (planning,): "confirmed"}
    _sort_out(expectations, "missing-creation-leadership", leaderless, [(each,) for each in OBJECTS])
    pairs = [(each, subject) for each in OBJECTS for subject in SUBJECTS]
    alone = {(livelihood, "Enterprise"): presumed, (livelihood, "Society"): undetermined}
    _sort_out(expectations, "single-subject-object", alone, pairs)
    _sort_out(expectations, "missing-subject", {(governance, "Society"): undetermined}, pairs)
    supervisor, planner, representative = PUBLIC_ROLES
    seats = [(each, role) for each in OBJECTS for role in PUBLIC_ROLES]
    _sort_out(expectations, "supervisor-gap", {(livelihood, supervisor): undetermined}, seats)
    absent = {(each, representative): undetermined for each in (governance, livelihood, planning)}
    _sort_out(
        expectations, "public-role-gap", absent | {(each, planner): presumed for each in (governance, planning)}, seats
    )
    top = sum(count for _, count in counts.most_common(3))
    if top >= 0.8 * counts.total():
        expectations.gap("sector-concentration", "confirmed", CITY)
    else:
        expectations.miss("sector-concentration", CITY)


def _sort_out(expectations: Expectations, kind: str, gaps: Mapping[Any, str], foci: Sequence[tuple[str, ...]]) -> None:
    for focus in foci:
        terms = (CITY, *map(sop, focus))
        if focus in gaps:
            expectations.gap(kind, gaps[focus], *terms)
        else:
            expectations.miss(kind, *terms)


def main() -> None:
    """Writes OUT and, beside it, OUT with the ending .json: what is to be found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--triples", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    expectations = generate(given.out, given.triples, given.seed)
    expectations.write(given.out.with_suffix(".json"))
    gaps = sum(map(len, expectations.expected.values()))
    print(f"{expectations.triples:,} triples, {gaps:,} gaps, base {BASE}")


if __name__ == "__main__":
    main()
