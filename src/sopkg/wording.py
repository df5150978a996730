"""An explanation in words, as plain data and as RDF rows: things by their labels, nothing by kind of gap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pyoxigraph import Literal, NamedNode, Variable

from sopkg.gapquery import Ground
from sopkg.naming import Names, joined, key, with_article
from sopkg.negation import RDF_TYPE
from sopkg.nodeshape import Constraint, NodeShape, Steps
from sopkg.responses import said
from sopkg.syntax import (
    Call,
    Exists,
    Expression,
    Filter,
    Group,
    Inverse,
    Part,
    Path,
    Sequence,
    Term,
    Triple,
    bindable_variables,
    path_steps,
)
from sopkg.why import Explanation, Miss, Reading, Search, Tally

Record = dict[str, object]
# How a variable is called as the subject of a clause, and elsewhere.
Nouns = Mapping[Variable, tuple[str, str]]
SIGNS = {"<": "less than", ">": "more than", "<=": "at most", ">=": "at least", "=": "the same as", "!=": "other than"}
DATES = {"<": "before", ">": "after", "<=": "not after", ">=": "not before"}
# What becomes of "on" in "ends on" where the day is limited: "ends by".
ON = {"<": "before", ">": "after", "<=": "by", ">=": "on or after"}
UNDETERMINED = "undetermined"
SUMS = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}


class Speaker(Names):
    """Says patterns and conditions in words."""

    def verb(self, predicate: Path | Variable) -> str:
        """The predicate of a pattern in words."""
        match predicate:
            case Variable():
                return "is linked to"
            case Sequence():
                return " something that ".join(map(self.verb, predicate.steps))
            case Inverse():
                return f"(reversed) {self.verb(predicate.path)}"
            case NamedNode():
                return "is" if predicate == RDF_TYPE else self.own_label(predicate) or f"has the {key(predicate)}"
            case _:
                return " or ".join(map(self.label, path_steps(predicate)))

    def name(self, term: Ground) -> str:
        """A term within a sentence; a node shape is any thing that it describes."""
        shape = self.shape(term)
        if shape is None:
            return super().name(term)
        said = " and ".join(_values(shape, self))
        return f"any {self.label(shape.of_class)}{said and f' that {said}'}"

    def value(self, triple: Triple) -> str:
        """The object of a plain triple in words."""
        assert not isinstance(triple.object, Variable)
        return with_article(self.label(triple.object)) if triple.predicate == RDF_TYPE else self.name(triple.object)

    def expression(self, expression: Expression, nouns: Nouns) -> str:
        """A condition in words."""
        match expression:
            case Exists():
                return self.recorded(expression, nouns)
            case Call(name, (left, right)) if name in SIGNS:
                return f"{self.expression(left, nouns)} is {limit(str(name), right, self.expression(right, nouns))}"
            case Call(name, (left, right)) if name in SUMS:
                return f"{self.expression(left, nouns)} {SUMS[str(name)]} {self.expression(right, nouns)}"
            case Call(name, arguments):
                inside = " and ".join(self.expression(argument, nouns) for argument in arguments)
                return inside if name == "STR" else f"{name} ({inside})"
            case Variable():
                return _noun(expression, nouns)[0]
            case NamedNode() | Literal():
                return self.name(expression)
            case _:
                raise TypeError(f"{expression} has no place in a condition")

    def recorded(self, exists: Exists, nouns: Nouns) -> str:
        """`EXISTS` or `NOT EXISTS` in words."""
        exception = self._exception(exists)
        return self.clause(exists.group, nouns, exists.negated) if exception is None else self.clause(exception, nouns)

    def _exception(self, exists: Exists) -> Group | None:
        """What remains to be said of "not A, unless B" where the data shows A: B."""
        triples = [part for part in exists.group.parts if isinstance(part, Triple)]
        rest = [part.expression for part in exists.group.parts if isinstance(part, Filter)]
        if exists.negated and len(rest) == 1 and all(self.data.graph_of(triple) is not None for triple in triples):
            return rest[0].group if isinstance(rest[0], Exists) and rest[0].negated else None
        return None

    def clause(self, group: Group, nouns: Nouns, negated: bool = False) -> str:
        """What a group asks for; what only this group names is called by its class."""
        known, said = _Known(self, group, nouns), list[tuple[str, str]]()
        before: Term | None = None
        for triple in known.patterns():
            subject, predicate = known.subject(triple.subject), known.predicate(triple)
            said.append(("" if triple.subject == before else subject, predicate))
            before = triple.subject
        rest = "".join(self._besides(part.expression, known.nouns, negated) for part in known.filters())
        return (denied(said) if negated else affirmed(said)) + rest

    def _besides(self, expression: Expression, nouns: Nouns, negated: bool) -> str:
        if negated and isinstance(expression, Exists) and expression.negated:
            # So far in, "it" could be anything.
            plain = {variable: (noun, noun) for variable, (_, noun) in nouns.items()}
            return f", unless {self.clause(expression.group, plain)}"
        return f", where {self.expression(expression, nouns)}"

    def limited(self, triple: Triple, tests: list[Call]) -> str:
        """A predicate whose value conditions limit: "ends by …", "is as of a day after … and not after …"."""
        verb = self.verb(triple.predicate)
        (name, (_, value)), dates = (tests[0].name, tests[0].arguments), _is_date(tests[0].arguments[1])
        if dates and len(tests) == 1 and verb.endswith(" on"):
            return f"{verb.removesuffix(' on')} {ON[str(name)]} {self.expression(value, {})}"
        said = (limit(str(test.name), test.arguments[1], self.expression(test.arguments[1], {})) for test in tests)
        return f"{verb} {'a day' if dates else 'a value'} {' and '.join(said)}"

    def part(self, part: Part, nouns: Nouns) -> str:
        """One part of a group in words."""
        if isinstance(part, Filter):
            return self.expression(part.expression, nouns)
        return self.clause(Group((part,)), nouns, negated=False)


class _Known:
    """The variables of one clause: what they are called the first time and afterwards."""

    def __init__(self, speaker: Speaker, group: Group, nouns: Nouns) -> None:
        self.speaker, self.group, self.nouns = speaker, group, dict(nouns)
        self.limits = limits(group)
        self.classes = {
            part.subject: speaker.label(part.object)
            for part in group.parts
            if isinstance(part, Triple) and _gives_class(part) and part.subject not in nouns
            if isinstance(part.object, NamedNode)
        }

    def patterns(self) -> Iterator[Triple]:
        """The patterns, without those that only say the class of what another names."""
        triples = [part for part in self.group.parts if isinstance(part, Triple)]
        for triple in triples:
            named = any(triple.subject in {each.subject, each.object} for each in triples if each is not triple)
            if not (_gives_class(triple) and triple.subject in self.classes and named):
                yield triple

    def filters(self) -> Iterator[Filter]:
        """The conditions, without those that the value of a pattern says already."""
        return (part for part in self.group.parts if isinstance(part, Filter) and _limited(part) not in self.limits)

    def subject(self, term: Term) -> str:
        if not isinstance(term, Variable):
            return self.speaker.name(term)
        if term not in self.nouns:
            return self._first(term)
        return self.nouns[term][0]

    def predicate(self, triple: Triple) -> str:
        """What a pattern says of its subject."""
        if triple.object in self.limits:
            return self.speaker.limited(triple, self.limits[triple.object])
        return joined(self.speaker.verb(triple.predicate), self._value(triple))

    def _value(self, triple: Triple) -> str:
        term = triple.object
        if not isinstance(term, Variable):
            return self.speaker.value(triple)
        return self.nouns[term][1] if term in self.nouns else self._first(term)

    def _first(self, variable: Variable) -> str:
        noun = self.classes.get(variable)
        self.nouns[variable] = ("it", f"this {noun}") if noun else _noun(variable, {})
        return with_article(noun) if noun else "something"


def _gives_class(triple: Triple) -> bool:
    return triple.predicate == RDF_TYPE and isinstance(triple.subject, Variable)


def _noun(variable: Variable, nouns: Nouns) -> tuple[str, str]:
    return nouns.get(variable, (f"the {_words(variable)}", f"the {_words(variable)}"))


def _words(variable: Variable) -> str:
    """`?otherActor` as "other actor"."""
    return "".join(f" {sign.lower()}" if sign.isupper() else sign for sign in variable.value.replace("_", " ")).strip()


def _is_date(expression: Expression) -> bool:
    return isinstance(expression, Literal) and expression.datatype.value.endswith("#date")


def limit(sign: str, right: Expression, said: str) -> str:
    """A sign and what it compares with: "not after 2024-06-30"."""
    return f"{DATES.get(sign, SIGNS[sign]) if _is_date(right) else SIGNS[sign]} {said}"


def affirmed(said: list[tuple[str, str]]) -> str:
    """Subjects and predicates as one sentence; a subject that stays the same is empty."""
    return " and ".join(f"{subject} {predicate}".strip() for subject, predicate in said)


def denied(said: list[tuple[str, str]]) -> str:
    """The sentence that nothing makes all of these true."""
    (subject, predicate), *more = said
    for some, none in (("something", "nothing"), ("an ", "no "), ("a ", "no ")):
        if subject.startswith(some):
            return affirmed([(none + subject.removeprefix(some), predicate), *more])
    if more:
        return f"there is no record that {affirmed(said)}"
    return f"{subject} {negative(predicate)}"


def negative(predicate: str) -> str:
    """A predicate's opposite: "is about" gives "is not about", "plays" gives "does not play"."""
    verb, _, rest = predicate.partition(" ")
    if verb in {"is", "was"}:
        return f"{verb} not {rest}"
    ending = "es" if verb.endswith(("ches", "shes", "sses", "xes")) else "s"
    return f"does not {'have' if verb == 'has' else verb.removesuffix(ending)} {rest}"


def _limited(part: Part) -> Variable | None:
    """The variable that a filter compares with a literal."""
    match part:
        case Filter(Call(name, (Variable() as variable, Literal()))) if name in SIGNS:
            return variable
        case _:
            return None


def limits(group: Group) -> dict[Term, list[Call]]:
    """The conditions that limit the values of a group's patterns."""
    values = {part.object for part in group.parts if isinstance(part, Triple)}
    found: dict[Term, list[Call]] = {}
    for part in group.parts:
        variable = _limited(part)
        if variable in values and isinstance(part, Filter) and isinstance(part.expression, Call):
            found.setdefault(variable, []).append(part.expression)
    return found


def record(explanation: Explanation, speaker: Speaker) -> Record:
    """An explanation as plain data: every term with its label, every triple with graph and source row."""
    searches = [search_record(search, speaker) for search in explanation.searches]
    found = [triples for search in explanation.searches for triples in search.found]
    misses = [_miss_record(miss, search, speaker) for search in explanation.searches for miss in search.misses]
    return {
        "evidence": [_reading_record(reading, speaker) for reading in explanation.readings]
        + [{"triples": triple_records(triples, speaker), "conditions": [], "meetsNorm": True} for triples in found],
        "moreEvidence": explanation.more_readings,
        "readAs": list(_read_as(explanation, speaker)),
        "lookedFor": searches[0] if searches else None,
        "alsoLookedFor": searches[1:],
        "nearestMisses": [miss for number, miss in enumerate(misses) if miss not in misses[:number]],
        "restsOn": [speaker.name(term) for term in explanation.rests_on],
        "denials": [
            {**triple_record(triple, speaker), "place": speaker.place(denial)} for triple, denial in explanation.denials
        ],
    }


def _read_as(explanation: Explanation, speaker: Speaker) -> Iterator[Record]:
    """The readings under which what the explanation names was put under an object, each with what is read so."""
    rows = [row for term in _named(explanation) for row in speaker.read_as(term)]
    for reading in dict.fromkeys(row["reading"] for row in rows):
        mine = [row for row in rows if row["reading"] == reading]
        note = mine[0]["note"]
        yield {
            "reading": reading.value,
            "label": mine[0]["label"].value,
            "definition": mine[0]["definition"].value,
            "note": None if note is None else note.value,
            "things": [_read_thing(row["thing"], row["whole"].value == "true", speaker) for row in mine],
        }


def _read_thing(thing: NamedNode, whole: bool, speaker: Speaker) -> Record:
    """What is read: a thing, or what the data has of an object."""
    name = speaker.name(thing)
    return {"term": thing.value, "label": f"what the data has on {name}" if whole else name}


def _named(explanation: Explanation) -> list[NamedNode]:
    """What the evidence, its counts, and what was found name."""
    near = [miss.found for search in explanation.searches for miss in search.misses]
    found = [triples for search in explanation.searches for triples in search.found]
    shown = [reading.evidence for reading in explanation.readings] + near + found
    terms = [term for triples in shown for triple in triples for term in (triple.subject, triple.object)]
    counted = [term for reading in explanation.readings for tally in reading.tallies for term in tally.of]
    return [term for term in dict.fromkeys([*terms, *counted]) if isinstance(term, NamedNode)]


def _reading_record(reading: Reading, speaker: Speaker) -> Record:
    tests = [speaker.expression(test, {}) for test in reading.tests if not _only_orders(test)]
    return {
        "triples": triple_records(reading.evidence, speaker),
        "conditions": [*_counts(reading, speaker), *tests],
        "meetsNorm": False,
    }


def _counts(reading: Reading, speaker: Speaker) -> Iterator[str]:
    """What the reading counted, a line a number's name."""
    for name in dict.fromkeys(tally.name for tally in reading.tallies):
        mine = [tally for tally in reading.tallies if tally.name == name]
        counted = "" if mine[0].counted is None else f", each {with_article(speaker.label(mine[0].counted))}"
        numbers = "; ".join(_tally(tally, reading, speaker) for tally in mine)
        yield f"counted as “{_words(name)}”{counted}: {numbers}"


def _tally(tally: Tally, reading: Reading, speaker: Speaker) -> str:
    known = set(reading.row.values())
    return " ".join([*(speaker.name(term) for term in tally.of if term not in known), tally.number.value])


def _only_orders(test: Expression) -> bool:
    """Whether a condition only puts a pair in order, or tells two things apart: it is no evidence."""
    match test:
        case Call("<", (Call("STR", _), Call("STR", _))) | Call("!=" | "=", (NamedNode(), NamedNode())):
            return True
        case Call("&&", arguments):
            return all(map(_only_orders, arguments))
        case _:
            return False


def triple_records(triples: Iterable[Triple], speaker: Speaker) -> list[Record]:
    """Triples in words, in their order."""
    return [triple_record(triple, speaker) for triple in triples]


def triple_record(triple: Triple, speaker: Speaker) -> Record:
    """One triple in words, with its terms, its graph and the row that it comes from."""
    assert not isinstance(triple.subject, Variable)
    assert not isinstance(triple.object, Variable)
    graph = speaker.data.graph_of(triple)
    source = speaker.source(triple.subject) or speaker.source(triple.object)
    return {
        "about": speaker.name(triple.subject),
        "verb": speaker.verb(triple.predicate),
        "value": speaker.value(triple),
        "inName": speaker.in_name(triple),
        "inModel": graph in speaker.model,
        "subject": str(triple.subject),
        "predicate": str(triple.predicate),
        "object": str(triple.object),
        "graph": None if graph is None else graph.value,
        "source": None if source is None else {"file": source[0], "row": source[1], "iri": source[2]},
    }


def search_record(search: Search, speaker: Speaker) -> Record:
    """What was looked for: the class of the observation, its values, and the conditions beside them."""
    lack = search.lack
    nouns = _nouns(search, speaker, "it")
    return {
        "class": None if lack is None else speaker.label(lack.of_class),
        "values": [] if lack is None else list(_values(lack, speaker)),
        "conditions": list(_conditions(search, speaker, nouns)),
    }


def _nouns(search: Search, speaker: Speaker, subject: str = "") -> Nouns:
    """What the pattern that was looked for calls its variables; `subject` is what its observation is called."""
    called = {variable: _noun(variable, {}) for variable in bindable_variables(search.pattern)}
    if search.lack is not None and search.sought is not None:
        label = speaker.label(search.lack.of_class)
        called[search.sought] = (subject or f"the {label}", f"this {label}")
    return called


def _values(lack: NodeShape, speaker: Speaker) -> Iterator[str]:
    for constraint in sorted(lack.constraints, key=lambda each: (len(each.path), str(each))):
        yield _constraint(constraint, speaker, f"this {speaker.label(lack.of_class)}")


def _constraint(constraint: Constraint, speaker: Speaker, this: str) -> str:
    """What a property shape asks for: the steps of its path, each with what lies between, and the value."""
    value = _end(constraint, speaker)
    return _steps(constraint.path, value, speaker, this) if constraint.path else f"is {value}"


def _steps(path: Steps, value: str, speaker: Speaker, this: str) -> str:
    """The steps of a path in words; one that is walked backwards and goes on is said of "something"."""
    (predicate, inverse), *rest = path
    verb = speaker.verb(predicate)
    if not rest:
        return f"{value} {joined(verb, this)}" if inverse else joined(verb, value)
    said = _steps(tuple(rest), value, speaker, "it")
    if inverse:
        return f"something {joined(verb, this)} and {said}"
    such = "such that" if rest[0][1] and rest[1:] else "that"
    return f"{joined(verb, speaker.value_class(predicate))} {such} {said}"


def _end(constraint: Constraint, speaker: Speaker) -> str:
    if constraint.value is not None:
        return speaker.name(constraint.value)
    assert constraint.of_class is not None
    return with_article(speaker.label(constraint.of_class))


def _conditions(search: Search, speaker: Speaker, nouns: Nouns) -> Iterator[str]:
    """What was asked for besides values: the limits of values that are free, and the filters."""
    limited = limits(search.pattern)
    for part in search.pattern.parts:
        if isinstance(part, Triple) and part.object in limited:
            said = speaker.limited(part, limited[part.object])
            yield said if part.subject == search.sought else f"{speaker.expression(part.subject, nouns)} {said}"
        elif isinstance(part, Triple) and _is_any(part.object, search.pattern):
            yield joined(speaker.verb(part.predicate), "something")
        elif search.lack is None or (isinstance(part, Filter) and _limited(part) not in limited):
            # The observation that is looked for stands in the heading.
            yield speaker.part(part, nouns).removeprefix("it ")


def _is_any(term: Term, group: Group) -> bool:
    """Whether a term is a variable of one pattern and no more: whatever it is, it is there."""
    triples = [part for part in group.parts if isinstance(part, Triple)]
    return isinstance(term, Variable) and sum(term in (each.subject, each.object) for each in triples) == 1


def _miss_record(miss: Miss, search: Search, speaker: Speaker) -> Record:
    return {
        "condition": speaker.part(miss.condition, _nouns(search, speaker)),
        "found": triple_records(miss.found, speaker),
    }


def as_text(told: Mapping[str, object]) -> str:
    """A gap, told by `answers`, as text for people."""
    return "\n".join(_lines(told)) + "\n"


def _lines(told: Mapping[str, object]) -> Iterator[str]:
    kind, why = _part(told, "kind"), _part(told, "why")
    yield f"{told['id']} · {kind['label']} · {told['city']} · {told['date']}"
    yield f"How sure: {told['verdict']}. How severe: {told['severity']} ({_grading(told)})."
    yield from (f"Response: {said(each)}" for each in _list(told, "responses"))
    yield ""
    yield f"The question: {kind['question']}"
    place = "Paper" if kind["inPaper"] else "Not in the paper; literature"
    yield f"The gap: {kind['definition']} ({place}: {kind['locator']}.)"
    yield "About: " + "; ".join(str(term["label"]) for term in _list(told, "focus")) + "."
    yield ""
    body = list(body_lines(why))
    yield from body
    yield "What made the verdict:"
    yield from (f"  - {line}" for line in verdict_lines(told, why))
    yield f"What would close it: {kind['remedy']}"
    if any(", row " in line for line in body):
        table = "of a table line n + 1, where no cell has a line break"
        yield f"Row n is the n-th record of its file: {table}; of RDF the n-th IRI by name."


def body_lines(why: Mapping[str, object]) -> Iterator[str]:
    """What an explanation says: heads, and below each its lines, set in by spaces and a dash."""
    yield from _evidence_lines(why)
    yield from _found_lines(why) if _found(why) else _missing_lines(why)
    yield from _read_as_lines(why)


def reason(why: Mapping[str, object]) -> str:
    """An explanation in one line: what was looked for and not found, or the evidence."""
    if why["lookedFor"] is None:
        return "found: " + "; ".join(reading_lines(_list(why, "evidence")[0]))
    looked = _part(why, "lookedFor")
    said = [str(looked["class"])] if looked["class"] else []
    lines = "; ".join([*said, *map(str, [*_list(looked, "values"), *_list(looked, "conditions")])])
    return f"{'denied, and found all the same' if _found(why) else 'not found'}: {lines}"


def _grading(told: Mapping[str, object]) -> str:
    base, steps = f"the kind's base is {_part(told, 'kind')['base']}", _list(told, "steps")
    if told["verdict"] == UNDETERMINED:
        return f"an undetermined finding is a gap in the data, so always low; {base}"
    return base if not steps else f"{base}; steps: " + ", ".join(str(step["label"]) for step in steps)


def _evidence_lines(why: Mapping[str, object]) -> Iterator[str]:
    """What the model says and what the data says, apart."""
    readings = [reading for reading in _list(why, "evidence") if not reading["meetsNorm"]]
    triples = [triple for reading in readings for triple in _list(reading, "triples")]
    model = list(_grouped([triple for triple in triples if triple["inModel"]]))
    conditions = [str(condition) for reading in readings for condition in _list(reading, "conditions")]
    data = dict.fromkeys([*_grouped([triple for triple in triples if not triple["inModel"]]), *conditions])
    if model:
        yield "What the model says:"
        yield from (f"  - {line}" for line in model)
    yield "What the data says:"
    yield from (f"  - {line}" for line in data or ["nothing: the gap is an absence alone"])
    if why["moreEvidence"]:
        yield "  - and more of the same"


def _read_as_lines(why: Mapping[str, object]) -> Iterator[str]:
    """In which other sense than the model's the data's things were put under an object."""
    readings = _list(why, "readAs")
    if readings:
        yield "How the data was read:"
    for reading in readings:
        things = "; ".join(str(thing["label"]) for thing in _list(reading, "things"))
        said = " ".join(str(reading[part]) for part in ("definition", "note") if reading[part])
        yield f"  - {things}: {reading['label']}. {said}"


def reading_lines(reading: Mapping[str, object]) -> Iterator[str]:
    """What one reading of the evidence shows, a line a subject, then the conditions that held."""
    yield from _grouped(_list(reading, "triples"))
    yield from map(str, _list(reading, "conditions"))


def _grouped(triples: list[Mapping[str, object]]) -> Iterator[str]:
    """The triples of each subject as one line with its row; subjects of which only the class is told come first."""
    unique = list({(t["subject"], t["predicate"], t["object"]): t for t in triples}.values())
    subjects = dict.fromkeys(triple["subject"] for triple in unique)
    groups = [[triple for triple in unique if triple["subject"] == subject] for subject in subjects]
    groups = [mine for mine in groups if not _told_by_another(mine, unique)]
    classed = [mine for mine in groups if all(map(_only_class, mine))]
    if classed:
        yield "; ".join(map(_line, classed))
    yield from (_line(mine) for mine in groups if mine not in classed)


def _told_by_another(mine: list[Mapping[str, object]], triples: list[Mapping[str, object]]) -> bool:
    """Whether the name of a thing says all, and another line has the name."""
    return all(triple["inName"] for triple in mine) and mine[0]["subject"] in {each["object"] for each in triples}


def _only_class(triple: Mapping[str, object]) -> bool:
    return triple["predicate"] == str(RDF_TYPE) and not triple["inName"]


def _line(mine: list[Mapping[str, object]]) -> str:
    said = [joined(str(triple["verb"]), str(triple["value"])) for triple in mine if not triple["inName"]]
    cited = next((triple["source"] for triple in mine if isinstance(triple["source"], dict)), None)
    place = f" [{cited['file']}, row {cited['row']}]" if isinstance(cited, dict) else ""
    return f"{mine[0]['about']} {'; '.join(said) or 'is recorded'}{place}"


def _found(why: Mapping[str, object]) -> list[Mapping[str, object]]:
    return [reading for reading in _list(why, "evidence") if reading["meetsNorm"]]


def _found_lines(why: Mapping[str, object]) -> Iterator[str]:
    """What a source says there is not, and what the data shows of it."""
    yield from _looked_for_lines("What a source says there is not", why)
    yield "What was found all the same:"
    triples = [triple for reading in _found(why) for triple in _list(reading, "triples")]
    yield from (f"  - {line}" for line in _grouped(triples))


def _missing_lines(why: Mapping[str, object]) -> Iterator[str]:
    """What was looked for and not found, and what comes nearest, by the condition that it does not meet."""
    if why["lookedFor"] is None:
        return
    yield from _looked_for_lines("What was looked for in the records and not found", why)
    misses = _list(why, "nearestMisses")
    yield "What comes nearest:" if misses else "What comes nearest: nothing."
    for condition in dict.fromkeys(miss["condition"] for miss in misses):
        yield f"  - all of this but one thing, that {condition}:"
        mine = (triple for miss in misses if miss["condition"] == condition for triple in _list(miss, "found"))
        yield from (f"      {line}" for line in _grouped(list(mine)))


def _looked_for_lines(heading: str, why: Mapping[str, object]) -> Iterator[str]:
    for looked in (_part(why, "lookedFor"), *_list(why, "alsoLookedFor")):
        what = "" if looked["class"] is None else f", {with_article(str(looked['class']))} of which all of this holds"
        yield f"{heading}{what}:"
        heading = "And likewise"
        yield from (f"  - {line}" for line in [*_list(looked, "values"), *_list(looked, "conditions")])


def verdict_lines(told: Mapping[str, object], why: Mapping[str, object]) -> list[str]:
    """What made the verdict, a sentence a line: what it rests on, who denies it, or what it means and who says so."""
    rests_on, denials = _list(why, "restsOn"), _list(why, "denials")
    if rests_on:
        most = "surest " if rests_on[1:] else ""
        return [f"It is as sure as the {most}finding that it rests on: {'; '.join(map(str, rests_on))}."]
    if denials:
        return [f"A source denies that {_line([triple])}{_place(triple)}." for triple in denials]
    if why["lookedFor"] is None:
        return ["It is made by what the data shows; nothing is concluded from an absence."]
    return [
        str(told["meaning"]),
        *(f"This rests on the statement “{said['label']}”{_place(said)}." for said in _list(told, "statements")),
    ]


def _place(said: Mapping[str, object]) -> str:
    """Where a source says so, in brackets."""
    named = [str(said[part]) for part in ("placeLabel", "place") if said.get(part)]
    return f" ({', '.join(named)})" if named else ""


def _part(record: Mapping[str, object], key: str) -> Mapping[str, object]:
    part = record[key]
    assert isinstance(part, dict)
    return part


def _list(record: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    items = record[key]
    assert isinstance(items, list)
    return items
