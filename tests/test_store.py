"""The store on disk: what is published is whole, whatever happens to who writes."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from stores import naming, numbered, small_store

from sopkg.errors import Conflict, StoreMissing, StoreUnreadable
from sopkg.graphs import CATALOGUE
from sopkg.store import SnapshotStore
from tests.amount import ALL

ONE, TWO = "http://example.org/graph/1", "http://example.org/graph/2"
KILLS = 100 if ALL else 12
WRITER = """
import sys; from pathlib import Path
sys.path[:0] = sys.argv[2:]
from sopkg.graphs import CATALOGUE; from sopkg.store import SnapshotStore; from stores import naming, numbered
store = SnapshotStore(Path(sys.argv[1]))
print("ready", flush=True)
for number in range(1000):
    old, new = (f"http://example.org/graph/{each}" for each in (number - 1, number))
    store.publish({new: numbered(20_000)}, CATALOGUE, naming(new), remove=[old])
"""


def size(store: SnapshotStore, *graphs: str) -> int:
    """How many triples the published graphs have."""
    with store.reading() as published:
        return len(published)


def test_publish_is_seen_by_readers_that_are_open(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path)
    store.publish({ONE: numbered(10)}, CATALOGUE, naming(ONE))
    with store.reader() as reader:
        before = reader.store()
        store.publish({TWO: numbered(5)}, CATALOGUE, naming(ONE, TWO))
        assert len(before) == 11  # what is open stays as it is, and stays on disk
        del before
        assert len(reader.store()) == 17


def test_a_graph_comes_as_bytes_chunks_or_triples(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path)
    triples = naming("http://example.org/a", "http://example.org/b")
    chunks = (numbered(3, first) for first in (0, 3))
    store.publish({ONE: numbered(4), TWO: chunks, "http://example.org/graph/3": triples}, CATALOGUE, [])
    assert size(store) == 4 + 6 + 2


def test_large_graphs_are_loaded_in_two_parts_without_loss(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path)
    store.publish({ONE: numbered(90_001)}, CATALOGUE, [])
    assert size(store) == 90_001


def test_a_failed_write_publishes_nothing(tmp_path: Path) -> None:
    store = small_store(tmp_path / "s")
    before, total = store.current(), size(store)
    with pytest.raises(SyntaxError):
        store.publish({ONE: numbered(10), TWO: b"no triples"}, CATALOGUE, [])
    assert (store.current(), size(store)) == (before, total)
    assert not list((tmp_path / "s" / "drafts").iterdir())


def test_a_second_writer_waits_and_then_says_who_holds_the_lock(tmp_path: Path) -> None:
    store = small_store(tmp_path / "s")
    with (
        store.writing(),
        pytest.raises(Conflict, match=str(os.getpid())),
        SnapshotStore(store.path, 0.1).writing(),
    ):
        pass


def test_old_snapshots_go_when_nobody_holds_them(tmp_path: Path) -> None:
    store = small_store(tmp_path / "s")
    with store.reader() as reader:
        reader.store()
        store.publish({}, CATALOGUE, [])
        assert (tmp_path / "s" / "snapshots" / reader.snapshot).is_dir()
    store.publish({}, CATALOGUE, [])
    assert [each.name for each in (tmp_path / "s" / "snapshots").iterdir() if each.is_dir()] == [store.current().name]


def test_sweep_leaves_behind_what_the_catalogue_does_not_name(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path)
    store.publish({ONE: numbered(10), TWO: numbered(5)}, CATALOGUE, naming(TWO))
    assert store.sweep(CATALOGUE) == [ONE]
    assert size(store) == 6
    assert store.sweep(CATALOGUE) == []


def test_backup_and_restore(tmp_path: Path) -> None:
    store = small_store(tmp_path / "s")
    total = size(store)
    store.backup(tmp_path / "backup")
    store.publish({ONE: numbered(10)}, CATALOGUE, [])
    store.restore(tmp_path / "backup")
    assert size(store) == total == size(SnapshotStore(tmp_path / "backup"))
    with pytest.raises(Conflict):
        store.backup(tmp_path / "backup")


def test_folders_that_are_no_store_are_refused_and_left_alone(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match="sopkg load"):
        SnapshotStore(tmp_path / "nowhere").current()
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(StoreUnreadable, match="not a store"), SnapshotStore(tmp_path).writing():
        pass
    with pytest.raises(StoreUnreadable):
        small_store(tmp_path / "s").restore(tmp_path)
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["thesis.txt"]


def test_a_newer_format_is_named(tmp_path: Path) -> None:
    store = small_store(tmp_path / "s")
    (store.path / "format").write_text("sopkg-store 2\n")
    with pytest.raises(StoreUnreadable, match="format 2"):
        store.current()


def test_each_published_state_has_a_word_of_its_own(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path)
    store.publish({ONE: numbered(10)}, CATALOGUE, naming(ONE))
    before = store.version()
    store.publish({TWO: numbered(5)}, CATALOGUE, naming(TWO))
    assert before != store.version() == store.version()


def test_writers_killed_at_any_moment_leave_the_published_state_whole(tmp_path: Path) -> None:
    store, chance = SnapshotStore(tmp_path / "s"), random.Random(7)
    for _ in range(KILLS):
        _killed_writer(store, chance.uniform(0.0, 0.4))
        if store.exists():
            assert size(store) == 20_001
    store.publish({TWO: numbered(5)}, CATALOGUE, naming(TWO))
    assert not list((tmp_path / "s" / "drafts").iterdir())


def _killed_writer(store: SnapshotStore, seconds: float) -> None:
    tests = Path(__file__).parent
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(store.path), str(tests), str(tests.parent / "src")],
        stdout=subprocess.PIPE,
    )
    assert writer.stdout is not None
    with writer.stdout:
        writer.stdout.readline()
        time.sleep(seconds)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
