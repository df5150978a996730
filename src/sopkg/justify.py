"""Justifications: the smallest sets of axioms from which something follows, each verified with a reasoner as oracle.

That a triple follows is asked as an inconsistency: the axioms and the triple's denial have no model. Pellet traces
which axioms clash; HermiT then says whether they do, and whether they still do without one of them. Where Pellet's
trace does not clash, axioms are added one after the other until they do: the last one is necessary, those behind it are
not (the insertion algorithm for minimal unsatisfiable subsets). Both are sound whatever Pellet says.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, serialize

from sopkg.axioms import FIRST, NIL, REST, Axiom, Axioms, Term, is_own, related
from sopkg.dl import NOTHING, THING, Java, first_inconsistent
from sopkg.errors import BadInput
from sopkg.negation import RDF_TYPE
from sopkg.schema import OWL, RDFS

_AT_ONCE = 64  # sets of axioms that one run of the reasoner is asked about
_PARTS = 16
_WITNESS, _OTHER = NamedNode("urn:sopkg:witness"), NamedNode("urn:sopkg:other-witness")
_PART = NamedNode("urn:sopkg:part")
_DATA_PROPERTY, _LITERAL = NamedNode(f"{OWL}DatatypeProperty"), NamedNode(f"{RDFS}Literal")
_OF_PROPERTIES = (f"{RDFS}domain", f"{RDFS}range", f"{RDFS}subPropertyOf")
# Pellet numbers its explanations; an axiom begins in the sixth column, and goes on in lines further to the right.
_EXPLANATION = re.compile(r"^\d+\)", re.MULTILINE)
_AXIOM = re.compile(r"^ {3,5}\S.*(?:\n {6,}\S.*)*", re.MULTILINE)
_NAME = re.compile(r"\be\d+e\b")


@dataclass(frozen=True)
class Justifications:
    """What was found, the shortest first; `complete` if there are no others."""

    found: list[list[Axiom]]
    complete: bool


def justify(java: Java, axioms: Axioms, triple: Triple | None, alternatives: int) -> Justifications:
    """Up to so many justifications of a triple, or of the inconsistency if None; none if it does not follow.

    Raises BadInput for a triple whose denial OWL 2 can't say.
    """
    seeds: list[Term] = [] if triple is None else [triple.subject, triple.predicate, triple.object]
    denial = [] if triple is None else denied(triple, axioms.declarations)
    search = _Search(java, related(axioms.axioms, seeds), axioms.declarations, denial)
    traced = (search.reduced(trace) for trace in _traces(java, axioms, denial, alternatives))
    found = list({frozenset(one): one for one in traced if one is not None}.values())
    # Pellet may stop before it has told all; without an axiom of each that is known, what still clashes holds another.
    while (left := search.left(found)) is not None and len(found) < alternatives:
        found.append(search.minimal(left))
    return Justifications(sorted(found, key=len), left is None)


@dataclass
class _Search:
    """Asks HermiT about sets of axioms."""

    java: Java
    axioms: Sequence[Axiom]
    declarations: tuple[Triple, ...]
    denial: list[Triple]

    def reduced(self, trace: Sequence[Axiom]) -> list[Axiom] | None:
        """A smallest clashing set of few axioms; None if they do not clash together."""
        left = list(trace)
        while True:
            without_one = [left[:place] + left[place + 1 :] for place in range(len(left))]
            place = self._asked([*without_one, left])
            if place is None:
                return None
            if place == len(left):
                return left
            left = without_one[place]

    def minimal(self, candidates: Sequence[Axiom]) -> list[Axiom]:
        """A smallest clashing set of axioms that clash together."""
        needed: list[Axiom] = []
        rest = list(candidates)
        while (place := self._first_clash(needed, rest)) > 0:
            needed.append(rest[place - 1])
            rest = rest[: place - 1]
        return needed

    def left(self, known: Sequence[Sequence[Axiom]]) -> list[Axiom] | None:
        """Axioms that clash though one of each known justification is away; None if there are none.

        (The paths of the hitting-set tree: Kalyanpur et al., Finding all justifications of OWL DL entailments, 2007.)
        """
        ways = iter(dict.fromkeys(map(frozenset, product(*known))))
        while some := list(islice(ways, _PARTS)):
            sets = [[axiom for axiom in self.axioms if axiom not in way] for way in some]
            place = self._asked(sets)
            if place is not None:
                return sets[place]
        return None

    def _first_clash(self, needed: list[Axiom], rest: list[Axiom]) -> int:
        """How many of the rest clash with the needed ones, the fewest from the front; all of them do."""
        low, high = -1, len(rest)  # the first `low` do not clash, the first `high` do
        while high - low > 1:
            sizes = _sizes(low, high)
            place = self._asked([[*needed, *rest[:size]] for size in sizes])
            if place is None:
                low = sizes[-1]
            else:
                low, high = (sizes[place - 1] if place else low), sizes[place]
        return high

    def _asked(self, sets: Sequence[Iterable[Axiom]]) -> int | None:
        """The place of the first set that clashes."""
        texts = (Axioms(tuple(each), (*self.declarations, *self.denial)).n_triples() for each in sets)
        return first_inconsistent(self.java, [self.java.file(f"{n}.nt", text) for n, text in enumerate(texts)])


def _sizes(low: int, high: int) -> list[int]:
    """The sizes to ask about between two: all if few, else some, evenly spread."""
    between = range(low + 1, high)
    return list(between if len(between) <= _AT_ONCE else between[:: -(-len(between) // _PARTS)])


def _traces(java: Java, axioms: Axioms, denial: list[Triple], most: int) -> list[list[Axiom]]:
    """The axioms of each clash that Pellet finds; none if it finds no clash or can't trace it."""
    names = _Names()
    triples = [*axioms.declarations, *denial, *(triple for axiom in axioms.axioms for triple in axiom.triples)]
    text = serialize(map(names.triple, dict.fromkeys(triples)), format=RdfFormat.RDF_XML) or b""
    told = java.explain(java.file("explain.rdf", text), most)
    by_names: dict[frozenset[str], list[Axiom]] = {}
    for axiom in axioms.axioms:
        by_names.setdefault(frozenset(map(names.of, axiom.signature)), []).append(axiom)
    return [
        [axiom for line in _AXIOM.findall(each) for axiom in by_names.get(frozenset(_NAME.findall(line)), ())]
        for each in _EXPLANATION.split(told)[1:]
    ]


class _Names:
    """A short name for each IRI: Pellet's traces show the last part alone, which two IRIs may share."""

    def __init__(self) -> None:
        self._known: dict[object, str] = {}

    def of(self, term: object) -> str:
        """The term's short name; "" for a blank node, which a trace does not name."""
        return self._known.setdefault(term, f"e{len(self._known)}e") if isinstance(term, NamedNode) else ""

    def term(self, term: Any) -> Any:
        """The term under its short name, if it is an IRI that is none of OWL's."""
        return NamedNode(f"urn:sopkg:/{self.of(term)}") if is_own(term) else term

    def triple(self, triple: Triple) -> Triple:
        """The triple with short names."""
        return Triple(self.term(triple.subject), self.term(triple.predicate), self.term(triple.object))


def denied(triple: Triple, declarations: Collection[Triple] = ()) -> list[Triple]:
    """Triples that say that another does not hold. Raises BadInput where OWL 2 has no words for it.

    `declarations` say which properties are data properties.
    """
    subject, predicate, value = triple.subject, triple.predicate, triple.object
    name = predicate.value
    if Triple(subject, RDF_TYPE, _DATA_PROPERTY) in declarations and name in _OF_PROPERTIES:
        return _denied_of_values(subject, name, value)
    if predicate == RDF_TYPE:
        if isinstance(value, NamedNode) and value.value.startswith(OWL) and value not in (THING, NOTHING):
            raise BadInput(f"{value} is no class of individuals: ask for a consequence of it instead")
        return [*_is_not(subject, value)]
    if name == f"{RDFS}subClassOf":
        return [Triple(_WITNESS, RDF_TYPE, subject), *(() if value == NOTHING else _is_not(_WITNESS, value))]
    if name == f"{OWL}equivalentClass":
        return _in_one_alone(subject, value)
    if name == f"{OWL}disjointWith":
        return [Triple(_WITNESS, RDF_TYPE, each) for each in (subject, value)]
    if name == f"{RDFS}subPropertyOf":
        return [_related(subject), *_unrelated(_WITNESS, value, _OTHER)]
    if name in (f"{RDFS}domain", f"{RDFS}range"):
        end = _WITNESS if name.endswith("domain") else _OTHER
        return [_related(subject), *_is_not(end, value)]
    opposite = {f"{OWL}sameAs": "differentFrom", f"{OWL}differentFrom": "sameAs"}.get(name)
    if opposite:
        return [Triple(subject, NamedNode(f"{OWL}{opposite}"), value)]
    if name.startswith((OWL, RDFS)):
        raise BadInput(f"OWL 2 has no words to deny a triple with {predicate}, so that nothing can justify it")
    return [*_unrelated(subject, predicate, value)]


def _denied_of_values(subject: object, name: str, value: object) -> list[Triple]:
    """The same for the domain, range or superproperty of a data property."""
    if name == f"{RDFS}domain":
        return [*_has_some(subject, _LITERAL), *_is_not(_WITNESS, value)]
    if name == f"{RDFS}range":
        node = BlankNode("values")
        typed = Triple(node, RDF_TYPE, NamedNode(f"{RDFS}Datatype"))
        complement = Triple(node, NamedNode(f"{OWL}datatypeComplementOf"), value)  # type: ignore[arg-type]
        return [*_has_some(subject, node), typed, complement]
    # A part of the one property that is no part of the other: no literal stands for any value whatever.
    typed = Triple(_PART, RDF_TYPE, _DATA_PROPERTY)
    part = Triple(_PART, NamedNode(name), subject)  # type: ignore[arg-type]
    apart = Triple(_PART, NamedNode(f"{OWL}propertyDisjointWith"), value)  # type: ignore[arg-type]
    return [typed, part, apart, *_has_some(_PART, _LITERAL)]


def _has_some(property_: object, values: object) -> Iterator[Triple]:
    node = BlankNode("some")
    yield Triple(_WITNESS, RDF_TYPE, node)
    yield Triple(node, RDF_TYPE, NamedNode(f"{OWL}Restriction"))
    for link, term in (("onProperty", property_), ("someValuesFrom", values)):
        yield Triple(node, NamedNode(f"{OWL}{link}"), term)  # type: ignore[arg-type]


def _related(property_: object) -> Triple:
    return Triple(_WITNESS, property_, _OTHER)  # type: ignore[arg-type]


def _is_not(individual: object, of_class: object, node: str = "complement") -> Iterator[Triple]:
    complement = BlankNode(node)
    yield Triple(individual, RDF_TYPE, complement)  # type: ignore[arg-type]
    yield Triple(complement, RDF_TYPE, NamedNode(f"{OWL}Class"))
    yield Triple(complement, NamedNode(f"{OWL}complementOf"), of_class)  # type: ignore[arg-type]


def _unrelated(subject: object, predicate: object, value: object) -> Iterator[Triple]:
    node, target = BlankNode("denial"), "targetValue" if isinstance(value, Literal) else "targetIndividual"
    yield Triple(node, RDF_TYPE, NamedNode(f"{OWL}NegativePropertyAssertion"))
    for link, term in (("sourceIndividual", subject), ("assertionProperty", predicate), (target, value)):
        yield Triple(node, NamedNode(f"{OWL}{link}"), term)  # type: ignore[arg-type]


def _in_one_alone(one: object, other: object) -> list[Triple]:
    """Something is in one class and not in the other, either way round."""
    both = [_difference("left", one, other), _difference("right", other, one)]
    either = [*_class("either", "unionOf", "choice"), *_list("choice", [BlankNode("left"), BlankNode("right")])]
    return [Triple(_WITNESS, RDF_TYPE, BlankNode("either")), *either, *(t for each in both for t in each)]


def _difference(node: str, one: object, other: object) -> list[Triple]:
    complement = BlankNode(f"not-{node}")
    triples = [*_class(node, "intersectionOf", f"list-{node}"), *_list(f"list-{node}", [one, complement])]
    not_other = Triple(complement, NamedNode(f"{OWL}complementOf"), other)  # type: ignore[arg-type]
    return [*triples, Triple(complement, RDF_TYPE, NamedNode(f"{OWL}Class")), not_other]


def _class(node: str, link: str, value: str) -> list[Triple]:
    typed = Triple(BlankNode(node), RDF_TYPE, NamedNode(f"{OWL}Class"))
    return [typed, Triple(BlankNode(node), NamedNode(f"{OWL}{link}"), BlankNode(value))]


def _list(node: str, items: Sequence[object]) -> Iterator[Triple]:
    for place, item in enumerate(items):
        here = BlankNode(f"{node}{place or ''}")
        last = place + 1 == len(items)
        yield Triple(here, FIRST, item)  # type: ignore[arg-type]
        yield Triple(here, REST, NIL if last else BlankNode(f"{node}{place + 1}"))
