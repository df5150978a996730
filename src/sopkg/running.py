"""What runs now and for whom: it can be listed, and ended, by its caller's leaving too."""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import partial

from sopkg.errors import CallerGone, Ended, NotFound, SopkgError

_SHOWN = 200  # characters of a query's text


class Caller:
    """Who waits for an answer: the request's identifier, and what is to be done when it goes away."""

    def __init__(self, request: str = "") -> None:
        self.request = request
        self._lock = threading.Lock()
        self._gone = False
        self._ends: dict[int, Callable[[], None]] = {}
        self._numbers = itertools.count()

    def leave(self) -> None:
        """Ends what runs for this caller, and what would still begin."""
        with self._lock:
            self._gone, ends = True, list(self._ends.values())
        for end in ends:
            end()

    @property
    def gone(self) -> bool:
        """Whether nobody waits any more."""
        return self._gone

    @contextmanager
    def leaving(self, end: Callable[[], None]) -> Iterator[None]:
        """Has `end` called when the caller leaves in this block. Raises CallerGone if it has left."""
        with self._lock:
            if self._gone:
                raise gone()
            number = next(self._numbers)
            self._ends[number] = end
        try:
            yield
        finally:
            with self._lock:
                del self._ends[number]


_CALLER: ContextVar[Caller] = ContextVar("caller")


def caller() -> Caller:
    """For whom this thread works; nobody in particular where no request is answered."""
    return _CALLER.get(None) or Caller()


def work_for(whom: Caller) -> None:
    """From now on this thread works for that caller."""
    _CALLER.set(whom)


def named(request: str) -> None:
    """Gives the caller of this thread its request's identifier."""
    whom = _CALLER.get(None)
    if whom is None:
        work_for(Caller(request))
    else:
        whom.request = request


def gone() -> CallerGone:
    """The error that nobody reads."""
    return CallerGone("the caller has closed the connection")


class Run:
    """One query that runs: `stopped` is why it was ended, if it was."""

    def __init__(self, text: str, request: str, end: Callable[[], None]) -> None:
        self.identifier = uuid.uuid4().hex[:12]
        self.stopped: SopkgError | None = None
        self._text, self._request = text, request
        self._began, self._start = time.monotonic(), datetime.now(UTC)
        self._end: Callable[[], None] | None = end
        self._lock = threading.Lock()

    def told(self) -> dict[str, object]:
        """What is told of it; no parameter, header or token."""
        text = " ".join(self._text.split())
        return {
            "id": self.identifier,
            "start": self._start.isoformat(timespec="milliseconds"),
            "seconds": round(time.monotonic() - self._began, 3),
            "query": text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…",
            "request": self._request,
        }

    def stop(self, why: SopkgError) -> None:
        """Ends it, unless it has ended."""
        with self._lock:
            if self._end is not None and self.stopped is None:
                self.stopped = why
                self._end()

    def over(self) -> None:
        """It has ended by itself: whoever would end it now comes too late, and hits nobody else's query."""
        with self._lock:
            self._end = None


class Running:
    """The queries that run; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}

    @contextmanager
    def run(self, text: str, end: Callable[[], None]) -> Iterator[Run]:
        """A query that runs in this block, for this thread's caller; `end` ends it. Raises CallerGone."""
        whom = caller()
        run = Run(text, whom.request, end)
        with whom.leaving(partial(run.stop, gone())):
            with self._lock:
                self._runs[run.identifier] = run
            try:
                yield run
            finally:
                run.over()
                with self._lock:
                    del self._runs[run.identifier]

    def told(self) -> list[dict[str, object]]:
        """Each query that runs, the oldest first."""
        with self._lock:
            runs = list(self._runs.values())
        return [run.told() for run in runs]

    def end(self, identifier: str) -> None:
        """Ends one. Raises NotFound."""
        with self._lock:
            run = self._runs.get(identifier)
        if run is None:
            raise NotFound(f"no query {identifier!r} runs; /queries/running lists those that do")
        run.stop(Ended("an administrator of this service ended the query"))
