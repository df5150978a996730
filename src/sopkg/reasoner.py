"""Reasoning in a process of its own, one for each request, which ends in time together with the Java that it starts."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any

from sopkg import frames
from sopkg.errors import MemoryExceeded, ReasoningTimeout, SopkgError, WorkerDied, by_name
from sopkg.pool import OUT_OF_MEMORY, worker_environment
from sopkg.running import Running
from sopkg.settings import Settings
from sopkg.turns import Turns

_TAIL_BYTES = 2000


class Reasoner:
    """Runs as many requests at the same time as settings allow workers; safe to use from many threads."""

    def __init__(self, settings: Settings, running: Running | None = None) -> None:
        self._settings = settings
        self._turns = Turns(settings.workers, settings.queue, settings.queue_seconds, "reasoner")
        self._running = running or Running()

    def run(
        self, operation: str, payload: Mapping[str, Any], graph: bytes = b"", seconds: float | None = None
    ) -> tuple[Any, bytes]:
        """Has an operation done: its JSON value and its bytes. `seconds` may lower the limit, never raise it.

        Raises what the operation raises; ReasoningTimeout, MemoryExceeded or Busy where a limit is met.
        """
        limit = self._settings.reason_seconds
        with self._turns.turn():
            return self._run(operation, payload, graph, limit if seconds is None else min(seconds, limit))

    def _run(self, operation: str, payload: Mapping[str, Any], graph: bytes, seconds: float) -> tuple[Any, bytes]:
        deadline = time.monotonic() + seconds
        with tempfile.TemporaryDirectory(prefix="sopkg-reason-") as scratch, tempfile.TemporaryFile() as errors:
            head = {"operation": operation, "payload": payload, "scratch": scratch, **self._options()}
            process = _started(Path(scratch), errors)
            try:
                with self._running.run(f"reason: {operation}", partial(_kill, process)) as run:
                    answer, body = _asked(process, head, graph, deadline)
            except frames.Late:
                said = f"reasoning took longer than {seconds:g} s and was ended"
                raise ReasoningTimeout(said, {"seconds": seconds}) from None
            except frames.Gone:
                raise run.stopped or _death(process, errors) from None
            finally:
                _end(process)
        if "error" in answer:
            raise by_name(**answer["error"])
        return answer["value"], body

    def _options(self) -> dict[str, object]:
        return {
            "store": str(self._settings.store),
            "megabytes": self._settings.reason_megabytes,
            "result_bytes": self._settings.result_bytes,
            "allow_no_netns": self._settings.allow_no_netns,
        }


def _started(scratch: Path, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "sopkg.reasoning"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        start_new_session=True,  # and so a process group, which the Java that it starts is in too
        env={**worker_environment(), "TMPDIR": str(scratch)},
    )


def _asked(
    process: subprocess.Popen[bytes], head: frames.Head, graph: bytes, deadline: float
) -> tuple[frames.Head, bytes]:
    assert process.stdin is not None
    assert process.stdout is not None
    os.set_blocking(process.stdin.fileno(), False)
    frames.write(process.stdin.fileno(), head, graph, deadline)
    return frames.read(process.stdout.fileno(), deadline)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):  # all of them have ended
        os.killpg(process.pid, signal.SIGKILL)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the worker and whatever it has started, and closes its pipes."""
    _kill(process)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        pipe.close()


def _death(process: subprocess.Popen[bytes], errors: IO[bytes]) -> SopkgError:
    status = process.wait()
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - _TAIL_BYTES))
    words = errors.read().decode(errors="replace").strip()
    if any(sign in words for sign in OUT_OF_MEMORY):
        return MemoryExceeded("reasoning asked for more memory than one request may have, and was ended")
    return WorkerDied(f"the process that reasoned ended (exit status {status}{', ' if words else ''}{words[-200:]})")
