"""What the first pages need is read before anybody asks: when the service starts, and when something is published."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import Any

from sopkg import mappage, network, timelinepage
from sopkg.errors import SopkgError
from sopkg.middle import Middle
from sopkg.overview import by_city, dates_of
from sopkg.store import SnapshotStore
from sopkg.weight import WORKS

_REST_SECONDS = 2.0  # until it looks again whether something else is published


def start(held: Middle) -> None:
    """Reads ahead in a thread of its own, as long as the process lives; who asks meanwhile is answered."""
    threading.Thread(target=_run, args=(held,), name="sopkg-ahead", daemon=True).start()


def _run(held: Middle) -> None:
    published, state = SnapshotStore(held.settings.store), ""
    while True:
        state = _if_new(held, published, state)
        time.sleep(_REST_SECONDS)


def _if_new(held: Middle, published: SnapshotStore, known: str) -> str:
    """Reads ahead if something else is published than what is known; returns what is."""
    try:
        now = published.version()
    except SopkgError:  # a folder that is being restored; whoever asks is told
        return known
    if now != known:
        read_ahead(held)
    return now


def read_ahead(held: Middle, at_once: int = 1) -> None:
    """Asks what the overview, the list of gaps, the page of each gap and the views of a city's latest date ask.

    The middle keeps the answers as long as the snapshot is this, and what took long as long as the graphs are there.
    """
    with ThreadPoolExecutor(at_once) as threads:
        for _ in threads.map(_try, _questions(held)):
            pass


def _questions(held: Middle) -> Iterator[Callable[[], Any]]:
    yield partial(held.gaps, {})
    for name, rows in by_city(held.cities()).items():
        yield partial(held.gaps, {"city": name})
        yield partial(held.cube, name)
        yield from (partial(held.diff, name, *pair) for pair in reversed(list(pairwise(dates_of(rows)))))
        yield partial(held.gaps, {"city": name}, WORKS)
        for report in (*mappage.REPORTS, *timelinepage.REPORTS, *network.REPORTS):
            yield partial(held.observed, report, [(name, None)])


def _try(ask: Callable[[], Any]) -> None:
    """What can't be read ahead, too large for a worker or too slow, is told to who asks for it."""
    try:
        ask()
    except SopkgError as error:
        print(f"sopkg: not read ahead: {error.detail}", file=sys.stderr, flush=True)
