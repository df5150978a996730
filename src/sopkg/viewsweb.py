"""The data behind the drawn pages: the network, the map, the timeline and the comparison as tables for programs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from flask import Flask, Response

from sopkg import geography, network, replies
from sopkg.errors import NotFound
from sopkg.geography import read_box
from sopkg.languages import closed_list
from sopkg.mappage import CLOSED as PLACED_BY
from sopkg.mappage import things_of
from sopkg.networkpage import network_of
from sopkg.observationform import CLOSED
from sopkg.operations import ROWS, Parameter, form, given, operation
from sopkg.parameters import CITY, DATE
from sopkg.replies import TABLES

_ONE_CITY = (replace(CITY, required=True), DATE)
_BOX = Parameter(
    "bbox",
    "west, south, east and north in degrees, with commas between (RFC 7946, 5): only what is within",
    read=lambda given, name: read_box(given[name]) and given[name],
)
_TERRITORY = Parameter("territory", "only what is in this territory: its IRI")


def _terms(*sorts: str) -> tuple[Parameter, ...]:
    """Parameters that narrow by a term of a closed list."""
    meaning = "of the model, by the last part of its IRI"
    return tuple(Parameter(sort, f"a {sort} {meaning}", words=partial(_last_parts, sort)) for sort in sorts)


def _last_parts(sort: str) -> list[str]:
    return list(closed_list(sort))


def add_views(app: Flask) -> None:
    """Adds the addresses."""
    app.add_url_rule("/network", endpoint="network", view_func=who_works_with_whom)
    app.add_url_rule("/map", endpoint="map", view_func=where_things_are)


@operation(*_ONE_CITY, *_terms(*CLOSED), formats=TABLES, answer=ROWS, raises=(NotFound,))
def who_works_with_whom() -> Response:
    """What joins actors and objects on record, and what gaps say is missing between two."""
    told, wanted = given(), form()
    found = network_of(told["city"], told.get("date"), told)
    return replies.table(found.lines(), network.COLUMNS, wanted)


@operation(*_ONE_CITY, *_terms(*PLACED_BY), _TERRITORY, _BOX, formats=TABLES, answer=ROWS, raises=(NotFound,))
def where_things_are() -> Response:
    """The initiatives and places of an observation: coordinates, territories, stage, and gaps about them."""
    told, wanted = given(), form()
    found = things_of(told["city"], told.get("date"), told)
    return replies.table([{name: row[name] for name in geography.COLUMNS} for row in found], geography.COLUMNS, wanted)
