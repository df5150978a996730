"""Which observation a page shows: what its form chose, else the latest one of the first city."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sopkg import asked
from sopkg.errors import BadInput, near_names, not_found
from sopkg.languages import closed_list
from sopkg.middle import middle
from sopkg.overview import by_city, dates_of
from sopkg.render import language

CLOSED = ("subject", "object", "stage")
"""The closed lists of the model that pages are narrowed by."""
STAGE_SHAPES = ("M-5-5h10v10h-10z", "M-5.5 0a5.5 5.5 0 1 0 11 0a5.5 5.5 0 1 0-11 0z", "M0-7L7 0 0 7-7 0z")
"""A shape for each stage, in the order of the closed list, and the last one for none (SVG 2, 9.3)."""


@dataclass(frozen=True)
class Observed:
    """An observation, and what a form offers beside it; `dropped` is a date that was another city's."""

    city: str
    label: str
    date: str
    dates: Sequence[str]
    cities: Sequence[tuple[str, str]]
    dropped: str | None = None


def observed(given: Mapping[str, str]) -> Observed | None:
    """The observation that is asked for, or None if there is no city. Raises NotFound for a city that there is not."""
    known = by_city(middle().cities())
    city = given.get("city") or next(iter(known), None)
    if city is None:
        return None
    if city not in known:
        raise not_found("city", city, known)
    dates, date = dates_of(known[city]), asked.date(given)
    labels = {name: rows[-1]["label"] or name for name, rows in known.items()}
    elsewhere = date if date is not None and date not in dates else None
    return Observed(city, labels[city], date if date in dates else dates[-1], dates[::-1], [*labels.items()], elsewhere)


def narrowed(given: Mapping[str, str]) -> dict[str, str]:
    """The terms of the closed lists that are asked for. Raises BadInput for one that is none."""
    told = {sort: given[sort] for sort in CLOSED if given.get(sort)}
    for sort, name in told.items():
        if name not in closed_list(sort):
            near = near_names(name, closed_list(sort))
            hint = f"near are {', '.join(near)}" if near else f"known are {', '.join(closed_list(sort))}"
            raise BadInput(f"there is no {sort} {name!r}; {hint}", {"near": near})
    return told


def options(sort: str, chosen: str | None) -> list[tuple[str, str, bool]]:
    """The values of a closed list for a form: name, text, and whether it is chosen."""
    return [(name, language().called(sort, name), name == chosen) for name in closed_list(sort)]


def stage_names() -> list[str]:
    """What each shape of a stage stands for."""
    mine = language()
    return [*(mine.called("stage", each) for each in closed_list("stage")), mine.message("view.no_stage")]


def stage_place(stage: str | None) -> int:
    """The place of a stage in the closed list; behind the last for none."""
    known = list(closed_list("stage"))
    return known.index(stage) if stage in known else len(known)
