"""SHACL Core validation: a constraint component is a SELECT file, each shape's use of it an instance."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import chain

from pyoxigraph import Literal, NamedNode, Quad, QuerySolution, QuerySolutions, Store, Triple

from sopkg.catalog import QueryFile, query_files
from sopkg.errors import InternalFault
from sopkg.negation import Fanout, nest
from sopkg.nodeshape import SH, Ground
from sopkg.printer import print_query
from sopkg.schema import can_match, instances
from sopkg.staging import construct
from sopkg.syntax import Select
from sopkg.trees import read_file_query

THREADS = min(4, os.cpu_count() or 1)
VIOLATION = NamedNode(f"{SH}Violation")


@dataclass(frozen=True)
class Result:
    """One validation result (SHACL 3.6.2); `value` is None where the constraint is about no single value."""

    focus_node: NamedNode
    path: NamedNode
    value: Ground | None
    shape: NamedNode
    component: NamedNode
    severity: NamedNode
    message: Literal | None


def validate(store: Store, schema: Store, fanout: Fanout | None = None) -> list[Result]:
    """The results of every shape in `schema` over the default graph of `store`, in a fixed order.

    The schema (the ontology) is merged into the default graph first. Nothing needs to be entailed before,
    since the queries know the class hierarchy.
    """
    store.extend(_given(schema))
    return results(store, schema, fanout)


def results(store: Store, schema: Store, fanout: Fanout | None = None) -> list[Result]:
    """The same for a store whose default graph holds the schema already."""
    ask = partial(_results, store, fanout or Fanout())
    possible = [check for check in checks(schema) if can_match(store, check.where)]
    # The engine lets go of the interpreter while it evaluates.
    with ThreadPoolExecutor(THREADS) as threads:
        found = dict.fromkeys(chain.from_iterable(threads.map(ask, possible)))
    return sorted(found, key=lambda result: (str(result.focus_node), str(result.path), str(result)))


@lru_cache(maxsize=4)
def _given(schema: Store) -> tuple[Quad, ...]:
    """What a schema says, for the default graph; it is read once."""
    return tuple(Quad(quad.subject, quad.predicate, quad.object) for quad in schema)


@lru_cache(maxsize=4)
def checks(schema: Store) -> list[Select]:
    """What the shapes of a schema ask, as one query for each constraint and each class that it reaches."""
    return [check for file in query_files("validation").values() for check in _instances(file, schema)]


def _instances(file: QueryFile, schema: Store) -> list[Select]:
    query = read_file_query(file.text)
    if not isinstance(query, Select):
        raise InternalFault(f"{file.name}: a constraint component is a SELECT")
    # The order is for people who run the file by itself; each instance is one of many here.
    return instances(replace(query, order_by=()), schema)


def _results(store: Store, fanout: Fanout, query: Select) -> list[Result]:
    rows = store.query(print_query(replace(query, where=nest(query.where, fanout))))
    assert isinstance(rows, QuerySolutions)
    return [_result(row) for row in rows]


def _result(row: QuerySolution) -> Result:
    return Result(
        focus_node=row["focusNode"],
        path=row["path"],
        value=row["value"],
        shape=row["shape"],
        component=row["component"],
        severity=row["severity"],
        message=row["message"],
    )


def conforms(results: Iterable[Result]) -> bool:
    """Whether there is no violation; warnings, which the report counts too (SHACL 3.6.1.1), do no harm."""
    return all(result.severity != VIOLATION for result in results)


def report(results: list[Result], base: str) -> list[Triple]:
    """The validation report, its nodes below `base`."""
    node = NamedNode(f"{base}validation-report")
    rows: list[dict[str, Ground | str]] = [{"conforms": Literal(not results)}]
    rows += [_row(result, base) for result in results]
    return construct("validation-report", rows, base, ontology=(), report=node)


def _row(result: Result, base: str) -> dict[str, Ground | str]:
    digest = hashlib.sha256(repr(result).encode()).hexdigest()[:16]
    cells = {
        "result": NamedNode(f"{base}validation-result/{digest}"),
        "focusNode": result.focus_node,
        "path": result.path,
        "value": result.value,
        "shape": result.shape,
        "component": result.component,
        "severity": result.severity,
        "message": result.message,
    }
    return {name: term for name, term in cells.items() if term is not None}
