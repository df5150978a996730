"""The wheel: what the program needs travels in it, and it works outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling", reason="hatchling, which builds the wheel, is not installed here")
ROOT = Path(__file__).parents[1]
BUILD = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
TRAVELLING = {
    "": "src/sopkg",
    "ontology": "ontology",
    "queries": "queries",
    "cities": "cities",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-c", BUILD, str(folder)], cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.mark.parametrize("target", TRAVELLING)
def test_everything_travels(target: str, wheel: Path) -> None:
    source = ROOT / TRAVELLING[target]
    files = [
        path.relative_to(source) for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert len(files) > 5
    assert [str(path) for path in files if str(Path("sopkg", target, path)) not in packed] == []


def test_it_works_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(place)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    table = place / "sopkg" / "cities" / "barcelona" / "2016-12-31.csv"
    for words in (["--help"], ["load", str(table), "--city", "barcelona", "--date", "2016-12"], ["cities"]):
        said = subprocess.run(
            [sys.executable, str(place / "bin" / "sopkg"), "--store", "store", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(place)},
            capture_output=True,
            text=True,
        )
        assert said.returncode == 0, said.stderr
    assert "1467" in said.stdout
