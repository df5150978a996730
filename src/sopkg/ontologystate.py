"""The ontology that is in use: an edited one that passes the check, else the last one that did.

A store keeps a copy of each ontology that passed, named by its content: what is checked once is known at the next
start, and a service that reads its copy does not see what is edited while it runs.

    DIR/ontology/HASH[-dl]/   a copy; with -dl it passed the check in OWL 2 DL too
    DIR/ontology/current      the name of the last one that passed

That an ontology passed is also noted in the cache folder, for stores to come.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from sopkg import __version__
from sopkg.dl import has_java
from sopkg.errors import OntologyRefused
from sopkg.files import ONTOLOGY_VARIABLE, found
from sopkg.ontologycheck import Fault, check, digest
from sopkg.settings import Settings
from sopkg.store import SnapshotStore

_SHOWN = 3


def require_good(settings: Settings) -> None:
    """Raises OntologyRefused, with term, rule and line of each fault, unless the ontology passes the check."""
    kept = _kept(settings)
    if kept is None or not kept.is_dir():
        _require_passed(settings)
        _keep(settings)


def _require_passed(settings: Settings) -> None:
    """Checks an ontology unless it is noted that it passed, and notes it."""
    noted = settings.cache / "ontology" / f"{_name(settings)}-{_rules()}"
    if noted.is_file():
        return
    faults = check(settings.ontology, settings)
    if faults:
        raise refused(faults, "nothing is changed")
    with suppress(OSError):  # without a place to note it, it is checked again next time
        noted.parent.mkdir(parents=True, exist_ok=True)
        noted.touch()


def _rules() -> str:
    """What the program's version and the rules that the check runs hash to (16 hex digits of SHA-256)."""
    digest = hashlib.sha256(__version__.encode())
    for path in found("queries/entailment", "*.rq"):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def use_good(settings: Settings) -> tuple[Settings, list[Fault]]:
    """The settings with a copy of the ontology, or of the last one that passed, and what is wrong with a refused one.

    Everything that this process and its workers read of the ontology from now on is that copy. Raises OntologyRefused
    where none has passed yet.
    """
    faults: list[Fault] = []
    try:
        require_good(settings)
        folder = _kept(settings)
    except OntologyRefused as error:
        folder = _last(settings)
        if folder is None:
            raise
        faults = list(error.faults)
    chosen = folder if folder is not None and folder.is_dir() else settings.ontology
    os.environ[ONTOLOGY_VARIABLE] = str(chosen)
    return replace(settings, ontology=chosen), faults


def refused(faults: list[Fault], so: str) -> OntologyRefused:
    """The error that tells these faults."""
    more = len(faults) - _SHOWN
    shown = "; ".join(map(str, faults[:_SHOWN])) + (f"; and {more} more (`sopkg ontology check`)" if more > 0 else "")
    error = OntologyRefused(f"{shown}; {so}", {"faults": [vars(each) for each in faults]})
    error.faults = list(faults)
    return error


def _kept(settings: Settings) -> Path | None:
    """Where the copy of the present ontology is, or would be; None where there is no store yet."""
    if not SnapshotStore(settings.store).exists():
        return None
    return settings.store / "ontology" / _name(settings)


def _name(settings: Settings) -> str:
    return f"{digest(settings.ontology)}{'-dl' if has_java() else ''}"


def _last(settings: Settings) -> Path | None:
    """The copy of the last ontology that passed."""
    pointer = settings.store / "ontology" / "current"
    folder = pointer.parent / pointer.read_text("ascii").strip() if pointer.is_file() else None
    return folder if folder is not None and folder.is_dir() else None


def _keep(settings: Settings) -> None:
    """Copies an ontology that passed into the store, in one step; a store that can't be written to goes without."""
    kept = _kept(settings)
    if kept is None or not os.access(settings.store, os.W_OK):
        return
    kept.parent.mkdir(exist_ok=True)
    draft = kept.with_name(f"draft-{uuid.uuid4().hex}")
    shutil.copytree(settings.ontology, draft)
    if kept.is_dir():  # another process was faster
        shutil.rmtree(draft)
    else:
        draft.rename(kept)
    pointer = kept.with_name(f"current-{uuid.uuid4().hex}")
    pointer.write_text(f"{kept.name}\n", "ascii")
    pointer.replace(kept.with_name("current"))
