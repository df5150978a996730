"""Another SPARQL server in the place of the store: `oxigraph serve`, which holds what `sopkg dump` wrote."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import Demo, Sopkg

from sopkg.catalog import query_files

OXIGRAPH = Path(sys.executable).parent / "oxigraph"
CITY = ("-p", "city=buenos-aires")


@dataclass(frozen=True)
class Server:
    """A running server's address."""

    base: str

    @property
    def query(self) -> str:
        """Its query endpoint."""
        return f"{self.base}/query"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def server(demo: Demo, sopkg: Sopkg, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    dumped, port = tmp_path_factory.mktemp("dump") / "store.nq", free_port()
    assert sopkg(demo.store, "dump", str(dumped)).exit_code == 0
    started = Server(f"http://127.0.0.1:{port}")
    with subprocess.Popen([OXIGRAPH, "serve", "--bind", f"127.0.0.1:{port}"], stderr=subprocess.DEVNULL) as process:
        try:
            _post(f"{started.base}/store", dumped.read_bytes(), "application/n-quads")
            yield started
        finally:
            process.kill()


def _post(address: str, body: bytes, media_type: str, tries: int = 100) -> None:
    request = urllib.request.Request(address, body, {"Content-Type": media_type})
    for left in reversed(range(tries)):
        try:
            urllib.request.urlopen(request, timeout=60).close()
            return
        except urllib.error.URLError:
            if not left:
                raise
            time.sleep(0.1)
