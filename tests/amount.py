"""How much the long tests try: a part of their cases with the suite, all of them by `make torture`."""

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
ALL = "SOPKG_TORTURE" in os.environ


def one_in(number: int, cases: Sequence[T]) -> list[T]:
    """Each `number`-th of the cases, which are in a fixed order; all of them in the long run."""
    return list(cases if ALL else cases[::number])
