"""What tests of the whole program share: the demonstration observations, loaded once, and the command line."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sopkg.cities import cities
from sopkg.cli import main

Sopkg = Callable[..., Result]


@dataclass(frozen=True)
class Demo:
    """A store with every demonstration observation, and what `sopkg demo` said when it built it."""

    store: Path
    said: Result


@pytest.fixture
def sopkg() -> Sopkg:
    """Runs the command line in this process: a store, the words, and what stands on standard input."""
    return _run


def _run(store: Path, *words: str, given: str | bytes | None = None) -> Result:
    return CliRunner(env={"SOPKG_QUERY_SECONDS": "20"}).invoke(main, ["--store", str(store), *words], given)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Loaded once for all; nobody writes to it."""
    store = tmp_path_factory.mktemp("demo") / "store"
    return Demo(store, _run(store, "demo"))


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
