"""Draws a small graph as SVG: boxes in columns from left to right, arrows with words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise

LETTER, LINE, PAD, GAP, BOX = 7.4, 17, 11, 26, 46
SWEEPS = 6


@dataclass(frozen=True)
class Arrow:
    """From one box to another, with the words on it."""

    tail: str
    head: str
    words: str


@dataclass
class Drawing:
    """Boxes, each with a title and a kind, and arrows between them; all lengths in pixels."""

    boxes: Mapping[str, tuple[str, str]]
    arrows: Sequence[Arrow]
    columns: list[list[str]] = field(default_factory=list)
    place: dict[str, tuple[float, float]] = field(default_factory=dict)

    def svg(self, title: str) -> str:
        """The drawing as one SVG element, with its title for those who can't see it."""
        routes = self._lay_out()
        width = max(self.place[box][0] + self._width(box) for box in self.boxes) + PAD
        height = max(y for _, y in self.place.values()) + BOX / 2 + PAD
        shapes = [self._arrow(route) for route in routes] + [self._box(box) for box in self.boxes]
        words = [self._words(arrow, route) for arrow, route in zip(self.arrows, routes, strict=True)]
        head = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width:.0f} {height:.0f}"'
        size = f'width="{width:.0f}" height="{height:.0f}"><title>{escape(title)}</title>'
        return "\n".join([f"{head} {size}", *shapes, *words, "</svg>"])

    def _lay_out(self) -> list[list[str]]:
        """Puts each box into a column behind those that point to it, and gives the route of each arrow."""
        depth = depths(self.boxes, self.arrows)
        routes = [self._route(arrow, depth) for arrow in self.arrows]
        for name in sorted(depth, key=lambda each: depth[each]):
            self.columns += [[] for _ in range(depth[name] + 1 - len(self.columns))]
            self.columns[depth[name]].append(name)
        self._untangle([pair for route in routes for pair in pairwise(route)])
        self._measure()
        return routes

    def _route(self, arrow: Arrow, depth: dict[str, int]) -> list[str]:
        """The boxes that an arrow touches, with a point in each column that it passes."""
        passed = range(depth[arrow.tail] + 1, depth[arrow.head])
        points = [f"{arrow.tail} {arrow.words} {arrow.head} {column}" for column in passed]
        depth.update(zip(points, passed, strict=True))
        return [arrow.tail, *points, arrow.head]

    def _untangle(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Sorts each column by the mean place of what its members are joined to, to and fro."""
        joined: dict[str, list[str]] = {}
        for one, other in pairs:
            joined.setdefault(one, []).append(other)
            joined.setdefault(other, []).append(one)
        for _ in range(SWEEPS):
            for column in (*self.columns, *reversed(self.columns)):
                row = {name: place / len(each) for each in self.columns for place, name in enumerate(each, 1)}
                column.sort(key=lambda name: mean([row[other] for other in joined.get(name, [])] or [row[name]]))

    def _measure(self) -> None:
        tallest = max(self._height(column) for column in self.columns)
        x = float(PAD)
        for number, column in enumerate(self.columns):
            y = PAD + (tallest - self._height(column)) / 2
            for name in column:
                self.place[name] = (x, y + self._tall(name) / 2)
                y += self._tall(name) + GAP
            widest = max(self._width(name) for name in column)
            leaving = [a.words for a in self.arrows if a.tail in column] if number + 1 < len(self.columns) else []
            x += widest + 46 + LETTER * max((len(words) for words in leaving), default=0)

    def _height(self, column: list[str]) -> float:
        return sum(self._tall(name) + GAP for name in column) - GAP

    def _tall(self, name: str) -> float:
        return BOX if name in self.boxes else LINE

    def _width(self, name: str) -> float:
        return 2 * PAD + LETTER * max(map(len, self.boxes[name])) if name in self.boxes else 0

    def _box(self, name: str) -> str:
        (x, y), (title, kind) = self.place[name], self.boxes[name]
        low = y + (0 if kind else 5)
        return (
            f'<g class="box"><rect x="{x:.0f}" y="{y - BOX / 2:.0f}" width="{self._width(name):.0f}" height="{BOX}" '
            f'rx="4"/><text class="kind" x="{x + PAD:.0f}" y="{y - 7:.0f}">{escape(kind)}</text>'
            f'<text x="{x + PAD:.0f}" y="{low + (13 if kind else 0):.0f}">{escape(title)}</text></g>'
        )

    def _arrow(self, route: list[str]) -> str:
        path = ""
        for tail, head in pairwise(route):
            (x, y), (to_x, to_y) = self._leave(tail), self.place[head]
            to_x -= 7 if head == route[-1] else 0
            middle = (x + to_x) / 2
            path += f"M{x:.0f},{y:.0f} C{middle:.0f},{y:.0f} {middle:.0f},{to_y:.0f} {to_x:.0f},{to_y:.0f} "
        x, y = self.place[route[-1]]
        return f'<path class="arrow" d="{path}"/><path class="tip" d="M{x:.0f},{y:.0f} l-9,-4 l0,8 z"/>'

    def _words(self, arrow: Arrow, route: list[str]) -> str:
        (x, y), (to_x, to_y) = self._leave(route[0]), self.place[route[1]]
        at = f'x="{(x + to_x) / 2:.0f}" y="{(y + to_y) / 2 - 4:.0f}"'
        return f'<text class="words" {at}>{escape(arrow.words)}</text>'

    def _leave(self, name: str) -> tuple[float, float]:
        x, y = self.place[name]
        return x + self._width(name), y


def depths(boxes: Iterable[str], arrows: Sequence[Arrow]) -> dict[str, int]:
    """The column of each box: one behind the last that points to it; an arrow back counts for nothing."""
    depth = dict.fromkeys(boxes, 0)
    for _ in depth:
        for arrow in arrows:
            depth[arrow.head] = max(depth[arrow.head], depth[arrow.tail] + 1)
    if max(depth.values()) >= len(depth):
        raise ValueError("the arrows run in a circle: a pattern reads from left to right")
    return depth


def mean(numbers: Sequence[float]) -> float:
    """The arithmetic mean."""
    return sum(numbers) / len(numbers)
