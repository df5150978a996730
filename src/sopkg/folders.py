"""Folders of a store on disk: cloned, held by locks of the system, written whole."""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from contextlib import suppress
from pathlib import Path
from typing import IO

from sopkg import whole


def clone(source: Path, target: Path, link: bool) -> None:
    """Copies a closed database; its table files never change, so that a link does for them.

    What it logged stays behind: with each opening another such file would be handed on.
    """
    target.mkdir()
    for each in source.iterdir():
        if link and each.suffix in (".sst", ".blob"):
            os.link(each, target / each.name)
        elif not each.name.startswith(whole.NO_DATA) and each.is_file():
            shutil.copyfile(each, target / each.name)


def hold_of(folder: Path) -> Path:
    """The file beside a folder whose lock holds it."""
    return folder.with_name(folder.name + ".hold")


def held(folder: Path, mode: int) -> IO[bytes]:
    """That file, locked (LOCK_SH or LOCK_EX) until it is closed; waits for who has it."""
    hold = open(hold_of(folder), "ab")  # noqa: SIM115 - it is the caller's to close
    fcntl.flock(hold, mode)
    return hold


def flocked(lock: IO[bytes], mode: int) -> bool:
    """Locks an open file if nobody else has it; whether it is locked now."""
    try:
        fcntl.flock(lock, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def remove_unheld(folder: Path) -> None:
    """Removes a folder that nobody holds, with the file that would hold it."""
    with open(hold_of(folder), "ab") as hold:
        if flocked(hold, fcntl.LOCK_EX):
            shutil.rmtree(folder, ignore_errors=True)
            hold_of(folder).unlink(missing_ok=True)


def folders_in(parent: Path) -> list[Path]:
    """The folders in a folder, by name."""
    return sorted(each for each in parent.iterdir() if each.is_dir())


def held_or_there(parent: Path) -> list[Path]:
    """The folders, with those of which only the file that holds them is left, since its process was killed."""
    return sorted({each.with_suffix("") for each in parent.iterdir()})


def write_whole(path: Path, text: str) -> None:
    """Replaces a small file in one step; each writer's new one has a name of its own, threads of one process too."""
    new = path.with_name(f"{path.name}.new-{uuid.uuid4().hex}")
    with open(new, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
    sync(path.parent)


def size_of(folder: Path) -> int:
    """Bytes in a folder's files; the engine may remove one meanwhile."""
    size = 0
    for file in folder.iterdir():
        with suppress(FileNotFoundError):
            size += file.stat().st_size
    return size


def sync_all(folder: Path) -> None:
    """Has the disk hold what the files of a folder say, and the folder."""
    for each in (*folder.iterdir(), folder):
        sync(each)


def sync(folder: Path) -> None:
    """Has the disk hold what a file or a folder says."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
