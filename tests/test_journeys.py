"""The main ways through the desk in a browser: nothing from elsewhere, no fault, pages that everybody can read."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from sopkg.answers import Answers
from sopkg.pool import Pool
from sopkg.settings import Settings
from sopkg.web import create_app
from tests.browser import Browser
from tests.test_pages import HOSTILE, READER, check, chromium, hostile, hostile_table, shown
from tests.vendored import VENDORED, Vendored

__all__ = ["chromium", "hostile"]  # fixtures
NS = "https://w3id.org/sopkg/ns#"
TOKEN = "a-token"
AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text("utf-8")
SERIOUS = """axe.run(document, {resultTypes: ["violations"]}).then((told) => told.violations
  .filter((each) => ["serious", "critical"].includes(each.impact))
  .map((each) => [each.id, each.nodes.slice(0, 3).map((node) => node.html)]))"""
EDITOR = "document.querySelector('.CodeMirror').CodeMirror"
ROWS = "document.querySelectorAll('#result tbody tr').length"
LABELS = "SELECT ?name { ?s <http://www.w3.org/2000/01/rdf-schema#label> ?name FILTER(CONTAINS(?name, '<')) }"
HANDLER = "https://a.example/'onmouseover='alert(1)"
IRIS = f"SELECT * {{ VALUES ?iri {{ <javascript:alert(1)> <{HANDLER}> <data:text/html,x> <{NS}Gap> }} }}"
CUT = "SELECT ?thing WHERE { ?thing a "


@dataclass(frozen=True)
class Desk:
    """A service with a few works whose names are hostile, its address, and one of its gaps."""

    app: Flask
    address: str
    gap: str


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, hostile: Path) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("journeys")
    shutil.copytree(hostile, folder / "s")
    secret = hashlib.sha256(TOKEN.encode()).hexdigest()
    kept, checked = folder / "s", folder / "checked"
    settings = Settings(store=kept, cache=checked, allow_no_netns=True, workers=1, editor_hash=secret)
    with Pool(settings) as pool:
        app = create_app(settings, Answers(settings, pool))
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            gap = app.test_client().get("/gaps?kind=G16b").get_json()[0]["id"]
            yield Desk(app, f"http://127.0.0.1:{server.server_port}", gap)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            app.extensions["sopkg-writer"].close()


@pytest.fixture(scope="module")
def client(desk: Desk) -> FlaskClient:
    return desk.app.test_client()


@pytest.fixture
def page(chromium: Browser, desk: Desk) -> Iterator[Browser]:
    """The browser, which has asked nobody else when the test is over, and has had no error and no report."""
    chromium.requests.clear()
    chromium.errors.clear()
    chromium.size(1280)
    yield chromium
    assert [each for each in chromium.requests if not each.startswith((desk.address, "about:", "data:"))] == []
    assert chromium.errors == []


def fill(page: Browser, **fields: str) -> None:
    for name, given in fields.items():
        page.value(f"void (document.querySelector('main [name={name}]').value = {json.dumps(given)})")


def text(page: Browser, selector: str) -> str:
    told: str = page.value(f"document.querySelector({json.dumps(selector)}).innerText")
    return told


def ask(page: Browser, desk: Desk, query: str) -> None:
    """Opens the workbench at an address that keeps a query, which is then run."""
    page.open("about:blank")  # else nothing is loaded where only what stands behind # is another
    page.open(f"{desk.address}/workbench#{urlencode({'query': query})}")


def test_a_question_with_parameters_and_its_download(page: Browser, desk: Desk, tmp_path: Path) -> None:
    page.open(f"{desk.address}/queries")
    page.click("a[href*='/queries/still-in-creation']")
    fill(page, city="buenos-aires")
    page.click("form.filters button")
    assert "Cárcel de Devoto <script>" in text(page, "[aria-labelledby=answer] table")
    page.ask("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.value("void document.querySelector('a[href*=\"format=csv\"]').click()")
    page.until(lambda: any(each.suffix != ".crdownload" for each in tmp_path.iterdir()))
    (saved,) = tmp_path.iterdir()
    with open(saved, encoding="utf-8", newline="") as file:
        assert any("Cárcel de Devoto" in cell for row in csv.reader(file) for cell in row)


def test_the_workbench_asks_and_its_address_keeps_the_query(page: Browser, desk: Desk, client: FlaskClient) -> None:
    page.open(f"{desk.address}/workbench")
    page.click("a[href*='example=still-in-creation']")
    page.until(lambda: page.value(f"Boolean(document.querySelector('.CodeMirror')) && {EDITOR}.getValue()"))
    assert "SELECT" in page.value(f"{EDITOR}.getValue()")
    page.value(f"{EDITOR}.setValue({json.dumps(LABELS)})")
    page.value("void document.querySelector('#workbench button').click()")
    page.until(lambda: page.value(ROWS) > 1)
    assert "<img src=x onerror=alert(2)>" in text(page, "#result")
    assert page.value("document.querySelectorAll('#result img, #result script, #result [onerror]').length") == 0
    links = page.value("[...document.querySelectorAll('#downloads a')].map((each) => each.getAttribute('href'))")
    assert [client.get(each).mimetype.rpartition("/")[2] for each in links] == [
        *("sparql-results+json", "sparql-results+xml", "csv", "tab-separated-values")
    ]
    kept = page.value("location.href")
    page.open("about:blank")
    page.open(kept)
    page.until(lambda: page.value(ROWS) > 1)
    assert page.value(f"{EDITOR}.getValue()") == LABELS


def test_no_hostile_iri_is_a_link_or_runs(page: Browser, desk: Desk) -> None:
    ask(page, desk, IRIS)
    page.until(lambda: page.value(ROWS) == 4)
    page.value("document.querySelectorAll('#result *').forEach((each) => each.dispatchEvent(new Event('mouseover')))")
    links = page.value("[...document.querySelectorAll('#result tbody a')].map((each) => each.getAttribute('href'))")
    assert links == [HANDLER, "/ns#Gap"]


def test_the_editor_completes_from_our_vocabulary(page: Browser, desk: Desk) -> None:
    ask(page, desk, "ASK { }")
    page.until(lambda: not page.value("document.querySelector('#result').hidden"))
    typed = f"PREFIX sop: <{NS}> ASK {{ ?thing a sop:Engag"
    page.value(f"{EDITOR}.setValue({json.dumps(typed)}), {EDITOR}.focus(), {EDITOR}.setCursor(0, {len(typed)})")
    page.ask("Input.dispatchKeyEvent", type="keyDown", key=" ", code="Space", windowsVirtualKeyCode=32, modifiers=2)
    page.until(lambda: page.value("Boolean(document.querySelector('.CodeMirror-hints li'))"))
    assert text(page, ".CodeMirror-hints").startswith("sop:Engagement")


def test_the_workbench_says_what_is_wrong_and_keeps_the_query(chromium: Browser, desk: Desk) -> None:
    ask(chromium, desk, CUT)
    chromium.until(lambda: not chromium.value("document.querySelector('#problem').hidden"))
    assert "the query can't be read at line 1, column" in text(chromium, "#problem")
    assert chromium.value(f"{EDITOR}.getValue()") == CUT


@pytest.mark.parametrize(
    ("query", "said", "status"),
    [
        (LABELS, "&lt;img src=x onerror=alert(2)&gt;", 200),
        ("ASK { ?s ?p ?o }", "Yes.", 200),
        ("CONSTRUCT WHERE { ?s ?p ?o } LIMIT 500", "format=turtle", 200),
        (CUT, "can&#39;t be read at line 1", 400),
    ],
    ids=["rows", "truth", "graph", "fault"],
)
def test_the_workbench_works_without_scripts(client: FlaskClient, query: str, said: str, status: int) -> None:
    response = shown(client, f"/workbench?{urlencode({'query': query, 'city': 'buenos-aires', 'as-of': ''})}")
    assert (response.status_code, said in response.text, "<img" in response.text) == (status, True, False)


def test_only_the_pages_with_scripts_may_run_them(client: FlaskClient) -> None:
    policies = {path: shown(client, path).headers["Content-Security-Policy"] for path in ("/", "/workbench", "/load")}
    assert {path for path, policy in policies.items() if "script-src 'self'" in policy} == {"/workbench", "/load"}
    assert not [policy for policy in policies.values() if "unsafe" in policy or "http" in policy]
    tag = client.get("/workbench", headers=READER).headers["ETag"]
    again = client.get("/workbench", headers={**READER, "If-None-Match": tag})
    assert (again.status_code, again.headers["Content-Security-Policy"]) == (304, policies["/workbench"])


@pytest.mark.parametrize(("language", "label"), [("en", "engagement"), ("zh", "参与")])
def test_what_the_editor_completes_is_named_in_the_readers_language(
    client: FlaskClient, language: str, label: str
) -> None:
    told = shown(client, "/workbench/words", language).json
    assert told is not None
    assert (told["class"][f"{NS}Engagement"], told["prefixes"]["sop"]) == (label, NS)


def test_what_if_by_form_closes_a_gap_and_stores_nothing(page: Browser, desk: Desk, client: FlaskClient) -> None:
    before = client.get("/health").get_json()["snapshot"]
    lacking = client.get("/gaps?kind=G08a").get_json()[0]
    page.open(f"{desk.address}/what-if")
    fill(page, actor=HOSTILE, role=f"{NS}Supervisor", object=lacking["focus"][1], subject=f"{NS}Society")
    page.click("form:not(.filters) button")
    assert lacking["kindLabel"].casefold() in text(page, "[aria-labelledby=closed] table").casefold()
    assert client.get("/health").get_json()["snapshot"] == before


def test_what_if_somebody_did_not_take_part(client: FlaskClient) -> None:
    tree = check(shown(client, "/what-if"), "en")
    names = [str(each.get("value")) for each in tree.findall(".//datalist[@id='engagement-names']/option")]
    removed = shown(client, f"/what-if?{urlencode({'engagement': names[0]})}")
    assert (removed.status_code, "DELETE WHERE" in removed.text) == (200, True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"engagement": "Nobody"}, "choose one that the list offers"),
        ({"actor": "Nobody"}, "role, object is not chosen"),
        ({"actor": "x", "role": f"{NS}Leading", "object": f"{NS}SmartPeople"}, "the subject has to be chosen"),
        ({"actor": "x", "role": f"{NS}Open", "object": f"{NS}SmartPeople"}, "expected is one of"),
    ],
)
def test_what_no_engagement_can_be_is_said(client: FlaskClient, given: dict[str, str], said: str) -> None:
    response = shown(client, f"/what-if?{urlencode({**given, 'lang': 'zh'})}")
    assert (response.status_code, said in response.text) == (400, True)


def test_a_dropped_file_is_checked_and_then_published(page: Browser, desk: Desk, tmp_path: Path) -> None:
    client, table = desk.app.test_client(), hostile_table(tmp_path).read_text("utf-8")
    before = client.get("/health").get_json()["snapshot"]
    page.open(f"{desk.address}/load")
    page.value(f"""{{ const given = new DataTransfer();
        given.items.add(new File([{json.dumps(table)}], "more.csv"));
        document.getElementById("load").dispatchEvent(new DragEvent("drop", {{dataTransfer: given}})); }}""")
    fill(page, city="buenos-aires", date="2024-07-31", access_token=TOKEN)
    page.click("#load button")
    report = text(page, "main")
    assert "10 rows, read by the mapping buenos-aires-works" in report
    assert "Compared with the observation before, of 30 June 2024" in report
    assert client.get("/health").get_json()["snapshot"] == before
    assert TOKEN not in page.value("document.documentElement.outerHTML")
    fill(page, access_token=TOKEN)
    page.click("[aria-labelledby=publish] button")
    assert "The observation of buenos-aires on 31 July 2024 is published: 10 rows." in text(page, "main")
    assert {row["date"] for row in client.get("/cities").get_json()} == {"2024-06-30", "2024-07-31"}


@pytest.mark.parametrize(
    ("step", "given", "status"),
    [
        ("check", {"access_token": "another"}, 401),
        ("check", {"file": None}, 400),
        ("check", {"file": ("a/b.csv", b"x")}, 400),
        ("check", {"file": ("b.csv", b"a,b\n1,2\n")}, 400),
        ("check", {"date": "2999-01-01"}, 400),
        ("check", {"city": "atlantis"}, 404),
        ("publish", {"checked": "0" * 64}, 404),
        ("publish", {"checked": "../../etc"}, 400),
        ("publish", {"access_token": ""}, 401),
    ],
)
def test_what_can_t_be_loaded_is_said(client: FlaskClient, step: str, given: dict[str, object], status: int) -> None:
    told: dict[str, object] = {"city": "buenos-aires", "date": "2024-08-31", "access_token": TOKEN}
    told |= {"file": ("c.csv", b"a,b\n1,2\n")} if step == "check" else {}
    data = {name: value for name, value in {**told, **given}.items() if value is not None}
    data = {name: _file(*value) if isinstance(value, tuple) else value for name, value in data.items()}
    kind = "multipart/form-data" if step == "check" else None
    response = client.post(f"/load/{step}", data=data, headers=READER, content_type=kind)
    assert (response.status_code, response.mimetype) == (status, "text/html")


def _file(name: str, content: bytes) -> tuple[io.BytesIO, str]:
    return io.BytesIO(content), name


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_that_loads_is_whole(client: FlaskClient, language: str) -> None:
    response = shown(client, "/load", language)
    assert response.status_code == 200
    assert 'enctype="multipart/form-data"' in response.text
    assert shown(client, "/load/check").status_code == 303


def test_nothing_serious_keeps_anybody_from_reading_a_page(page: Browser, desk: Desk) -> None:
    found = {}
    for path in (
        *("/", "/cities", "/gaps", f"/gaps/{desk.gap}", "/gaps/diff", "/cube?city=buenos-aires", "/queries"),
        *("/queries/still-in-creation", "/what-if", "/load", "/about/id/buenos-aires/city/buenos-aires"),
    ):
        page.open(desk.address + path)
        found[path] = faults(page)
    ask(page, desk, LABELS)
    page.until(lambda: page.value(ROWS) > 1)
    found["/workbench"] = faults(page)
    assert {path: each for path, each in found.items() if each} == {}


def faults(page: Browser) -> object:
    """What axe finds that is serious; it comes through DevTools, so that no page has to allow it."""
    page.value(f"{AXE}; 0")
    return page.value(SERIOUS)


@pytest.mark.parametrize("what", VENDORED, ids=lambda each: each.package)
def test_what_others_wrote_is_as_it_was_looked_at(what: Vendored) -> None:
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in what.target.iterdir()}
    assert {Path(name).name: digest for name, digest in what.sha256.items()}.items() <= files.items()
    assert f"{what.package} {what.version}" in (what.target / "LICENCES.txt").read_text("utf-8")
