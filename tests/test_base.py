"""Another base: everything that is minted is under it and answers, and a store of one base is not read with another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import Sopkg

from sopkg.errors import BadInput
from sopkg.files import BASE_VARIABLE, WRITTEN_BASE
from sopkg.settings import Settings

ROOT = Path(__file__).parents[1]
BASE = "https://data.example.org/city/"
#: Loads a table and prints what of ours is in the store, and what each of a sample answers. Each process has one base.
PROGRAM = """
import json, sys
from pathlib import Path
from sopkg.cli import main
from sopkg.settings import Settings
from sopkg.web import create_app
from tests.test_linked import followed, minted, path_of

if __name__ == "__main__":
    store, table = sys.argv[1:]
    main(["--store", store, "load", table, "--city", "buenos-aires", "--date", "2019-11"], standalone_mode=False)
    app = create_app(Settings.from_environment(store=Path(store), workers=1, allow_no_netns=True))
    client = app.test_client()
    answers = {iri: followed(client, path_of(iri)).status_code for iri in minted(Path(store))}
    terms = client.get("/ns", headers={"Accept": "application/n-triples"}).text
    dump = client.get("/sparql?query=SELECT*{GRAPH?g{?s?p?o}}&format=tsv").text
    print(json.dumps({"answers": answers, "terms": terms, "dump": dump, "gaps": len(client.get("/gaps").json)}))
    app.extensions["sopkg"].pool.close()
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, works: Callable[[str, int], Path]) -> Mapping[str, Any]:
    """What the program says, with another base."""
    store = tmp_path_factory.mktemp("base") / "s"
    environment = {**os.environ, BASE_VARIABLE: BASE, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    command = [sys.executable, "-c", PROGRAM, str(store), str(works("2019-11-30", 5))]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    return {**json.loads(said.stdout.splitlines()[-1]), "store": store}


def test_all_that_is_minted_is_under_the_base_and_answers(told: Mapping[str, Any]) -> None:
    assert len(told["answers"]) > 30
    assert {iri: status for iri, status in told["answers"].items() if status != 200} == {}
    assert f"{BASE}ns#" in told["terms"]
    assert told["gaps"] > 5
    assert WRITTEN_BASE not in told["terms"] + told["dump"]


def test_a_store_of_another_base_is_refused(told: Mapping[str, Any], sopkg: Sopkg) -> None:
    refused = sopkg(told["store"], "cities")
    assert (refused.exit_code, BASE in refused.stderr, WRITTEN_BASE in refused.stderr) == (2, True, True)


@pytest.mark.parametrize("base", ["data.example.org", "https://data.example.org/city", "https://x/#", "https://x/ y/"])
def test_what_is_no_base_is_said(base: str) -> None:
    with pytest.raises(BadInput, match="ends in /"):
        Settings.from_environment({BASE_VARIABLE: base})
