"""Whose turn it is: so many work at a time, so many wait for so long, and who comes beyond that is told at once."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from sopkg.errors import Busy
from sopkg.running import caller, gone


class Turns:
    """Turns in the order of coming; safe to use from many threads."""

    def __init__(self, at_once: int, queue: int, seconds: float, what: str) -> None:
        self._at_once, self._queue, self._seconds, self._what = at_once, queue, seconds, what
        self._changed = threading.Condition()
        self._working = 0
        self._line: deque[object] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._line)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A turn, for this block. Raises Busy where the queue is full or the wait is over, CallerGone."""
        with caller().leaving(self._wake):
            self._wait()
        try:
            yield
        finally:
            with self._changed:
                self._working -= 1
                self._changed.notify_all()

    def busy(self) -> Busy:
        """The error of who waited in vain."""
        return Busy(f"no {self._what} got free in {self._seconds:g} s", self._again())

    def _wait(self) -> None:
        whom, place, deadline = caller(), object(), time.monotonic() + self._seconds
        with self._changed:
            if len(self._line) >= self._queue:
                raise Busy(f"{len(self._line)} wait for a {self._what} already, and no more may", self._again())
            self._line.append(place)
            try:
                while self._line[0] is not place or self._working >= self._at_once:
                    if whom.gone:
                        raise gone()
                    if not self._changed.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                        raise self.busy()
                self._working += 1
            finally:
                self._line.remove(place)
                self._changed.notify_all()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _again(self) -> dict[str, object]:
        return {"retry_after": max(1, math.ceil(self._seconds))}
