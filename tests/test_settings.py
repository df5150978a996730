"""Settings: each is told by the program from the one place where it stands, and every one that texts name is there."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from conftest import Sopkg

from sopkg.errors import BadInput
from sopkg.settings import Settings, described, variable

ROOT = Path(__file__).parents[1]
VARIABLES = {variable(each.name) for each in fields(Settings)}


def test_the_program_tells_every_setting(sopkg: Sopkg, tmp_path: Path) -> None:
    said = sopkg(tmp_path, "settings").stdout
    assert [each for each in described() if each["variable"] not in said or each["help"][:40] not in said] == []


def test_every_variable_that_is_named_is_a_setting() -> None:
    texts = [path.read_text("utf-8") for path in (ROOT / "README.md", *(ROOT / "src").rglob("*.py"))]
    assert set(re.findall(r"SOPKG_[A-Z]+(?:_[A-Z]+)*", "".join(texts))) - VARIABLES == set()


@pytest.mark.parametrize(
    "name", [each["name"] for each in described() if each["expected"] not in ("a folder", "a name or address")]
)
def test_what_can_not_be_read_is_said_with_what_is_expected(name: str) -> None:
    expected = next(each["expected"] for each in described() if each["name"] == name)
    with pytest.raises(BadInput, match=f"{variable(name)} .*expected is {re.escape(expected)}"):
        Settings.from_environment({variable(name): "-?"})
