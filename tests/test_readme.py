"""The README is true: its commands are those of the program, its tree is the repository's."""

from __future__ import annotations

import re
from pathlib import Path

from sopkg.catalog import PARAMETER_TYPES
from sopkg.cli import main
from sopkg.functions import FUNCTIONS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_the_commands_are_those_of_the_program() -> None:
    named = re.findall(r"`sopkg ([a-z-]+)", section("On the command line"))
    assert set(named) == set(main.commands)


def test_the_options_in_the_commands_exist() -> None:
    known = {option for each in main.commands.values() for parameter in each.params for option in parameter.opts}
    known |= {option for parameter in main.params for option in parameter.opts}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", README)) <= known | {"--help"}


def test_the_folders_of_the_tree_are_there() -> None:
    folders = re.findall(r"^([\w./]+/) ", section("The tree"), re.MULTILINE)
    assert folders
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []


def test_every_folder_of_queries_is_in_the_tree() -> None:
    folders = {f"queries/{path.name}/" for path in (ROOT / "queries").iterdir()}
    assert folders <= set(re.findall(r"^([\w./]+/) ", section("The tree"), re.MULTILINE))


def test_the_functions_and_parameter_types_are_all_named() -> None:
    functions = {f"fn:{iri.value.rpartition('#')[2]}" for iri in FUNCTIONS}
    assert set(re.findall(r"fn:\w+", README)) == functions
    assert "|".join(PARAMETER_TYPES) in README


def test_the_verbs_of_the_makefile_are_named() -> None:
    verbs = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)) - {"clean"}
    assert all(f"make {verb}" in README for verb in verbs)
