"""Small stores for the tests of the engine and of HTTP."""

from collections import defaultdict
from pathlib import Path

import pyoxigraph as ox

from sopkg.graphs import CATALOGUE
from sopkg.store import SnapshotStore

CASES = Path(__file__).parent


def graphs_of(path: Path) -> dict[str, list[ox.Triple]]:
    """A TriG file's graphs by name."""
    graphs: dict[str, list[ox.Triple]] = defaultdict(list)
    for quad in ox.parse(path=path, format=ox.RdfFormat.TRIG):
        graphs[quad.graph_name.value].append(quad.triple)
    return graphs


def small_store(folder: Path) -> SnapshotStore:
    """The published state of `web/store.trig`."""
    graphs = graphs_of(CASES / "web" / "store.trig")
    store = SnapshotStore(folder, lock_seconds=0.3)
    store.publish(graphs, CATALOGUE, graphs.pop(CATALOGUE))
    return store


def numbered(count: int, first: int = 0) -> bytes:
    """As many triples, in N-Triples."""
    numbers = range(first, first + count)
    return b"".join(b'<http://example.org/%d> <http://example.org/p> "%d" .\n' % (n, n) for n in numbers)


def naming(*graphs: str) -> list[ox.Triple]:
    """A catalogue that names these graphs."""
    return [ox.Triple(ox.NamedNode(graph), ox.NamedNode("http://example.org/is"), ox.Literal(1)) for graph in graphs]
