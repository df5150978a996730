"""What is read ahead: the first pages ask no worker any more, and a folder without a store ends nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Sopkg
from flask.testing import FlaskClient

from sopkg import ahead, lasting, loadcli
from sopkg.pool import Pool
from sopkg.store import SnapshotStore

PAGES = ("/", "/gaps", "/gaps?city=barcelona", "/cube?city=barcelona", "/network?city=barcelona", "/map?city=barcelona")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the workers were asked since the test began."""
    run, said = Pool.run, list[str]()

    def noted(pool: Pool, operation: str, payload: Any) -> Any:
        said.append(f"{operation} {payload}")
        return run(pool, operation, payload)

    monkeypatch.setattr(Pool, "run", noted)
    return said


@pytest.mark.parametrize("page", PAGES)
def test_what_was_read_ahead_is_not_asked_again(client: FlaskClient, asked: list[str], page: str) -> None:
    held: Any = client.application.extensions["sopkg"]
    ahead.read_ahead(held)
    asked.clear()
    ahead.read_ahead(held)
    never_kept = set(asked)  # which cities there are is asked each time: that takes a millisecond
    asked.clear()
    assert client.get(page, headers={"Accept": "text/html"}).status_code == 200
    assert set(asked) <= never_kept


def test_a_folder_without_a_store_is_looked_at_again_later(client: FlaskClient, tmp_path: Path) -> None:
    held: Any = client.application.extensions["sopkg"]
    assert ahead._if_new(held, SnapshotStore(tmp_path), "") == ""


def test_a_large_load_reads_ahead(
    tmp_path: Path, sopkg: Sopkg, works: Callable[[str, int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loadcli, "LARGE", 1)
    monkeypatch.setattr(lasting, "SLOW_SECONDS", -1)
    words = ("load", str(works("2019-11-30", 5)), "--city", "buenos-aires", "--date", "2019-11")
    assert "read ahead" in sopkg(tmp_path / "store", *words).stderr
    assert len(list((tmp_path / "store" / lasting.FOLDER).iterdir())) > 5
    assert "read ahead" not in sopkg(tmp_path / "store", *words).stderr


def test_what_is_forgotten_leaves_no_answers_behind(
    tmp_path: Path, sopkg: Sopkg, works: Callable[[str, int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lasting, "SLOW_SECONDS", -1)
    sopkg(tmp_path / "store", "load", str(works("2019-11-30", 5)), "--city", "buenos-aires", "--date", "2019-11")
    sopkg(tmp_path / "store", "audit")
    assert list((tmp_path / "store" / lasting.FOLDER).iterdir())
    sopkg(tmp_path / "store", "forget", "--city", "buenos-aires", "--date", "2019-11-30")
    assert not list((tmp_path / "store" / lasting.FOLDER).iterdir())
