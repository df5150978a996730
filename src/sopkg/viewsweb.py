"""The data behind the drawn pages: the network, the map, the timeline and the comparison as tables for programs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from flask import Flask, Response

from sopkg import comparison, geography, network, replies, timeline
from sopkg.comparisonpage import compared, ends_of
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
from sopkg.timelinepage import CLOSED as TIMED_BY
from sopkg.timelinepage import courses_of

_ONE_CITY = (replace(CITY, required=True), DATE)
_TWO = (
    replace(CITY, name="first", meaning="the name of one city", required=True),
    replace(CITY, name="second", meaning="the name of the other", required=True),
    replace(DATE, name="first-date", meaning="which observation of the one, if not its latest"),
    replace(DATE, name="second-date", meaning="which observation of the other, if not its latest"),
)
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
    app.add_url_rule("/timeline", endpoint="timeline", view_func=stages_over_time)
    app.add_url_rule("/compare", endpoint="compare", view_func=side_by_side)


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


@operation(_ONE_CITY[0], *_terms(*TIMED_BY), formats=TABLES, answer=ROWS, raises=(NotFound,))
def stages_over_time() -> Response:
    """What each observation of a city shows of the stage of each initiative, and what was planned."""
    told, wanted = given(), form()
    rows = [line for each in courses_of(told["city"], told) for line in each.lines()]
    return replies.table(rows, timeline.COLUMNS, wanted)


@operation(*_TWO, formats=TABLES, answer=ROWS, raises=(NotFound,))
def side_by_side() -> Response:
    """Two observations on the same scale, and what can't be compared."""
    told, wanted = given(), form()
    ends = ends_of(told)
    rows = [pair.line() for report in (comparison.GAPS, comparison.RECORDED) for pair in compared(report, ends)]
    return replies.table(rows, comparison.COLUMNS, wanted)
