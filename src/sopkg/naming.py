"""What people call a term: its label, or its class and what its links say of it; and the row that it comes from."""

from __future__ import annotations

from functools import cache
from urllib.parse import unquote

from pyoxigraph import Literal, NamedNode, Quad, Variable

from sopkg.auditgraphs import Dataset
from sopkg.cities import IDS
from sopkg.files import system_query
from sopkg.gapquery import Ground
from sopkg.grammar import Grammar, with_article
from sopkg.languages import DEFAULT, Language, languages
from sopkg.negation import RDF_TYPE
from sopkg.nodeshape import SH, NodeShape, read_node_shape
from sopkg.rows import Row, select
from sopkg.syntax import Triple
from sopkg.turtle import GENID

DERIVED = NamedNode("http://www.w3.org/ns/prov#wasDerivedFrom")
OBJECT_PROPERTY = NamedNode("http://www.w3.org/2002/07/owl#ObjectProperty")
OWL_CLASS = NamedNode("http://www.w3.org/2002/07/owl#Class")
SUB_CLASS = NamedNode("http://www.w3.org/2000/01/rdf-schema#subClassOf")
ONTOLOGY = NamedNode("http://www.w3.org/2002/07/owl#Ontology")
SHACL_PATH, SHACL_CLASS = NamedNode(f"{SH}path"), NamedNode(f"{SH}class")


class Names:
    """Names terms over the graphs of one audit, in one language."""

    def __init__(self, data: Dataset, language: Language | None = None) -> None:
        self.data = data
        self.language = language or languages()[DEFAULT]
        self.grammar = Grammar.of(self.language)
        self.say = self.grammar.say
        self.label = cache(self._label)
        self.own_label = cache(self._own_label)
        self.english = cache(self._english)
        self.classes = cache(self._classes)
        self.links = cache(self._links)
        self.source = cache(self._source)
        self.value_class = cache(self._value_class)
        self.shape = cache(self._shape)
        self.read_as = cache(self._read_as)
        self.model = {quad.graph_name for quad in self._quads(None, RDF_TYPE, ONTOLOGY)}

    def _rows(self, query: str, thing: Ground, **also: Ground) -> list[Row]:
        given = {Variable("thing"): thing, **{Variable(name): term for name, term in also.items()}}
        return list(select(self.data.store, system_query(query), self.data.graphs, given))

    def _quads(self, subject: NamedNode | None, predicate: NamedNode | None, value: Ground | None) -> list[Quad]:
        """The quads of the audit's graphs with these terms."""
        found = self.data.store.quads_for_pattern
        return [quad for graph in self.data.graphs for quad in found(subject, predicate, value, graph)]

    def _label(self, term: Ground) -> str:
        """The label in the language, else the English one, any label, or class and links or key."""
        if isinstance(term, Literal):
            return self.grammar.literal(term)
        return self.own_label(term) or self._unlabelled(term)

    def name(self, term: Ground) -> str:
        """A term within a sentence: what the data gives a name to stands in quotation marks."""
        label = self.label(term)
        if isinstance(term, Literal):
            return label
        if self.own_label(term):
            return f"“{label}”" if term.value.startswith(IDS) else label
        return self.say("the", noun=label) if self.links(term) else label

    def _own_label(self, term: NamedNode) -> str:
        return self._best_label(term, self.language.code)

    def _english(self, term: NamedNode) -> str:
        return self._best_label(term, DEFAULT)

    def _best_label(self, term: NamedNode, code: str) -> str:
        labels = [row["label"] for row in self._rows("label", term)]
        order = [*dict.fromkeys((code, DEFAULT)), None]
        places = {language: place for place, language in enumerate(order)}
        best = min(labels, key=lambda label: (places.get(label.language, len(order)), label.value), default=None)
        return "" if best is None else str(best.value)

    def _unlabelled(self, term: NamedNode) -> str:
        """Class and links, "engagement of A on B"; where no link's label speaks of the class, class and key."""
        classes = self.classes(term)
        if not classes:
            return self.say("something") if term.value.startswith(GENID) else key(term)
        ends: dict[str, list[str]] = {}
        for triple, rest in self.links(term).items():
            said = rest if self.grammar.inflects else self.own_label(triple.predicate)
            ends.setdefault(said, []).append(self.name(triple.object))  # type: ignore[arg-type]
        return self.grammar.named_by(classes[0], ends, key(term))

    def _classes(self, term: NamedNode) -> list[str]:
        """What the classes of a thing are called that have none narrower among them."""
        held = {quad.object for quad in self._quads(term, RDF_TYPE, None) if isinstance(quad.object, NamedNode)}
        classes = [each for each in held if self._quads(each, RDF_TYPE, OWL_CLASS)]
        narrowest = [each for each in classes if not any(self._quads(n, SUB_CLASS, each) for n in held - {each})]
        return sorted(filter(None, map(self.own_label, narrowest)))

    def _links(self, term: NamedNode) -> dict[Triple, str]:
        """The triples that name a thing without a label, each with what its property's label says of the class.

        "is an engagement of" says "of" of an engagement.
        """
        if self.own_label(term):
            return {}
        quads = sorted(self._quads(term, None, None), key=str)
        triples = [Triple(term, quad.predicate, quad.object) for quad in quads if isinstance(quad.object, NamedNode)]
        classes = [self.english(triple.object) for triple in triples if triple.predicate == RDF_TYPE]
        begins = [f"is {with_article(each)} " for each in classes if each]
        labels = {triple: self.english(triple.predicate) for triple in triples}
        rests = {triple: _rest(label, begins) for triple, label in labels.items()}
        return {triple: rest for triple, rest in rests.items() if rest}

    def in_name(self, triple: Triple) -> bool:
        """Whether the subject's name says already what a triple says."""
        if not isinstance(triple.subject, NamedNode) or self.own_label(triple.subject):
            return False
        if triple.predicate == SHACL_CLASS:
            return self.shape(triple.subject) is not None
        if triple.predicate == RDF_TYPE:
            return bool(self.classes(triple.subject))
        return triple in self.links(triple.subject)

    def _shape(self, term: Ground) -> NodeShape | None:
        """What a node shape without a label describes: it is named by that."""
        if not isinstance(term, NamedNode) or self.own_label(term) or not self._quads(term, SHACL_CLASS, None):
            return None
        return read_node_shape(self.data.store, term)

    def _read_as(self, term: NamedNode) -> list[Row]:
        """The readings under which a thing, or what is recorded of an object, was put under the object."""
        return self._rows("read-as", term, language=Literal(self.language.code))

    def _source(self, term: Ground) -> tuple[str, int, str] | None:
        """File title, row number and row IRI of what a thing was derived from."""
        for row in self._rows("row", term) if isinstance(term, NamedNode) else ():
            return (row["title"] or row["file"]).value, int(row["number"].value), row["row"].value
        return None

    def place(self, term: NamedNode) -> str:
        """Where a statement stands in its source; empty where it does not say."""
        places = (quad.object for quad in self._quads(term, DERIVED, None))
        return next((place.value for place in places if isinstance(place, NamedNode)), "")

    def _value_class(self, predicate: NamedNode) -> str:
        """What a property's values are, where the ontology's shapes give one class; else "something"."""
        graph = self.data.graph_of(Triple(predicate, RDF_TYPE, OBJECT_PROPERTY))
        quads = self.data.store.quads_for_pattern
        shapes = [] if graph is None else [quad.subject for quad in quads(None, SHACL_PATH, predicate, graph)]
        classes = {quad.object for shape in shapes for quad in quads(shape, SHACL_CLASS, None, graph)}
        return self.grammar.article(self.label(classes.pop())) if len(classes) == 1 else self.say("something")


def _rest(label: str, begins: list[str]) -> str:
    return next((label.removeprefix(begin) for begin in begins if label.startswith(begin)), "")


def key(term: NamedNode) -> str:
    """The last part of an IRI, readable."""
    return unquote(term.value.rstrip("/#").replace("#", "/").rsplit("/", 1)[-1])
