"""Observations over HTTP: a file is loaded as one, one is dropped, and who changed what is told."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from flask import Flask, Response, current_app, g, request

from sopkg import replies
from sopkg.access import ADMIN, AUDITOR, EDITOR
from sopkg.cities import City, city
from sopkg.errors import BadInput, Conflict, NotFound
from sopkg.middle import middle
from sopkg.operations import ROWS, STRING, Parameter, Schema, form, given, operation
from sopkg.parameters import CITY, DATE
from sopkg.rdfinput import format_of_name, refuse_declaration
from sopkg.rdftable import SUFFIXES
from sopkg.replies import TABLES
from sopkg.store import SnapshotStore

_OF = (replace(CITY, required=True), replace(DATE, required=True))
_FILE = Parameter("file", "the file's name; how it ends says what it is: .csv, .json, .ttl …", required=True)
_MAPPING = Parameter("mapping", "the mapping that reads it, if not the one that fits")
_CHANGE = ("time", "who", "what", "snapshot")


def add_loading(app: Flask) -> None:
    """Adds the addresses."""
    app.add_url_rule("/load", view_func=load, methods=["POST"])
    app.add_url_rule("/observations", view_func=drop, methods=["DELETE"])
    app.add_url_rule("/changes", view_func=changes)


def _any() -> Mapping[str, Schema]:
    return {"application/octet-stream": STRING}


@operation(*_OF, _FILE, _MAPPING, body=_any, role=EDITOR, raises=(NotFound, Conflict))
def load() -> Response:
    """Loads the file in the body, of any media type, as the observation of a city at a date."""
    told = given()
    known = city(told["city"])
    name = PurePosixPath(told["file"]).name
    if name != told["file"] or name in ("", ".", ".."):
        raise BadInput(f"file is {told['file']!r}; expected is the name of a file, without a folder")
    request.max_content_length = middle().settings.load_bytes
    with tempfile.TemporaryDirectory(prefix="sopkg-load-") as folder:
        path = Path(folder) / name
        keep(path, request.get_data())
        asked_for = payload(known, told["date"], path, told.get("mapping"))
        return replies.json_of(current_app.extensions["sopkg-writer"].run("load", asked_for, g.who))


def keep(path: Path, data: bytes) -> None:
    """Writes a file that came over the network. Raises BadInput for RDF/XML with a document type declaration."""
    if path.suffix.lower() in SUFFIXES:
        refuse_declaration(data, format_of_name(path.name))
    path.write_bytes(data)


def payload(city: City, date: str, file: Path, mapping: str | None = None) -> dict[str, str | None]:
    """What the process that writes has to know, to load a file or to check it."""
    told = {"city": city.name, "folder": str(city.folder.resolve()), "date": date}
    return {**told, "file": str(file), "mapping": mapping}


@operation(*_OF, role=ADMIN, raises=(NotFound, Conflict))
def drop() -> Response:
    """Drops an observation, with all that follows from it; the observations after it are audited again."""
    told = given()
    asked_for = {"city": told["city"], "date": told["date"]}
    return replies.json_of(current_app.extensions["sopkg-writer"].run("drop-observation", asked_for, g.who))


@operation(formats=TABLES, answer=ROWS, role=AUDITOR)
def changes() -> Response:
    """Who changed what, and when: each write that was published, the latest last."""
    given()
    return replies.table(SnapshotStore(middle().settings.store).changes(), _CHANGE, form())
