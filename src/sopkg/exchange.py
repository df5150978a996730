"""What every answer over HTTP has beside its body: a validator, compression, and who may read it."""

from __future__ import annotations

import gzip
import hashlib
from datetime import UTC, datetime

from flask import Flask, Response, current_app, g, request

from sopkg import __version__
from sopkg.errors import SopkgError
from sopkg.files import found
from sopkg.guard import changes_with_time
from sopkg.ontologycheck import digest
from sopkg.operations import operation_of
from sopkg.settings import Settings
from sopkg.store import SnapshotStore

_POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
# No cookie is ever read, so that a page of anyone's may ask what anyone may ask (Fetch, 3.2).
_ORIGINS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Link, Location, Retry-After, X-Request-Id, X-Total-Count",
}
_PREFLIGHT = {
    "Access-Control-Allow-Headers": "Accept, Authorization, Content-Type, If-None-Match",
    "Access-Control-Max-Age": "86400",
}
OF_THE_MOMENT = ("health", "ready", "metrics", "running", "static")
_SMALLEST, _LEVEL = 1024, 4  # bytes that are worth compressing, and how hard


def prepare(app: Flask, settings: Settings) -> None:
    """Has an application answer so."""
    app.extensions["sopkg-snapshots"] = SnapshotStore(settings.store)
    app.extensions["sopkg-program"] = _program(settings)
    app.before_request(_known_already)
    app.after_request(_finished)


def _program(settings: Settings) -> str:
    """What answers, beside the data: version, settings, ontology and queries."""
    hashed = hashlib.sha256(f"{__version__} {settings} {digest(settings.ontology)}".encode())
    for path in found("queries", "*/*.rq"):
        hashed.update(path.read_bytes())
    return hashed.hexdigest()


def _known_already() -> Response | None:
    """Not modified (RFC 9110, 15.4.5), if the caller has the answer that this snapshot gives."""
    g.tag = _tag() if request.method in ("GET", "HEAD") and request.endpoint not in OF_THE_MOMENT else None
    if g.tag is None or not request.if_none_match.contains_weak(g.tag):
        return None
    return Response(status=304)


def _tag() -> str | None:
    """The same for the same question of the same snapshot on one day; None where an answer is of its moment.

    A response to a gap lasts until a day.
    """
    if changes_with_time(request.args.get("query", "")):
        return None
    try:
        snapshot = current_app.extensions["sopkg-snapshots"].version()
    except SopkgError:
        return None
    program, day = current_app.extensions["sopkg-program"], datetime.now(UTC).date().isoformat()
    wanted = (request.headers.get(name, "") for name in ("Accept", "Accept-Language"))
    asked = (snapshot, program, day, request.url, *wanted)
    return hashlib.sha256("\n".join(asked).encode()).hexdigest()[:20]


def _finished(response: Response) -> Response:
    response.headers.update({**_SECURITY, **_ORIGINS})
    response.headers["Content-Security-Policy"] = _policy()
    if request.method == "OPTIONS":
        response.headers.update({**_PREFLIGHT, "Access-Control-Allow-Methods": response.headers.get("Allow", "")})
    tag = g.get("tag")
    if tag is not None and response.status_code in (200, 304):
        response.set_etag(tag, weak=True)
        response.headers["Cache-Control"] = "no-cache"  # kept, and asked for again each time
    return _compressed(response)


def _policy() -> str:
    """The Content Security Policy of an address: where an answer is not modified (304), it is told again."""
    offered = operation_of(current_app.view_functions.get(request.endpoint or ""))
    own = offered.policy if offered else {}
    return "; ".join(f"{name} {sources}" for name, sources in {**_POLICY, **own}.items())


def _compressed(response: Response) -> Response:
    if response.direct_passthrough or response.status_code == 304:
        return response
    response.vary.add("Accept-Encoding")
    data = response.get_data()
    if request.accept_encodings.quality("gzip") > 0 and len(data) >= _SMALLEST:
        response.set_data(gzip.compress(data, _LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response
