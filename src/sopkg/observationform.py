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
