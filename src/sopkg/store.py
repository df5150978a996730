"""The store on disk: immutable snapshots, a pointer to the current one, and a lock for who writes the next.

A write never touches what is published. It clones the current snapshot (hard links to its immutable files),
changes the clone and moves the pointer. A write that fails or is killed leaves a clone that nothing names.

    DIR/format           the layout's version
    DIR/lock             held by the one writer
    DIR/current          the name of the published snapshot
    DIR/changes.jsonl    a line for each write: when, who, what, and the snapshot that it made
    DIR/snapshots/N/     published ones; DIR/snapshots/N.hold is held by each of their readers
    DIR/drafts/T/        clones in the making; DIR/drafts/T.hold is held by their writer
    DIR/answers/         what slow queries found on graphs in force; may be removed at any time
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import IO

import pyoxigraph as ox

from sopkg import whole
from sopkg.draft import Draft, GraphData
from sopkg.errors import Conflict, SopkgError, StoreMissing, StoreUnreadable, StoreUnwritable
from sopkg.files import BASE, BASE_VARIABLE, WRITTEN_BASE
from sopkg.folders import (
    clone,
    flocked,
    folders_in,
    held,
    held_or_there,
    hold_of,
    remove_unheld,
    sync,
    sync_all,
    write_whole,
)

Catalogue = Iterable[ox.Triple] | Callable[[ox.Store], Iterable[ox.Triple]]
"""The catalogue's new content, or what makes it from the changed store while the lock is held."""

FORMAT = 2
"""What is written: from 2 on each snapshot lists its files. A store of 1 is read; its next write makes it one of 2."""
_READ = (1, 2)
COMMAND_LINE = "command line"
FSYNC = "fsync"
_CHANGES = "changes.jsonl"
_FORMAT_LINE = "sopkg-store"
_BEFORE_FORMAT = ("base", "format.new-")
_POLL_SECONDS = 0.05
_REOPENINGS = 20


class Reader:
    """Follows the pointer: keeps the current snapshot open, and held so that nobody removes it."""

    def __init__(self, snapshots: SnapshotStore) -> None:
        self._snapshots = snapshots
        self._hold: IO[bytes] | None = None
        self._store: ox.Store | None = None
        self.snapshot = ""

    def store(self) -> ox.Store:
        """The snapshot that is current now, opened again only when the pointer moved."""
        for _ in range(_REOPENINGS):
            current = self._snapshots.current()
            if self._store is not None and current.name == self.snapshot:
                return self._store
            self._open(current)
        raise StoreMissing(f"no snapshot stays in {self._snapshots.path}; `sopkg restore` brings one back")

    def _open(self, snapshot: Path) -> None:
        self.close()
        hold = held(snapshot, fcntl.LOCK_SH)
        if not snapshot.is_dir():  # removed between reading the pointer and holding it
            hold.close()
            return
        self._hold, self.snapshot = hold, snapshot.name
        if self._snapshots.format() > 1:
            whole.check(snapshot)
        self._store = _opened(snapshot)

    def close(self) -> None:
        """Lets go of the snapshot."""
        self._store, self.snapshot = None, ""
        if self._hold is not None:
            self._hold.close()
            self._hold = None

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SnapshotStore:
    """A store in a folder: readers follow `current`, writers make the next snapshot under the lock."""

    def __init__(
        self, path: Path, lock_seconds: float = 60.0, durability: str = "process", who: str = COMMAND_LINE
    ) -> None:
        """`durability` is what a write outlives, `process` or `fsync`; `who` is who makes the changes."""
        self.path = path
        self._lock_seconds = lock_seconds
        self._durability = durability
        self._who = who
        self._snapshots = path / "snapshots"
        self._drafts = path / "drafts"

    def exists(self) -> bool:
        """Whether something is published here."""
        return (self.path / "current").is_file()

    def current(self) -> Path:
        """The published snapshot's folder; raises StoreMissing or StoreUnreadable."""
        self.format()
        try:
            name = (self.path / "current").read_text("ascii").strip()
        except FileNotFoundError:
            raise self._missing() from None
        if not name.isdecimal():
            raise StoreUnreadable(f"{self.path / 'current'} names no snapshot; `sopkg restore` brings back a backup")
        return self._snapshots / name

    def version(self) -> str:
        """What is published, in a word that no other state of this store has; raises as `current` does."""
        return f"{self.current().name}-{(self.path / 'current').stat().st_mtime_ns:x}"

    def reader(self) -> Reader:
        """A reader that follows the pointer."""
        return Reader(self)

    @contextmanager
    def reading(self) -> Iterator[ox.Store]:
        """The current snapshot, open for reading until the end of the block."""
        with self.reader() as reader:
            yield reader.store()

    @contextmanager
    def writing(self, what: str = "change") -> Iterator[Draft]:
        """The lock and a draft; what the block leaves in it is published, unless it raises. `what` is for the log."""
        with self._unchanged_if_it_fails():
            self._create()
            with self._locked(), self._draft(self._base()) as draft:
                yield draft
                self._promote(draft, what)
                self._clean()

    def publish(
        self,
        graphs: Mapping[str, GraphData],
        catalogue_graph: str,
        catalogue: Catalogue,
        remove: Iterable[str] = (),
    ) -> Path:
        """Adds graphs, drops others and replaces the catalogue, all in one step; returns the new snapshot."""
        with self.writing("publish") as draft:
            draft.load(graphs)
            draft.remove(remove)
            draft.replace(catalogue_graph, catalogue(draft.store) if callable(catalogue) else catalogue)
        return self.current()

    def sweep(self, catalogue_graph: str) -> list[str]:
        """Leaves behind the graphs that the catalogue does not name; returns their names.

        Copies the others on the side: faster than dropping, and leaves no tombstones. A write meanwhile
        wins: then nothing is swept.
        """
        with self.reader() as reader:
            store, base = reader.store(), reader.snapshot
            named, unnamed = _by_catalogue(store, catalogue_graph)
            if not unnamed:
                return []
            with self._draft(None) as draft:
                draft.load({graph.value: _triples(store, graph) for graph in named})
                with self._locked():
                    if self.current().name != base:
                        return []
                    self._promote(draft, "sweep")
        return sorted(graph.value for graph in unnamed)

    def backup(self, target: Path) -> None:
        """Copies the published snapshot into a new folder, which is a store too, with the hash of each file."""
        if target.exists() and any(target.iterdir()):
            raise Conflict(f"{target} is not empty; a backup needs a new folder")
        with self.reader() as reader, _unwritable(target):
            reader.store()
            copy = SnapshotStore(target)
            copy._create()
            folder = copy._snapshots / "000001"
            clone(self._snapshots / reader.snapshot, folder, link=False)
            whole.write_list(folder, hashed=True)
            sync(folder)
            copy._point_to("000001")  # the last step: what is cut off before is no backup

    def restore(self, source: Path) -> None:
        """Publishes a backup's snapshot here, a write like any other. Raises StoreUnreadable if it is not whole."""
        backup = SnapshotStore(source)
        with backup.reader() as reader, self._unchanged_if_it_fails():
            reader.store()
            whole.check(source / "snapshots" / reader.snapshot, hashed=True)
            self._create()
            with self._locked(), self._draft(source / "snapshots" / reader.snapshot, os_copy=True) as draft:
                self._promote(draft, "restore")
                self._clean()

    def changes(self) -> list[dict[str, str]]:
        """Each write that was published, the latest last: when, who, what, and its snapshot.

        A line is written before the snapshot is: one that a kill kept from being published is told by the next of the
        same snapshot.
        """
        path = self.path / _CHANGES
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        told = [json.loads(line) for line in lines if line.endswith("}")]
        return list({each["snapshot"]: each for each in told}.values())

    @contextmanager
    def _unchanged_if_it_fails(self) -> Iterator[None]:
        with _unwritable(self.path, "; what is published stays as it was"):
            yield

    def format(self) -> int:
        """The format's version. Raises StoreMissing, or StoreUnreadable for one that this program does not read."""
        if not self.path.is_dir():
            raise self._missing()
        try:
            word, number = (self.path / "format").read_text("utf-8").split()
            version = int(number)
        except (FileNotFoundError, ValueError):
            raise self._foreign() from None
        if word != _FORMAT_LINE:
            raise self._foreign()
        if version not in _READ:
            raise StoreUnreadable(
                f"{self.path} has format {version}, this program reads format {_READ[0]} to {_READ[-1]}: "
                "use the version of sopkg that wrote it, or build it anew elsewhere"
            )
        written = self.path / "base"
        base = written.read_text("utf-8").strip() if written.is_file() else WRITTEN_BASE
        if base != BASE:
            raise StoreUnreadable(
                f"the IRIs in {self.path} begin with {base}, and {BASE_VARIABLE} says {BASE}: "
                "set it to what they begin with, or build the store anew elsewhere"
            )
        return version

    def _missing(self) -> StoreMissing:
        return StoreMissing(
            f"nothing is built in {self.path} yet; `sopkg load` or `make demo` builds it, "
            f"--store or SOPKG_STORE says where"
        )

    def _create(self) -> None:
        if self.path.exists() and not self._unbegun():
            self.format()
        self.path.mkdir(parents=True, exist_ok=True)
        if not (self.path / "format").exists():
            write_whole(self.path / "base", f"{BASE}\n")
            self._write_format()
        for folder in (self._snapshots, self._drafts):
            folder.mkdir(exist_ok=True)

    def _unbegun(self) -> bool:
        """Whether nothing is in the folder but what a first write leaves that is killed before it says the format."""
        return all(each.name.startswith(_BEFORE_FORMAT) for each in self.path.iterdir())

    def _write_format(self) -> None:
        write_whole(self.path / "format", f"{_FORMAT_LINE} {FORMAT}\n")

    def _foreign(self) -> StoreMissing | StoreUnreadable:
        if self._unbegun():
            return self._missing()
        return StoreUnreadable(f"{self.path} is not a store of sopkg (it has no readable `format` file)")

    def _base(self) -> Path | None:
        return self.current() if self.exists() else None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with open(self.path / "lock", "a+b") as lock:
            self._wait_for(lock)
            lock.truncate(0)
            lock.write(str(os.getpid()).encode())
            lock.flush()
            yield

    def _wait_for(self, lock: IO[bytes]) -> None:
        deadline = time.monotonic() + self._lock_seconds
        while not flocked(lock, fcntl.LOCK_EX):
            if time.monotonic() >= deadline:
                lock.seek(0)
                writer = lock.read().decode() or "unknown"
                raise Conflict(
                    f"process {writer} has been writing to {self.path} for more than "
                    f"{self._lock_seconds:g} s; try again when it has ended",
                    {"retry_after": 1},
                )
            time.sleep(_POLL_SECONDS)

    @contextmanager
    def _draft(self, base: Path | None, os_copy: bool = False) -> Iterator[Draft]:
        folder = self._drafts / uuid.uuid4().hex
        with held(folder, fcntl.LOCK_EX):
            try:
                if base is not None:
                    clone(base, folder, link=not os_copy)
                draft = Draft(folder)
                try:
                    yield draft
                finally:
                    draft.close()
            finally:
                shutil.rmtree(folder, ignore_errors=True)
                hold_of(folder).unlink(missing_ok=True)

    def _promote(self, draft: Draft, what: str) -> None:
        written = draft.written()
        whole.write_list(written)
        if self._durability == FSYNC:
            sync_all(written)
        name = f"{1 + max((int(each.name) for each in folders_in(self._snapshots)), default=0):06d}"
        written.rename(self._snapshots / name)
        sync(self._snapshots)
        self._record(what, name)
        self._point_to(name)
        if self.format() != FORMAT:  # only now all that is published is of it
            self._write_format()

    def _record(self, what: str, snapshot: str) -> None:
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": time, "who": self._who, "what": what, "snapshot": snapshot}, ensure_ascii=False)
        with open(self.path / _CHANGES, "a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _point_to(self, name: str) -> None:
        write_whole(self.path / "current", name + "\n")

    def _clean(self) -> None:
        """Removes old snapshots that no reader holds, and drafts whose writer was killed."""
        current = self.current().name
        for folder in chain(held_or_there(self._snapshots), held_or_there(self._drafts)):
            if folder.name != current:
                remove_unheld(folder)


def _by_catalogue(store: ox.Store, catalogue_graph: str) -> tuple[list[ox.NamedNode], list[ox.NamedNode]]:
    """The graphs that are the catalogue or stand in a triple of it, and the others."""
    catalogue = ox.NamedNode(catalogue_graph)
    quads = list(store.quads_for_pattern(None, None, None, catalogue))
    known = {catalogue, *(quad.subject for quad in quads), *(quad.object for quad in quads)}
    graphs = [graph for graph in store.named_graphs() if isinstance(graph, ox.NamedNode)]
    return [graph for graph in graphs if graph in known], [graph for graph in graphs if graph not in known]


def _triples(store: ox.Store, graph: ox.NamedNode) -> Iterator[ox.Triple]:
    return (quad.triple for quad in store.quads_for_pattern(None, None, None, graph))


def _opened(snapshot: Path) -> ox.Store:
    try:
        return ox.Store.read_only(str(snapshot))
    except (OSError, RuntimeError, ValueError) as error:
        raise whole.unreadable(snapshot, error) from error


@contextmanager
def _unwritable(folder: Path, beside: str = "") -> Iterator[None]:
    """A failed write of this block as StoreUnwritable, with what the system or the engine says."""
    try:
        yield
    except SopkgError:
        raise
    except (OSError, RuntimeError) as error:
        if not whole.damaged(error):
            raise
        raise StoreUnwritable(f"{folder} can't be written: {error}{beside}") from error
