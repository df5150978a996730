"""What the service tells of its own work: an identifier and a log line for each request, and metrics."""

from __future__ import annotations

import json
import re
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from flask import Flask, Response, current_app, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from sopkg import running
from sopkg.operations import given, operation
from sopkg.pool import Pool

REQUEST_ID = "X-Request-Id"
_FIT = re.compile(r"[\w.:-]{1,64}", re.ASCII)
# What is the caller's to choose makes no line of its own: a path that no address fits, a method of no meaning here.
_UNKNOWN = "none"
_METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}
# What a pool's health has a number for, and what it means.
_POOL = {
    "workers": "Queries that may run at the same time.",
    "running": "Queries that run.",
    "waiting": "Callers who wait for a worker.",
    "processes": "Worker processes, the spare one and those being replaced too.",
    "replaced": "Worker processes replaced since the start.",
}


class _Workers(Collector):
    """The pool's counts at the time of asking."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """A gauge for each count."""
        health: Mapping[str, object] = self._pool.health()
        for name, meaning in _POOL.items():
            yield GaugeMetricFamily(f"sopkg_query_{name}", meaning, value=float(str(health[name])))


class _Metrics:
    """The metrics of one application."""

    def __init__(self, pool: Pool) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Workers(pool))
        labels = ("route", "method", "status")
        self.requests = Counter("sopkg_requests", "Requests answered.", labels, registry=self.registry)
        seconds = ("sopkg_request_seconds", "Time that an answer took.", ("route",))
        self.seconds = Histogram(*seconds, registry=self.registry)


def observe(app: Flask, pool: Pool, log: bool) -> None:
    """Counts and times an application's requests; with `log`, writes a JSON line of each to standard error."""
    app.extensions["sopkg-metrics"] = _Metrics(pool)
    app.config["SOPKG_LOG"] = log
    app.before_request(_began)
    app.after_request(_ended)


@operation(media_type=CONTENT_TYPE_LATEST)
def metrics() -> Response:
    """The metrics in Prometheus' text format."""
    given()
    return Response(generate_latest(current_app.extensions["sopkg-metrics"].registry), content_type=CONTENT_TYPE_LATEST)


def _began() -> None:
    g.began = time.perf_counter()
    given = request.headers.get(REQUEST_ID, "")
    g.request_id = given if _FIT.fullmatch(given) else uuid.uuid4().hex
    running.named(g.request_id)


def _ended(response: Response) -> Response:
    response.headers[REQUEST_ID] = g.request_id
    seconds, route = time.perf_counter() - g.began, request.url_rule.rule if request.url_rule else _UNKNOWN
    kept = current_app.extensions["sopkg-metrics"]
    method = request.method if request.method in _METHODS else _UNKNOWN
    kept.requests.labels(route, method, response.status_code).inc()
    kept.seconds.labels(route).observe(seconds)
    if current_app.config["SOPKG_LOG"]:
        _log(response, seconds)
    return response


def _log(response: Response, seconds: float) -> None:
    """Writes what was asked and how it went; no parameter and no header, which may hold what is nobody's business."""
    told = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "request": g.request_id,
        "method": request.method,
        "path": request.path,
        "status": response.status_code,
        "ms": round(seconds * 1000, 1),
        "bytes": response.calculate_content_length(),
    }
    print(json.dumps(told), file=sys.stderr, flush=True)
