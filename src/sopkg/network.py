"""Who works with whom: what joins actors and objects on record, and what a gap says is missing between two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sopkg.terms import local

Row = Mapping[str, Any]
ACTS = "acts on"
COLUMNS = ("one", "oneName", "other", "otherName", "onRecord", *("number", "missing", "gaps", "verdict"))
REPORTS = _WORKS, _ACTORS, _MISSING = "who-works-with-whom", "actors-by-object", "missing-links"
_SEPARATOR = "; "


@dataclass(frozen=True)
class Choice:
    """What is shown: a subject, an object and a stage, each by the last part of its IRI, or None for all."""

    subject: str | None = None
    object: str | None = None
    stage: str | None = None

    def fits(self, objects: str | None, stages: str | None) -> bool:
        """Whether the object and the stage are among these, side by side as a report has them."""
        told = ((self.object, objects), (self.stage, stages))
        return all(wanted is None or wanted in (text or "").split(_SEPARATOR) for wanted, text in told)

    def has(self, *ends: End) -> bool:
        """Whether one of these acts as the subject."""
        return self.subject is None or any(self.subject in each.subjects for each in ends)


@dataclass
class End:
    """One that a link joins: its IRI and name, and as which subjects it acts; an object acts as none."""

    iri: str
    name: str
    subjects: frozenset[str] = frozenset()


@dataclass
class Link:
    """Two ends, how many things of each sort join them on record, and the gaps that say that something is missing."""

    one: str
    other: str
    on_record: Counter[str] = field(default_factory=Counter)
    gaps: dict[str, Row] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """How many things join them on record."""
        return self.on_record.total()


@dataclass(frozen=True)
class Network:
    """The ends and links of one observation, those with most gaps first, then those with most on record."""

    ends: Mapping[str, End]
    links: Sequence[Link]

    def lines(self) -> list[dict[str, Any]]:
        """The links as the lines of a table."""
        return [
            {
                "one": each.one,
                "oneName": self.ends[each.one].name,
                "other": each.other,
                "otherName": self.ends[each.other].name,
                "onRecord": _SEPARATOR.join(f"{sort}: {count}" for sort, count in sorted(each.on_record.items())),
                "number": each.number,
                "missing": len(each.gaps),
                "gaps": _SEPARATOR.join(sorted(each.gaps)),
                "verdict": _SEPARATOR.join(sorted({row["verdict"] for row in each.gaps.values()})),
            }
            for each in self.links
        ]


def network(
    found: Mapping[str, Sequence[Row]], objects: Mapping[str, str], subjects: Mapping[str, str], choice: Choice
) -> Network:
    """The network of an observation.

    `found` are the rows of each of its reports; objects and subjects are the model's, the IRI of each by its last part.
    """
    ends = {iri: End(iri, name) for name, iri in objects.items()}
    ends |= {iri: End(iri, name, frozenset({name})) for name, iri in subjects.items()}
    links: dict[tuple[str, str], Link] = {}
    actors = found[_ACTORS]
    for row in actors:
        known = ends.setdefault(row["actor"], End(row["actor"], row["actorName"]))
        known.subjects |= {row["subject"]}
    # An actor that acts as two subjects has a line for each, about the same things.
    acting = {(row["actor"], row["object"], row["stage"]): row["number"] for row in actors}
    for (actor, name, stage), number in acting.items():
        if name in objects and choice.fits(name, stage) and choice.has(ends[actor]):
            _link(links, ends, actor, objects[name]).on_record[ACTS] += number
    for row in found[_WORKS]:
        pair = [ends.setdefault(row[end], End(row[end], local(row[end]))) for end in ("first", "second")]
        if choice.fits(row["objects"], row["stages"]) and choice.has(*pair):
            _link(links, ends, row["first"], row["second"]).on_record[row["link"]] += row["number"]
    for row in found[_MISSING]:
        pair = [ends.setdefault(row[end], End(row[end], row[f"{end}Name"])) for end in ("one", "other")]
        if choice.fits(row["object"], row["stage"]) and choice.has(*pair):
            _link(links, ends, row["one"], row["other"]).gaps[row["id"]] = row
    return Network(ends, sorted(links.values(), key=lambda each: _order(each, ends)))


def _link(links: dict[tuple[str, str], Link], ends: Mapping[str, End], *pair: str) -> Link:
    """The link of a pair, who acts first."""
    one, other = sorted(pair, key=lambda iri: (not ends[iri].subjects, iri))
    return links.setdefault((one, other), Link(one, other))


def _order(link: Link, ends: Mapping[str, End]) -> tuple[int, int, str, str, str, str]:
    return (-len(link.gaps), -link.number, ends[link.one].name, ends[link.other].name, link.one, link.other)
