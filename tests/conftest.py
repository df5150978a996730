"""What tests of the whole program share: the demonstration observations, loaded once, and the command line."""

from __future__ import annotations

import csv
import fcntl
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

from sopkg.cities import cities
from sopkg.cli import main
from sopkg.files import ONTOLOGY_VARIABLE
from sopkg.settings import Settings, variable
from sopkg.web import create_app

Sopkg = Callable[..., Result]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the demonstration come last: while one process builds it, another has others to run."""
    items.sort(key=lambda item: "demo" in getattr(item, "fixturenames", ()))


@dataclass(frozen=True)
class Demo:
    """A store with every demonstration observation, and what `sopkg demo` said on standard output when it built it."""

    store: Path
    said: str


@pytest.fixture(scope="session")
def sopkg() -> Sopkg:
    """Runs the command line in this process: a store, the words, and what stands on standard input."""
    return _run


def _run(store: Path, *words: str, given: str | bytes | None = None) -> Result:
    return CliRunner(env={"SOPKG_QUERY_SECONDS": "20"}).invoke(main, ["--store", str(store), *words], given)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all processes of this test run have in common."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session", autouse=True)
def _cache(shared: Path) -> None:
    """That the ontology passes its check is found once in a test run."""
    os.environ[variable("cache")] = str(shared / "cache")


@pytest.fixture(autouse=True)
def _ontology() -> Iterator[None]:
    """A service that starts in this process has it read a copy of the ontology; the next test reads the shipped one."""
    yield
    os.environ.pop(ONTOLOGY_VARIABLE, None)


@pytest.fixture(scope="session")
def demo(shared: Path) -> Demo:
    """Loaded once for all processes; nobody writes to it."""
    store, said = shared / "demo-store", shared / "demo-said.txt"
    with open(shared / "demo.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            built = _run(store, "demo")
            assert built.exit_code == 0, built.output
            said.write_text(built.stdout, "utf-8")
    return Demo(store, said.read_text("utf-8"))


@pytest.fixture(scope="session")
def client(demo: Demo) -> Iterator[FlaskClient]:
    """The service over the demonstration, without a server."""
    app = create_app(Settings.from_environment(store=demo.store, workers=1, allow_no_netns=True))
    yield app.test_client()
    app.extensions["sopkg"].pool.close()


@pytest.fixture(scope="session")
def works(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, int], Path]:
    """The first rows of the Buenos Aires table of a date, as a file of their own."""
    folder = tmp_path_factory.mktemp("works")
    return lambda date, rows: _first_rows(cities()["buenos-aires"].tables()[date], rows, folder)


def _first_rows(table: Path, rows: int, folder: Path) -> Path:
    target = folder / f"{table.stem}-{rows}.csv"
    with open(table, encoding="utf-8", newline="") as source, open(target, "w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(_some(csv.reader(source), rows + 1))
    return target


def _some(rows: Iterator[list[str]], count: int) -> Iterator[list[str]]:
    return (row for _, row in zip(range(count), rows, strict=False))
