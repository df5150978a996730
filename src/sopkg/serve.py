"""Runs the HTTP service in this process until it is told to end."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace

from flask import Flask
from granian import Granian
from granian.constants import Interfaces

from sopkg import ahead
from sopkg.errors import Conflict
from sopkg.gateway import Gateway
from sopkg.ontologycheck import Fault
from sopkg.ontologystate import use_good
from sopkg.pool import Pool
from sopkg.settings import Settings, variable
from sopkg.store import SnapshotStore
from sopkg.web import create_app

# By what the process that serves hears why an edited ontology is not in use: it is given the last good one.
_REFUSED = "REFUSED_ONTOLOGY"


def application() -> Flask:
    """The WSGI application with the settings of the environment."""
    settings, faults = use_good(Settings.from_environment())
    _tell(faults)
    return create_app(settings, refused=[*os.environ.get(_REFUSED, "").splitlines(), *map(str, faults)])


def gateway() -> Gateway:
    """The same application for the server, which tells it of callers that go away."""
    app, settings = application(), Settings.from_environment()
    if settings.read_ahead:
        ahead.start(app.extensions["sopkg"])
    return Gateway(app, settings)


def serve(settings: Settings) -> None:
    """Serves until SIGINT or SIGTERM; raises what keeps it from that, before it listens."""
    SnapshotStore(settings.store).current()
    settings, faults = use_good(settings)
    _tell(faults)
    Pool(replace(settings, workers=1)).close()  # says now what keeps workers from starting
    _try_address(settings)
    os.environ[_REFUSED] = "\n".join(map(str, faults))
    os.environ.update(_environment(settings))  # the application runs in a process of its own
    server = Granian(
        "sopkg.serve:gateway",
        factory=True,
        interface=Interfaces.RSGI,
        address=settings.host,
        port=settings.port,
        websockets=False,
        workers=1,
        respawn_failed_workers=True,
        workers_kill_timeout=settings.ending_seconds,
        log_enabled=False,
    )
    address = f"http://{_shown(settings.host)}:{settings.port}"
    print(f"serving {settings.store} at {address} (Ctrl-C ends)", flush=True)
    server.serve()


def _tell(faults: Iterable[Fault]) -> None:
    """Says why an edited ontology is not in use."""
    for fault in faults:
        print(f"sopkg: the ontology is refused, and the last good one serves on: {fault}", file=sys.stderr, flush=True)


def _try_address(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((settings.host, settings.port))
        except (OSError, OverflowError) as error:  # the latter for a port that no address has
            reason = getattr(error, "strerror", None) or str(error)
            raise Conflict(
                f"can't listen at {settings.host} port {settings.port} ({reason}); --port or SOPKG_PORT chooses another"
            ) from error


def _environment(settings: Settings) -> Mapping[str, str]:
    values = {each.name: getattr(settings, each.name) for each in fields(settings)}
    texts = {name: str(int(value) if isinstance(value, bool) else value) for name, value in values.items()}
    return {variable(name): text for name, text in texts.items()}


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
