"""The rows of a SELECT query over a store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from pyoxigraph import Literal, NamedNode, QuerySolutions, Store, Variable

# A query's row: terms by column name, None where unbound. pyoxigraph's own types leave out what our queries bind.
Row = Mapping[str, Any]


def select(
    store: Store,
    query: str,
    graphs: Iterable[NamedNode] | None = None,
    given: Mapping[Variable, NamedNode | Literal] | None = None,
) -> Iterable[Row]:
    """Asks a SELECT query of the default graph, or of these graphs; `given` binds projected variables."""
    default = None if graphs is None else list(graphs)
    found = store.query(query, default_graph=cast(Any, default), substitutions=cast(Any, given))
    assert isinstance(found, QuerySolutions)
    return cast(Iterable[Row], found)
