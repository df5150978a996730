"""The axioms of an RDF graph: what OWL 2's mapping to RDF writes as one statement, with its blank nodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, serialize

from sopkg.negation import RDF_TYPE
from sopkg.nodeshape import RDF, SH
from sopkg.schema import OWL, RDFS
from sopkg.turtle import GENID

Node = NamedNode | BlankNode
Term = Node | Literal | Triple

FIRST, REST, NIL = NamedNode(f"{RDF}first"), NamedNode(f"{RDF}rest"), NamedNode(f"{RDF}nil")
# Built-in annotation properties, and what an ontology's header says (OWL 2 Structural Specification, 3 and 5.5).
_ANNOTATIONS = {f"{RDFS}{name}" for name in ("label", "comment", "seeAlso", "isDefinedBy")} | {
    f"{OWL}{name}"
    for name in (
        *("versionInfo", "versionIRI", "deprecated", "imports", "priorVersion", "backwardCompatibleWith"),
        *("incompatibleWith", "annotatedSource", "annotatedProperty", "annotatedTarget"),
    )
}
_ANNOTATION_PROPERTY = f"{OWL}AnnotationProperty"
_SILENT_TYPES = {f"{OWL}{name}" for name in ("Ontology", "Axiom", "Annotation", "OntologyProperty")}
_DECLARATIONS = {f"{OWL}{name}" for name in ("Class", "ObjectProperty", "DatatypeProperty", "NamedIndividual")} | {
    f"{RDFS}Class",
    f"{RDFS}Datatype",
}
# Axioms whose root is a blank node (OWL 2 Mapping to RDF Graphs, table 16).
_ROOTS = {
    f"{OWL}{name}"
    for name in ("AllDisjointClasses", "AllDisjointProperties", "AllDifferent", "NegativePropertyAssertion")
}
# Of which predicates subject or object is a class, whatever else is said of it.
_BETWEEN_CLASSES = {f"{RDFS}subClassOf", f"{OWL}equivalentClass", f"{OWL}disjointWith", f"{OWL}complementOf"}
_SUBJECT_CLASS = _BETWEEN_CLASSES | {f"{OWL}{name}" for name in ("unionOf", "intersectionOf", "disjointUnionOf")}
_OBJECT_CLASS = _BETWEEN_CLASSES | {f"{RDFS}domain", f"{OWL}onClass"}
_OBJECT_PROPERTY_TYPES = {
    f"{OWL}{n}Property"
    for n in ("Transitive", "Symmetric", "Asymmetric", "Reflexive", "Irreflexive", "InverseFunctional")
}
_RESERVED = (OWL, RDFS, RDF, SH)
_XSD = "http://www.w3.org/2001/XMLSchema#"


@dataclass(frozen=True)
class Axiom:
    """One axiom: its main triple first, then those of the class expressions and lists that hang on it."""

    triples: tuple[Triple, ...]

    @property
    def signature(self) -> frozenset[Term]:
        """The named terms in it, without OWL's own."""
        terms = (term for triple in self.triples for term in (triple.subject, triple.predicate, triple.object))
        named = (term for term in terms if isinstance(term, NamedNode | BlankNode))
        return frozenset(term for term in named if not _is_reserved(term) and term not in self._inner)

    @property
    def _inner(self) -> set[Term]:
        return {triple.subject for triple in self.triples[1:] if isinstance(triple.subject, BlankNode)}


@dataclass(frozen=True)
class Axioms:
    """A graph's axioms, and the declarations, which say no more than what a name stands for."""

    axioms: tuple[Axiom, ...]
    declarations: tuple[Triple, ...]

    def n_triples(self) -> bytes:
        """The axioms and declarations as reasoners read them."""
        triples = (*self.declarations, *(triple for axiom in self.axioms for triple in axiom.triples))
        return serialize(dict.fromkeys(triples), format=RdfFormat.N_TRIPLES) or b""


def read_axioms(graph: Iterable[Triple]) -> Axioms:
    """Takes a graph apart. Annotations, the ontology's header and imports, and SHACL are left out: they entail nothing.

    What has no declaration gets the one that its use shows: reasoners read an undeclared property as an annotation.
    """
    triples = [with_blank_nodes(triple) for triple in graph]
    silent = {t.subject for t in triples if t.predicate == RDF_TYPE and _iri(t.object) in _SILENT_TYPES}
    annotations = {t.subject for t in triples if t.predicate == RDF_TYPE and _iri(t.object) == _ANNOTATION_PROPERTY}
    said = [t for t in triples if t.subject not in silent | annotations and t.predicate not in annotations]
    said = [t for t in said if _is_logical(t)]
    declared = [t for t in said if t.predicate == RDF_TYPE and _iri(t.object) in _DECLARATIONS]
    declared = [t for t in declared if isinstance(t.subject, NamedNode)]
    rest = [t for t in said if t not in set(declared)]
    declarations = dict.fromkeys([*declared, *_declarations(rest, declared)])
    return Axioms(tuple(_axioms(rest)), tuple(declarations))


def with_blank_nodes(triple: Triple) -> Triple:
    """A triple of a skolemised file as OWL needs it: class expressions and lists are blank nodes."""
    subject, value = _unnamed(triple.subject), _unnamed(triple.object)
    return Triple(subject, triple.predicate, value)  # type: ignore[arg-type]


def _unnamed(term: object) -> object:
    if isinstance(term, NamedNode) and term.value.startswith(GENID):
        return BlankNode(term.value.removeprefix(GENID).replace("-", ""))
    return term


def _is_logical(triple: Triple) -> bool:
    predicate, value = triple.predicate.value, _iri(triple.object)
    if predicate in _ANNOTATIONS or predicate.startswith(SH):
        return False
    if triple.predicate == RDF_TYPE:
        return value != "" or isinstance(triple.object, BlankNode)
    return predicate.startswith((OWL, RDFS)) or predicate in (FIRST.value, REST.value) or not predicate.startswith(RDF)


def _axioms(triples: list[Triple]) -> Iterator[Axiom]:
    """The triples, each with the blank nodes that it stands on."""
    by_subject: dict[Term, list[Triple]] = {}
    for triple in triples:
        by_subject.setdefault(triple.subject, []).append(triple)
    blank = {node: said for node, said in by_subject.items() if isinstance(node, BlankNode)}
    inner: set[Term] = {node for node, said in blank.items() if _is_expression(said)}
    for node, said in by_subject.items():
        if node in inner:
            yield from _of_root(node, said, by_subject, inner)
        else:
            yield from (Axiom((t, *_below(t.object, by_subject, inner, set()))) for t in said)


def _of_root(
    node: Term, said: list[Triple], by_subject: Mapping[Term, list[Triple]], inner: set[Term]
) -> Iterator[Axiom]:
    """The axioms of a blank node: an n-ary one, or a class expression that is part of another class."""
    kinds = {_iri(t.object) for t in said if t.predicate == RDF_TYPE}
    if kinds & _ROOTS:
        main = [t for t in said if t.predicate == RDF_TYPE]
        rest = [t for t in said if t.predicate != RDF_TYPE]
        below = [u for t in said for u in _below(t.object, by_subject, inner, {node})]
        yield Axiom((*main, *rest, *below))
        return
    own = [t for t in said if not _is_class_axiom(t)]
    for triple in said:
        if _is_class_axiom(triple):
            inside = [u for t in own for u in _below(t.object, by_subject, inner, {node})]
            yield Axiom((triple, *own, *inside, *_below(triple.object, by_subject, inner, {node})))


def _is_class_axiom(triple: Triple) -> bool:
    names = (f"{RDFS}subClassOf", f"{OWL}equivalentClass", f"{OWL}disjointWith")
    return triple.predicate.value in names


def _below(
    node: object, by_subject: Mapping[Term, list[Triple]], inner: set[Term], seen: set[Term]
) -> Iterator[Triple]:
    """What makes up a class expression or list."""
    if not isinstance(node, BlankNode) or node not in inner or node in seen:
        return
    seen.add(node)
    for triple in by_subject[node]:
        if not _is_class_axiom(triple):
            yield triple
            yield from _below(triple.object, by_subject, inner, seen)


def _is_expression(said: list[Triple]) -> bool:
    """Whether a blank node is a class expression, list or n-ary axiom, and no individual."""
    types = {_iri(t.object) for t in said if t.predicate == RDF_TYPE}
    return bool(types & {f"{OWL}Class", f"{OWL}Restriction", f"{RDFS}Datatype", f"{RDF}List", *_ROOTS}) or any(
        t.predicate in (FIRST, REST) or t.predicate.value in {f"{OWL}onProperty", f"{OWL}inverseOf"} for t in said
    )


def _declarations(triples: list[Triple], declared: list[Triple]) -> Iterator[Triple]:
    """What names without a declaration are, by their use."""
    known = {triple.subject for triple in declared}
    for triple in triples:
        for term, kind in _uses(triple):
            if isinstance(term, NamedNode) and term not in known and not _is_reserved(term):
                known.add(term)
                yield Triple(term, RDF_TYPE, NamedNode(f"{OWL}{kind}"))


def _uses(triple: Triple) -> Iterator[tuple[object, str]]:
    predicate, value = triple.predicate, _iri(triple.object)
    if predicate == RDF_TYPE:
        yield triple.object, "Class"
        if value in _OBJECT_PROPERTY_TYPES:
            yield triple.subject, "ObjectProperty"
    elif not _is_reserved(predicate):
        yield predicate, "DatatypeProperty" if isinstance(triple.object, Literal) else "ObjectProperty"
    if predicate.value in _SUBJECT_CLASS:
        yield triple.subject, "Class"
    if predicate.value in _OBJECT_CLASS:
        yield triple.object, "Class"
    if predicate.value == f"{OWL}inverseOf":
        yield triple.subject, "ObjectProperty"
        yield triple.object, "ObjectProperty"


def _iri(term: object) -> str:
    return term.value if isinstance(term, NamedNode) else ""


def _is_reserved(term: object) -> bool:
    return isinstance(term, NamedNode) and term.value.startswith((*_RESERVED, _XSD))


def is_own(term: object) -> bool:
    """Whether a term is an IRI of the graph's own, and none of OWL, RDF, RDFS, SHACL or XML Schema."""
    return isinstance(term, NamedNode) and not _is_reserved(term)


def related(axioms: Sequence[Axiom], seeds: Iterable[Term]) -> list[Axiom]:
    """The axioms in the order in which they come into reach of the seeds through shared names; the others last."""
    signatures = {axiom: axiom.signature for axiom in axioms}
    users: dict[Term, list[Axiom]] = {}
    for axiom, signature in signatures.items():
        for term in signature:
            users.setdefault(term, []).append(axiom)
    ordered: dict[Axiom, None] = {}
    reached = dict.fromkeys(seeds)
    waiting = list(reached)
    while waiting:
        term = waiting.pop(0)
        for axiom in users.get(term, ()):
            ordered.setdefault(axiom)
            for other in sorted(signatures[axiom] - reached.keys(), key=str):
                reached[other] = None
                waiting.append(other)
    return [*ordered, *(axiom for axiom in axioms if axiom not in ordered)]


def written(axiom: Axiom, prefixes: Mapping[str, str]) -> str:
    """The axiom in Turtle on one line, without PREFIX lines."""
    main, *_ = axiom.triples
    inner: dict[Term, list[Triple]] = {}
    for triple in axiom.triples:
        inner.setdefault(triple.subject, []).append(triple)
    subject = _written(main.subject, {**inner, main.subject: inner[main.subject][1:]}, prefixes)
    return f"{subject} {_verb(main, prefixes)} {_written(main.object, inner, prefixes)} ."


def _written(term: object, inner: Mapping[Term, list[Triple]], prefixes: Mapping[str, str]) -> str:
    if isinstance(term, BlankNode) and inner.get(term):
        said = inner[term]
        if any(triple.predicate == FIRST for triple in said):
            return f"( {' '.join(_written(each, inner, prefixes) for each in _members(term, inner))} )"
        kept = [t for t in said if not (t.predicate == RDF_TYPE and _iri(t.object) in _EVIDENT)]
        parts = (f"{_verb(t, prefixes)} {_written(t.object, inner, prefixes)}" for t in kept)
        return f"[ {' ; '.join(parts)} ]"
    return _short(term, prefixes)


_EVIDENT = {f"{OWL}Class", f"{OWL}Restriction"}


def _members(node: Term, inner: Mapping[Term, list[Triple]]) -> Iterator[object]:
    following: object = node
    while isinstance(following, BlankNode):
        said = {t.predicate: t.object for t in inner.get(following, ())}
        if FIRST not in said:
            return
        yield said[FIRST]
        following = said.get(REST)


def _verb(triple: Triple, prefixes: Mapping[str, str]) -> str:
    return "a" if triple.predicate == RDF_TYPE else _short(triple.predicate, prefixes)


def _short(term: object, prefixes: Mapping[str, str]) -> str:
    if isinstance(term, NamedNode):
        for prefix, namespace in prefixes.items():
            local = term.value.removeprefix(namespace)
            if local != term.value and local.replace("_", "").replace("-", "").isalnum():
                return f"{prefix}:{local}"
    return str(term)
