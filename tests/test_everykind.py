"""A gap of every kind can be read in every form: the generated city has one of each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from sopkg.settings import Settings
from sopkg.web import create_app
from tests.amount import one_in
from tests.bench.generate import generate
from tests.bench.pages import build
from tests.test_pages import READER, check, filled, links_of, shown, tree_of

SIZE = 9_000
FEWEST = 54  # kinds; a city that shows these cannot show the other two


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    folder = tmp_path_factory.mktemp("kinds")
    generate(folder / "city.nt", SIZE, 1)
    build(folder / "city.nt", folder / "store")
    app = create_app(Settings.from_environment(store=folder / "store", workers=1, allow_no_netns=True))
    yield app.test_client()
    app.extensions["sopkg"].pool.close()


@pytest.fixture(scope="module")
def gaps(client: FlaskClient) -> dict[str, str]:
    """One gap of each kind, by the kind's notation."""
    told = client.get("/gaps?city=bench&per_page=1000&extensions=true&format=json").get_json()
    return {row["notation"]: row["id"] for row in told}


def test_the_page_of_a_gap_is_whole(client: FlaskClient, gaps: dict[str, str]) -> None:
    assert len(gaps) >= FEWEST
    for gap in gaps.values():
        check(client.get(f"/gaps/{gap}", headers=READER), "en")


def test_each_form_that_the_page_of_a_gap_offers_is_there(client: FlaskClient, gaps: dict[str, str]) -> None:
    for gap in one_in(3, sorted(gaps.values())):
        forms = {link for link in links_of(tree_of(shown(client, f"/gaps/{gap}"))) if link.startswith(f"/gaps/{gap}")}
        assert {link: client.get(link, headers=READER).status_code for link in forms} == dict.fromkeys(forms, 200)


def test_the_dry_run_closes_the_gap_whatever_is_chosen_first(client: FlaskClient, gaps: dict[str, str]) -> None:
    told = {gap: client.get(f"/gaps/{gap}/remedy").get_json() for gap in one_in(2, sorted(gaps.values()))}
    for gap in (gap for gap, remedy in told.items() if not remedy["denied"] and not remedy["restsOn"]):
        tried = client.post(f"/gaps/{gap}/dry-run", data=filled(shown(client, f"/gaps/{gap}")), headers=READER)
        assert "This gap would close." in tried.text, gap
