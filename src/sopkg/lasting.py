"""What slow queries found, kept beside the store: the name of a graph tells what is in it, so that it stays true."""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyoxigraph

from sopkg import __version__

FOLDER = "answers"
SLOW_SECONDS = 0.2  # what is found sooner is found again
_ENDING, _PART = ".json", ".part"


class Lasting:
    """The answers kept beside a store, up to a size in bytes; those used longest ago go first.

    Any number of processes share them. A folder that can't be written keeps nothing, and a file that was cut short is
    none: what is asked is then answered as if it never had been.
    """

    def __init__(self, store: Path, size: int) -> None:
        self._folder, self._size = store / FOLDER, size

    def answer(
        self, question: Mapping[str, Any], graphs: Collection[str], state: Callable[[], str], ask: Callable[[], Any]
    ) -> Any:
        """The JSON value that answers a question on graphs: the one that is kept, or what is asked now.

        The question names all that the answer depends on. While it was asked the published state stayed what it was,
        or the answer may be about graphs that were no longer there, and is not kept.
        """
        path = self._folder / f"{_key(question)}{_ENDING}"
        with suppress(OSError, ValueError):
            kept = path.read_bytes().partition(b"\n")[2]
            os.utime(path)  # used now
            return json.loads(kept)
        before, started = state(), time.monotonic()
        found = ask()
        if time.monotonic() - started > SLOW_SECONDS and state() == before:
            with suppress(OSError):
                self._keep(path, json.dumps(sorted(graphs)).encode() + b"\n" + json.dumps(found).encode())
        return found

    def keep_only(self, graphs: Collection[str]) -> None:
        """Removes the answers on graphs that are not among these: what was taken out of the store stays nowhere."""
        with suppress(OSError):
            for path in self._folder.iterdir():
                if path.suffix == _ENDING and not _graphs_of(path) <= set(graphs):
                    path.unlink(missing_ok=True)

    def _keep(self, path: Path, data: bytes) -> None:
        if len(data) > self._size:
            return
        self._folder.mkdir(exist_ok=True)
        part = path.with_suffix(f".{uuid.uuid4().hex}{_PART}")
        part.write_bytes(data)
        part.replace(path)
        by_use = sorted((file.stat().st_mtime_ns, file.stat().st_size, file) for file in self._folder.iterdir())
        excess = sum(size for _, size, _ in by_use) - self._size
        for _, size, file in by_use:
            if excess <= 0:
                break
            file.unlink(missing_ok=True)
            excess -= size


def _key(question: Mapping[str, Any]) -> str:
    asked = json.dumps([__version__, pyoxigraph.__version__, question], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()


def _graphs_of(path: Path) -> set[str]:
    with path.open("rb") as file, suppress(ValueError):
        return set(json.loads(file.readline()))
    return {""}  # cut short: of no graph that is there
