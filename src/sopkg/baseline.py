"""An audit compared with an earlier one: which gaps are new, worse, the same or gone."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sopkg.errors import BadInput

Row = Mapping[str, Any]
MEMBERS = ("id", "city", "severity", "verdict", "notation", "kindLabel", "about")
UNDETERMINED = "undetermined"


@dataclass(frozen=True)
class Comparison:
    """What an audit found beside its baseline; only what is known counts, what is undetermined stands apart."""

    new: Sequence[Row]
    worse: Sequence[Row]
    same: Sequence[Row]
    gone: Sequence[Row]
    undetermined: Sequence[Row]
    baseline: frozenset[tuple[str, str]]

    def stood(self, row: Row) -> bool:
        """Whether the baseline has the gap, whatever its verdict."""
        return _key(row) in self.baseline

    def state(self, row: Row) -> str:
        """Which of the four a finding of either audit is: new, worse, same, gone; or undetermined."""
        return self._states.get(_key(row), UNDETERMINED)

    @cached_property
    def _states(self) -> dict[tuple[str, str], str]:
        groups = {"new": self.new, "worse": self.worse, "same": self.same, "gone": self.gone}
        return {_key(row): name for name, rows in groups.items() for row in rows}

    def reaching(self, grade: str | None, grades: Sequence[str]) -> list[Row]:
        """The gaps that are new or worse, and as severe as a grade, or more."""
        least = 0 if grade is None else grades.index(grade)
        return [row for row in (*self.new, *self.worse) if grades.index(row["severity"]) >= least]

    def text(self, name: str) -> str:
        """The comparison for people."""
        groups = {"new": self.new, "worse": self.worse, "gone": self.gone}
        lines = [f"Compared with {name}: {', '.join(f'{len(rows)} {word}' for word, rows in groups.items())}"]
        lines[0] += f", {len(self.same)} as before; {len(self.undetermined)} undetermined, which do not count"
        for word, rows in groups.items():
            lines += [f"  {word}: {row['id']}  {row['severity']}, {row['verdict']}  {row['city']}" for row in rows]
        if self.gone:
            lines.append("  What is gone may be closed, or only not listed any more: `sopkg life GAP` tells.")
        return "\n".join(lines) + "\n"


def read_baseline(path: Path) -> list[Row]:
    """The findings of an earlier `sopkg audit --format json`. Raises BadInput for any other file."""
    expected = "expected is what `sopkg audit --format json` wrote"
    if not path.is_file():
        raise BadInput(f"{path} is no file" if path.exists() else f"there is no file {path}")
    try:
        rows = json.loads(path.read_text("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadInput(f"{path.name} is no JSON ({error}); {expected}") from error
    if not isinstance(rows, list):
        raise BadInput(f"{path.name} is no list of findings; {expected}")
    for place, row in enumerate(rows, 1):
        missing = [name for name in MEMBERS if not isinstance(row, dict) or not isinstance(row.get(name), str)]
        if missing:
            raise BadInput(f"{path.name}, finding {place} has no {', '.join(missing)}; {expected}")
    return rows


def compare(
    findings: Iterable[Row], baseline: Iterable[Row], cities: Collection[str], grades: Sequence[str]
) -> Comparison:
    """Compares by city and gap; of the baseline only the cities that were audited now are read.

    Raises BadInput for a severity in the baseline that is none.
    """
    earlier = {_key(row): row for row in baseline if row["city"] in cities}
    for row in earlier.values():
        if row["severity"] not in grades:
            raise BadInput(
                f"the baseline's {row['id']} has the severity {row['severity']!r}: one of {', '.join(grades)}"
            )
    known = {key: row for key, row in earlier.items() if row["verdict"] != UNDETERMINED}
    settled = [row for row in findings if row["verdict"] != UNDETERMINED]
    undetermined = [row for row in findings if row["verdict"] == UNDETERMINED]
    stands = {_key(row) for row in (*settled, *undetermined)}
    both = [row for row in settled if _key(row) in known]
    worse = [row for row in both if grades.index(row["severity"]) > grades.index(known[_key(row)]["severity"])]
    return Comparison(
        [row for row in settled if _key(row) not in known],
        worse,
        [row for row in both if row not in worse],
        [{**row, "responses": []} for key, row in known.items() if key not in stands],
        undetermined,
        frozenset(earlier),
    )


def _key(row: Row) -> tuple[str, str]:
    return row["city"], row["id"]
