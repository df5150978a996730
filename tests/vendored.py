"""Fetches from npm what the repository has of others, checks that it is what it was, and its licences.

`make vendored` runs it; users need neither it nor npm, since what it fetches is in the repository.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_MODULE = re.compile(r"node_modules/((?:@[^/]+/)?[^/]+)/")


@dataclass(frozen=True)
class Vendored:
    """A package at a version: the folder for its files, their SHA-256, and what else is inside but not in its map."""

    package: str
    version: str
    target: Path
    sha256: Mapping[str, str]
    inside: frozenset[str] = frozenset()


VENDORED = (
    Vendored(  # the editor and the table of the workbench
        "@zazuko/yasgui",
        "4.6.2",
        ROOT / "src" / "sopkg" / "static" / "yasgui",
        {
            "build/yasgui.min.js": "55034eaac74c55f55fbd1eeed008ae38a79053651cbed2b453f1fcfd895a4b75",
            "build/yasgui.min.css": "085b94556b97f9928981bdedb6848fd11ad4d8d950e821f0d698c58ca538fc55",
        },
        frozenset({"datatables.net-dt"}),  # of the style sheet, which has no map
    ),
    Vendored(  # what the tests ask whether a page can be read by everybody
        "axe-core",
        "4.14.1",
        ROOT / "tests" / "axe",
        {"axe.min.js": "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"},
    ),
    Vendored(  # what OASIS asks of a SARIF log, as a schema
        "@microsoft/jest-sarif",
        "1.0.0-beta.0",
        ROOT / "tests" / "sarif",
        {"lib/schemas/sarif-2.1.0-rtm.5.json": "2d99159ae54a3eea97f81781cff48780548657c35949f4b7f25e99a2ba4de4f8"},
    ),
)


def fetch(what: Vendored, folder: Path) -> None:
    """Installs a package in a folder and copies its files. Raises ValueError where one is another than it was."""
    npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
    subprocess.run([*npm, f"{what.package}@{what.version}"], check=True)
    modules, inside = folder / "node_modules", set(what.inside)
    what.target.mkdir(exist_ok=True)
    for name, expected in what.sha256.items():
        path = modules / what.package / name
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != expected:
            raise ValueError(f"{name} of {what.package} has the SHA-256 {found}; expected is {expected}")
        shutil.copyfile(path, what.target / path.name)
        mapped = path.with_name(f"{path.name}.map")
        sources = json.loads(mapped.read_text("utf-8"))["sources"] if mapped.exists() else []
        inside |= {match[-1] for match in map(_MODULE.findall, sources) if match}
    told = [_licence(modules / name) for name in (what.package, *sorted(inside))]
    (what.target / "LICENCES.txt").write_text(f"{'=' * 80}\n".join(told), "utf-8")


def _licence(module: Path) -> str:
    """The name, version and licence of a package, as it states them, and the text of the licence if it brings one."""
    told = json.loads((module / "package.json").read_text("utf-8"))
    texts = sorted(path for path in module.iterdir() if path.is_file() and path.stem.casefold().startswith("licen"))
    author = told.get("author", "")
    by = author if isinstance(author, str) else author.get("name", "")
    head = f"{told['name']} {told['version']}: {told.get('license', 'as follows')}{f', by {by}' if by else ''}\n"
    return head + "".join(f"\n{path.read_text('utf-8').strip()}\n" for path in texts)


if __name__ == "__main__":
    for each in VENDORED:
        fetch(each, Path("build/vendored"))
