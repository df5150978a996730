"""An explanation in words, as plain data and as RDF rows: things by their labels, nothing by kind of gap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from urllib.parse import unquote

from pyoxigraph import Literal, NamedNode, Variable

from sopkg.files import system_query
from sopkg.gapquery import Ground
from sopkg.negation import RDF_TYPE
from sopkg.nodeshape import Constraint, NodeShape
from sopkg.rows import Row, select
from sopkg.syntax import Call, Exists, Expression, Filter, Group, Inverse, Part, Path, Sequence, Triple, path_steps
from sopkg.why import Dataset, Explanation, Miss, Reading

Record = dict[str, object]
SIGNS = {"<": "is less than", ">": "is more than", "<=": "is at most", ">=": "is at least", "=": "is", "!=": "is not"}
DATES = {"<": "is before", ">": "is after", "<=": "is not after", ">=": "is not before"}


class Speaker:
    """Names terms as people call them, and finds the row that each comes from."""

    def __init__(self, data: Dataset) -> None:
        self.data = data
        self.label = cache(self._label)
        self.source = cache(self._source)

    def _rows(self, query: str, thing: Ground) -> list[Row]:
        given = {Variable("thing"): thing}
        return list(select(self.data.store, system_query(query), self.data.graphs, given))

    def _label(self, term: Ground) -> str:
        """The English label, else any label, else class and key."""
        if isinstance(term, Literal):
            return term.value
        labels = [row["label"] for row in self._rows("label", term)]
        best = min(labels, key=lambda label: ({"en": 0, None: 1}.get(label.language, 2), label.value), default=None)
        return self._unlabelled(term) if best is None else str(best.value)

    def _unlabelled(self, term: NamedNode) -> str:
        key = unquote(term.value.rstrip("/#").replace("#", "/").rsplit("/", 1)[-1])
        classes = self._rows("class-label", term)
        return f"{classes[0]['label'].value} {key}" if classes else key

    def _source(self, term: Ground) -> tuple[str, int, str] | None:
        """File title, row number and row IRI of what a thing was derived from."""
        if not isinstance(term, NamedNode):
            return None
        for row in self._rows("row", term):
            return (row["title"] or row["file"]).value, int(row["number"].value), row["row"].value
        return None

    def path(self, path: Path | Variable) -> str:
        """A property path in words: a step backwards is marked as reversed."""
        match path:
            case Variable():
                return "any property"
            case Sequence():
                return " something that ".join(map(self.path, path.steps))
            case Inverse():
                return f"(reversed) {self.path(path.path)}"
            case NamedNode():
                return self.label(path)
            case _:
                return " or ".join(map(self.label, path_steps(path)))

    def expression(self, expression: Expression) -> str:
        """A condition in words."""
        match expression:
            case Call(name, (left, right)) if name in SIGNS:
                signs = DATES if _is_date(left) or _is_date(right) else SIGNS
                return f"{self.expression(left)} {signs.get(str(name), SIGNS[str(name)])} {self.expression(right)}"
            case Call(name, arguments):
                inside = " and ".join(map(self.expression, arguments))
                return inside if name == "STR" else f"{name} ({inside})"
            case Exists(group, negated):
                said = ", where ".join(self.pattern(part) for part in group.parts)
                return f"it is {'not ' if negated else ''}recorded that {said}"
            case Variable():
                return _words(expression)
            case _:
                return self.label(expression)

    def pattern(self, part: Part) -> str:
        """One part of a group in words."""
        if isinstance(part, Filter):
            return self.expression(part.expression)
        if isinstance(part, Triple):
            return f"{self.expression(part.subject)} {self.verb(part)} {_with_article(part, self)}"
        return ""

    def verb(self, triple: Triple) -> str:
        """The predicate of a pattern in words."""
        return "is" if triple.predicate == RDF_TYPE else self.path(triple.predicate)


def _is_date(expression: Expression) -> bool:
    return isinstance(expression, Literal) and expression.datatype.value.endswith("#date")


def _words(variable: Variable) -> str:
    """`?otherActor` as "other actor"."""
    return "".join(f" {sign.lower()}" if sign.isupper() else sign for sign in variable.value.replace("_", " ")).strip()


def record(explanation: Explanation, speaker: Speaker) -> Record:
    """An explanation as plain data: every term with its label, every triple with graph and source row."""
    return {
        "evidence": [_reading_record(reading, speaker) for reading in explanation.readings],
        "moreEvidence": explanation.more_readings,
        "lookedFor": None if explanation.looked_for is None else _looked_for(explanation, speaker),
        "nearestMisses": [_miss_record(miss, speaker) for miss in explanation.misses],
    }


def _reading_record(reading: Reading, speaker: Speaker) -> Record:
    return {
        "triples": [triple_record(triple, speaker) for triple in reading.evidence],
        "conditions": [speaker.expression(test) for test in reading.tests if not _only_orders(test)],
    }


def _only_orders(test: Expression) -> bool:
    """Whether a condition only puts a pair in order, or tells two things apart: it is no evidence."""
    match test:
        case Call("<", (Call("STR", _), Call("STR", _))) | Call("!=", (NamedNode(), NamedNode())):
            return True
        case Call("&&", arguments):
            return all(map(_only_orders, arguments))
        case _:
            return False


def triple_record(triple: Triple, speaker: Speaker) -> Record:
    """One triple in words, with its terms, its graph and the row that it comes from."""
    graph = speaker.data.graph_of(triple)
    source = speaker.source(triple.subject) or speaker.source(triple.object)
    return {
        "about": speaker.expression(triple.subject),
        "verb": speaker.verb(triple),
        "value": _with_article(triple, speaker),
        "subject": str(triple.subject),
        "predicate": str(triple.predicate),
        "object": str(triple.object),
        "graph": None if graph is None else graph.value,
        "source": None if source is None else {"file": source[0], "row": source[1], "iri": source[2]},
    }


def _with_article(triple: Triple, speaker: Speaker) -> str:
    said = speaker.expression(triple.object)
    if triple.predicate != RDF_TYPE:
        return said
    return f"an {said}" if said[:1] in "aeiou" else f"a {said}"


def _looked_for(explanation: Explanation, speaker: Speaker) -> Record:
    assert explanation.looked_for is not None
    lack = explanation.lack
    return {
        "class": None if lack is None else speaker.label(lack.of_class),
        "values": list(_values(lack, speaker)) if lack else [],
        "conditions": list(_conditions(explanation.looked_for, speaker, patterns=lack is None)),
    }


def _values(lack: NodeShape, speaker: Speaker) -> Iterator[str]:
    for constraint in sorted(lack.constraints, key=lambda each: (len(each.path), str(each))):
        yield f"{_steps(constraint, speaker)} {_value(constraint, speaker)}"


def _steps(constraint: Constraint, speaker: Speaker) -> str:
    words = (f"(reversed) {speaker.label(p)}" if inverse else speaker.label(p) for p, inverse in constraint.path)
    return " something that ".join(words)


def _value(constraint: Constraint, speaker: Speaker) -> str:
    if constraint.value is not None:
        return speaker.label(constraint.value)
    assert constraint.of_class is not None
    return f"some {speaker.label(constraint.of_class)}"


def _conditions(group: Group, speaker: Speaker, *, patterns: bool) -> Iterator[str]:
    return (speaker.pattern(part) for part in group.parts if isinstance(part, Filter) or patterns)


def _miss_record(miss: Miss, speaker: Speaker) -> Record:
    return {
        "condition": speaker.pattern(miss.condition),
        "found": [triple_record(triple, speaker) for triple in miss.found],
    }


def as_text(told: Mapping[str, object]) -> str:
    """A gap, told by `answers`, as text for people."""
    return "\n".join(_lines(told)) + "\n"


def _lines(told: Mapping[str, object]) -> Iterator[str]:
    kind, why = _part(told, "kind"), _part(told, "why")
    yield f"{told['id']} · {kind['label']} · {told['city']} · {told['date']}"
    yield f"How sure: {told['verdict']}. How severe: {told['severity']} (the kind's base is {kind['base']}{_steps_taken(told)})."
    yield ""
    yield f"The question: {kind['question']}"
    yield f"The gap: {kind['definition']} (Paper: {kind['locator']}.)"
    yield "About: " + "; ".join(str(term["label"]) for term in _list(told, "focus")) + "."
    yield ""
    yield "What the data shows:"
    yield from _evidence_lines(why)
    yield from _looked_for_lines(why)
    yield from _miss_lines(why)
    yield "What made the verdict:"
    yield from [f"  - {said['label']}{_place(said)}" for said in _list(told, "statements")] or [f"  - {told['because']}"]
    yield f"What would close it: {kind['remedy']}"


def _steps_taken(told: Mapping[str, object]) -> str:
    steps = _list(told, "steps")
    return "" if not steps else "; steps: " + ", ".join(str(step["label"]) for step in steps)


def _evidence_lines(why: Mapping[str, object]) -> Iterator[str]:
    readings = _list(why, "evidence")
    shown = dict.fromkeys(line for reading in readings for line in reading_lines(reading))
    yield from (f"  - {line}" for line in shown)
    if not shown:
        yield "  - nothing: the gap is an absence alone"
    if why["moreEvidence"]:
        yield "  - and more of the same"


def reading_lines(reading: Mapping[str, object]) -> Iterator[str]:
    """What one reading of the evidence shows, a line a subject, then the conditions that held."""
    yield from _grouped(_list(reading, "triples"))
    conditions = reading["conditions"]
    assert isinstance(conditions, list)
    yield from conditions


def _grouped(triples: list[Mapping[str, object]]) -> Iterator[str]:
    """The triples of each subject as one line, with the row that they come from."""
    subjects = dict.fromkeys(str(triple["subject"]) for triple in triples)
    for subject in subjects:
        mine = [triple for triple in triples if triple["subject"] == subject]
        said = "; ".join(f"{triple['verb']} {triple['value']}" for triple in mine)
        yield f"{mine[0]['about']} {said}{_cited(mine[0])}"


def _cited(triple: Mapping[str, object]) -> str:
    source = triple["source"]
    return f" [{source['file']}, row {source['row']}]" if isinstance(source, dict) else ""


def _looked_for_lines(why: Mapping[str, object]) -> Iterator[str]:
    if why["lookedFor"] is None:
        return
    looked = _part(why, "lookedFor")
    if looked["class"] is None:
        yield "What was looked for and not found:"
    else:
        yield f"What was looked for and not found, one {looked['class']} of which all of this holds:"
    for line in [*looked["values"], *looked["conditions"]]:  # type: ignore[misc]
        yield f"  - {line}"


def _miss_lines(why: Mapping[str, object]) -> Iterator[str]:
    misses = _list(why, "nearestMisses")
    if why["lookedFor"] is not None:
        yield "What comes nearest:" if misses else "What comes nearest: nothing."
    for miss in misses:
        yield f"  - but for “{miss['condition']}”:"
        yield from (f"      {line}" for line in _grouped(_list(miss, "found")))


def _place(said: Mapping[str, object]) -> str:
    return f" ({said['place']})" if said.get("place") else ""


def _part(record: Mapping[str, object], key: str) -> Mapping[str, object]:
    part = record[key]
    assert isinstance(part, dict)
    return part


def _list(record: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    items = record[key]
    assert isinstance(items, list)
    return items
