"""A draft: a clone of the published snapshot in the making, and how graphs are loaded into it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import IO, Any, cast

import pyoxigraph as ox

from sopkg.errors import Conflict, StoreUnwritable
from sopkg.folders import size_of

GraphData = bytes | Iterable[bytes] | Iterable[ox.Triple]
"""A graph's content: N-Triples as bytes, as chunks of bytes, or triples."""
_COMPACTED = 4  # times what was loaded: where the store is smaller, it is compacted
_LOADERS = 2  # two threads halve the time of a bulk load; it releases the GIL and sorts on one core each
_SPLIT_BYTES = 4 << 20


class Draft:
    """A clone of the published snapshot, to be changed and then published as a whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._store: ox.Store | None = _store_at(folder)

    @property
    def store(self) -> ox.Store:
        """The clone, readable and writable."""
        if self._store is None:
            raise Conflict("this draft is closed")
        return self._store

    def load(self, graphs: Mapping[str, GraphData]) -> None:
        """Adds whole new graphs; one that is there is left alone, since a name stands for its content."""
        new = {name: data for name, data in graphs.items() if not self.holds(name)}
        with ThreadPoolExecutor(_LOADERS) as loaders:
            loads = [
                loaders.submit(_load_bytes, self, name, part)
                for name, data in new.items()
                if isinstance(data, bytes)
                for part in _parts(data)
            ]
            for name, data in new.items():
                if not isinstance(data, bytes):  # pyoxigraph's iterators must stay in their thread
                    _load_items(self, name, cast("Iterator[bytes] | Iterator[ox.Triple]", iter(data)))
            for load in loads:
                load.result()
        for name in new:
            self.store.add_graph(ox.NamedNode(name))  # an empty graph is a graph too
        self._compact(sum(len(data) if isinstance(data, bytes) else 0 for data in new.values()))

    def _compact(self, loaded: int) -> None:
        """Merges the store's files where many bytes were loaded: reading what lies together takes half as long.

        All is written anew, so that a small load must not pay for it.
        """
        if loaded * _COMPACTED >= size_of(self.folder):
            self.store.optimize()

    def replace(self, graph: str, triples: Iterable[ox.Triple]) -> None:
        """Gives one small graph new content."""
        name = ox.NamedNode(graph)
        quads = [ox.Quad(each.subject, each.predicate, each.object, name) for each in triples]
        self.store.remove_graph(name)
        self.store.extend(quads)

    def remove(self, graphs: Iterable[str]) -> None:
        """Drops graphs; a large one takes its time (0.7 M triples: 17–19 s)."""
        for graph in graphs:
            self.store.remove_graph(ox.NamedNode(graph))

    def holds(self, graph: str) -> bool:
        """Whether a graph of that name is here."""
        return self.store.contains_named_graph(ox.NamedNode(graph))

    def written(self) -> Path:
        """What is in the draft now, on disk in a folder of its own inside the draft's, and the draft closed.

        Its tables are links. The engine may still be merging the draft's own: a reference that is left somewhere keeps
        it running, and what it does in the draft's folder must not reach what is published.
        """
        folder = self.folder / "written"
        self.store.backup(str(folder))
        self.close()
        return folder

    def close(self) -> None:
        """Lets go of the clone."""
        self._store = None


class _Chunks(io.RawIOBase):
    """Chunks of bytes as a file to read from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        size = min(len(view), len(self._rest))
        view[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def _parts(data: bytes) -> list[bytes]:
    """Large N-Triples cut at a line's end, a part for each loader; a blank node can't stand in two loads."""
    if len(data) < _SPLIT_BYTES or b"_:" in data:
        return [data]
    middle = data.find(b"\n", len(data) // _LOADERS) + 1
    return [part for part in (data[:middle], data[middle:]) if part]


def _load_bytes(draft: Draft, graph: str, data: bytes | IO[bytes]) -> None:
    # An error's traceback keeps what its frames hold: the draft, which can still be closed, and not the store.
    draft.store.bulk_load(data, ox.RdfFormat.N_TRIPLES, to_graph=ox.NamedNode(graph))


def _load_items(draft: Draft, graph: str, items: Iterator[bytes] | Iterator[ox.Triple]) -> None:
    """Loads chunks of N-Triples, or triples, without holding them all."""
    first = next(items, None)
    if isinstance(first, bytes):
        chunks = _Chunks(cast("Iterator[bytes]", chain([first], items)))
        _load_bytes(draft, graph, io.BufferedReader(chunks, 1 << 20))
    elif first is not None:
        triples = cast("Iterable[ox.Triple]", chain([first], items))
        name = ox.NamedNode(graph)
        quads = (ox.Quad(each.subject, each.predicate, each.object, name) for each in triples)
        draft.store.bulk_extend(quads)


def _store_at(folder: Path) -> ox.Store:
    try:
        return ox.Store(str(folder))
    except (OSError, RuntimeError, ValueError) as error:
        raise StoreUnwritable(f"{folder} can't be opened for writing: {error}") from error
