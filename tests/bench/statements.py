"""Writes scope statements, asserted absences and denied triples, every node with a name."""

from __future__ import annotations

from tests.bench.city import FROM, LABEL, TYPE, CityWriter, Pair, sop, text, thing

SH = "http://www.w3.org/ns/shacl#"
OWL = "http://www.w3.org/2002/07/owl#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

# A path of properties, and a value (or, marked so, the class of the value).
Value = tuple[tuple[str, ...], str]
REGISTER, REPORT = thing("source/register"), thing("source/report")


def scope(city: CityWriter, completeness: str, cls: str, *values: Value, classes: tuple[Value, ...] = ()) -> None:
    """Says that the register records such things, all or some."""
    node = city.new("scope")
    said = ((TYPE, sop("ScopeStatement")), (sop("completeness"), sop(completeness)), (LABEL, text("what is recorded")))
    city.say(node, *said, *_origin(REGISTER), (sop("describes"), _shape(city, cls, values, classes)))


def absence(city: CityWriter, cls: str, *values: Value, classes: tuple[Value, ...] = ()) -> None:
    """Says that a report denies such things."""
    node = city.new("absence")
    said = ((TYPE, sop("AssertedAbsence")), (LABEL, text("what is denied")))
    city.say(node, *said, *_origin(REPORT), (sop("describes"), _shape(city, cls, values, classes)))


def denial(city: CityWriter, subject: str, prop: str, value: Pair) -> None:
    """Says that a report denies one triple; `value` is owl:targetIndividual or owl:targetValue, and the term."""
    about = ((f"<{OWL}sourceIndividual>", subject), (f"<{OWL}assertionProperty>", sop(prop)))
    target = (f"<{OWL}{value[0]}>", value[1])
    city.say(
        city.new("denial"),
        (TYPE, f"<{OWL}NegativePropertyAssertion>"),
        *about,
        target,
        (FROM, thing("source/report-p7")),
    )


def _origin(source: str) -> tuple[Pair, Pair]:
    return (sop("source"), source), (FROM, thing("source/about"))


def _shape(city: CityWriter, cls: str, values: tuple[Value, ...], classes: tuple[Value, ...]) -> str:
    node = city.new("shape")
    city.say(node, (TYPE, f"<{SH}NodeShape>"), (f"<{SH}class>", sop(cls)))
    for constraint, each in [("hasValue", values), ("class", classes)]:
        for path, value in each:
            one = city.new("constraint")
            city.say(node, (f"<{SH}property>", one))
            city.say(one, (f"<{SH}path>", _path(city, path)), (f"<{SH}{constraint}>", value))
    return node


def _path(city: CityWriter, path: tuple[str, ...]) -> str:
    if len(path) == 1:
        return sop(path[0])
    rest = f"<{RDF}nil>"
    for step in reversed(path):
        node = city.new("list")
        city.say(node, (f"<{RDF}first>", sop(step)), (f"<{RDF}rest>", rest))
        rest = node
    return rest
