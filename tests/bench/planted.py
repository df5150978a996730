"""Plants gaps and near gaps of the kinds that are about single initiatives, places and application points.

Each function plants one of every sort; what is near differs from a gap in one condition of the kind's definition.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, cycle

from tests.bench.city import (
    BEFORE,
    CITY,
    DATE,
    ENDED,
    IN_CITY,
    LABEL,
    STILL,
    TYPE,
    CityWriter,
    Pair,
    Work,
    sop,
    text,
    typed,
)
from tests.bench.expectations import Expectations
from tests.bench.statements import absence, denial

# Half of it on one object.
OBJECTS = ("SmartInfrastructure", "SmartPeople", "SmartInfrastructure", "SmartEnvironment")
ENTERPRISE, GOVERNMENT, SOCIETY = sop("Enterprise"), sop("Government"), sop("Society")
LEADING_ROLE = ((("role",), sop("LeadingRole")),)


class Planter:
    """A cast of its own: nothing planted touches the rest of the city. Each pair of departments is used once."""

    def __init__(self, city: CityWriter, expectations: Expectations, rounds: int) -> None:
        self.city = city
        self.expectations = expectations
        size = max(12, min(60, 8 * rounds))
        departments = [city.actor("Department") for _ in range(size)]
        self.pairs: Iterator[tuple[str, str]] = combinations(departments, 2)
        self.departments = cycle(departments)
        self.companies = cycle([city.actor("Company") for _ in range(size)])
        self.publics = cycle([city.actor("Public") for _ in range(6)])
        self.governed = cycle(OBJECTS)
        self.aliases: dict[str, str] = {}

    def work(self, governed: str = "", **details: str) -> Work:
        return self.city.work(governed or next(self.governed), **details)

    def alias(self, actor: str) -> str:
        if actor not in self.aliases:
            self.aliases[actor] = self.city.alias(actor)
        return self.aliases[actor]

    def gaps(self, kind: str, verdict: str, *foci: tuple[object, ...]) -> None:
        for focus in foci:
            self.expectations.gap(kind, verdict, *map(str, focus))

    def near(self, kind: str, *foci: tuple[object, ...]) -> None:
        for focus in foci:
            self.expectations.miss(kind, *map(str, focus))

    def meet(self, parties: tuple[str, ...], *more: Pair, about: Work | None = None) -> None:
        self.city.interaction(list(parties), *([(sop("about"), about.node)] if about else []), *more)


def vacuums(p: Planter) -> None:
    """G03: somebody is engaged on an open initiative, nobody leads it."""
    kind, department, company = "accountability-vacuum", next(p.departments), next(p.companies)

    def work(**details: str) -> Work:
        return p.work(**details).engage(company, "Executing")

    p.gaps(kind, "confirmed", (work(),), (work().engage(department, "Leading", ENDED),))
    p.gaps(kind, "confirmed", (work().engage(department, "Funding").contract(department, company),))
    elsewhere = p.work().engage(department, "Leading")
    p.near(kind, (elsewhere,), (work(status="Completed"),), (work(status="Stopped"),))
    for role, more in [("Guiding", ()), ("Coordinating", ()), ("Leading", (STILL,))]:
        p.near(kind, (work().engage(department, role, *more).contract(department, company),))
    p.near(kind, (p.work().engage(company, "Executing", ENDED),))
    contested = p.work().engage(department, "Leading")
    absence(p.city, "Engagement", (("onInitiative",), contested.node), classes=LEADING_ROLE)
    p.gaps(kind, "contested", (contested,))


def leaders(p: Planter) -> None:
    """G04a: two lead one initiative and have recorded no arrangement."""
    kind = "contested-initiative"

    def led(second: str = "Leading", *more: Pair, status: str = "Open") -> tuple[Work, str, str]:
        x, y = next(p.pairs)
        return p.work(status=status).engage(x, "Leading").engage(y, second, *more), x, y

    bare, other, ended, thirds, named = (led() for _ in range(5))
    p.meet(other[1:], about=p.work())
    p.meet(ended[1:], ENDED, about=ended[0])
    company = next(p.companies)
    p.meet((thirds[1], company), about=thirds[0])
    p.meet((thirds[2], company), about=thirds[0])
    p.alias(named[2])
    p.gaps(kind, "presumed", bare, other, ended, thirds, named)
    about, general, by_alias, denied = (led() for _ in range(4))
    p.meet(about[1:], STILL, about=about[0])
    p.meet(general[1:])
    p.meet((p.alias(by_alias[1]), by_alias[2]), about=by_alias[0])
    p.near(kind, about, general, by_alias, led("Guiding"), led("Leading", ENDED), led(status="Completed"))
    one = next(p.departments)
    p.near(kind, (p.work().engage(one, "Leading").engage(p.alias(one), "Leading"), one, p.alias(one)))
    p.meet(denied[1:], about=denied[0])
    absence(p.city, "Interaction", *[(("party",), actor) for actor in denied[1:]])
    p.gaps(kind, "contested", denied)


def neighbours(p: Planter) -> None:
    """G04b: two lead different works at one place, on one object, and have recorded no arrangement."""
    kind = "contested-place"

    def site(
        second: str = "Leading", *more: Pair, governed: str = "SmartPeople", status: str = "Open"
    ) -> tuple[str, ...]:
        place, (x, y) = p.city.place(), next(p.pairs)
        p.work("SmartPeople", place=place).engage(x, "Leading")
        guide = p.work(governed, place=place, status=status).engage(y, second, *more)
        if second == "Funding":
            guide.engage(x, "Leading")
        return place, x, y

    bare, ended = site(), site()
    p.meet(ended[1:], ENDED)
    p.gaps(kind, "presumed", bare, ended)
    met, elsewhere = site(), site()
    p.meet(met[1:])
    p.meet(elsewhere[1:], about=p.work())
    p.near(kind, met, elsewhere, site(governed="SmartEnvironment"), site(status="Completed"))
    p.near(kind, site("Leading", ENDED), site("Guiding"), site("Funding"))
    one, two = next(p.departments), next(p.pairs)
    places = p.city.place(), p.city.place(), p.city.place()
    for place, actor in zip((*places[:2], places[2], places[2]), (*two, one, p.alias(one)), strict=True):
        p.work("SmartPeople", place=place).engage(actor, "Leading")
    p.near(kind, (places[0], *two), (places[1], *two), (places[2], one, p.alias(one)))


def silences(p: Planter) -> None:
    """G07: two subjects work on one initiative and have no interaction about it."""
    kind, pair = "subject-interaction-gap", (ENTERPRISE, GOVERNMENT)
    department, company, public = next(p.departments), next(p.companies), next(p.publics)

    def work(*more: Pair, status: str = "Open") -> Work:
        return p.work(status=status).engage(department, "Leading").engage(company, "Executing", *more)

    other, ended, nothing, same = (work() for _ in range(4))
    p.meet((department, company), about=p.work())
    p.meet((department, company), ENDED, about=ended)
    p.meet((department, company))
    p.meet((company, next(p.companies)), about=same)
    p.gaps(kind, "presumed", *((each, *pair) for each in (other, ended, nothing, same)))
    three = work().engage(public, "Supervisor").contract(department, company)
    p.near(kind, (three, *pair))
    p.gaps(kind, "presumed", (three, ENTERPRISE, SOCIETY), (three, GOVERNMENT, SOCIETY))
    office = p.city.unit(department)
    contracts = [work().contract(department, company), work().contract(office, next(p.companies))]
    contracts += [work().contract(department, p.alias(company))]
    p.near(kind, *((each, *pair) for each in (*contracts, work(ENDED), work(status="Completed"))))
    contested = work().contract(department, company)
    absence(p.city, "Interaction", (("about",), contested.node))
    p.gaps(kind, "contested", (contested, *pair))


def points(p: Planter) -> None:
    """G10: an application point is on no line."""
    kind = "isolated-point"
    alone, kept, held = point(p.city), point(p.city, line=1), point(p.city, line=2)
    part = point(p.city, (sop("partOf"), alone))
    p.gaps(kind, "undetermined", (alone,), (part,))
    inner = point(p.city, (sop("partOf"), held))
    p.near(kind, (kept,), (inner,), (point(p.city, (sop("partOf"), inner)),))


def point(city: CityWriter, *more: Pair, line: int = 0) -> str:
    """An application point; on a line if one is given."""
    node = city.new("point")
    on_line = [(sop("partOfLine"), f"{CITY[: -len('city/bench>')]}line/{line}>")] if line else []
    city.say(node, (TYPE, sop("ApplicationPoint")), (LABEL, text(f"Point {node[-7:-1]}")), IN_CITY, *on_line, *more)
    return node


def delays(p: Planter) -> None:
    """G16b: open, in creation, planned to have ended."""
    kind, department = "overdue-creation", next(p.departments)

    def work(end: str = BEFORE, stage: str = "Creation", status: str = "Open") -> Work:
        return p.work(stage=stage, status=status, end=end).engage(department, "Leading")

    late, denied = work(), work()
    denial(p.city, denied.node, "plannedEnd", ("targetValue", typed(BEFORE, "date")))
    p.gaps(kind, "confirmed", (late,))
    p.gaps(kind, "contested", (denied,))
    near = work(DATE), work(""), work("2024-07-01"), work(stage="Development"), work(status="Stopped")
    p.near(kind, *((each,) for each in near))


PLANTERS = (vacuums, leaders, neighbours, silences, points, delays)
