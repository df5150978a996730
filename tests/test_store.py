"""The store on disk: what is published is whole, whatever happens to who writes."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pyoxigraph as ox
import pytest
from stores import naming, numbered, small_store

from sopkg.errors import Conflict, StoreMissing, StoreUnreadable
from sopkg.graphs import CATALOGUE
from sopkg.store import SnapshotStore
from sopkg.whole import LIST, read_list
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


def test_what_a_draft_that_is_still_open_does_later_is_not_published(tmp_path: Path) -> None:
    store = small_store(tmp_path / "s")
    with store.writing() as draft:
        left_open, before = draft.store, len(draft.store)
    left_open.clear()
    left_open.optimize()
    assert size(store) == before > 0


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


@pytest.mark.parametrize("left", [[], ["base.new-1"], ["base"], ["base", "format.new-1"]])
def test_a_store_that_was_killed_before_it_was_one_can_be_built(tmp_path: Path, left: list[str]) -> None:
    for name in left:
        (tmp_path / name).touch()
    with pytest.raises(StoreMissing):
        SnapshotStore(tmp_path).current()
    assert size(small_store(tmp_path)) > 0


def test_writes_leave_nothing_behind(tmp_path: Path) -> None:
    store, sizes = small_store(tmp_path), list[int]()
    for number in range(200 if ALL else 8):
        with store.writing() as draft:
            draft.replace(TWO, naming(f"http://example.org/{number}"))
        files = [each for each in tmp_path.rglob("*") if each.is_file() and each.name != "changes.jsonl"]
        sizes.append(sum(each.stat().st_size for each in files))
    assert len([each for each in (tmp_path / "snapshots").iterdir() if each.is_dir()]) == 1
    assert sizes[-1] < 1.2 * sizes[1], sizes


@pytest.mark.parametrize("version", [0, 3, 99])
def test_a_format_that_is_not_read_is_named_and_nothing_is_touched(tmp_path: Path, version: int) -> None:
    store = small_store(tmp_path / "s")
    (store.path / "format").write_text(f"sopkg-store {version}\n")
    with pytest.raises(StoreUnreadable, match=f"format {version}, this program reads format 1 to 2"):
        store.current()
    with pytest.raises(StoreUnreadable), store.writing():
        pass
    assert (store.path / "format").read_text() == f"sopkg-store {version}\n"


def test_a_store_of_format_1_is_read_and_its_next_write_upgrades_it(tmp_path: Path) -> None:
    store = small_store(tmp_path / "s")
    total = size(store)
    (store.path / "format").write_text("sopkg-store 1\n")
    (store.current() / LIST).unlink()  # as format 1 had none
    assert size(store) == total
    store.publish({ONE: numbered(10)}, CATALOGUE, [])
    assert store.format() == 2
    assert (store.current() / LIST).is_file()


@pytest.mark.parametrize("seed", range(200 if ALL else 12))
def test_a_damaged_snapshot_is_an_error_and_never_fewer_triples(tmp_path: Path, seed: int) -> None:
    store, chance = small_store(tmp_path / "s"), random.Random(seed)
    total = size(store)
    file = chance.choice([store.current() / name for name in read_list(store.current())])
    _damage(file, chance)
    with suppress(StoreUnreadable, RuntimeError), store.reading() as published:
        assert {len(published), sum(1 for _ in published.quads_for_pattern(None, None, None))} == {total}
    if file.stat().st_size != read_list(store.current())[file.name]["size"]:
        with pytest.raises(StoreUnreadable, match=file.name), store.reading():
            pass


def _damage(file: Path, chance: random.Random) -> None:
    """Cuts a file off, or turns one of its bits."""
    data = bytearray(file.read_bytes())
    place = chance.randrange(max(1, len(data)))
    if chance.random() < 0.5 or not data:
        file.write_bytes(data[:place] if data else b"x")
    else:
        data[place] ^= 1 << chance.randrange(8)
        file.write_bytes(data)


@pytest.mark.parametrize("seed", range(40 if ALL else 4))
def test_a_damaged_backup_is_not_restored(tmp_path: Path, seed: int) -> None:
    store, chance = small_store(tmp_path / "s"), random.Random(seed)
    store.backup(tmp_path / "b")
    kept = SnapshotStore(tmp_path / "b").current()
    _damage(kept / chance.choice(list(read_list(kept))), chance)
    before = store.current()
    with pytest.raises(StoreUnreadable, match="is not whole"):
        store.restore(tmp_path / "b")
    assert store.current() == before


def test_a_store_that_names_no_snapshot_says_so_and_can_be_restored(tmp_path: Path) -> None:
    store = small_store(tmp_path / "s")
    total = size(store)
    store.backup(tmp_path / "b")
    for named in ("", "../b", "000009"):
        (store.path / "current").write_text(named)
        with pytest.raises((StoreMissing, StoreUnreadable), match="sopkg restore"), store.reading():
            pass
        store.restore(tmp_path / "b")
        assert size(store) == total


def test_what_was_written_to_or_is_no_backup_is_not_restored(tmp_path: Path) -> None:
    store = small_store(tmp_path / "s")
    with pytest.raises(StoreUnreadable, match="no backup"):
        SnapshotStore(tmp_path / "new").restore(store.path)


FULL = """
import resource, sys; from pathlib import Path
sys.path[:0] = sys.argv[3:]
from sopkg.errors import StoreUnwritable; from sopkg.graphs import CATALOGUE; from sopkg.store import SnapshotStore
from stores import naming, numbered
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    SnapshotStore(Path(sys.argv[1])).publish({"http://example.org/n": numbered(100_000)}, CATALOGUE, [])
except StoreUnwritable as error:
    print(error.line())
"""


@pytest.mark.parametrize("largest", [100, 20_000, 1_000_000])
def test_a_full_disk_is_said_and_what_is_published_stays(tmp_path: Path, largest: int) -> None:
    store, tests = small_store(tmp_path / "s"), Path(__file__).parent
    before, total = store.current(), size(store)
    words = [sys.executable, "-c", FULL, str(store.path), str(largest), str(tests), str(tests.parent / "src")]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "can't be written" in said
    assert "what is published stays as it was" in said
    assert (store.current(), size(store)) == (before, total)
    assert not list((store.path / "drafts").iterdir())


def test_a_backup_under_load_is_one_state(tmp_path: Path) -> None:
    store, tests = SnapshotStore(tmp_path / "s"), Path(__file__).parent
    store.publish({ONE: numbered(20_000)}, CATALOGUE, naming(ONE))
    words = [sys.executable, "-c", WRITER, str(store.path), str(tests), str(tests.parent / "src")]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        for number in range(20 if ALL else 1):
            store.backup(tmp_path / f"b{number}")
            restored = SnapshotStore(tmp_path / f"r{number}")
            restored.restore(tmp_path / f"b{number}")
            kept = SnapshotStore(tmp_path / f"b{number}")
            with kept.reading() as one, restored.reading() as other:
                first, second = ox.Dataset(one), ox.Dataset(other)
            first.canonicalize(ox.CanonicalizationAlgorithm.UNSTABLE)
            second.canonicalize(ox.CanonicalizationAlgorithm.UNSTABLE)
            assert first == second
        writer.kill()


def test_each_published_state_has_a_word_of_its_own(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path)
    store.publish({ONE: numbered(10)}, CATALOGUE, naming(ONE))
    before = store.version()
    store.publish({TWO: numbered(5)}, CATALOGUE, naming(TWO))
    assert before != store.version() == store.version()


def test_writers_killed_at_any_moment_leave_the_published_state_whole(tmp_path: Path) -> None:
    store, chance = SnapshotStore(tmp_path / "s"), random.Random(7)
    for _ in range(KILLS):
        _killed(WRITER, store.path, chance.uniform(0.0, 0.4))
        if store.exists():
            assert size(store) == 20_001
    store.publish({TWO: numbered(5)}, CATALOGUE, naming(TWO))
    assert not list((tmp_path / "s" / "drafts").iterdir())


COPIER = """
import sys; from pathlib import Path
sys.path[:0] = sys.argv[2:]
from sopkg.store import SnapshotStore
folder = Path(sys.argv[1])
print("ready", flush=True)
for number in range(1000):
    SnapshotStore(folder / "s").backup(folder / f"b{number}")
    SnapshotStore(folder / "s").restore(folder / f"b{number}")
"""


def test_backup_and_restore_killed_at_any_moment_leave_no_half_state(tmp_path: Path) -> None:
    store, chance = SnapshotStore(tmp_path / "s"), random.Random(9)
    store.publish({ONE: numbered(20_000)}, CATALOGUE, naming(ONE))
    for _ in range(50 if ALL else 3):
        _killed(COPIER, tmp_path, chance.uniform(0.0, 0.4))
        assert size(store) == 20_001
        for backup in sorted(tmp_path.glob("b*")):
            with suppress(StoreMissing):  # what was cut off has nothing published
                SnapshotStore(tmp_path / "r").restore(SnapshotStore(backup).path)
                assert size(SnapshotStore(tmp_path / "r")) == 20_001
            shutil.rmtree(backup)


def _killed(program: str, folder: Path, seconds: float) -> None:
    """Runs a program on a folder and kills it so long after it is ready."""
    tests = Path(__file__).parent
    words = [sys.executable, "-c", program, str(folder), str(tests), str(tests.parent / "src")]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(seconds)
        writer.send_signal(signal.SIGKILL)
