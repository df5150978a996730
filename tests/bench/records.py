"""Plants gaps and near gaps of the kinds about decisions, data, needs, plans, indicators, platforms and dependences.

`ordinary` writes the same records without a gap, so that there are many of each in a large city.
"""

from __future__ import annotations

from tests.bench.city import BEFORE, ENDED, IN_CITY, LABEL, TYPE, CityWriter, Pair, Work, sop, text, thing, typed
from tests.bench.planted import ENTERPRISE, GOVERNMENT, SOCIETY, Planter

DATASET = "<http://www.w3.org/ns/dcat#Dataset>"
LATELY, LONG_AGO = "2023-01-01", "2020-01-01"
MASTER_PLAN = thing("plan/master")
PLATFORM = thing("platform/common")
SUBJECTS = (GOVERNMENT, ENTERPRISE, SOCIETY)
TRUE, FALSE = typed("true", "boolean"), typed("false", "boolean")


def record(city: CityWriter, cls: str, *pairs: Pair) -> str:
    """A fresh thing of one of our classes, with a label."""
    node = city.new(cls.lower())
    city.say(node, (TYPE, sop(cls)), (LABEL, text(f"{cls} {city.numbers[cls.lower()]}")), *pairs)
    return node


def decision(city: CityWriter, affected: object, *deciders: str) -> str:
    return record(city, "Decision", (sop("affects"), str(affected)), *((sop("decidedBy"), each) for each in deciders))


def dataset(city: CityWriter, *pairs: Pair) -> str:
    node = city.new("dataset")
    city.say(node, (TYPE, DATASET), (LABEL, text(f"Dataset {node[-7:-1]}")), *pairs)
    return node


def sharing(city: CityWriter, shared: str, receiver: str, *pairs: Pair) -> None:
    record(city, "DataSharing", (sop("sharedDataset"), shared), (sop("sharedWith"), receiver), *pairs)


def plan(city: CityWriter, level: str, refined: str, *subjects: str) -> str:
    pairs = [IN_CITY, (sop("planLevel"), sop(level))]
    pairs += [(sop("refines"), refined)] if refined else []
    return record(city, "Plan", *pairs, *((sop("basedOnNeedOf"), each) for each in subjects))


def target(city: CityWriter, work: Work, indicator: str, direction: str) -> None:
    pairs = (sop("targetOf"), work.node), (sop("onIndicator"), indicator), (sop("targetDirection"), text(direction))
    record(city, "Target", *pairs)


def function(city: CityWriter, governed: str, code: str, operator: str, *pairs: Pair) -> str:
    """An application point with a function, on a line."""
    on_line = (sop("partOfLine"), thing("line/1"))
    what = (sop("onObject"), sop(governed)), (sop("functionCode"), text(code)), (sop("operatedBy"), operator)
    return record(city, "ApplicationPoint", IN_CITY, on_line, *what, *pairs)


def raised(city: CityWriter, day: str) -> str:
    return record(city, "Need", *([(sop("raisedOn"), typed(day, "date"))] if day else []))


def decisions(p: Planter) -> None:
    """G17: one subject decides alone while another is at work on what is affected; nobody of the public decides."""
    department, company, public = next(p.departments), next(p.companies), next(p.publics)

    def work(*more: Pair, role: str = "Executing", status: str = "Open") -> Work:
        led = p.work(status=status).engage(department, "Leading").engage(company, role, *more)
        return led.contract(department, company)

    def made(affected: Work, *deciders: str) -> str:
        node = decision(p.city, affected, *deciders)
        without = p.near if public in deciders else lambda *told: p.gaps(told[0], "undetermined", *told[1:])
        without("decision-without-the-public", (node,))
        return node

    alone, both, three = made(work(), department), made(work(), department, company), made(work(), department, public)
    ended, gone = made(work(ENDED), department), made(work(status="Completed"), department)
    elsewhere = made(p.work().engage(department, "Leading"), department)
    p.gaps("one-sided-decision", "undetermined", (alone, ENTERPRISE))
    near = both, three, ended, gone, elsewhere
    p.near("one-sided-decision", *((each, ENTERPRISE) for each in near), (alone, GOVERNMENT), (alone, SOCIETY))


def data(p: Planter) -> None:
    """G13: a dataset is needed by another than its holder and not shared; one is refused without a reason."""
    kind, holder, needer, other = "unshared-dataset", *(next(p.departments) for _ in range(3))

    def needed(*pairs: Pair, held: bool = True) -> str:
        by = [(sop("heldBy"), holder)] if held else []
        return dataset(p.city, (sop("neededBy"), needer), *by, *pairs)

    bare, ended, third, shared = (needed() for _ in range(4))
    sharing(p.city, ended, needer, ENDED)
    sharing(p.city, third, other)
    sharing(p.city, shared, needer)
    p.gaps(kind, "undetermined", *((each, needer) for each in (bare, ended, third)))
    p.near(kind, (shared, needer), (needed(held=False), needer), (needed((sop("heldBy"), needer)), needer))
    closed, told, open_one = (dataset(p.city) for _ in range(3))
    record(p.city, "SharingRefusal", (sop("refusedDataset"), closed))
    record(p.city, "SharingRefusal", (sop("refusedDataset"), told), (sop("refusalReason"), text("personal data")))
    p.gaps("unreasoned-refusal", "undetermined", (closed,))
    p.near("unreasoned-refusal", (told,), (open_one,))


def needs(p: Planter) -> None:
    """G22: nobody addresses a need; long ago it was raised, lately, or on no known day."""
    lately, undated, long_ago, met = (raised(p.city, day) for day in (LATELY, "", LONG_AGO, LONG_AGO))
    work = p.work().engage(next(p.departments), "Leading")
    p.city.say(work.node, (sop("addresses"), met))
    p.gaps("unmet-need", "confirmed", (lately,), (undated,))
    p.gaps("long-unmet-need", "confirmed", (long_ago,))
    p.near("unmet-need", (long_ago,), (met,))
    p.near("long-unmet-need", (lately,), (undated,), (met,))


def plans(p: Planter) -> None:
    """G24: a plan refines none of the next higher level, or is based on no need of some subject."""
    loose = plan(p.city, "ZoningLevel", "", *SUBJECTS)
    beside = plan(p.city, "ZoningLevel", loose, *SUBJECTS)
    over = plan(p.city, "DetailedLevel", MASTER_PLAN, *SUBJECTS)
    kept, deep = plan(p.city, "ZoningLevel", MASTER_PLAN), plan(p.city, "DetailedLevel", loose, GOVERNMENT, SOCIETY)
    p.gaps("unrefining-plan", "undetermined", (loose,), (beside,), (over,))
    p.near("unrefining-plan", (kept,), (deep,), (MASTER_PLAN,))
    p.gaps("plan-without-need", "undetermined", *((kept, each) for each in SUBJECTS), (deep, ENTERPRISE))
    p.near("plan-without-need", (deep, GOVERNMENT), *((over, each) for each in SUBJECTS))


def targets(p: Planter) -> None:
    """G20a: an indicator is not public. G23b: initiatives that different subjects lead want it to go opposite ways."""
    kind, department, company = "opposite-targets", next(p.departments), next(p.companies)
    shown = (sop("public"), TRUE)

    def led(by: str, role: str = "Leading") -> Work:
        work = p.work(stage="Development").engage(by, role)
        return work if role == "Leading" else work.engage(department, "Leading").contract(department, by)

    def aimed(second: Work, other: str = "down", third: str = "") -> tuple[Work, Work, str]:
        first, indicator = led(department), record(p.city, "Indicator", shown)
        target(p.city, first, indicator, "up")
        target(p.city, second, third or indicator, other)
        return (first, second, indicator) if str(first) < str(second) else (second, first, indicator)

    p.gaps(kind, "confirmed", aimed(led(company)))
    same, alone, funded = aimed(led(company), "up"), aimed(led(department)), aimed(led(company, "Funding"))
    p.near(kind, same, alone, funded, aimed(led(company), "down", record(p.city, "Indicator", shown)))
    hidden, denied = record(p.city, "Indicator"), record(p.city, "Indicator", (sop("public"), FALSE))
    p.gaps("unpublished-indicator", "undetermined", (hidden,), (denied,))
    p.near("unpublished-indicator", (same[2],))


def platforms(p: Planter) -> None:
    """G25: a platform for profit, or without an input. G14: operators run one function each by itself."""
    profit = record(p.city, "PublicManagementPlatform", (sop("profitMaking"), TRUE))
    common = record(p.city, "PublicManagementPlatform", (sop("profitMaking"), FALSE))
    p.gaps("profit-making-platform", "confirmed", (profit,))
    p.near("profit-making-platform", (common,))
    kinds = [sop(f"{name}Input") for name in ("Technology", "Equipment", "Training")]
    for platform, given in ((profit, kinds[:1]), (common, kinds)):
        for each in given:
            record(p.city, "Investment", IN_CITY, (sop("forPlatform"), platform), (sop("inputKind"), each))
        p.near("missing-platform-input", *((platform, each) for each in given))
        lacking = [each for each in kinds if each not in given]
        p.gaps("missing-platform-input", "undetermined", *((platform, each) for each in lacking))
    fragments(p, common)


def fragments(p: Planter, common: str) -> None:
    """Pairs of points with one function: on the platform or not, of two operators or one, on one object or two."""
    x, y, via = next(p.departments), next(p.departments), (sop("deliveredVia"), common)
    first, second = "SmartLivelihood", "SmartPeople"
    pairs = (((first, x), (first, y)), ((first, x, via), (first, y)))
    near = (((first, x, via), (first, y, via)), ((first, x), (first, x)), ((first, x), (second, y)))
    for points, wrong in ((pairs, True), (near, False)):
        for pair in points:
            p.city.numbers["function"] += 1
            code = f"function-{p.city.numbers['function']}"
            for governed, operator, *more in pair:
                function(p.city, governed, code, operator, *more)
            if wrong:
                p.gaps("fragmented-application", "undetermined", (sop(first), text(code)))
            else:
                p.near("fragmented-application", (sop(first), text(code)))


def dependences(p: Planter) -> None:
    """G09: two initiatives depend on each other, those at work on them have nothing in common."""
    kind = "integrative-gap"

    def pair(status: str = "Open", present: bool = True) -> tuple[Work, Work, str, str]:
        x, y = next(p.pairs)
        one, other = p.work().engage(x, "Leading"), p.work(status=status)
        p.city.say(other.node, (sop("dependsOn"), one.node))
        return one, other.engage(y, "Leading") if present else other, x, y

    bare, met, common, empty = pair(), pair(), pair(), pair(present=False)
    p.meet(met[2:])
    common[0].engage(common[3], "Funding")
    p.gaps(kind, "presumed", bare[:2])
    p.near(kind, met[:2], common[:2], empty[:2], pair(status="Completed")[:2], (bare[1], bare[0]))


def ordinary(city: CityWriter, work: Work, lead: str, public: str, before: tuple[Work, str] | None) -> None:
    """A decision, data, a need, a plan, an indicator, an application and a dependence, all as expected."""
    decision(city, work, lead, public)
    shared = dataset(city, (sop("heldBy"), lead), (sop("neededBy"), public))
    sharing(city, shared, public)
    refused = dataset(city, (sop("heldBy"), lead))
    record(city, "SharingRefusal", (sop("refusedDataset"), refused), (sop("refusalReason"), text("personal data")))
    city.say(work.node, (sop("addresses"), raised(city, BEFORE)))
    plan(city, "ZoningLevel", MASTER_PLAN, *SUBJECTS)
    target(city, work, record(city, "Indicator", (sop("public"), TRUE)), "up")
    city.numbers["function"] += 1
    for operator in (lead, public):
        code = f"function-{city.numbers['function']}"
        function(city, work.governed, code, operator, (sop("deliveredVia"), PLATFORM))
    if before is not None:
        work.engage(before[1], "Funding")
        city.say(work.node, (sop("dependsOn"), before[0].node))


def frame(city: CityWriter) -> None:
    """What the ordinary records refer to."""
    city.say(MASTER_PLAN, (TYPE, sop("Plan")), (LABEL, text("the master plan")), IN_CITY)
    city.say(MASTER_PLAN, (sop("planLevel"), sop("UrbanMasterLevel")), *((sop("basedOnNeedOf"), s) for s in SUBJECTS))
    city.say(PLATFORM, (TYPE, sop("PublicManagementPlatform")), (LABEL, text("the common platform")))
    for name in ("Technology", "Equipment", "Training"):
        kind = (sop("inputKind"), sop(f"{name}Input"))
        record(city, "Investment", IN_CITY, (sop("forPlatform"), PLATFORM), kind)


PLANTERS = (decisions, data, needs, plans, targets, platforms, dependences)
