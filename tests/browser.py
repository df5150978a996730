"""A headless Chromium, driven over a pipe by the Chrome DevTools Protocol: what it loads, says and shows."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

_QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-default-browser-check"),
    "--remote-debugging-pipe",
)
_LOUD = ("error", "warning", "assert")


@cache
def installed() -> str | None:
    """The path of a Chromium that runs; half installed it is none."""
    path = shutil.which("chromium")
    runs = path and subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0
    return path if runs else None


class Browser:
    """One page in a browser: what it asked for, and every error that it had."""

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive = send, receive
        self._left, self._number = b"", 0
        self._session: str | None = None
        self.requests: list[str] = []
        self.errors: list[str] = []
        self._loaded = False
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **given: Any) -> dict[str, Any]:
        """What a command answers; events that come before it are noted."""
        self._number += 1
        mine = self._number
        message = {"id": mine, "method": method, "params": given}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == mine:
                assert "error" not in told, f"{method}: {told['error']}"
                answer: dict[str, Any] = told["result"]
                return answer

    def open(self, address: str) -> None:
        """Goes to an address and waits until the page is loaded."""
        self._loaded = False
        self.ask("Page.navigate", url=address)
        self.wait()

    def click(self, selector: str) -> None:
        """Clicks the first element that a selector finds, and waits for the page that it leads to."""
        self._loaded = False
        assert self.value(f"Boolean(document.querySelector({json.dumps(selector)}))"), f"nothing is {selector}"
        self.value(f"void document.querySelector({json.dumps(selector)}).click()")
        self.wait()

    def wait(self) -> None:
        """Until the page is loaded."""
        while not self._loaded:
            self._next()

    def value(self, expression: str) -> Any:
        """What an expression gives in the page."""
        how = {"returnByValue": True, "awaitPromise": True, "userGesture": True}
        told = self.ask("Runtime.evaluate", expression=expression, **how)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def until(self, holds: Callable[[], object], seconds: float = 20) -> None:
        """Until something holds, which no page that loads tells of."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"not so after {seconds:g} s"
            time.sleep(0.05)

    def size(self, width: int, height: int = 900) -> None:
        """Makes the window so wide and high."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def picture(self, path: Path) -> None:
        """The whole page as a PNG."""
        told = self.ask("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(told["data"]))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            more = os.read(self._receive, 1 << 16)
            assert more, "the browser has ended"
            self._left += more
        line, _, self._left = self._left.partition(b"\0")
        told: dict[str, Any] = json.loads(line)
        self._note(told.get("method", ""), told.get("params", {}))
        return told

    def _note(self, method: str, told: dict[str, Any]) -> None:
        match method:
            case "Page.loadEventFired":
                self._loaded = True
            case "Network.requestWillBeSent":
                self.requests.append(told["request"]["url"])
            case "Runtime.exceptionThrown":
                self.errors.append(told["exceptionDetails"]["text"])
            case "Runtime.consoleAPICalled" if told["type"] in _LOUD:
                self.errors.append(str(told["args"]))
            case "Log.entryAdded" if told["entry"]["level"] in _LOUD:
                self.errors.append(told["entry"]["text"])
            case "Audits.issueAdded":
                self.errors.append(json.dumps(told["issue"]))


@contextmanager
def browser(home: Path) -> Iterator[Browser]:
    """A browser with a new, empty home."""
    path = installed()
    assert path
    from_us, send = os.pipe()
    receive, from_it = os.pipe()
    words = [path, *_QUIET, f"--user-data-dir={home}", "about:blank"]
    started = ["bash", "-c", f'exec "$@" 3<&{from_us} 4>&{from_it}', "bash", *words]
    with subprocess.Popen(
        started, pass_fds=(from_us, from_it), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        os.close(from_us)
        os.close(from_it)
        try:
            yield Browser(send, receive)
        finally:
            process.kill()
            os.close(send)
            os.close(receive)
