"""The pool of query workers: hands out work, ends what runs past its limit, and replaces what ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from sopkg import frames
from sopkg.errors import MemoryExceeded, QueryTimeout, SopkgError, Unavailable, WorkerDied, by_name
from sopkg.files import BASE_VARIABLE, ONTOLOGY_VARIABLE
from sopkg.running import Run, Running
from sopkg.settings import Settings, variable
from sopkg.turns import Turns

_START_SECONDS = 20.0
_REAP_SECONDS = 5.0
_STARTS = 3  # in a row that fail, until those who wait are told
_RETRY_SECONDS = 1.0
_TAIL_BYTES = 2000
# Fewer heaps: each takes 64 MB of address space, of which a query is to have the most.
_ENVIRONMENT = {"PYTHONPATH": str(Path(__file__).parents[1]), "MALLOC_ARENA_MAX": "2"}
# And no secret of the service.
_PASSED_ON = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "VIRTUAL_ENV",
    "HOME",
    variable("cache"),
    BASE_VARIABLE,
    ONTOLOGY_VARIABLE,
)
# How Rust, Python, C++ and RocksDB put it; a system_error is a thread that got no memory to start with.
OUT_OF_MEMORY = ("memory allocation of", "MemoryError", "bad_alloc", "system_error", "mmap for RocksDB")


class _Worker:
    """One worker process and its pipes."""

    def __init__(self, settings: Settings) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process is
        self._process = _started(settings, self._errors)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._to, False)
        self.isolated = False

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def greet(self) -> None:
        """Waits until the process is ready; raises what keeps it from that."""
        try:
            head, _ = frames.read(self._from, time.monotonic() + _START_SECONDS)
        except frames.Gone:
            raise Unavailable(f"query workers can't start: {self.ended()}") from None
        except frames.Late:
            raise Unavailable(f"query workers are not ready after {_START_SECONDS:g} s") from None
        _raise_error(head)
        self.isolated = bool(head["isolated"])

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def send(self, operation: str, payload: Mapping[str, Any], deadline: float) -> None:
        """Hands work over."""
        frames.write(self._to, {"operation": operation, "payload": payload}, deadline=deadline)

    def receive(self, deadline: float) -> tuple[frames.Head, bytes]:
        """The answer as it came."""
        return frames.read(self._from, deadline)

    def kill(self) -> None:
        """Ends the process, without waiting for its end."""
        self._process.kill()

    def ended(self) -> str:
        """How the process ended, in its own last words."""
        self._process.wait(_REAP_SECONDS)
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - _TAIL_BYTES))
        words = self._errors.read().decode(errors="replace").strip()
        return f"exit status {self._process.returncode}" + (f", {words}" if words else "")

    def reap(self) -> None:
        """Ends the process, waits for its end and closes what is open."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            assert pipe is not None
            pipe.close()


class Pool:
    """As many workers as settings say, and a spare that takes over at once; safe to use from many threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turns = Turns(settings.workers, settings.queue, settings.queue_seconds, "query worker")
        self.running = Running()
        self._changed = threading.Condition()
        self._all: list[_Worker] = []
        self._idle: list[_Worker] = []
        self._doomed: list[_Worker] = []
        self._closed = False
        self._failure: SopkgError | None = None
        self._failed_starts = 0
        self._replaced = 0
        # One thread starts all workers and lives as long: a worker ends with the thread that started it.
        self._keeper = threading.Thread(target=self._keep, name="sopkg-pool", daemon=True)
        self._keeper.start()
        self._give_back(self._take(time.monotonic() + _START_SECONDS))

    def run(self, operation: str, payload: Mapping[str, Any], seconds: float | None = None) -> Any:
        """Asks a worker, returns its bytes or JSON value; `seconds` may lower the limit, never raise it."""
        limit = self._settings.query_seconds
        allowed = limit if seconds is None else min(seconds, limit)
        with self._turns.turn():
            return self._ask(operation, payload, allowed)

    def health(self) -> dict[str, object]:
        """What the workers are and may do: of `workers` queries at a time, how many run, and how many callers wait.

        `processes` counts the spare too, and each that is being replaced until it has ended.
        """
        with self._changed:
            isolated = bool(self._all) and all(each.isolated for each in self._all)
            counts = {
                "workers": self._settings.workers,
                "running": len(self._all) - len(self._idle) - len(self._doomed),
                "waiting": self._turns.waiting,
                "processes": len(self._all),
                "replaced": self._replaced,
            }
        limits = {
            "seconds": self._settings.query_seconds,
            "megabytes": self._settings.query_megabytes,
            "nesting": self._settings.nesting,
            "result_bytes": self._settings.result_bytes,
            "result_rows": self._settings.result_rows,
            "queue": self._settings.queue,
        }
        return {**counts, "network_isolated": isolated, "limits": limits}

    def close(self) -> None:
        """Ends all workers."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._keeper.join()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, operation: str, payload: Mapping[str, Any], seconds: float) -> Any:
        worker, deadline = self._handed_over(operation, payload, seconds)
        usable = False
        try:
            with self.running.run(str(payload.get("query", operation)), worker.kill) as run:
                head, body = _received(worker, deadline, seconds, run)
            usable = run.stopped is None and head.get("error", {}).get("name") != MemoryExceeded.__name__
        finally:
            self._give_back(worker) if usable else self._doom(worker)
        _raise_error(head)
        return body if head.get("bytes") else head["value"]

    def _handed_over(self, operation: str, payload: Mapping[str, Any], seconds: float) -> tuple[_Worker, float]:
        """The worker that took the work, and when it is due; one that died while idle is passed over."""
        while True:
            worker = self._take(time.monotonic() + self._settings.queue_seconds)
            deadline = time.monotonic() + seconds
            try:
                worker.send(operation, payload, deadline)
                return worker, deadline
            except frames.Gone:
                self._doom(worker)
            except frames.Late:
                self._doom(worker)
                raise _too_slow(seconds) from None

    def _take(self, deadline: float) -> _Worker:
        with self._changed:
            while True:
                while self._idle:
                    worker = self._idle.pop()
                    if worker.alive():
                        return worker
                    self._doomed.append(worker)
                    self._changed.notify_all()
                if self._failure is not None:
                    raise self._failure
                if not self._changed.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    raise self._turns.busy()

    def _give_back(self, worker: _Worker) -> None:
        with self._changed:
            self._idle.append(worker)
            self._changed.notify_all()

    def _doom(self, worker: _Worker) -> None:
        with self._changed:
            self._doomed.append(worker)
            self._changed.notify_all()

    def _keep(self) -> None:
        """Keeps as many workers running as there should be, until the pool closes."""
        while self._wait_for_need():
            self._bury()
            if len(self._all) <= self._settings.workers:
                self._start_one()
        for worker in self._all:
            worker.reap()

    def _wait_for_need(self) -> bool:
        with self._changed:
            while not (self._closed or self._doomed or len(self._all) <= self._settings.workers):
                self._changed.wait()
            return not self._closed

    def _bury(self) -> None:
        with self._changed:
            doomed, self._doomed = self._doomed, []
            self._all = [each for each in self._all if each not in doomed]
            self._replaced += len(doomed)
        for worker in doomed:
            worker.reap()

    def _start_one(self) -> None:
        """Starts a worker; one that ends at once may have been killed by somebody, so that it is tried again."""
        worker = _Worker(self._settings)
        try:
            worker.greet()
        except SopkgError as error:
            late = worker.alive()
            worker.reap()
            self._failed_starts += 1
            if late or self._failed_starts >= _STARTS:
                self._report(error)
            return
        with self._changed:
            self._failure, self._failed_starts = None, 0
            self._all.append(worker)
            self._idle.insert(0, worker)
            self._changed.notify_all()

    def _report(self, failure: SopkgError) -> None:
        """Tells those who wait why there is no worker, and rests before the next try."""
        with self._changed:
            self._failure = failure
            self._changed.notify_all()
            if not self._closed:
                self._changed.wait(_RETRY_SECONDS)


def _received(worker: _Worker, deadline: float, seconds: float, run: Run) -> tuple[frames.Head, bytes]:
    """What the worker answers; a worker that is late is ended. Raises what ended it otherwise."""
    try:
        return worker.receive(deadline)
    except frames.Late:
        worker.kill()
        raise _too_slow(seconds) from None
    except frames.Gone:
        raise run.stopped or _death(worker.ended()) from None


def worker_environment() -> dict[str, str]:
    """The environment of a process that works for the service."""
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**passed_on, **_ENVIRONMENT}


def _started(settings: Settings, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    options = {
        "store": str(settings.store),
        "megabytes": settings.query_megabytes,
        "result_bytes": settings.result_bytes,
        "result_rows": settings.result_rows,
        "allow_no_netns": settings.allow_no_netns,
    }
    return subprocess.Popen(  # noqa: S603 - our own module, run by the interpreter that runs us
        [sys.executable, "-m", "sopkg.worker", json.dumps(options)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        start_new_session=True,
        env=worker_environment(),
    )


def _raise_error(head: frames.Head) -> None:
    if "error" in head:
        error = head["error"]
        raise by_name(error["name"], error["detail"], error["extra"])


def _too_slow(seconds: float) -> QueryTimeout:
    return QueryTimeout(f"the query ran longer than {seconds:g} s and was ended", {"seconds": seconds})


def _death(words: str) -> SopkgError:
    if any(sign in words for sign in OUT_OF_MEMORY):
        return MemoryExceeded("the query asked for more memory than one query may have, and was ended")
    return WorkerDied(f"the process that worked on this query ended ({words.splitlines()[-1]})")
