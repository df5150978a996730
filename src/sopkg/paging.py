"""A long list page by page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import request

from sopkg import asked
from sopkg.render import changed


@dataclass(frozen=True)
class Part:
    """The rows of one page, and where the pages beside it are."""

    rows: Sequence[Any]
    page: int
    last: int
    previous: str | None
    next: str | None


def part_of(rows: Sequence[Any], size: int) -> Part:
    """The part of a list that the parameter `page` asks for. Raises BadInput for what is no number."""
    page, last = asked.whole({"page": "1", **request.args.to_dict()}, "page"), max(1, math.ceil(len(rows) / size))
    before = changed(page=str(min(page - 1, last))) if page > 1 else None
    after = changed(page=str(page + 1)) if page < last else None
    return Part(rows[(page - 1) * size : page * size], page, last, before, after)
