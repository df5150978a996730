"""Proofs of inferred triples: by which rule a triple follows from which others, down to what is given.

A proof is looked for backwards, from the triple, in the published graphs as they are: nothing is stored for it, so that
it stays right when triples come and go. The shallowest proofs come first, so that none can rest on itself.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

from pyoxigraph import DefaultGraph, NamedNode, RdfFormat, Store, Triple, serialize

from sopkg.catalog import QueryFile
from sopkg.matching import Facts, GraphName, Unstored, as_stored, derivations, horn_rules, is_unstored
from sopkg.rules import read_rules
from sopkg.staging import Cells, construct
from sopkg.turtle import prefix_table

# The deepest proof that is looked for, and how much deeper than the shallowest an alternative may be.
DEEPEST, DEEPER = 100, 2
# Single steps by which one triple follows that are looked at, and proofs of one depth that are compared in size.
MOST_STEPS, COMPARED = 300, 60
# Triples proved while alternatives are compared: what keeps a proof quick where there are very many.
MOST_WORK = 3000
# Triples looked at on the way up to which a shorter way from fewer given triples is looked for among all of them.
MOST_DETOURS = 200
Name = Callable[[Any], str]


@dataclass(frozen=True)
class Proof:
    """A triple with the rule by which it follows from its premises; what is given has neither."""

    triple: Triple
    #: The graph that holds the triple; none where it is not stored.
    graph: GraphName | None
    rule: str | None = None
    premises: tuple[Proof, ...] = ()

    @property
    def depth(self) -> int:
        """Rules one after the other: 0 for what is given."""
        return 1 + max((each.depth for each in self.premises), default=0) if self.rule else 0

    @property
    def size(self) -> int:
        """Applications of rules."""
        return int(self.rule is not None) + sum(each.size for each in self.premises)

    @property
    def given(self) -> tuple[Triple, ...]:
        """The given triples that it rests on, each once."""
        if self.rule is None:
            return (self.triple,)
        return tuple(dict.fromkeys(triple for each in self.premises for triple in each.given))


class Prover:
    """Finds proofs over the graphs of a store.

    `given` are the graphs of what is said, `inferred` those of what follows; `follows` are triples of the former that
    follow all the same (an ontology is published with what follows from it alone). Keep one as long as its graphs do
    not change.
    """

    def __init__(
        self,
        store: Store,
        files: Iterable[QueryFile],
        given: Sequence[GraphName],
        inferred: Sequence[GraphName] = (),
        follows: Container[Triple] = frozenset(),
    ) -> None:
        kept = list(files)
        self.facts = Facts(store, [*given, *inferred])
        self.given_graphs, self.follows = set(given), follows
        self.rules = horn_rules(read_rules(kept), self.facts)
        self.facts.unstored = Unstored(self.rules, self.facts)
        self.answered = horn_rules(read_rules(kept, answered=True), self.facts)
        self.forget()

    def forget(self) -> None:
        """Forgets what was found out about the graphs."""
        self.steps: dict[Triple, list[tuple[str, tuple[Triple, ...]]]] = {}
        self.shallowest: dict[Triple, int] = {}
        self.too_deep: dict[Triple, int] = {}
        self.work = 0

    def proofs(self, triple: Triple, most: int = 1) -> list[Proof]:
        """Up to that many proofs of a triple, the shallowest first, of these the smallest; none if it does not follow.

        Each is as shallow as can be as long as no triple on the way follows in more than MOST_STEPS single steps.
        """
        self.forget()
        triple = Triple(triple.subject, triple.predicate, as_stored(triple.object))
        graph = self.facts.graph_of(triple)
        if self.is_given(triple, graph):
            return [Proof(triple, graph)]
        if graph is None and not is_unstored(triple):
            return list(islice(self._answers(triple), most))
        depth = next((d for d in range(1, DEEPEST + 1) if self.follows_within(triple, d)), None)
        if depth is None:
            return []
        found: dict[Proof, None] = {}
        for deeper in range(depth, depth + DEEPER + 1):
            candidates = islice(self._proofs(triple, deeper, frozenset(), most), COMPARED)
            exact = sorted((p for p in candidates if p.depth == deeper), key=lambda p: (p.size, str(p.premises)))
            # Several come down to one: not all of them are tried.
            for each in exact[: 2 * most]:
                if len(found) < most:
                    found[self._reduced(each)] = None
        found = found or {self._reduced(self._shallowest(triple, depth)): None}
        return sorted(found, key=lambda each: (each.depth, each.size))

    def is_given(self, triple: Triple, graph: GraphName | None) -> bool:
        """Whether a triple is said, and not only follows."""
        return graph in self.given_graphs and triple not in self.follows

    def follows_within(self, triple: Triple, depth: int) -> bool:
        """Whether a triple is given or follows by so many rules one after the other."""
        if depth >= self.shallowest.get(triple, DEEPEST + 1):
            return True
        if depth <= self.too_deep.get(triple, -1):
            return False
        if self.is_given(triple, self.facts.graph_of(triple)):
            self.shallowest[triple] = 0
            return True
        if depth > 0 and any(self._all_follow(premises, depth - 1) for _, premises in self.single_steps(triple)):
            self.shallowest[triple] = min(depth, self.shallowest.get(triple, depth))
            return True
        self.too_deep[triple] = max(depth, self.too_deep.get(triple, 0))
        return False

    def _all_follow(self, premises: Iterable[Triple], depth: int) -> bool:
        return all(self.follows_within(each, depth) for each in premises)

    def single_steps(self, triple: Triple) -> list[tuple[str, tuple[Triple, ...]]]:
        """The applications of a rule by which a triple follows from others."""
        if triple not in self.steps:
            self.steps[triple] = list(dict.fromkeys(islice(self._single_steps(triple), MOST_STEPS)))
        return self.steps[triple]

    def _single_steps(self, triple: Triple) -> Iterator[tuple[str, tuple[Triple, ...]]]:
        for horn in self.rules:
            for premises in derivations(horn, triple, self.facts):
                if triple not in premises:
                    yield horn.rule, tuple(dict.fromkeys(premises))

    def _proofs(self, triple: Triple, depth: int, above: frozenset[Triple], most: int) -> Iterator[Proof]:
        """The proofs of a triple that are not deeper, and do not rest on what is above it."""
        graph = self.facts.graph_of(triple)
        if self.is_given(triple, graph):
            yield Proof(triple, graph)
            return
        self.work += 1
        if depth == 0 or triple in above or self.work > MOST_WORK:
            return
        for rule, premises in self.single_steps(triple):
            if self._all_follow(premises, depth - 1):
                ways = [islice(self._proofs(p, depth - 1, above | {triple}, most), most) for p in premises]
                yield from (Proof(triple, graph, rule, found) for found in product(*ways))

    def _reduced(self, proof: Proof) -> Proof:
        """The proof, or one from fewer given triples: with any one of them taken away, it falls."""
        leaves = set(proof.given)
        way = set(self.steps) if len(self.steps) <= MOST_DETOURS else {each.triple for each in _nodes(proof)}
        needed = set(leaves)
        for leaf in proof.given:
            if len(needed) > 1 and proof.triple in self._reached(needed - {leaf}, way - leaves, proof.triple):
                needed.discard(leaf)
        if needed == leaves:
            return proof
        return self._reached(needed, way - leaves, proof.triple)[proof.triple]

    def _reached(self, given: Iterable[Triple], way: set[Triple], goal: Triple) -> dict[Triple, Proof]:
        """What follows from given triples by way of some others, until the goal does, with proofs."""
        found = {each: Proof(each, self.facts.graph_of(each)) for each in given}
        todo, before = list(way), -1
        while goal not in found and len(found) > before:
            before = len(found)
            for each in todo:
                if proof := self._from(each, found):
                    found[each] = proof
            todo = [each for each in todo if each not in found]
        return found

    def _from(self, triple: Triple, known: Mapping[Triple, Proof]) -> Proof | None:
        for rule, premises in self.single_steps(triple):
            if all(each in known for each in premises):
                return Proof(triple, self.facts.graph_of(triple), rule, tuple(known[each] for each in premises))
        return None

    def _shallowest(self, triple: Triple, depth: int) -> Proof:
        """A proof of what follows within a depth."""
        graph = self.facts.graph_of(triple)
        if self.is_given(triple, graph):
            return Proof(triple, graph)
        steps = ((rule, ps) for rule, ps in self.single_steps(triple) if self._all_follow(ps, depth - 1))
        rule, premises = next(steps)
        return Proof(triple, graph, rule, tuple(self._shallowest(each, depth - 1) for each in premises))

    def _answers(self, triple: Triple) -> Iterator[Proof]:
        """The proofs of what is answered and not stored: that something that is spoken of is the same as itself."""
        for horn in self.answered:
            for premises in derivations(horn, triple, self.facts):
                leaves = [self.proofs(each, 1) for each in premises]
                if all(leaves):
                    yield Proof(triple, None, horn.rule, tuple(each[0] for each in leaves))


def _nodes(proof: Proof) -> Iterator[Proof]:
    yield proof
    for each in proof.premises:
        yield from _nodes(each)


def as_record(proof: Proof, name: Name = str) -> dict[str, Any]:
    """A proof for JSON: terms in N-Triples, the triple in words, graph, rule and premises."""
    triple = proof.triple
    told = {"subject": str(triple.subject), "predicate": str(triple.predicate), "object": str(triple.object)}
    graph = proof.graph.value if isinstance(proof.graph, NamedNode) else None
    record = {**told, "label": in_words(triple, name), "graph": graph}
    if proof.rule is None:
        return record
    return {**record, "rule": proof.rule, "premises": [as_record(each, name) for each in proof.premises]}


def as_text(proof: Proof, name: Name = str, graph_name: Name = str) -> str:
    """A proof as indented lines: the triple first, what it rests on below it."""
    return "\n".join(_lines(proof, name, graph_name, 0)) + "\n"


def _lines(proof: Proof, name: Name, graph_name: Name, level: int) -> Iterator[str]:
    stored = isinstance(proof.graph, NamedNode | DefaultGraph)
    origin = f"by {proof.rule}" if proof.rule else "given"
    place = f" in {graph_name(proof.graph)}" if stored and isinstance(proof.graph, NamedNode) else ""
    yield f"{'  ' * level}{in_words(proof.triple, name)}  [{origin}{place}]"
    for each in proof.premises:
        yield from _lines(each, name, graph_name, level + 1)


def in_words(triple: Triple, name: Name) -> str:
    """A triple by its terms' names."""
    return " ".join(map(name, (triple.subject, triple.predicate, triple.object)))


def as_turtle(proofs: Sequence[Proof], base: str) -> bytes:
    """Proofs in RDF (PROV-O): statements, each derived from others by a rule as activity; nodes below `base`."""
    triples = construct("proof", list(_rows(proofs, base)), base, ontology=())
    return serialize(triples, format=RdfFormat.TURTLE, prefixes=prefix_table()) or b""


def _rows(proofs: Sequence[Proof], base: str) -> Iterator[Cells]:
    numbers: dict[Proof, int] = {}

    def node(proof: Proof) -> NamedNode:
        return NamedNode(f"{base}step/{numbers.setdefault(proof, len(numbers) + 1)}")

    todo, told = list(proofs), set[Proof]()
    for number, root in enumerate(proofs, 1):
        yield {"proof": NamedNode(f"{base}proof/{number}"), "of": node(root)}
    while todo:
        proof = todo.pop(0)
        if proof in told:
            continue
        told.add(proof)
        triple, graph = proof.triple, proof.graph
        row: dict[str, Any] = {"step": node(proof), "subject": triple.subject, "predicate": triple.predicate}
        row["object"] = triple.object
        row |= {"graph": graph} if isinstance(graph, NamedNode) else {}
        row |= {"rule": proof.rule} if proof.rule else {}
        yield row
        for each in proof.premises:
            yield {"conclusion": node(proof), "premise": node(each)}
        todo += proof.premises
