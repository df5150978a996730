"""Patterns, conditions and node shapes in words: things by their labels, nothing by kind of gap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pyoxigraph import Literal, NamedNode, Variable

from sopkg.gapquery import Ground
from sopkg.naming import Names, key
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
SIGNS = {"<": "less", ">": "more", "<=": "at_most", ">=": "at_least", "=": "same", "!=": "other"}
SUMS = {"+": "plus", "-": "minus", "*": "times", "/": "divided"}


class Speaker(Names):
    """Says patterns and conditions in words."""

    def verb(self, predicate: Path | Variable) -> str:
        """The predicate of a pattern in words."""
        match predicate:
            case Variable():
                return self.say("linked")
            case Sequence():
                return self.say("something_that").join(map(self.verb, predicate.steps))
            case Inverse():
                return self.say("reversed", verb=self.verb(predicate.path))
            case NamedNode():
                if predicate == RDF_TYPE:
                    return self.say("type")
                return self.own_label(predicate) or self.say("has_the", property=key(predicate))
            case _:
                return self.say("or").join(map(self.label, path_steps(predicate)))

    def name(self, term: Ground) -> str:
        """A term within a sentence; a node shape is any thing that it describes."""
        shape = self.shape(term)
        if shape is None:
            return super().name(term)
        said, label = self.say("and").join(values_of(shape, self)), self.label(shape.of_class)
        return self.say("any_that", label=label, said=said) if said else self.say("any", label=label)

    def value(self, triple: Triple) -> str:
        """The object of a plain triple in words."""
        assert not isinstance(triple.object, Variable)
        if triple.predicate == RDF_TYPE:
            return self.grammar.article(self.label(triple.object))
        return self.name(triple.object)

    def expression(self, expression: Expression, nouns: Nouns) -> str:
        """A condition in words."""
        match expression:
            case Exists():
                return self.recorded(expression, nouns)
            case Call(name, (left, right)) if name in SIGNS:
                limited = self.limit(str(name), right, self.expression(right, nouns))
                return self.say("is_limited", left=self.expression(left, nouns), limit=limited)
            case Call(name, (left, right)) if name in SUMS:
                return self.say(SUMS[str(name)], left=self.expression(left, nouns), right=self.expression(right, nouns))
            case Call(name, arguments):
                inside = self.say("and").join(self.expression(argument, nouns) for argument in arguments)
                return inside if name == "STR" else f"{name} ({inside})"
            case Variable():
                return self.noun(expression, nouns)[0]
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
        return (self.denied(said) if negated else self.affirmed(said)) + rest

    def _besides(self, expression: Expression, nouns: Nouns, negated: bool) -> str:
        if negated and isinstance(expression, Exists) and expression.negated:
            # So far in, "it" could be anything.
            plain = {variable: (noun, noun) for variable, (_, noun) in nouns.items()}
            return self.say("unless", said=self.clause(expression.group, plain))
        return self.say("where", said=self.expression(expression, nouns))

    def limited(self, triple: Triple, tests: list[Call]) -> str:
        """A predicate whose value conditions limit: "ends by …", "is as of a day after … and not after …"."""
        verb = self.verb(triple.predicate)
        (name, (_, value)), dates = (tests[0].name, tests[0].arguments), _is_date(tests[0].arguments[1])
        if dates and len(tests) == 1 and verb.endswith(" on"):
            limit = self.grammar.own(f"on_{SIGNS[str(name)]}", value=self.expression(value, {}))
            return f"{verb.removesuffix(' on')} {limit}"
        said = (self.limit(str(test.name), test.arguments[1], self.expression(test.arguments[1], {})) for test in tests)
        return self.say("limited_day" if dates else "limited", verb=verb, said=self.say("and").join(said))

    def limit(self, sign: str, right: Expression, said: str) -> str:
        """A sign and what it compares with: "not after 2024-06-30"."""
        dated = _is_date(right) and sign not in {"=", "!="}
        return self.say(f"day_{SIGNS[sign]}" if dated else SIGNS[sign], value=said)

    def affirmed(self, said: list[tuple[str, str]]) -> str:
        """Subjects and predicates as one sentence; a subject that stays the same is empty."""
        clauses = (self.say("clause", subject=s, predicate=p) if s else p for s, p in said)
        return self.say("and").join(clauses)

    def denied(self, said: list[tuple[str, str]]) -> str:
        """The sentence that nothing makes all of these true."""
        (subject, predicate), *more = said
        if self.grammar.inflects:
            for some, none in (("something", "nothing"), ("an ", "no "), ("a ", "no ")):
                if subject.startswith(some):
                    return self.affirmed([(none + subject.removeprefix(some), predicate), *more])
        if more or not self.grammar.definite(subject):
            return self.say("no_record", said=self.affirmed(said))
        return self.say("clause", subject=subject, predicate=self.grammar.negative(predicate))

    def noun(self, variable: Variable, nouns: Nouns) -> tuple[str, str]:
        """How a variable is called, as a subject and elsewhere."""
        the = self.say("the", noun=self.grammar.words(variable))
        return nouns.get(variable, (the, the))

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
        return self.speaker.grammar.joined(self.speaker.verb(triple.predicate), self._value(triple))

    def _value(self, triple: Triple) -> str:
        term = triple.object
        if not isinstance(term, Variable):
            return self.speaker.value(triple)
        return self.nouns[term][1] if term in self.nouns else self._first(term)

    def _first(self, variable: Variable) -> str:
        noun = self.classes.get(variable)
        say = self.speaker.say
        self.nouns[variable] = (say("it"), say("this", noun=noun)) if noun else self.speaker.noun(variable, {})
        return self.speaker.grammar.article(noun) if noun else say("something")


def _gives_class(triple: Triple) -> bool:
    return triple.predicate == RDF_TYPE and isinstance(triple.subject, Variable)


def _is_date(expression: Expression) -> bool:
    return isinstance(expression, Literal) and expression.datatype.value.endswith("#date")


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
        yield _constraint(constraint, speaker, speaker.say("this", noun=speaker.label(lack.of_class)))


def _constraint(constraint: Constraint, speaker: Speaker, this: str) -> str:
    """What a property shape asks for: the steps of its path, each with what lies between, and the value."""
    value = _end(constraint, speaker)
    return _steps(constraint.path, value, speaker, this) if constraint.path else speaker.say("is", value=value)


def _steps(path: Steps, value: str, speaker: Speaker, this: str) -> str:
    """The steps of a path in words; one that is walked backwards and goes on is said of "something"."""
    (predicate, inverse), *rest = path
    verb = speaker.verb(predicate)
    if not rest:
        back = speaker.say("clause", subject=value, predicate=speaker.grammar.joined(verb, this))
        return back if inverse else speaker.grammar.joined(verb, value)
    said = _steps(tuple(rest), value, speaker, speaker.say("it"))
    if inverse:
        return speaker.say("something_and", first=speaker.grammar.joined(verb, this), said=said)
    such = "such_that" if rest[0][1] and rest[1:] else "that"
    return speaker.say(such, first=speaker.grammar.joined(verb, speaker.value_class(predicate)), said=said)


def _end(constraint: Constraint, speaker: Speaker) -> str:
    if constraint.value is not None:
        return speaker.name(constraint.value)
    assert constraint.of_class is not None
    return speaker.grammar.article(speaker.label(constraint.of_class))
