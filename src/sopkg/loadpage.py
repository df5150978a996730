"""The page that loads: a file is checked and its report shown, and in a second step it is published."""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask, current_app, g, redirect, request
from werkzeug.wrappers import Response

from sopkg import asked
from sopkg.access import EDITOR, FIELD, taken
from sopkg.cities import cities, city
from sopkg.dates import observation_date
from sopkg.errors import BadInput, Conflict, NotFound
from sopkg.loadweb import keep, payload
from sopkg.middle import middle
from sopkg.operations import OBJECT, names, operation
from sopkg.parameters import CITY, DATE
from sopkg.render import address, html, language, page
from sopkg.results import HTML

_MOST_KEPT, _SECONDS_KEPT = 8, 3600  # checked files that wait to be published
_KEY = re.compile("[0-9a-f]{64}")
_NAME = re.compile(r"[^/\\\x00-\x1f.][^/\\\x00-\x1f]{0,199}")
_LISTED = 50  # problems, broken rules and gaps of each sort that the page shows
_CHANGES = ("closed", "opened", "changed")


def add_load_page(app: Flask) -> None:
    """Adds the form, and the addresses that it sends to."""
    app.add_url_rule("/load", endpoint="load_page", view_func=load_page, methods=["GET"])
    for step in (check, publish):
        app.add_url_rule(f"/load/{step.__name__}", endpoint=f"load_{step.__name__}", view_func=step, methods=["POST"])
        app.add_url_rule(f"/load/{step.__name__}", endpoint=f"load_{step.__name__}_form", view_func=back)


@operation(CITY, DATE, media_type=HTML.header, policy={"script-src": "'self'"})
def load_page() -> Any:
    """The form: a city, a date and a file."""
    told = asked.known(request.args, names())
    settings = middle().settings
    return html(
        page(
            "load.html",
            told=told,
            cities=list(cities()),
            today=datetime.now(UTC).date().isoformat(),
            writable=taken(EDITOR, settings),
            # What the service takes at all is less than what a file may have where a setting says so.
            largest=min(settings.load_bytes, max(settings.body_bytes, settings.graph_bytes)),
        )
    )


@operation(
    media_type=HTML.header, role=EDITOR, body=lambda: {asked.FILE_FORM: OBJECT}, raises=(BadInput, NotFound, Conflict)
)
def check() -> Any:
    """What a file would give and change; it is kept for an hour, and nothing is published."""
    asked.known(request.args, ())
    given = asked.single(request.form)
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        raise BadInput("no file is chosen: choose one, or drop one on the form")
    if not _NAME.fullmatch(upload.filename):
        raise BadInput(f"file is {upload.filename!r}; expected is the name of a file, without a folder")
    key = _keep(upload.filename, upload.read())
    report: Any = _run("check-load", given, key)
    return html(
        page(
            "loadcheck.html",
            report=report,
            key=key,
            classes=[(language().label(iri[1:-1], iri[1:-1]).text, count) for iri, count in report["classes"]],
            lists=[(name, report[name]["rows"][:_LISTED], report[name]["count"]) for name in _CHANGES],
            listed=_LISTED,
        )
    )


@operation(
    media_type=HTML.header, role=EDITOR, body=lambda: {asked.FORM: OBJECT}, raises=(BadInput, NotFound, Conflict)
)
def publish() -> Any:
    """Publishes a file that was checked, and says what was done."""
    asked.known(request.args, ())
    given = asked.single(request.form)
    key = given.get("checked", "")
    report: Any = _run("load", given, key)
    shutil.rmtree(_folder() / key, ignore_errors=True)
    return html(page("loaded.html", report=report))


@operation(media_type=HTML.header, status=(303,))
def back() -> Any:
    """Leads to the form."""
    asked.known(request.args, ())
    return redirect(address("load_page"), 303, Response)


def _run(step: str, given: Mapping[str, str], key: str) -> Any:
    """Has a step done with a kept file. Raises BadInput for a field that is unknown or missing."""
    known = {FIELD, "city", "date", "checked"}
    missing = sorted(name for name in ("city", "date") if not given.get(name))
    if missing or set(given) - known:
        raise BadInput(f"the form has the fields {', '.join(given)}; expected are city, date and a file")
    path = _kept(key)
    asked_for = payload(city(given["city"]), observation_date(given["date"]), path)
    return current_app.extensions["sopkg-writer"].run(step, asked_for, g.who)


def _folder() -> Path:
    return Path(middle().settings.cache) / "checked"


def _keep(name: str, data: bytes) -> str:
    """Keeps a file under the hash of its name and content, and drops what has waited for long, or is too much."""
    key = hashlib.sha256(name.encode() + b"\0" + data).hexdigest()
    target = _folder() / key
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    keep(target / name, data)
    target.touch()
    latest = sorted(_folder().iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)
    for number, each in enumerate(latest):
        if number >= _MOST_KEPT or each.stat().st_mtime < time.time() - _SECONDS_KEPT:
            shutil.rmtree(each, ignore_errors=True)
    return key


def _kept(key: str) -> Path:
    """The file that was checked. Raises NotFound where it is gone, and BadInput for what names none."""
    if not _KEY.fullmatch(key):
        raise BadInput("checked names no file that was checked: check one first")
    found = next(iter((_folder() / key).glob("*")), None)
    if found is None:
        raise NotFound("this file was checked too long ago, or was published already: check it again")
    return found
