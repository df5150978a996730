"""Behind proxies: every address that the service writes is the one that a client can ask."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from sopkg.settings import Settings
from sopkg.web import create_app

FRONT, PREFIX = "https://data.example.org", "/city"
SENT = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "data.example.org", "X-Forwarded-Prefix": PREFIX}
SEVERAL = {name: f"{value}, {value}" for name, value in SENT.items()}
#: Where an answer writes addresses of the service: what is asked, in which format, and how one is found in it.
WRITTEN = [
    ("/gaps?city=barcelona&per_page=5", "", r"Link: <([^>]*)>|, <([^>]*)>; rel"),
    ("/gaps/feed?city=barcelona", "", r'<link rel="\w+" (?:type="[^"]*" )?href="([^"]*)"'),
    ("/catalog", "text/turtle", r"dcat:(?:endpointURL|accessURL) <([^>]*)>"),
    ("/.well-known/void", "text/turtle", r"(?:foaf:homepage|void:sparqlEndpoint) <([^>]*)>"),
    ("/queries", "text/turtle", r"<(https?://[^>]*/queries/[^>]*)>"),
    ("/fragments?predicate=a", "text/turtle", r"hydra:(?:first|next|view) <([^>]*)>"),
    ("/sparql", "text/turtle", r"sd:endpoint <([^>]*)>"),
    ("/openapi.json", "", r'"servers": \[\{"url": "([^"]*)"'),
    ("/id/barcelona/city/barcelona", "text/html", r"Location: (\S+)"),
    *(
        (page, "text/html", r'href="((?:/|https?://data)[^"]*)"')
        for page in ("/cube?city=amsterdam", "/gaps?city=amsterdam", "/api", "/about/id/barcelona/city/barcelona")
    ),
]


@pytest.fixture(scope="module")
def behind(client: FlaskClient) -> FlaskClient:
    """The service as it is behind one proxy, over the workers of the shared one."""
    held = client.application.extensions["sopkg"]
    return create_app(Settings(store=held.settings.store, allow_no_netns=True, proxies=1), held).test_client()


def addresses(client: FlaskClient, path: str, accept: str, found: str, sent: dict[str, str]) -> list[str]:
    response = client.get(path, headers={"Accept": accept, **sent})
    text = "".join(f"{name}: {value}\n" for name, value in response.headers) + response.text
    return [unescape("".join(each)) for each in re.findall(found, text)]


@pytest.mark.parametrize(("path", "accept", "found"), WRITTEN, ids=[each[0] for each in WRITTEN])
def test_every_address_is_right_behind_a_proxy(behind: FlaskClient, path: str, accept: str, found: str) -> None:
    written = addresses(behind, path, accept, found, SENT)
    assert written
    assert [each for each in written if not each.startswith((f"{FRONT}{PREFIX}", f"{PREFIX}/"))] == []


@pytest.mark.parametrize(("path", "accept", "found"), WRITTEN, ids=[each[0] for each in WRITTEN])
def test_each_leads_somewhere(behind: FlaskClient, path: str, accept: str, found: str) -> None:
    for each in addresses(behind, path, accept, found, SENT)[:1]:
        told = urlsplit(each)
        with behind.get(f"{told.path.removeprefix(PREFIX) or '/'}?{told.query}", headers=SENT) as response:
            assert response.status_code in (200, 303), (each, response.text)


def test_who_is_no_proxy_of_ours_is_not_believed(client: FlaskClient, behind: FlaskClient) -> None:
    server = WRITTEN[7]
    assert addresses(client, *server, SENT) == ["http://localhost"]
    assert addresses(behind, *server, {}) == ["http://localhost"]
    assert addresses(behind, *server, {**SENT, "X-Forwarded-Host": "evil.example, data.example.org"}) == [
        f"{FRONT}{PREFIX}"
    ]
