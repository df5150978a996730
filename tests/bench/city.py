"""Writes one city of any size as N-Triples: actors, works, engagements, interactions, and their rows."""

from __future__ import annotations

import random
from collections import Counter
from typing import TextIO

BASE = "https://w3id.org/sopkg/id/bench/"
SOP = "https://w3id.org/sopkg/ns#"
XSD = "http://www.w3.org/2001/XMLSchema#"
DATE, BEFORE, AFTER = "2024-06-30", "2024-03-01", "2026-12-31"
TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"
SAME = "<http://www.w3.org/2002/07/owl#sameAs>"
FROM = "<http://www.w3.org/ns/prov#wasDerivedFrom>"
PART = "<http://purl.org/dc/terms/isPartOf>"
ROWNUM = "<http://www.w3.org/ns/csvw#rownum>"

# A predicate and an object, both as terms in N-Triples.
Pair = tuple[str, str]


def thing(path: str) -> str:
    return f"<{BASE}{path}>"


def sop(name: str) -> str:
    return f"<{SOP}{name}>"


def text(value: str) -> str:
    return f'"{value}"'


def typed(value: object, datatype: str) -> str:
    return f'"{value}"^^<{XSD}{datatype}>'


CITY, FILE = thing("city/bench"), thing("file/register")
HUB = thing("department/hub")
HUB_SHARE = 0.05
(A_INITIATIVE, A_ENGAGEMENT) = ((TYPE, sop("Initiative")), (TYPE, sop("Engagement")))
IN_CITY = (sop("city"), CITY)
ENDED = (sop("validTo"), typed(BEFORE, "date"))
STILL = (sop("validTo"), typed(AFTER, "date"))
(ACTOR, ROLE, ON_OBJECT, ON_INITIATIVE) = map(sop, ("actor", "role", "onObject", "onInitiative"))


class CityWriter:
    """Streams a city into an open file and counts what it wrote; the same seed writes the same bytes."""

    def __init__(self, out: TextIO, seed: int) -> None:
        self.out = out
        self.random = random.Random(seed)
        self.triples = 0
        self.numbers: Counter[str] = Counter()
        self.objects: Counter[str] = Counter()
        self.engagements = 0
        self.hub_engagements = 0

    def say(self, subject: str, *pairs: Pair) -> None:
        """Writes one triple for each pair."""
        self.out.write("".join([f"{subject} {predicate} {value} .\n" for predicate, value in pairs]))
        self.triples += len(pairs)

    def new(self, cls: str) -> str:
        """A fresh IRI of a class of things."""
        self.numbers[cls] += 1
        return thing(f"{cls}/{self.numbers[cls]:06d}")

    def actor(self, cls: str, *more: Pair) -> str:
        """A Department, Company, Public or plain Actor."""
        node = self.new(cls.lower())
        self.say(node, (TYPE, sop(cls)), (LABEL, text(f"{cls} {self.numbers[cls.lower()]}")), *more)
        return node

    def unit(self, department: str) -> str:
        """An actor that is of the government only because the body it belongs to is."""
        return self.actor("Actor", (sop("unitOf"), department))

    def alias(self, actor: str) -> str:
        """A second name, later in order than the first."""
        node = self.new("zz-alias")
        self.say(node, (TYPE, sop("Actor")), (LABEL, text("another name")), (SAME, actor))
        return node

    def place(self) -> str:
        node = self.new("place")
        territory = thing(f"territory/{self.random.randrange(15)}")
        self.say(
            node, (TYPE, sop("Place")), (LABEL, text(f"Place {node[-7:-1]}")), IN_CITY, (sop("inTerritory"), territory)
        )
        return node

    def row(self) -> str:
        self.numbers["row"] += 1
        number = self.numbers["row"]
        node = thing(f"row/register-{number}")
        self.say(node, (ROWNUM, typed(number, "integer")), (PART, FILE))
        return node

    def work(
        self, governed: str, stage: str = "Development", status: str = "Open", place: str = "", end: str = AFTER
    ) -> Work:
        """An initiative, ordinary in everything that is not given; `end` is its planned end, none if empty."""
        node, row, number = self.new("work"), self.row(), self.numbers["work"]
        self.objects[governed] += 1
        pairs = [
            A_INITIATIVE,
            (LABEL, text(f"Work {number}")),
            IN_CITY,
            (ON_OBJECT, sop(governed)),
            (sop("inStage"), sop(stage)),
            (sop("status"), sop(status)),
            (sop("stageText"), text(f"{stage.lower()}, {status.lower()}")),
            (sop("partOfLine"), thing(f"line/{number % 40}")),
            (sop("plannedStart"), typed("2020-01-15", "date")),
            (sop("progress"), typed(f"{number % 100}.5", "decimal")),
            (FROM, row),
        ]
        pairs += [(sop("plannedEnd"), typed(end, "date"))] if end else []
        pairs += [(sop("atPlace"), place)] if place else []
        self.say(node, *pairs)
        return Work(self, node, governed, row)

    def contract(self, parties: list[str], row: str, *more: Pair) -> None:
        year = self.random.randrange(2015, 2025)
        amount = self.random.randrange(10_000, 90_000_000)
        details = ((sop("amount"), typed(f"{amount}.25", "decimal")), (sop("contractYear"), text(str(year))))
        self.interaction(parties, *details, (FROM, row), *more, cls="Contract")

    def interaction(self, parties: list[str], *more: Pair, cls: str = "Interaction") -> None:
        members = [(sop("party"), party) for party in parties]
        self.say(self.new("interaction"), (TYPE, sop(cls)), IN_CITY, *members, *more)

    def engagement(self, actor: str, role: str, governed: str, *more: Pair) -> None:
        self.engagements += 1
        self.hub_engagements += actor == HUB
        pairs = ((ACTOR, actor), (ROLE, sop(role)), (ON_OBJECT, sop(governed)))
        self.say(self.new("engagement"), A_ENGAGEMENT, IN_CITY, *pairs, *more)

    def hub_is_due(self) -> bool:
        """Whether the one busy actor has less than its share of the engagements."""
        return self.hub_engagements < HUB_SHARE * (self.engagements + 1)


class Work:
    """One initiative that has been written, and what else is said about it."""

    def __init__(self, city: CityWriter, node: str, governed: str, row: str) -> None:
        self.city = city
        self.node = node
        self.governed = governed
        self.row = row

    def __str__(self) -> str:
        return self.node

    def engage(self, actor: str, role: str, *more: Pair) -> Work:
        on_work = ((ON_INITIATIVE, self.node), (FROM, self.row))
        self.city.engagement(actor, role, self.governed, *on_work, *more)
        return self

    def contract(self, *parties: str, more: tuple[Pair, ...] = ()) -> Work:
        """A contract about this initiative."""
        self.city.contract(list(parties), self.row, (sop("about"), self.node), *more)
        return self
