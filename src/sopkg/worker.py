"""A query worker: a process with limits and without network that answers from the published snapshot."""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import queue
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pyoxigraph as ox

from sopkg import frames, whole
from sopkg.errors import MemoryExceeded, SopkgError, Unavailable
from sopkg.store import SnapshotStore

OPERATIONS: dict[str, str] = {
    "query": "sopkg.sparql:query",
    "explain": "sopkg.sparql:explain",
    "current-graphs": "sopkg.dataset:read_current_graphs",
    "has-graph": "sopkg.dataset:has_graph",
    "labels": "sopkg.explained:label_things",
    "known-of": "sopkg.resource:known_of",
    "resource": "sopkg.resource:read_resource",
    "fragment": "sopkg.resource:read_fragment",
    "why": "sopkg.explained:explain_gap",
    "why-each": "sopkg.explained:explain_gaps",
    "prove": "sopkg.proving:prove",
    "remedy": "sopkg.remedy:remedy",
    "what-if": "sopkg.whatif:what_if",
    "write": "sopkg.writing:write",
    "load": "sopkg.writing:load_file",
    "check-load": "sopkg.loadcheck:check_file",
    "drop-observation": "sopkg.writing:drop_observation",
}
"""What a worker can be asked for: name → module:function, which takes a Job; imported at first use."""

STACK_BYTES = 64 << 20  # room for the deepest query that the guard lets through, several times over
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_PDEATHSIG = 1
_NO_NETNS = (
    "this system refuses network namespaces, so that queries can't be kept from the network; "
    "--allow-no-netns (SOPKG_ALLOW_NO_NETNS=1) starts all the same, and /health says so"
)

Reply = bytes | bool | int | str | list[Any] | dict[str, Any] | None


@dataclass(frozen=True)
class Job:
    """One request: the open snapshot, its name, what was asked, and how many bytes and rows an answer may have."""

    store: ox.Store
    snapshot: str
    payload: Mapping[str, Any]
    result_bytes: int
    result_rows: int = sys.maxsize


def operation(name: str) -> Callable[[Job], Reply]:
    """The function that an operation is."""
    module, _, function = OPERATIONS[name].partition(":")
    return cast("Callable[[Job], Reply]", getattr(importlib.import_module(module), function))


def isolate(allow_no_netns: bool) -> bool:
    """Moves to a network namespace with no interface up; whether it could, or Unavailable if it has to."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The second way is for root, who needs no user namespace to be allowed the other.
    isolated: bool = libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0 or libc.unshare(_CLONE_NEWNET) == 0
    if not isolated and not allow_no_netns:
        raise Unavailable(_NO_NETNS)
    return isolated


def _limit(megabytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))


class _Server:
    """Takes requests on one thread and works on another, so that a closed pipe ends the process at once."""

    def __init__(self, requests: int, replies: int, options: Mapping[str, Any]) -> None:
        self._requests, self._replies = requests, replies
        self._reader = SnapshotStore(Path(options["store"])).reader()
        self._limits: tuple[int, int] = (options["result_bytes"], options["result_rows"])
        self._jobs: queue.SimpleQueue[frames.Head] = queue.SimpleQueue()

    def run(self) -> None:
        """Serves until the service goes away."""
        threading.stack_size(STACK_BYTES)
        threading.Thread(target=self._work, daemon=True).start()
        while True:
            self._jobs.put(frames.read(self._requests)[0])

    def _work(self) -> None:
        try:
            while True:
                self._answer(self._jobs.get())
        finally:  # a fault of ours: the traceback is kept, the process ends
            traceback.print_exc()
            os._exit(os.EX_SOFTWARE)

    def _answer(self, request: frames.Head) -> None:
        try:
            store = self._reader.store()
            job = Job(store, self._reader.snapshot, request["payload"], *self._limits)
            self._reply(operation(request["operation"])(job))
        except SopkgError as error:
            self._fail(error)
        except (OSError, RuntimeError) as error:
            if not whole.damaged(error):
                raise
            self._fail(whole.unreadable(self._reader.snapshot, error))
        except MemoryError:
            self._fail(MemoryExceeded("the query asked for more memory than one query may have"))
            os._exit(os.EX_SOFTWARE)  # after a failed allocation nothing here can be relied on

    def _reply(self, reply: Reply) -> None:
        if isinstance(reply, bytes):
            frames.write(self._replies, {"bytes": True}, reply)
        else:
            frames.write(self._replies, {"value": reply})

    def _fail(self, error: SopkgError) -> None:
        frames.write(self._replies, failure(error))


def failure(error: SopkgError) -> frames.Head:
    """An error as a message."""
    return {"error": {"name": type(error).__name__, "detail": error.detail, "extra": error.extra}}


def main() -> None:
    """Starts from the options in the one argument, says whether it is ready, and serves."""
    options = json.loads(sys.argv[1])
    replies = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a stray print must not end up in a message
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        isolated = isolate(options["allow_no_netns"])
    except SopkgError as error:
        frames.write(replies, failure(error))
        return
    _limit(options["megabytes"])
    operation("query")  # what most are asked for is read now, and not in the time of the first who asks
    frames.write(replies, {"isolated": isolated})
    try:
        _Server(sys.stdin.fileno(), replies, options).run()
    except frames.Gone:
        os._exit(os.EX_OK)


if __name__ == "__main__":
    # Asked for as a module, this file would be there twice, and its errors and jobs would be of two kinds.
    importlib.import_module("sopkg.worker").main()
