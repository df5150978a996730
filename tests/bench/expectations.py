"""What an audit of a generated city must and must not find."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

Focus = tuple[str, ...]


@dataclass
class Expectations:
    """By the stem of a kind's query: each expected focus (plain IRIs, in order) with its verdict, and each near miss.

    Nothing else may be found of any kind: the rest of the city is made without gaps.
    """

    seed: int
    triples: int = 0
    expected: dict[str, dict[Focus, str]] = field(default_factory=lambda: defaultdict(dict))
    near: dict[str, set[Focus]] = field(default_factory=lambda: defaultdict(set))

    def gap(self, kind: str, verdict: str, *focus: str) -> None:
        """Notes a planted gap; the terms are in N-Triples."""
        self.expected[kind][_plain(focus)] = verdict

    def miss(self, kind: str, *focus: str) -> None:
        """Notes something that is nearly a gap and none."""
        self.near[kind].add(_plain(focus))

    def write(self, path: Path) -> None:
        """As JSON: lists of [verdict, term, …] and of [term, …], sorted."""
        expected = {
            kind: sorted([verdict, *focus] for focus, verdict in gaps.items()) for kind, gaps in self.expected.items()
        }
        near = {kind: sorted(map(list, gaps)) for kind, gaps in self.near.items()}
        whole = {"seed": self.seed, "triples": self.triples, "expected": expected, "near": near}
        path.write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n", "utf-8")


def read_expectations(path: Path) -> Expectations:
    """Reads what `write` has written."""
    whole = json.loads(path.read_text("utf-8"))
    read = Expectations(whole["seed"], whole["triples"])
    for kind, gaps in whole["expected"].items():
        read.expected[kind] = {tuple(focus): verdict for verdict, *focus in gaps}
    for kind, misses in whole["near"].items():
        read.near[kind] = set(map(tuple, misses))
    return read


def _plain(focus: tuple[str, ...]) -> Focus:
    return tuple(term.strip("<>") for term in focus)
