"""How the service is used from elsewhere: snippets, one a file, which the tests run as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import Flask, render_template, request

from sopkg.operations import given, operation
from sopkg.results import HTML

WRITTEN_FOR = "http://127.0.0.1:8080/sparql"
"""The endpoint that the files name, which is that of `make demo`."""
_FOLDER = Path(__file__).parent / "templates" / "clients"
_COMMENT = "#/ "


@dataclass(frozen=True)
class Snippet:
    """What stands in the first line of a file, in the second, and behind both."""

    title: str
    needs: str
    text: str

    def at(self, endpoint: str) -> str:
        """The text for another endpoint."""
        return self.text.replace(WRITTEN_FOR, endpoint)


@cache
def snippets() -> Mapping[str, Snippet]:
    """The snippets by their file's name."""
    return {path.name: _read(path) for path in sorted(_FOLDER.iterdir())}


def _read(path: Path) -> Snippet:
    title, needs, text = path.read_text("utf-8").split("\n", 2)
    return Snippet(title.lstrip(_COMMENT), needs.lstrip(_COMMENT), text)


def add_clients(app: Flask) -> None:
    """Adds the page."""
    app.add_url_rule("/clients", view_func=clients)


@operation(media_type=HTML.header)
def clients() -> str:
    """Use it from a shell, from Python, from JavaScript: snippets to copy."""
    given()
    shown = [(each, each.at(f"{request.url_root}sparql")) for each in snippets().values()]
    return render_template("clients.html", snippets=shown)
