"""The description of the service is whole, and the service keeps to it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sopkg.catalog import query_files
from sopkg.openapi import rules, undescribed
from sopkg.settings import Settings
from sopkg.web import create_app
from tests.amount import ALL
from tests.conftest import Sopkg

EXAMPLES = 50 if ALL else 1
ALIKE = 1 if ALL else 8  # of the predefined queries one in so many


@pytest.fixture(scope="module")
def told(client: FlaskClient) -> dict[str, Any]:
    """The description."""
    document: dict[str, Any] = client.get("/openapi.json").json
    return document


def operations(told: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    return ((path, method, each) for path, methods in told["paths"].items() for method, each in methods.items())


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "x", path)


def test_every_route_says_what_it_offers(client: FlaskClient, told: dict[str, Any]) -> None:
    app = client.application
    known = {
        (app.url_map.bind("").match(filled(path), method.upper())[0], method) for path, method, _ in operations(told)
    }
    asked = {
        (each.endpoint, name.lower()) for each in rules(app) for name in (each.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert (undescribed(app), asked - known) == ([], set())


def test_what_does_not_say_so_is_found(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(client.application.view_functions, "gaps", lambda: "")
    assert undescribed(client.application) == ["/gaps"]


def test_each_predefined_query_has_its_parameters(told: dict[str, Any]) -> None:
    for query in query_files("reports").values():
        said = {each["name"]: each["required"] for each in told["paths"][f"/queries/{query.name}"]["get"]["parameters"]}
        assert {each.name: not each.optional for each in query.parameters}.items() <= said.items()


def test_no_parameter_is_taken_that_is_not_described(client: FlaskClient, told: dict[str, Any]) -> None:
    paths = [filled(path) for path, method, each in operations(told) if method == "get" and "security" not in each]
    assert [path for path in paths if client.get(path, query_string={"no-such": "x"}).status_code != 400] == []


def test_other_methods_are_refused_and_those_that_there_are_named(client: FlaskClient, told: dict[str, Any]) -> None:
    for path, methods in told["paths"].items():
        response = client.open(filled(path), method="TRACE")
        offered = {each.upper() for each in methods}
        assert (response.status_code, offered - set(response.headers["Allow"].split(", "))) == (405, set()), path


def test_the_page_has_every_address_and_fetches_nothing(client: FlaskClient, told: dict[str, Any]) -> None:
    page = client.get("/api").text
    tree = ElementTree.fromstring(re.sub(r"<(meta|link)([^>]*)>|<br>", r"<v\2/>", page.removeprefix("<!doctype html>")))
    anchors = {each.get("id") for each in tree.iter()}
    assert {each["operationId"] for _, _, each in operations(told)} <= anchors
    assert {each.get("href") for each in tree.iter("a")} - {f"#{each}" for each in anchors} == {"/openapi.json"}
    assert not re.findall(r"<(script|img|iframe|style)|style=", page)


@pytest.fixture
def small(tmp_path: Path, sopkg: Sopkg, works: Callable[[str, int], Path]) -> Iterator[Flask]:
    """The service over a few works: over the demonstration a report may take seconds."""
    words = ("--city", "buenos-aires", "--date", "2019-11")
    assert sopkg(tmp_path / "s", "load", str(works("2019-11-30", 10)), *words).exit_code == 0
    admin = hashlib.sha256(b"secret").hexdigest()
    app = create_app(Settings(store=tmp_path / "s", workers=1, allow_no_netns=True, admin_hash=admin))
    yield app
    app.extensions["sopkg"].pool.close()


@pytest.mark.parametrize("token", ["secret", ""] if ALL else ["secret"])
def test_the_service_keeps_to_its_description(small: Flask, token: str) -> None:
    conformance = pytest.importorskip("tests.conformance", reason="schemathesis is missing", exc_type=ImportError)
    assert conformance.faults(small, EXAMPLES, ALIKE, token) == []
