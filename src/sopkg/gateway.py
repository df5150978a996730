"""Between the server and the application: takes a request whole, has a thread answer it, and notices who goes away.

The server speaks RSGI, which tells of a closed connection; the application is a WSGI one (PEP 3333), so that any
other server can run it, which then answers callers who have left too.
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote_to_bytes

from sopkg.errors import Busy, RequestTimeout, SopkgError, TooLarge
from sopkg.running import Caller, work_for
from sopkg.settings import Settings

_BESIDE_QUERIES = 6  # requests that ask no worker, and those that write
_ALWAYS = ("/health", "/metrics", "/queries/running")  # answered however much else is asked
_ALWAYS_THREADS = 2
_SMALL_BODY = 4096
_RETRY_SECONDS = 1
Environment = dict[str, Any]
Application = Callable[[Environment, Callable[..., Any]], Iterable[bytes]]
Headers = list[tuple[str, str]]


class Scope(Protocol):
    """What RSGI tells of a request."""

    proto: str
    http_version: str
    server: str
    client: str
    scheme: str
    method: str
    path: str
    query_string: str

    @property
    def headers(self) -> Any:
        """Its headers, names in lower case."""


class HTTP(Protocol):
    """What RSGI has for taking a body and giving an answer."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def client_disconnect(self) -> None: ...

    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None: ...


class Reply(NamedTuple):
    """A whole answer."""

    status: int
    headers: Headers
    body: bytes


class Gateway:
    """An RSGI application around a WSGI one."""

    def __init__(self, application: Application, settings: Settings) -> None:
        self._application = application
        self._seconds = settings.body_seconds
        self._largest = max(settings.body_bytes, settings.graph_bytes)
        # As many as can work or wait at the workers and at the reasoners, so that neither keeps out the others.
        self._most = 2 * (settings.workers + settings.queue) + _BESIDE_QUERIES
        self._taken = 0
        self._threads = ThreadPoolExecutor(self._most, "sopkg-answer")
        self._always = ThreadPoolExecutor(_ALWAYS_THREADS, "sopkg-always")

    async def __rsgi__(self, scope: Scope, protocol: HTTP) -> None:
        """Answers one request."""
        if scope.path.startswith(_ALWAYS):
            await self._answer(scope, protocol, self._always, _SMALL_BODY)
        elif self._taken >= self._most:
            said = f"{self._taken} requests are being answered already, and no more are taken"
            _send(protocol, _problem(Busy(said, {"retry_after": _RETRY_SECONDS})))
        else:
            self._taken += 1
            try:
                await self._answer(scope, protocol, self._threads, self._largest)
            finally:
                self._taken -= 1

    async def _answer(self, scope: Scope, protocol: HTTP, threads: ThreadPoolExecutor, largest: int) -> None:
        try:
            body = await asyncio.wait_for(_body(protocol, largest), self._seconds) if _has_body(scope) else b""
        except TimeoutError:
            late = RequestTimeout(f"the body did not arrive in {self._seconds:g} s")
            return _send(protocol, _problem(late))
        except TooLarge as error:
            return _send(protocol, _problem(error))
        caller = Caller()
        call = partial(_called, self._application, _environment(scope, body), caller)
        answer = asyncio.get_running_loop().run_in_executor(threads, call)
        left = asyncio.ensure_future(protocol.client_disconnect())
        futures: set[asyncio.Future[Any]] = {answer, left}
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            caller.leave()
        left.cancel()
        # The thread is counted as taken until it is free, though nobody waits for what it makes.
        _send(protocol, await answer)


def _has_body(scope: Scope) -> bool:
    """Whether a body follows (RFC 9112, 6.3); that of HTTP/2 need not be announced."""
    announced = any(scope.headers.get(name) is not None for name in ("content-length", "transfer-encoding"))
    return announced or not scope.http_version.startswith("1")


async def _body(protocol: HTTP, largest: int) -> bytes:
    taken = bytearray()
    async for part in protocol:
        taken += part
        if len(taken) > largest:
            raise TooLarge(f"the body is larger than {largest} bytes", {"limit": largest})
    return bytes(taken)


def _environment(scope: Scope, body: bytes) -> Environment:
    """The request as WSGI has it; texts of bytes, each byte a character (PEP 3333, Unicode Issues)."""
    host, _, port = scope.server.rpartition(":")
    client, _, client_port = scope.client.rpartition(":")
    given: Environment = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope.path).decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": client,
        "REMOTE_PORT": client_port,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name in scope.headers.keys():  # noqa: SIM118 - the server's headers are no mapping
        given["HTTP_" + name.upper().replace("-", "_")] = ",".join(scope.headers.get_all(name))
    given["CONTENT_TYPE"] = given.pop("HTTP_CONTENT_TYPE", "")
    given.pop("HTTP_CONTENT_LENGTH", None)
    return {**given, "CONTENT_LENGTH": str(len(body))}


def _called(application: Application, environment: Environment, caller: Caller) -> Reply:
    """What the application answers, in this thread, which works for the caller."""
    work_for(caller)
    started: list[tuple[str, Headers]] = []

    def start_response(status: str, headers: Headers, _: object = None) -> None:
        started[:] = [(status, headers)]

    parts = application(environment, start_response)
    try:
        body = b"".join(parts)
    finally:
        close: Callable[[], None] | None = getattr(parts, "close", None)
        if close is not None:
            close()
    status, headers = started[0]
    return Reply(int(status[:3]), [(name.lower(), value) for name, value in headers], body)


def _problem(error: SopkgError) -> Reply:
    """An error of the gateway's own as a problem document (RFC 9457)."""
    headers = [("content-type", "application/problem+json"), ("x-content-type-options", "nosniff")]
    if "retry_after" in error.extra:
        headers.append(("retry-after", str(error.extra["retry_after"])))
    told: Mapping[str, object] = error.problem()
    return Reply(error.status, headers, json.dumps(told, ensure_ascii=False).encode())


def _send(protocol: HTTP, reply: Reply) -> None:
    with suppress(OSError, RuntimeError):  # the caller is gone
        protocol.response_bytes(reply.status, reply.headers, reply.body)
