"""What the reasoning process does: one request, answered over pipes, in a network namespace without network."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyoxigraph import BlankNode, RdfFormat, Store, Triple, serialize

from sopkg import frames
from sopkg.axioms import Axiom, read_axioms, with_blank_nodes, written
from sopkg.catalog import query_files
from sopkg.dataset import observed_graphs
from sopkg.dl import (
    EQUIVALENT,
    NOTHING,
    SAME_PROPERTY,
    SUB_CLASS,
    SUB_PROPERTY,
    Java,
    consequences,
    find_java,
    unsatisfiable,
    with_supers,
)
from sopkg.entail import entail
from sopkg.errors import MemoryExceeded, SopkgError, TooLarge
from sopkg.graphs import triples_of
from sopkg.justify import justify
from sopkg.literals import claims, is_claim, kept_forms, with_other_forms
from sopkg.rdfinput import read_graph
from sopkg.results import to_term
from sopkg.store import SnapshotStore
from sopkg.turtle import model, prefix_table, store_of
from sopkg.worker import STACK_BYTES, failure, isolate

RL = "rl"
_SCHEMA_LINKS = (SUB_CLASS, EQUIVALENT, SUB_PROPERTY, SAME_PROPERTY)
_EXPLAINED = 20  # classes that are explained; the others are only named


@dataclass(frozen=True)
class Request:
    """One request: what is asked, the triples that are reasoned over, and the limits."""

    payload: Mapping[str, Any]
    triples: tuple[Triple, ...]
    scratch: Path
    megabytes: int

    @property
    def reasoner(self) -> str:
        """hermit, pellet or rl."""
        return str(self.payload["reasoner"])

    def java(self) -> Java:
        """Java, with the request's share of memory."""
        return find_java(self.megabytes, self.scratch)


Reply = tuple[Any, bytes]


def consistency(request: Request) -> Reply:
    """Whether the graph is consistent, its unsatisfiable classes, and the axioms that make it so."""
    if request.reasoner == RL:
        clashes = _inconsistencies(request)
        return {"reasoner": RL, "consistent": not clashes, "inconsistencies": clashes}, b""
    java, most = request.java(), request.payload["justifications"]
    empty = unsatisfiable(java, request.reasoner, read_axioms(request.triples))
    abouts = [None] if empty is None else [Triple(each, SUB_CLASS, NOTHING) for each in empty[:_EXPLAINED]]
    answer = {
        "reasoner": request.reasoner,
        "consistent": empty is not None,
        "unsatisfiable": [each.value for each in empty or ()],
        "justifications": [_justified(java, request, about, most) for about in abouts] if most else [],
    }
    return answer, b""


def justifications(request: Request) -> Reply:
    """Why a triple follows: the smallest sets of axioms from which it does."""
    terms = (to_term(request.payload[name]) for name in ("subject", "predicate", "object"))
    about = Triple(*terms)  # type: ignore[arg-type]
    return _justified(request.java(), request, about, request.payload["justifications"]), b""


def _justified(java: Java, request: Request, about: Triple | None, most: int) -> dict[str, object]:
    found = justify(java, read_axioms(request.triples), about, most)
    return {
        "of": None if about is None else _shown(about),
        "follows": bool(found.found),
        "complete": found.complete,
        "justifications": [[_axiom(axiom) for axiom in one] for one in found.found],
    }


def _axiom(axiom: Axiom) -> dict[str, object]:
    return {"turtle": written(axiom, prefix_table()), "triples": [f"{triple} ." for triple in axiom.triples]}


def _shown(triple: Triple) -> dict[str, str]:
    return {name: str(getattr(triple, name)) for name in ("subject", "predicate", "object")}


def classify(request: Request) -> Reply:
    """The hierarchy of named classes and properties: the direct links that follow, and the given ones among them."""
    if request.reasoner == RL:
        everything = [triple for triple in (*request.triples, *_inferred(request)) if _is_named(triple)]
    else:
        everything = consequences(request.java(), request.reasoner, read_axioms(request.triples))
    found = [triple for triple in everything if triple.predicate in _SCHEMA_LINKS]
    return len(found), _serialised(found, request)


def entailments(request: Request) -> Reply:
    """What follows from the graph and is not in it: types, links, equalities and the hierarchy, all of named things."""
    if request.reasoner == RL:
        found = list(_inferred(request))
    else:
        direct = consequences(request.java(), request.reasoner, read_axioms(request.triples))
        given = set(request.triples)
        found = sorted((triple for triple in with_supers(direct) if triple not in given), key=str)
    told = (*request.triples, *found) if request.payload["whole"] else found
    return len(found), _serialised(told, request)


def _inferred(request: Request) -> Iterable[Triple]:
    store = store_of(request.triples)
    found = list(entail(store, query_files("entailment").values(), Store()).triples)
    given = set(request.triples)
    return [each for each in (*found, *with_other_forms(store, kept_forms(given))) if each not in given]


def _inconsistencies(request: Request) -> list[dict[str, object]]:
    """The clashes that the rules with the consequence *false* find."""
    claimed = claims(request.triples, kept_forms(request.triples))
    store = store_of((*request.triples, *claimed))
    clashes = entail(store, query_files("entailment").values(), Store()).inconsistencies
    told = (dict.fromkeys(claimed.get(t, t) for t in each.triples if not is_claim(t)) for each in clashes)
    shown = ([f"{with_blank_nodes(triple)} ." for triple in triples] for triples in told)
    return [{"rule": each.rule, "triples": triples} for each, triples in zip(clashes, shown, strict=True)]


def _is_named(triple: Triple) -> bool:
    plain = with_blank_nodes(triple)
    return not isinstance(plain.subject, BlankNode) and not isinstance(plain.object, BlankNode)


def _serialised(triples: Iterable[Triple], request: Request) -> bytes:
    form = RdfFormat.from_media_type(request.payload["format"])
    assert form is not None
    plain = list(dict.fromkeys(map(with_blank_nodes, triples)))
    used = " ".join(map(str, plain))
    prefixes = {prefix: namespace for prefix, namespace in prefix_table().items() if f"<{namespace}" in used}
    data = serialize(plain, format=form, prefixes=prefixes) or b""
    if len(data) > request.payload["result_bytes"]:
        raise TooLarge(f"the result is larger than {request.payload['result_bytes']} bytes")
    return data


OPERATIONS: dict[str, Callable[[Request], Reply]] = {
    "consistency": consistency,
    "classify": classify,
    "entailments": entailments,
    "justifications": justifications,
}


def _triples(payload: Mapping[str, Any], store: Path, graph: bytes) -> Iterable[Triple]:
    """What is reasoned over: the graph that came along, an observation's asserted graph, and the ontology."""
    if payload["type"]:
        form = RdfFormat.from_media_type(payload["type"])
        assert form is not None
        yield from read_graph(graph, form, payload["name"])
    if payload["city"]:
        with SnapshotStore(store).reading() as snapshot:
            for name in observed_graphs(snapshot, payload["city"], payload["date"]):
                yield from triples_of(snapshot, name)
    if payload["ontology"]:
        yield from model()


def _answer(head: frames.Head, graph: bytes) -> tuple[frames.Head, bytes]:
    payload = {**head["payload"], "result_bytes": head["result_bytes"]}
    try:
        triples = tuple(dict.fromkeys(_triples(payload, Path(head["store"]), graph)))
        request = Request(payload, triples, Path(head["scratch"]), head["megabytes"])
        value, body = OPERATIONS[head["operation"]](request)
        return {"value": value}, body
    except SopkgError as error:
        return failure(error), b""
    except MemoryError:
        return failure(MemoryExceeded("reasoning asked for more memory than one request may have")), b""


def main() -> None:
    """Takes one request from standard input, answers it on what was standard output, and ends."""
    replies = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a stray print must not end up in a message
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    head, graph = frames.read(sys.stdin.fileno())
    try:
        isolate(head["allow_no_netns"])
    except SopkgError as error:
        frames.write(replies, failure(error))
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Soft only: Java, which this process starts, reserves more and has a limit of its own.
    resource.setrlimit(resource.RLIMIT_AS, ((head["megabytes"] + 500) << 20, resource.RLIM_INFINITY))
    threading.stack_size(STACK_BYTES)
    threading.Thread(target=_work, args=(head, graph, replies), daemon=True).start()
    with contextlib.suppress(frames.Gone):
        frames.read(sys.stdin.fileno())
    os.killpg(0, signal.SIGKILL)  # the service is gone: so are its process for reasoning and the Java in the same group


def _work(head: frames.Head, graph: bytes, replies: int) -> None:
    try:
        frames.write(replies, *_answer(head, graph))
        os._exit(os.EX_OK)
    except BaseException:  # a fault of ours: the traceback is kept, the process ends
        traceback.print_exc()
        os._exit(os.EX_SOFTWARE)


if __name__ == "__main__":
    main()
