"""Messages between the service and its query workers: a JSON head and a body of bytes, lengths first."""

from __future__ import annotations

import json
import os
import select
import struct
import time
from typing import Any

_LENGTHS = struct.Struct(">IQ")
_CHUNK = 1 << 20
Head = dict[str, Any]


class Late(Exception):  # noqa: N818 - a deadline, not a fault
    """The deadline passed before the message was through."""


class Gone(Exception):  # noqa: N818 - an end, not a fault
    """The other side has closed the pipe."""


def write(handle: int, head: Head, body: bytes = b"", deadline: float | None = None) -> None:
    """Sends one message; `deadline` is on the monotonic clock. Raises Late or Gone."""
    text = json.dumps(head).encode()
    for part in (_LENGTHS.pack(len(text), len(body)) + text, body):
        view = memoryview(part)
        while view:
            _wait(handle, select.POLLOUT, deadline)
            view = view[_written(handle, view[:_CHUNK]) :]


def read(handle: int, deadline: float | None = None) -> tuple[Head, bytes]:
    """Takes one message; raises Late or Gone."""
    head_size, body_size = _LENGTHS.unpack(_exactly(handle, _LENGTHS.size, deadline))
    head: Head = json.loads(_exactly(handle, head_size, deadline))
    return head, bytes(_exactly(handle, body_size, deadline))


def _written(handle: int, view: memoryview) -> int:
    try:
        return os.write(handle, view)
    except BlockingIOError:
        return 0
    except BrokenPipeError:
        raise Gone from None


def _exactly(handle: int, size: int, deadline: float | None) -> bytearray:
    got = bytearray()
    while len(got) < size:
        _wait(handle, select.POLLIN, deadline)
        part = os.read(handle, min(_CHUNK, size - len(got)))
        if not part:
            raise Gone
        got += part
    return got


def _wait(handle: int, event: int, deadline: float | None) -> None:
    poll = select.poll()
    poll.register(handle, event)
    left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
    if not poll.poll(left):
        raise Late
