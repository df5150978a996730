"""Whether a folder of database files is whole: it has a list of them with sizes, in a backup with hashes too."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from sopkg.errors import StoreUnreadable

LIST = "files.json"
NO_DATA = ("LOG", "LOCK")
"""What the names of the database's own logs and of the file that it locks begin with: they change with each opening."""
_CHUNK = 1 << 20


def described(folder: Path, hashed: bool = False) -> dict[str, dict[str, object]]:
    """The files that hold the data: the size of each in bytes and, if asked for, its SHA-256."""
    files = sorted(each for each in folder.iterdir() if each.is_file() and not each.name.startswith((*NO_DATA, LIST)))
    sizes: dict[str, dict[str, object]] = {each.name: {"size": each.stat().st_size} for each in files}
    return {name: told | {"sha256": _sha256(folder / name)} for name, told in sizes.items()} if hashed else sizes


def write_list(folder: Path, hashed: bool = False) -> None:
    """Writes the list of a folder that nobody changes any more."""
    (folder / LIST).write_text(json.dumps(described(folder, hashed), indent=1) + "\n", "utf-8")


def check(folder: Path, hashed: bool = False) -> None:
    """Raises StoreUnreadable where a file of the list is gone, shorter or longer or, if asked for, has another hash."""
    for name, told in read_list(folder).items():
        if not (folder / name).is_file():
            raise _broken(folder, f"{name} is missing")
        size = (folder / name).stat().st_size
        if size != told["size"]:
            raise _broken(folder, f"{name} has {size} bytes, {told['size']} were written")
        if hashed and "sha256" not in told:
            raise _broken(folder, "it has no hashes: it is no backup, or was written to since")
        if hashed and _sha256(folder / name) != told["sha256"]:
            raise _broken(folder, f"{name} is not what was written")


def read_list(folder: Path) -> Mapping[str, Mapping[str, object]]:
    """The list of a folder. Raises StoreUnreadable where it is missing or can't be read."""
    try:
        told = json.loads((folder / LIST).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _broken(folder, f"the list of its files can't be read ({error})") from error
    if not isinstance(told, dict) or not all(isinstance(each, dict) and "size" in each for each in told.values()):
        raise _broken(folder, f"{LIST} is not a list of its files")
    return told


def damaged(error: Exception) -> bool:
    """Whether the engine says that files are damaged, rather than that a question can't be answered."""
    return isinstance(error, OSError) or str(error).startswith("Corruption")


def unreadable(folder: Path | str, error: Exception) -> StoreUnreadable:
    """The error for files that the engine can't read."""
    return _broken(folder, str(error))


def _broken(folder: Path | str, what: str) -> StoreUnreadable:
    return StoreUnreadable(f"{folder} is not whole: {what}; `sopkg restore` brings back a backup")


def _sha256(path: Path) -> str:
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(_CHUNK):
            found.update(part)
    return found.hexdigest()
