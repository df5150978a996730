"""Patterns, conditions and node shapes in words: things by their labels, nothing by kind of gap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pyoxigraph import Literal, NamedNode, Variable

from sopkg.gapquery import Ground
from sopkg.naming import Names, joined, key, with_article
from sopkg.negation import RDF_TYPE
from sopkg.nodeshape import Constraint, NodeShape, Steps
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
    path_steps,
)

# How a variable is called as the subject of a clause, and elsewhere.
Nouns = Mapping[Variable, tuple[str, str]]
SIGNS = {"<": "less than", ">": "more than", "<=": "at most", ">=": "at least", "=": "the same as", "!=": "other than"}
DATES = {"<": "before", ">": "after", "<=": "not after", ">=": "not before"}
# What becomes of "on" in "ends on" where the day is limited: "ends by".
ON = {"<": "before", ">": "after", "<=": "by", ">=": "on or after"}
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
        said = " and ".join(values_of(shape, self))
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
                return noun_of(expression, nouns)[0]
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
        return (
            part for part in self.group.parts if isinstance(part, Filter) and limited_variable(part) not in self.limits
        )

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
        self.nouns[variable] = ("it", f"this {noun}") if noun else noun_of(variable, {})
        return with_article(noun) if noun else "something"


def _gives_class(triple: Triple) -> bool:
    return triple.predicate == RDF_TYPE and isinstance(triple.subject, Variable)


def noun_of(variable: Variable, nouns: Nouns) -> tuple[str, str]:
    """What a variable is called as the subject of a clause, and elsewhere."""
    return nouns.get(variable, (f"the {words_of(variable)}", f"the {words_of(variable)}"))


def words_of(variable: Variable) -> str:
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


def limited_variable(part: Part) -> Variable | None:
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
        variable = limited_variable(part)
        if variable in values and isinstance(part, Filter) and isinstance(part.expression, Call):
            found.setdefault(variable, []).append(part.expression)
    return found


def values_of(lack: NodeShape, speaker: Speaker) -> Iterator[str]:
    """What a node shape asks of each of its things: a clause for each property shape."""
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
