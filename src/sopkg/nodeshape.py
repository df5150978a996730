"""A class with values, as a SHACL node shape: what a lack, a scope statement and an asserted absence describe."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode, Store, Variable
from pyoxigraph import Triple as Statement

from sopkg.errors import BadInput
from sopkg.negation import RDF_TYPE, split_sequences
from sopkg.substitution import substitute
from sopkg.syntax import Group, Inverse, Path, Sequence, Term, Triple

SH = "http://www.w3.org/ns/shacl#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
Ground = NamedNode | Literal
# A path as SHACL writes it: steps, each an IRI and whether it is walked backwards.
Steps = tuple[tuple[NamedNode, bool], ...]


@dataclass(frozen=True)
class Constraint:
    """One property shape: `sh:path` and either `sh:hasValue` or `sh:class`; without a path it is about the node."""

    path: Steps
    value: Ground | None = None
    of_class: NamedNode | None = None


@dataclass(frozen=True)
class NodeShape:
    """`sh:class` and the property shapes of one kind of thing."""

    of_class: NamedNode
    constraints: frozenset[Constraint]

    @property
    def itself(self) -> Ground | None:
        """Which one thing the shape describes, where it says so."""
        return next((each.value for each in self.constraints if not each.path), None)

    def iri(self, base: str) -> NamedNode:
        """The shape's IRI below a city's base: the same description has the same one."""
        text = " ".join([str(self.of_class), *sorted(map(str, self.constraints))])
        return _hashed(base, text)


def describe(body: Group, row: Mapping[Variable, Ground], outside: set[Variable]) -> NodeShape | None:
    """The observation that a negated body asks for, with a row filled in; None where it names no class.

    The observation is the first local variable that the body gives a class; where only things of the row have one, the
    first of these, and then the shape says which one it is.
    """
    plain = split_sequences(part for part in body.parts if isinstance(part, Triple))
    typed = [each for each in plain if each.predicate == RDF_TYPE and isinstance(each.object, NamedNode)]
    for pattern in sorted(typed, key=lambda each: each.subject in outside):
        node, of_class = substitute(pattern, row).subject, pattern.object
        if isinstance(of_class, NamedNode) and isinstance(node, Variable | NamedNode):
            known = {Constraint((), node)} if isinstance(node, NamedNode) else set()
            patterns = [substitute(each, row) for each in plain]
            said = _constraints(patterns, node, (), {substitute(pattern, row)})
            return NodeShape(of_class, frozenset(known.union(said)))
    return None


def _constraints(patterns: list[Triple], node: Term, walked: Steps, used: set[Triple]) -> Iterator[Constraint]:
    """What the patterns say of a node, and of the nodes that hang on it."""
    for pattern in patterns:
        step = _step(pattern, node)
        if step is None or pattern in used:
            continue
        used.add(pattern)
        (predicate, inverse), end = step
        if predicate == RDF_TYPE and not inverse and isinstance(end, NamedNode):
            yield Constraint(walked, of_class=end)
        elif isinstance(end, Variable):
            yield from _constraints(patterns, end, (*walked, (predicate, inverse)), used)
        else:
            yield Constraint((*walked, (predicate, inverse)), value=end)


def _step(pattern: Triple, node: Term) -> tuple[tuple[NamedNode, bool], Term] | None:
    if not isinstance(pattern.predicate, NamedNode):
        return None
    if pattern.subject == node:
        return (pattern.predicate, False), pattern.object
    return ((pattern.predicate, True), pattern.subject) if pattern.object == node else None


def read_node_shape(store: Store, node: NamedNode) -> NodeShape:
    """The node shape that a store holds under an IRI (blank nodes are skolemised at load)."""
    of_class = _value(store, node, f"{SH}class")
    constraints = {_read_constraint(store, each) for each in _values(store, node, f"{SH}property")}
    value = _value(store, node, f"{SH}hasValue")
    if not isinstance(of_class, NamedNode):
        raise BadInput(f"{node.value} describes no class: expected is a node shape with sh:class and an IRI")
    return NodeShape(of_class, frozenset(constraints | ({Constraint((), value)} if value is not None else set())))


def _read_constraint(store: Store, node: NamedNode) -> Constraint:
    path = _value(store, node, f"{SH}path")
    of_class = _value(store, node, f"{SH}class")
    if not isinstance(path, NamedNode) or isinstance(of_class, Literal):
        raise BadInput(f"{node.value} describes no value: expected is sh:path, with sh:hasValue or sh:class and an IRI")
    return Constraint(tuple(_read_path(store, path)), _value(store, node, f"{SH}hasValue"), of_class)


def _read_path(store: Store, path: NamedNode) -> Iterator[tuple[NamedNode, bool]]:
    """The steps of an `sh:path`: an IRI, an inverse path or a list of them (SHACL 2.3.1)."""
    inverse = _value(store, path, f"{SH}inversePath")
    first = _value(store, path, f"{RDF}first")
    if isinstance(inverse, NamedNode):
        yield inverse, True
    elif isinstance(first, NamedNode):
        yield from _read_path(store, first)
        rest = _value(store, path, f"{RDF}rest")
        if isinstance(rest, NamedNode) and rest.value != f"{RDF}nil":
            yield from _read_path(store, rest)
    else:
        yield path, False


def _values(store: Store, node: NamedNode, predicate: str) -> list[NamedNode]:
    quads = store.quads_for_pattern(node, NamedNode(predicate), None, None)
    return [quad.object for quad in quads if isinstance(quad.object, NamedNode)]


def _value(store: Store, node: NamedNode, predicate: str) -> Ground | None:
    # Of several names of one thing (owl:sameAs) the first: a gap is about that one too.
    quads = store.quads_for_pattern(node, NamedNode(predicate), None, None)
    terms = [quad.object for quad in quads if isinstance(quad.object, NamedNode | Literal)]
    return min(terms, key=lambda term: term.value, default=None)


def as_path(steps: Steps) -> Path:
    """The steps as a SPARQL property path."""
    paths: list[Path] = [Inverse(iri) if inverse else iri for iri, inverse in steps]
    return paths[0] if len(paths) == 1 else Sequence(tuple(paths))


def as_patterns(shape: NodeShape, node: Variable) -> list[Triple]:
    """The patterns that an instance of the shape matches, which one it is left aside."""
    patterns = [Triple(node, RDF_TYPE, shape.of_class)]
    for number, constraint in enumerate(sorted(shape.constraints, key=str)):
        if not constraint.path:
            continue
        path = as_path(constraint.path)
        if constraint.value is not None:
            patterns.append(Triple(node, path, constraint.value))
        elif constraint.of_class is not None:
            end = Variable(f"{node.value}_{number}")
            patterns += [Triple(node, path, end), Triple(end, RDF_TYPE, constraint.of_class)]
    return patterns


def as_triples(shape: NodeShape, base: str) -> Iterator[Statement]:
    """The shape in RDF (SHACL 2.1, 2.3.1), without blank nodes."""
    node = shape.iri(base)
    yield Statement(node, RDF_TYPE, NamedNode(f"{SH}NodeShape"))
    yield Statement(node, NamedNode(f"{SH}class"), shape.of_class)
    for constraint in shape.constraints:
        if not constraint.path and constraint.value is not None:
            # On a node shape the value nodes are the focus node itself (SHACL 3.7, 4.8.1).
            yield Statement(node, NamedNode(f"{SH}hasValue"), constraint.value)
            continue
        inner = _hashed(base, str(constraint))
        yield Statement(node, NamedNode(f"{SH}property"), inner)
        yield from _constraint_triples(constraint, inner, base)


def _constraint_triples(constraint: Constraint, node: NamedNode, base: str) -> Iterator[Statement]:
    ends = [_step_triples(step, base) for step in constraint.path]
    for _, triples in ends:
        yield from triples
    path = ends[0][0]
    if len(ends) > 1:
        path = _hashed(base, str(constraint.path))
        yield from _list_triples([end for end, _ in ends], path, base)
    yield Statement(node, NamedNode(f"{SH}path"), path)
    if constraint.value is not None:
        yield Statement(node, NamedNode(f"{SH}hasValue"), constraint.value)
    if constraint.of_class is not None:
        yield Statement(node, NamedNode(f"{SH}class"), constraint.of_class)


def _step_triples(step: tuple[NamedNode, bool], base: str) -> tuple[NamedNode, list[Statement]]:
    predicate, inverse = step
    if not inverse:
        return predicate, []
    node = _hashed(base, f"^{predicate}")
    return node, [Statement(node, NamedNode(f"{SH}inversePath"), predicate)]


def _list_triples(items: list[NamedNode], node: NamedNode, base: str) -> Iterator[Statement]:
    yield Statement(node, NamedNode(f"{RDF}first"), items[0])
    rest = _hashed(base, f"{node} rest") if items[1:] else NamedNode(f"{RDF}nil")
    yield Statement(node, NamedNode(f"{RDF}rest"), rest)
    if items[1:]:
        yield from _list_triples(items[1:], rest, base)


def _hashed(base: str, text: str) -> NamedNode:
    return NamedNode(f"{base}shape/{hashlib.sha256(text.encode()).hexdigest()[:16]}")
