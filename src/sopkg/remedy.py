"""What would close a gap: the statements that its query looks for, with typed open slots, derived from the query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pyoxigraph import NamedNode, Variable

from sopkg.explained import explained
from sopkg.files import system_query
from sopkg.gapquery import Ground
from sopkg.naming import key
from sopkg.negation import RDF_TYPE, split_sequences
from sopkg.printer import print_part
from sopkg.rows import select
from sopkg.substitution import substitute
from sopkg.syntax import (
    Alternative,
    Group,
    Inverse,
    Repeat,
    Select,
    Triple,
    group_variables,
    triple_variables,
)
from sopkg.why import Dataset, Search
from sopkg.wording import Record, Speaker, search_record, triple_record
from sopkg.worker import Job

MOST_OPTIONS = 12


@dataclass(frozen=True)
class Slot:
    """What is open in a set of statements: something new, or one of the things that the data has."""

    variable: Variable
    is_new: bool
    wanted: str
    options: tuple[Ground, ...] = ()


@dataclass(frozen=True)
class Closing:
    """A smallest set of statements that meets a norm, its slots, and what must not be said beside them."""

    statements: tuple[Triple, ...]
    slots: tuple[Slot, ...]
    conditions: tuple[str, ...]

    def filled(self, terms: Mapping[Variable, Ground]) -> list[Triple]:
        """The statements with a term for each slot."""
        return list(substitute(self.statements, terms))


def remedy(job: Job) -> Record:
    """What would close a gap; the payload is that of an explanation, with the IRI that the city's things begin with."""
    data, explanation = explained(job)
    speaker = Speaker(data)
    sets = list(closings(data, explanation.searches, speaker))
    denied = any(search.found for search in explanation.searches)
    evidence = [triple for reading in explanation.readings[:1] for triple in reading.evidence]
    return {
        "sets": [] if denied else [as_record(each, speaker, job.payload["base"]) for each in sets],
        "denied": denied,
        "restsOn": [speaker.name(term) for term in explanation.rests_on],
        "evidence": [] if sets else [triple_record(triple, speaker) for triple in evidence],
    }


def closings(data: Dataset, searches: Iterable[Search], speaker: Speaker) -> Iterator[Closing]:
    """A set of statements for each thing that was looked for."""
    for search in searches:
        if search.lack is not None and search.sought is not None:
            yield closing(data, search, speaker)


def closing(data: Dataset, search: Search, speaker: Speaker) -> Closing:
    """The patterns of what was looked for as statements; what the data has already is offered, not said again."""
    assert search.lack is not None
    assert search.sought is not None
    patterns = [plain(part) for part in search.pattern.parts if isinstance(part, Triple)]
    patterns = split_sequences(patterns, group_variables(search.pattern))
    slots = [Slot(search.sought, True, with_label(search.lack.of_class, speaker))]
    statements: list[Triple] = []
    for variable in dict.fromkeys(v for each in patterns for v in sorted(triple_variables(each), key=str)):
        if variable != search.sought:
            mine = [each for each in patterns if each.subject == variable]
            slots.append(_slot(data, variable, mine, speaker))
    offered = {slot.variable for slot in slots if slot.options}
    statements += [each for each in patterns if each.subject not in offered and not holds(data, each)]
    said = {each.predicate for each in statements if each.subject == search.sought}
    for number, row in enumerate(_required(data, search.lack.of_class)):
        if row["path"] not in said:
            variable = Variable(f"{key(row['path'])}{number if key(row['path']) in _names(slots) else ''}")
            statements.append(Triple(search.sought, row["path"], variable))
            slots.append(_required_slot(data, variable, row, speaker))
    conditions: Any = search_record(search, speaker)["conditions"]
    return Closing(tuple(dict.fromkeys(statements)), tuple(slots), tuple(conditions))


def holds(data: Dataset, pattern: Triple) -> bool:
    """Whether a pattern without a variable is a triple of the data."""
    return not triple_variables(pattern) and data.graph_of(pattern) is not None


def plain(pattern: Triple) -> Triple:
    """A pattern with one step for each choice that its path leaves: the first alternative, one repetition."""
    path = pattern.predicate
    if isinstance(path, Alternative):
        return plain(replace(pattern, predicate=path.choices[0]))
    if isinstance(path, Repeat):
        return plain(replace(pattern, predicate=path.path))
    if isinstance(path, Inverse):
        return plain(Triple(pattern.object, path.path, pattern.subject))
    return pattern


def _slot(data: Dataset, variable: Variable, patterns: list[Triple], speaker: Speaker) -> Slot:
    """Something that the data has and all is true of that is asked, or something new."""
    wanted = " and ".join(_wanted(each, speaker) for each in patterns) or "anything"
    known = [each for each in patterns if triple_variables(each) == {variable}]
    asked = Select(((None, variable),), Group(tuple(known)), distinct=True, limit=MOST_OPTIONS)
    options = tuple(row[variable] for row in data.rows(asked)) if known and known == patterns else ()
    return Slot(variable, not options, wanted, options)


def _wanted(pattern: Triple, speaker: Speaker) -> str:
    if pattern.predicate == RDF_TYPE and isinstance(pattern.object, NamedNode):
        return with_label(pattern.object, speaker)
    value = f"?{pattern.object.value}" if isinstance(pattern.object, Variable) else speaker.name(pattern.object)
    verb = speaker.verb(pattern.predicate) if isinstance(pattern.predicate, NamedNode) else print_part(pattern)
    return f"what {verb} {value}"


def with_label(of_class: NamedNode, speaker: Speaker) -> str:
    """A class as what is asked for."""
    label = speaker.label(of_class)
    return f"{'an' if label[:1] in 'aeiou' else 'a'} {label}"


def _required(data: Dataset, of_class: NamedNode) -> list[Mapping[str, Any]]:
    """What the shapes ask of a thing of a class."""
    return list(select(data.store, system_query("required"), data.graphs, {Variable("class"): of_class}))


def _required_slot(data: Dataset, variable: Variable, row: Mapping[str, Any], speaker: Speaker) -> Slot:
    of_class = row["valueClass"]
    if of_class is None:
        return Slot(variable, True, "a text" if row["datatype"] is None else f"a {key(row['datatype'])}")
    member = Triple(variable, RDF_TYPE, of_class)
    return replace(_slot(data, variable, [member], speaker), variable=variable)


def _names(slots: Iterable[Slot]) -> set[str]:
    return {slot.variable.value for slot in slots}


def as_record(closing: Closing, speaker: Speaker, base: str) -> Record:
    """A set of statements as plain data, as SPARQL Update and as Turtle."""
    return {
        "slots": [
            {
                "name": slot.variable.value,
                "new": slot.is_new,
                "wanted": slot.wanted,
                "options": [{"term": str(each), "label": speaker.label(each)} for each in slot.options],
            }
            for slot in closing.slots
        ],
        "conditions": list(closing.conditions),
        "update": as_update(closing, base),
    }


def as_update(closing: Closing, base: str) -> str:
    """The set as a SPARQL update: a VALUES with a column for each slot, UNDEF where one has to be chosen."""
    slots = closing.slots
    columns = " ".join(f"?{slot.variable.value}" for slot in slots)
    cells = " ".join(_cell(slot, base) for slot in slots)
    statements = "\n".join(f"  {print_part(each)}" for each in closing.statements)
    return "\n".join(["INSERT {", statements, "}", "WHERE {", f"  VALUES ({columns}) {{ ({cells}) }}", "}", ""])


def _cell(slot: Slot, base: str) -> str:
    if slot.is_new and not slot.wanted.startswith("a text"):
        return f"<{base}new/{slot.variable.value}>"
    return str(slot.options[0]) if len(slot.options) == 1 else "UNDEF"
