"""Observation dates as people write them."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime

from sopkg.errors import BadInput

FORM = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)
EXPECTED = "YYYY-MM-DD, or YYYY-MM for the month's last day"


def observation_date(text: str) -> str:
    """The date that a text names (ISO 8601): `2019-11` is its last day.

    Raises BadInput for anything else; of a year alone, the day of the observation can't be guessed.
    """
    match = FORM.fullmatch(text.strip())
    if match and not match[2]:
        raise BadInput(f"{text!r} is a whole year: expected is {EXPECTED}, as {match[1]}-12")
    try:
        if match:
            year, month = int(match[1]), int(match[2])
            day = int(match[3]) if match[3] else calendar.monthrange(year, month)[1]
            return date(year, month, day).isoformat()
    except (ValueError, calendar.IllegalMonthError):
        pass
    raise BadInput(f"{text!r} is no date: expected is {EXPECTED}")


def today() -> str:
    """Today's date (ISO 8601, UTC)."""
    return datetime.now(UTC).date().isoformat()
