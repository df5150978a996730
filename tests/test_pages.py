"""The auditor's desk: whole pages in two languages, nothing loaded from elsewhere, and a journey through them."""

from __future__ import annotations

import csv
import fcntl
import hashlib
import html
import json
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

import html5lib
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from sopkg.answers import Answers
from sopkg.cities import cities
from sopkg.languages import languages
from sopkg.pool import Pool
from sopkg.render import page
from sopkg.settings import Settings
from sopkg.web import create_app
from tests.browser import Browser, browser, installed
from tests.conftest import Demo, Sopkg

ROOT = Path(__file__).parents[1] / "src" / "sopkg"
READER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
TOKEN = "a-token"
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'
GAPS = "city=amsterdam&date=2025-12-31"
PATHS = (
    *("/cities", "/gaps?city=amsterdam", f"/gaps?{GAPS}&verdict=undetermined&sort=works", "/gaps/diff", "/queries"),
    *("/gaps/diff?city=amsterdam&from=2024-12-31&to=2025-12-31", "/cube?city=amsterdam&date=2025-12-31"),
    *("/queries/still-in-creation?city=amsterdam", "/queries/norms-in-cell?as-of=2025-12", "/nowhere"),
    *("/network?city=amsterdam", "/map?city=barcelona&page=2", "/timeline?city=amsterdam", "/compare?first=amsterdam"),
    *("/what-if?city=amsterdam", "/load", "/workbench?query=ASK{}", "/workbench?example=still-in-creation"),
    *("/about/id/amsterdam/city/amsterdam", "/ns", "/gaps?colour=red", "/gaps?city=amsterdam&verdict=confirmed"),
)
DRAWN = ("/map", "/timeline", "/queries/still-in-creation")
WIDTHS = (400, 900, 1400)


@dataclass(frozen=True)
class Desk:
    """A service over a small city with hostile names, and one of its gaps."""

    app: Flask
    client: FlaskClient
    gap: str


@pytest.fixture(scope="module")
def client(demo: Demo) -> Iterator[FlaskClient]:
    settings = Settings(store=demo.store, allow_no_netns=True, workers=1)
    with Pool(settings) as pool:
        yield create_app(settings, Answers(settings, pool)).test_client()


@pytest.fixture(scope="session")
def hostile(shared: Path, sopkg: Sopkg) -> Path:
    """A store with a few works whose names are hostile, loaded once for all processes; to be copied by who writes."""
    folder = shared / "hostile"
    with open(shared / "hostile.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            (making := shared / "hostile-making").mkdir()
            words = ("--city", "buenos-aires", "--date", "2024-06")
            loaded = sopkg(making / "s", "load", str(hostile_table(making)), *words)
            assert loaded.exit_code == 0, loaded.output
            making.rename(folder)
    return folder / "s"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, hostile: Path) -> Iterator[Desk]:
    store = tmp_path_factory.mktemp("desk")
    shutil.copytree(hostile, store / "s")
    secret = hashlib.sha256(TOKEN.encode()).hexdigest()
    settings = Settings(store=store / "s", allow_no_netns=True, workers=1, auditor_hash=secret)
    with Pool(settings) as pool:
        app = create_app(settings, Answers(settings, pool))
        client = app.test_client()
        yield Desk(app, client, client.get("/gaps?kind=G16b").get_json()[0]["id"])


def hostile_table(folder: Path) -> Path:
    """Works that are overdue, with scripts for names."""
    target = folder / "works.csv"
    with open(cities()["buenos-aires"].tables()["2024-06-30"], encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    late = [row for row in rows if row["nombre"] in ("Pista de Ciclismo", "Cárcel de Devoto")]
    with open(target, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "nombre": f"{row['nombre']} {HOSTILE}"} for row in (*late, *rows[:8]))
    return target


def shown(client: FlaskClient, path: str, language: str = "en") -> TestResponse:
    return client.get(path, headers={**READER, "Accept-Language": language})


def tree_of(response: TestResponse) -> ElementTree.Element:
    """The page's elements; what HTML's own rules find wrong with it fails."""
    assert response.mimetype == "text/html", response.text[:200]
    tree: ElementTree.Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(response.text)
    return tree


def check(response: TestResponse, language: str) -> ElementTree.Element:
    """A page is valid HTML in its language, without anything that its policy forbids, and each field has a label."""
    tree = tree_of(response)
    every = [each for each in tree.iter() if isinstance(each.tag, str)]
    ids = [each.get("id") for each in every if each.get("id")]
    labelled = {each.get("for") for each in every if each.tag == "label"}
    fields = [e for e in every if e.tag in ("input", "select", "textarea") and e.get("type") not in ("hidden", "radio")]
    assert tree.get("lang") == language == response.headers["Content-Language"]
    assert len(ids) == len(set(ids))
    assert {each.get("id") for each in fields} <= labelled
    assert sum(each.tag == "h1" for each in every) == 1
    assert not [each.tag for each in every if each.tag in ("style", "iframe", "img", "object")]
    scripts = [(str(each.get("src"))[:8], each.text) for each in every if each.tag == "script"]
    assert set(scripts) <= {("/static/", None)}
    assert not scripts or "script-src 'self'" in response.headers["Content-Security-Policy"]
    assert not [name for each in every for name in each.attrib if name.startswith("on") or name == "style"]
    return tree


def links_of(tree: ElementTree.Element) -> set[str]:
    return {str(each.get("href")) for each in tree.iter() if each.get("href")}


def filled(response: TestResponse) -> dict[str, str]:
    """The fields of a gap's dry run, each with what it offers first, and a word where it offers nothing."""
    form = next(each for each in tree_of(response).iter("form") if str(each.get("action")).endswith("/dry-run"))
    written = {str(each.get("name")): each.get("value") or "a word" for each in reversed(list(form.iter("input")))}
    options = {str(each.get("name")): [o.get("value") for o in each.iter("option")] for each in form.iter("select")}
    return written | {name: next(each for each in values if each) for name, values in options.items()}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("path", PATHS)
def test_each_page_is_whole_in_each_language(client: FlaskClient, path: str, language: str) -> None:
    tree = check(shown(client, path, language), language)
    assert {urlsplit(link).scheme for link in links_of(tree)} <= {"", "http", "https"}


def test_each_sort_of_link_on_the_pages_answers(client: FlaskClient) -> None:
    found = {link for path in PATHS for link in links_of(tree_of(shown(client, path))) if link.startswith("/")}
    match = client.application.url_map.bind("localhost").match
    sorts = {match(urlsplit(link).path)[0]: link for link in sorted(found, key=lambda link: "amsterdam" in link)}
    assert {"front", "gap", "gaps", "diff", "cube", "query", "sparql", "linked.about", "feed", "cities"} <= set(sorts)
    tried = {match(urlsplit(path).path)[0] for path in PATHS} | {"front", "static"}
    statuses = {link: shown(client, link).status_code for sort, link in sorts.items() if sort not in tried}
    assert {link: status for link, status in statuses.items() if status not in (200, 303)} == {}


@pytest.mark.parametrize(
    ("path", "accept", "type"),
    [
        ("/gaps", READER["Accept"], "text/html"),
        ("/gaps", "*/*", "application/json"),
        ("/gaps", "", "application/json"),
        ("/gaps", "text/csv, text/html;q=0.9", "text/csv"),
        ("/gaps?format=html", "application/json", "text/html"),
        ("/gaps?format=csv&lang=zh", READER["Accept"], "text/csv"),
        ("/queries", READER["Accept"], "text/html"),
        ("/queries/norms-in-cell?stage=creation&lang=zh", "", "application/sparql-results+json"),
        ("/nowhere", "*/*", "application/problem+json"),
        ("/gaps?lang=tlh", READER["Accept"], "application/problem+json"),
    ],
)
def test_an_address_is_a_page_for_people_and_data_for_programs(
    client: FlaskClient, path: str, accept: str, type: str
) -> None:
    assert client.get(path, headers={"Accept": accept}).mimetype == type


def test_what_is_counted_beside_a_filter_is_what_it_shows(client: FlaskClient) -> None:
    tree = tree_of(shown(client, "/gaps?city=amsterdam"))
    options = {
        (field.get("name"), each.get("value")): int(re.findall(r"\(([\d,]+)\)$", each.text or "")[0].replace(",", ""))
        for field in tree.iter("select")
        for each in field.iter("option")
        if (each.text or "").endswith(")")
    }
    assert {name for name, _ in options} == {"city", "date", "kind", "object", "severity", "verdict"}
    for (name, value), count in options.items():
        asked = {"city": "amsterdam", name or "": value, "per_page": "1"}
        assert client.get("/gaps", query_string=asked).headers["X-Total-Count"] == str(count), (name, value)


def test_a_language_is_kept_from_page_to_page(client: FlaskClient) -> None:
    links = links_of(tree_of(shown(client, "/gaps/diff?lang=zh", "en")))
    assert {"/?lang=zh", "/gaps?lang=zh", "/gaps/diff?lang=en"} <= links
    assert "每个" in shown(client, "/cube?city=amsterdam&lang=zh", "en").text


def test_the_overview_leads_everywhere_and_shows_what_is_hostile_as_text(desk: Desk) -> None:
    overview = shown(desk.client, "/")
    links = links_of(check(overview, "en"))
    assert {"/cities", "/gaps", "/queries", "/sparql", "/health", f"/gaps/{desk.gap}?date=2024-06-30"} <= links
    for path in ("/", f"/gaps/{desk.gap}", "/gaps", f"/gaps/{desk.gap}?lang=zh", *DRAWN):
        told = shown(desk.client, path).text
        assert "&lt;script&gt;" in told
        assert "<script" not in told
        assert "<img" not in told


def test_only_safe_addresses_are_links(desk: Desk) -> None:
    row = {"city": "x", "label": "x", "date": "2024-06-30", "licence": "javascript:alert(1)", "source": "s", "rows": 1}
    with desk.app.test_request_context("/cities"):
        assert 'href="javascript' not in page("cities.html", cities={"x": [row]})


def test_the_page_of_a_gap_tells_all_of_it(desk: Desk) -> None:
    tree = check(shown(desk.client, f"/gaps/{desk.gap}"), "en")
    told = " ".join("".join(tree.itertext()).split())
    for text in ("works.csv, row", "§3 ¶4", "is planned to end on", "Nobody has answered", "method version", "medium"):
        assert text in told
    assert f"https://w3id.org/sopkg/id/buenos-aires/gap/{desk.gap}" in told


def test_a_dry_run_by_form_closes_what_it_should_and_changes_nothing(desk: Desk) -> None:
    lacking = next(row for row in desk.client.get("/gaps?kind=G08a").get_json())["id"]
    fields = filled(shown(desk.client, f"/gaps/{lacking}"))
    added, removed, refused = (
        desk.client.post(f"/gaps/{gap}/dry-run", data=data, headers=READER)
        for gap, data in ((lacking, fields), (desk.gap, {"statement": "3"}), (desk.gap, {"statement": "x"}))
    )
    assert (added.status_code, removed.status_code, refused.status_code) == (200, 200, 400)
    assert "This gap would close." in added.text
    assert "This gap would close." in removed.text
    assert refused.mimetype == "text/html"
    assert desk.client.get(f"/gaps/{lacking}").status_code == 200


def test_a_slot_takes_one_term_and_no_more(desk: Desk) -> None:
    lacking = desk.client.get("/gaps?kind=G08a").get_json()[0]["id"]
    given = {"1.actor": "<a:b> <a:c> <a:d> ) } } ; DROP ALL", "1.the_city": "<a:b>"}
    response = desk.client.post(f"/gaps/{lacking}/dry-run", data=given, headers=READER)
    assert (response.status_code, "is not" in response.text) == (400, True)


def test_an_answer_by_form_needs_the_token_and_does_not_keep_it(desk: Desk) -> None:
    given = {"kind": "disputed", "by": "Office of works", "reason": HOSTILE, "until": "2099-12-31"}
    address = f"/gaps/{desk.gap}/responses"
    refused = desk.client.post(address, data={**given, "access_token": "another"}, headers=READER)
    taken = desk.client.post(address, data={**given, "access_token": TOKEN}, headers=READER)
    assert (refused.status_code, refused.mimetype, taken.status_code) == (401, "text/html", 303)
    told = shown(desk.client, taken.location).text
    assert "Office of works" in told
    assert TOKEN not in told
    assert "<script" not in told


def test_a_gap_is_an_entry_of_a_bibliography_whatever_it_is_called(desk: Desk) -> None:
    bibtex, csl = re.findall(
        r'(?s)aria-label="(?:BibTeX|CSL-JSON)">(.*?)</pre>', shown(desk.client, f"/gaps/{desk.gap}").text
    )
    assert bibtex.startswith(f"@misc{{{desk.gap},\n  title = {{")
    assert (bibtex.count("{"), bibtex.count("}")) == (5, 5)
    (item,) = json.loads(html.unescape(csl))
    assert (item["id"], item["URL"].rpartition("/")[2]) == (desk.gap, desk.gap)


def test_every_language_has_the_same_messages_and_each_is_used() -> None:
    apart = ("date.", "unit.", "why.")  # read by their section
    known = {code: _keys(each.messages) for code, each in languages().items()}
    assert list(known) == ["en", "zh"]
    assert {re.sub("_one$", "", key) for key in known["en"]} == known["zh"]
    assert {key for code in known for key in known[code] if _slots("en", key) != _slots(code, key)} == set()
    sources = [*(ROOT / "templates").glob("*.*"), *ROOT.glob("*.py")]
    text = "\n".join(path.read_text("utf-8") for path in sources)
    named = set(re.findall(r"""['"]([a-z]+\.[a-z0-9_]+)['"]""", text))
    begun = tuple(re.findall(r"""(?:['"]([a-z]+\.(?:[a-z]+_)?)['"] ~)""", text))
    begun += tuple(re.findall(r'f"([a-z]+\.(?:[a-z]+_)?)\{', text))
    used = {key for key in known["zh"] if key in named or key.startswith((*begun, *apart))}
    assert known["zh"] - used == set()
    sections = {key.partition(".")[0] for key in known["zh"]}
    asked = set(re.findall(r"""(?:\bt|counted|message)\(['"]([a-z]+\.[a-z0-9_]+)['"][,)]""", text))
    assert {key for key in asked if key.partition(".")[0] in sections} <= known["zh"]


def _keys(messages: Mapping[str, dict[str, str]]) -> set[str]:
    """The messages by their keys, without those that the grammar of one language needs alone."""
    shared = ((section, texts) for section, texts in messages.items() if section not in {"grammar", "variable"})
    return {f"{section}.{name}" for section, texts in shared for name in texts}


def _slots(code: str, key: str) -> set[str]:
    section, _, name = key.partition(".")
    text = languages()[code].messages[section].get(name, "")
    return set(re.findall(r"\{(\w+)\}", str(text))) - {"count"}


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_the_palette_can_be_read(scheme: int) -> None:
    blocks = re.findall(r":root \{(.*?)\}", (ROOT / "static" / "style.css").read_text("utf-8"), re.DOTALL)
    colours = dict(re.findall(r"--([\w]+-(?:ink|paper)): (#[0-9a-f]{6})", blocks[scheme]))
    pairs = {name.removesuffix("-ink") for name in colours if name.endswith("-ink")}
    assert len(pairs) > 15
    weak = {name for name in pairs if contrast(colours[f"{name}-ink"], colours[f"{name}-paper"]) < 4.5}
    assert weak == set()


def contrast(one: str, other: str) -> float:
    """The contrast of two colours (WCAG 2.2, relative luminance)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_severity_and_verdict_are_told_apart_without_colour() -> None:
    text = (ROOT / "static" / "style.css").read_text("utf-8")
    lines = re.findall(r"^\.(critical|high|medium|low) \{[^}]*border-left-width: (\d+)px", text, re.MULTILINE)
    verdicts = "confirmed|presumed|contested|undetermined"
    frames = re.findall(rf"^\.({verdicts}) \{{[^}}]*border: \d+px (\w+)", text, re.MULTILINE)
    assert len({width for _, width in lines}) == len({frame for _, frame in frames}) == 4


@pytest.fixture(scope="module")
def address(desk: Desk) -> Iterator[str]:
    """Where the small service is served for a browser."""
    server = make_server("127.0.0.1", 0, desk.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if installed() is None:
        pytest.skip("no chromium that runs here: apt-get install chromium")
    with browser(tmp_path_factory.mktemp("chromium")) as running:
        yield running


def test_the_journey_from_overview_to_dry_run(chromium: Browser, address: str) -> None:
    chromium.open(f"{address}/")
    chromium.click("ul.findings a[href^='/gaps/G16b']")
    assert "is planned to end on" in chromium.value("document.querySelector('[aria-labelledby=evidence]').innerText")
    chromium.value("document.querySelectorAll('input[name=statement]')[3].click()")
    chromium.click("[aria-labelledby=remedy] button")
    assert chromium.value("document.querySelector('.lead').innerText") == "This gap would close."
    chromium.click(".crumbs a")
    assert chromium.value("location.hash") == "#remedy"
    assert [each for each in chromium.requests if not each.startswith((address, "about:", "data:"))] == []
    assert chromium.errors == []


def test_no_page_is_wider_than_its_window(chromium: Browser, address: str, desk: Desk) -> None:
    wide = []
    for path in ("/", "/gaps", f"/gaps/{desk.gap}", "/cube", "/network", *DRAWN):
        chromium.open(address + path)
        for width in WIDTHS:
            chromium.size(width)
            if chromium.value("document.documentElement.scrollWidth") > width:
                wide.append((path, width))
    assert wide == []
    assert chromium.errors == []
