"""Observation dates as people write them."""

from __future__ import annotations

import calendar
import re
from datetime import date

from sopkg.errors import BadInput

FORM = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")


def observation_date(text: str) -> str:
    """The date that a text names (ISO 8601): `2019-11` is its last day, and so is `2019`.

    Raises BadInput for anything else.
    """
    match = FORM.fullmatch(text.strip())
    try:
        if match:
            year, month = int(match[1]), int(match[2] or 12)
            day = int(match[3]) if match[3] else calendar.monthrange(year, month)[1]
            return date(year, month, day).isoformat()
    except (ValueError, calendar.IllegalMonthError):
        pass
    raise BadInput(f"{text!r} is no date: expected is YYYY-MM-DD, YYYY-MM or YYYY")
