"""A network as a circle: sectors of nodes on it, links as curves through it; the same network is drawn the same."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

RADIUS, MARGIN = 250.0, 205.0
SIZE = 2 * (RADIUS + MARGIN)
_CENTRE = SIZE / 2
_INNER = RADIUS - 14  # of the sectors' arcs
_SWEEPS = 8
_PADDING = 1.2  # between two sectors, in places of nodes
_PULL = 0.25  # how near to the centre a curve comes: 0 is through it
_SIGN = 9.0  # the radius of the sign on a link
_ALONG = (0.3, 0.4, 0.22, 0.5, 0.6, 0.7, 0.78, 0.15, 0.35, 0.45, 0.55, 0.65, 0.26)  # where on its curve it may stand
Weights = Mapping[tuple[str, str], float]
Point = tuple[float, float]


@dataclass(frozen=True)
class Spot:
    """Where a node is: its point, its label's, and how that is turned (degrees) and anchored (SVG 2, 11.11)."""

    x: float
    y: float
    label_x: float
    label_y: float
    turn: float
    anchor: str


@dataclass(frozen=True)
class Curve:
    """A link: its path (SVG 2, 9.3), and where a sign on it may stand."""

    path: str
    x: float
    y: float


class Circle:
    """The places of the nodes of some sectors, in which those that are linked are brought near to each other.

    `sectors` are keys of nodes, by sector; `moving` are the sectors whose order is free. A sector's own key stands for
    the sector as a whole, on its middle.
    """

    def __init__(self, sectors: Mapping[str, Sequence[str]], moving: Iterable[str], weights: Weights) -> None:
        self._sectors = {name: list(keys) for name, keys in sectors.items()}
        self._angles = self._placed()
        near: dict[str, list[tuple[str, float]]] = {}
        for (one, other), weight in sorted(weights.items()):
            near.setdefault(one, []).append((other, weight))
            near.setdefault(other, []).append((one, weight))
        for _ in range(_SWEEPS):
            for name in moving:
                self._sectors[name] = self._ordered(name, near)
                self._angles = self._placed()

    def _ordered(self, sector: str, near: Mapping[str, Sequence[tuple[str, float]]]) -> list[str]:
        middle = self._angles[sector]
        return sorted(self._sectors[sector], key=lambda key: self._towards(key, near.get(key, ()), middle))

    def _placed(self) -> dict[str, float]:
        """The angle of each node and sector, in radians, from the top and clockwise."""
        places = sum(max(2, len(keys)) + _PADDING for keys in self._sectors.values())
        at, angles = _PADDING / 2, dict[str, float]()
        for name, keys in self._sectors.items():
            room = max(2, len(keys))
            first = at + (room - len(keys)) / 2 + 0.5
            angles |= {key: 2 * math.pi * (first + number) / places for number, key in enumerate(keys)}
            angles[name] = 2 * math.pi * (at + room / 2) / places
            at += room + _PADDING
        return angles

    def _towards(self, key: str, near: Sequence[tuple[str, float]], middle: float) -> tuple[float, str]:
        """How far round the nodes lie that a node is linked with, from the middle of its own sector."""
        known = [(self._angles[other], weight) for other, weight in near if other in self._angles]
        if not known:
            return (0.0, key)
        x = sum(weight * math.cos(angle) for angle, weight in known)
        y = sum(weight * math.sin(angle) for angle, weight in known)
        # Who is linked with what comes first clockwise comes last in the sector, so that the curves don't cross.
        return (round(-((math.atan2(y, x) - middle) % (2 * math.pi)), 6), key)

    def spots(self) -> dict[str, Spot]:
        """Where each node is drawn."""
        return {key: _spot(self._angles[key]) for keys in self._sectors.values() for key in keys}

    def arcs(self) -> dict[str, tuple[str, Point]]:
        """The arc of each sector, and its middle, where links of the sector as a whole end."""
        told = {}
        places = sum(max(2, len(keys)) + _PADDING for keys in self._sectors.values())
        for name, keys in self._sectors.items():
            half = math.pi * max(2, len(keys)) / places
            first, last = (_at(self._angles[name] + turn, _INNER) for turn in (-half, half))
            path = f"M{_pair(first)}A{_n(_INNER)} {_n(_INNER)} 0 {int(half > math.pi / 2)} 1 {_pair(last)}"
            x, y = _at(self._angles[name], _INNER)
            told[name] = (path, (round(x, 1), round(y, 1)))
        return told

    def curves(self, links: Sequence[tuple[str, str]], signed: bool = False) -> list[Curve]:
        """The curve of each link; signs stand where they don't cover each other, as far as there is room."""
        taken: list[Point] = []
        return [self._curve(one, other, taken if signed else None) for one, other in links]

    def _curve(self, one: str, other: str, taken: list[Point] | None) -> Curve:
        start, end = (_at(self._angles[key], _INNER if key in self._sectors else RADIUS - 7) for key in (one, other))
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        pull = (_CENTRE + (middle[0] - _CENTRE) * _PULL, _CENTRE + (middle[1] - _CENTRE) * _PULL)
        spot = pull
        if taken is not None:
            tried = [_between(start, pull, end, along) for along in _ALONG]
            free = (each for each in tried if all(math.dist(each, other) > 2 * _SIGN + 2 for other in taken))
            spot = next(free, tried[0])
            taken.append(spot)
        return Curve(f"M{_pair(start)}Q{_pair(pull)} {_pair(end)}", round(spot[0], 1), round(spot[1], 1))


def _spot(angle: float) -> Spot:
    (x, y), (label_x, label_y) = _at(angle, RADIUS), _at(angle, RADIUS + 13)
    degrees = math.degrees(angle) - 90
    turned = math.sin(angle) < 0  # on the left half a label is read towards the centre
    turn = degrees + 180 if turned else degrees
    anchor = "end" if turned else "start"
    return Spot(round(x, 1), round(y, 1), round(label_x, 1), round(label_y, 1), round(turn, 1), anchor)


def _at(angle: float, radius: float) -> Point:
    return (_CENTRE + radius * math.sin(angle), _CENTRE - radius * math.cos(angle))


def _between(start: Point, pull: Point, end: Point, along: float) -> Point:
    """A point of a quadratic Bézier curve."""
    a, b, c = (1 - along) ** 2, 2 * along * (1 - along), along**2
    return (a * start[0] + b * pull[0] + c * end[0], a * start[1] + b * pull[1] + c * end[1])


def _pair(point: Point) -> str:
    return f"{_n(point[0])} {_n(point[1])}"


def _n(value: float) -> str:
    return f"{value:.1f}"
