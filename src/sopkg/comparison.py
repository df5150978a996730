"""Two observations on the same scale: what has a gap and what is recorded in each, and what can't be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
GAPS, RECORDED = "gap-rates", "what-is-recorded"
# The report, the columns that name a line of it, and those of its numbers: of how many, and how many.
_NAMES: Mapping[str, Sequence[str]] = {GAPS: ("things", "notation", "kind"), RECORDED: ("sort", "told")}
_COUNTS: Mapping[str, str] = {GAPS: "withGap", RECORDED: "withIt"}
_EACH = ("Of", "With", "Share", "Comparison")
COLUMNS = ("report", "of", "what", *(f"{side}{each}" for side in ("first", "second") for each in _EACH), "comparable")


@dataclass(frozen=True)
class Side:
    """What one of the two shows of a line; the share is None where it says nothing."""

    of: int
    count: int | None
    share: float | None
    said: str


@dataclass(frozen=True)
class Pair:
    """A line of a report with both sides; one is None where the report has no line of that city."""

    report: str
    names: Sequence[str]
    sides: tuple[Side | None, Side | None]

    @property
    def comparable(self) -> bool:
        """Whether both have a share."""
        return all(side is not None and side.share is not None for side in self.sides)

    def line(self) -> dict[str, Any]:
        """The pair as a line of a table."""
        told: dict[str, Any] = {"report": self.report, "of": self.names[0], "what": " ".join(self.names[1:])}
        for name, side in zip(("first", "second"), self.sides, strict=True):
            values = (side.of, side.count, side.share, side.said) if side else (None,) * len(_EACH)
            told |= {f"{name}{each}": value for each, value in zip(_EACH, values, strict=True)}
        return {**told, "comparable": self.comparable}


def pairs(report: str, found: tuple[Sequence[Row], Sequence[Row]]) -> list[Pair]:
    """The lines of a report with what each of the two sides says, those that can be compared first."""
    sides = tuple({tuple(row[name] for name in _NAMES[report]): row for row in rows} for rows in found)
    names = dict.fromkeys(key for rows in sides for key in rows)
    told = [Pair(report, key, (_side(sides[0].get(key), report), _side(sides[1].get(key), report))) for key in names]
    return sorted(told, key=lambda each: (not each.comparable, each.names))


def _side(row: Row | None, report: str) -> Side | None:
    if row is None:
        return None
    share = None if row["share"] is None else float(row["share"])
    return Side(row["onRecord"], row[_COUNTS[report]], share, row["comparison"])
