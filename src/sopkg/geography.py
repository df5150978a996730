"""Where things are: a flat map from coordinates, true to scale in its middle, with what is dense drawn together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sopkg.errors import BadInput

Row = Mapping[str, Any]
WIDTH, HEIGHT = 900.0, 640.0
_MARGIN = 30.0
_CELL = 36.0  # what lies in one square of a grid is drawn together
_METRES = 111_195.0  # of a degree of latitude on a sphere with the Earth's mean radius, 6371.0088 km (IUGG)
_SMALLEST = 0.002  # degrees that a map spans at least: some 200 m
_FENCE = 3.0  # ranges of the middle half beyond which a coordinate is taken for a slip (Tukey's far out)
_BAR = 0.25  # of the width that the scale bar has at most
COLUMNS = (
    *("thing", "thingName", "latitude", "longitude", "stage", "status", "objects", "territories"),
    *("gaps", "unknown", "gap"),
)


@dataclass(frozen=True)
class Box:
    """A part of the Earth's surface, in degrees, as RFC 7946 (section 5) names it."""

    west: float
    south: float
    east: float
    north: float

    def holds(self, place: tuple[float, float]) -> bool:
        """Whether a latitude and longitude are within."""
        return self.south <= place[0] <= self.north and self.west <= place[1] <= self.east

    def text(self) -> str:
        """As a parameter has it."""
        return ",".join(f"{each:.5f}" for each in (self.west, self.south, self.east, self.north))


@dataclass(frozen=True)
class Cluster:
    """What is drawn as one sign: where, and the things."""

    x: float
    y: float
    things: Sequence[Row]


def read_box(text: str) -> Box:
    """A box from west, south, east and north. Raises BadInput for what is none."""
    expected = "expected are west, south, east and north in degrees, with commas between"
    try:
        box = Box(*(float(each) for each in text.split(",")))
    except (TypeError, ValueError) as error:
        raise BadInput(f"bbox is {text!r}; {expected}") from error
    if not (-180 <= box.west < box.east <= 180 and -90 <= box.south < box.north <= 90):
        raise BadInput(f"bbox is {text!r}; {expected}, the smaller first")
    return box


def place_of(row: Row) -> tuple[float, float] | None:
    """The latitude and longitude of a thing, if it has them."""
    return None if row["latitude"] is None or row["longitude"] is None else (row["latitude"], row["longitude"])


def with_degrees(row: Row) -> Row:
    """A row of the report with its coordinates as numbers."""
    read = {name: None if row[name] is None else float(row[name]) for name in ("latitude", "longitude")}
    return {**row, **read}


def whole(places: Sequence[tuple[float, float]]) -> Box:
    """The box of all places but those so far out that they are slips."""
    (south, north), (west, east) = (_span(sorted(each)) for each in zip(*places, strict=True))
    return Box(west, south, east, north)


def _span(values: Sequence[float]) -> tuple[float, float]:
    """The least and the largest value within the fence, a little apart at least."""
    lower, upper = values[len(values) // 4], values[(3 * len(values)) // 4]
    reach = _FENCE * max(upper - lower, _SMALLEST)
    inside = [each for each in values if lower - reach <= each <= upper + reach]
    spare = max(0.0, _SMALLEST - (inside[-1] - inside[0])) / 2
    return inside[0] - spare, inside[-1] + spare


class Projection:
    """Equirectangular, with the middle's latitude as the true one: there a kilometre is as long each way."""

    def __init__(self, box: Box) -> None:
        self._middle = ((box.south + box.north) / 2, (box.west + box.east) / 2)
        self._shrink = math.cos(math.radians(self._middle[0]))
        across, up = (box.east - box.west) * self._shrink, box.north - box.south
        self._scale = min((WIDTH - 2 * _MARGIN) / across, (HEIGHT - 2 * _MARGIN) / up)

    def at(self, place: tuple[float, float]) -> tuple[float, float]:
        """Where a latitude and longitude are drawn."""
        x = WIDTH / 2 + (place[1] - self._middle[1]) * self._shrink * self._scale
        y = HEIGHT / 2 - (place[0] - self._middle[0]) * self._scale
        return x, y

    def bar(self) -> tuple[float, int]:
        """A scale bar: its length as drawn, and the round number of metres that it stands for."""
        most = _BAR * WIDTH / self._scale * _METRES
        power = 10 ** math.floor(math.log10(most))
        metres = next(factor * power for factor in (5, 2, 1) if factor * power <= most)
        return metres / _METRES * self._scale, int(metres)

    def clusters(self, things: Sequence[Row]) -> list[Cluster]:
        """The things of each square of the grid as one sign, in their middle."""
        placed = [(self.at(place), row) for row in things if (place := place_of(row))]
        squares = sorted(((int(x // _CELL), int(y // _CELL)), (x, y), row["thing"], row) for (x, y), row in placed)
        told = []
        for _, held in groupby(squares, lambda each: each[0]):
            mine = list(held)
            x, y = (sum(each[1][axis] for each in mine) / len(mine) for axis in (0, 1))
            told.append(Cluster(round(x, 1), round(y, 1), [each[3] for each in mine]))
        return told


def box_around(things: Sequence[Row]) -> Box:
    """A box in which these things, all with coordinates, lie apart: theirs, with room around it."""
    places = [place for row in things if (place := place_of(row))]
    south, north = min(each[0] for each in places), max(each[0] for each in places)
    west, east = min(each[1] for each in places), max(each[1] for each in places)
    up, across = max(north - south, _SMALLEST) / 4, max(east - west, _SMALLEST) / 4
    return Box(west - across, south - up, east + across, north + up)
