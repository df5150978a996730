"""Has changes made over HTTP in a process of its own, one after the other, so that none can hold the service up."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sopkg.pool import Pool
from sopkg.settings import Settings


class Writer:
    """Starts its process at the first change; safe to use from many threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._starting = threading.Lock()
        self._pool: Pool | None = None

    def run(self, operation: str, payload: Mapping[str, Any], who: str) -> Any:
        """What an operation that writes answers.

        Raises what the operation raises; Busy where another change runs for longer than a write may wait, QueryTimeout
        or MemoryExceeded where a limit is met. What is published is whole, whatever is raised.
        """
        given = self._settings
        told = {"lock_seconds": given.lock_seconds, "durability": given.durability, "nesting": given.nesting}
        return self._started().run(operation, {**payload, **told, "store": str(given.store.resolve()), "who": who})

    def _started(self) -> Pool:
        with self._starting:
            if self._pool is None:
                given = self._settings
                limited = replace(given, query_seconds=given.write_seconds, query_megabytes=given.write_megabytes)
                self._pool = Pool(replace(limited, workers=1, queue_seconds=given.lock_seconds))
            return self._pool

    def close(self) -> None:
        """Ends the process."""
        with self._starting:
            if self._pool is not None:
                self._pool.close()
                self._pool = None
