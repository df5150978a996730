"""Fetches what the workbench is made of from npm, checks that it is what was looked at, and gathers its licences.

`make yasgui` runs it; users need neither it nor npm, since what it fetches is in the repository.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

PACKAGE, VERSION = "@zazuko/yasgui", "4.6.2"
TARGET = Path(__file__).parents[1] / "src" / "sopkg" / "static" / "yasgui"
SHA256 = {
    "yasgui.min.js": "55034eaac74c55f55fbd1eeed008ae38a79053651cbed2b453f1fcfd895a4b75",
    "yasgui.min.css": "085b94556b97f9928981bdedb6848fd11ad4d8d950e821f0d698c58ca538fc55",
}
_MODULE = re.compile(r"node_modules/((?:@[^/]+/)?[^/]+)/")
_STYLES = {"datatables.net-dt"}  # whose rules are in the style sheet, which has no map


def fetch(folder: Path) -> None:
    """Installs the package in a folder and copies what is served. Raises ValueError where a file is another."""
    npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
    subprocess.run([*npm, f"{PACKAGE}@{VERSION}"], check=True)
    modules = folder / "node_modules"
    built = modules / PACKAGE / "build"
    for name, expected in SHA256.items():
        found = hashlib.sha256((built / name).read_bytes()).hexdigest()
        if found != expected:
            raise ValueError(f"{name} has the SHA-256 {found}; expected is {expected}")
        shutil.copyfile(built / name, TARGET / name)
    sources = json.loads((built / "yasgui.min.js.map").read_text("utf-8"))["sources"]
    inside = {match[-1] for match in map(_MODULE.findall, sources) if match}
    told = [_licence(modules / name) for name in (PACKAGE, *sorted(inside | _STYLES))]
    (TARGET / "LICENCES.txt").write_text(f"{'=' * 80}\n".join(told), "utf-8")


def _licence(module: Path) -> str:
    """The name, version and licence of a package, as it states them, and the text of the licence if it brings one."""
    told = json.loads((module / "package.json").read_text("utf-8"))
    texts = sorted(path for path in module.iterdir() if path.is_file() and path.stem.casefold().startswith("licen"))
    author = told.get("author", "")
    by = author if isinstance(author, str) else author.get("name", "")
    head = f"{told['name']} {told['version']}: {told.get('license', 'as follows')}{f', by {by}' if by else ''}\n"
    return head + "".join(f"\n{path.read_text('utf-8').strip()}\n" for path in texts)


if __name__ == "__main__":
    fetch(Path("build/yasgui"))
