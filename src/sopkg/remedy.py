"""What would close a gap: the statements that its query looks for, with typed open slots, derived from the query."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from pyoxigraph import Literal, NamedNode, Variable

from sopkg.auditgraphs import Dataset
from sopkg.explained import explained, spoken
from sopkg.files import system_query
from sopkg.gapquery import Ground
from sopkg.grammar import Grammar
from sopkg.languages import DEFAULT, languages
from sopkg.naming import key
from sopkg.negation import RDF_TYPE, split_sequences
from sopkg.printer import print_part
from sopkg.rows import select
from sopkg.substitution import substitute
from sopkg.syntax import (
    Alternative,
    Call,
    Exists,
    Filter,
    Group,
    Inverse,
    Part,
    Repeat,
    Select,
    Triple,
    group_variables,
    triple_variables,
)
from sopkg.turtle import prefix_table
from sopkg.why import Search
from sopkg.whyrecord import Record, search_record, triple_record
from sopkg.whytext import reading_lines
from sopkg.wording import Speaker, limits
from sopkg.worker import Job

MOST_OPTIONS = 12
_FIRST, _LAST = " { (\n", "  ) }"  # around the cells of an update
_TEXT = NamedNode("http://www.w3.org/2001/XMLSchema#string")


@dataclass(frozen=True)
class Slot:
    """What is open in a set of statements: something new, or one of the things that the data has."""

    variable: Variable
    is_new: bool
    wanted: str
    options: tuple[Ground, ...] = ()
    datatype: NamedNode | None = None  # of a literal; None where a thing is wanted


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
    """What would close a gap; the payload is that of an explanation, with the IRI that the city's things begin with.

    All sets are needed: a gap is there as long as one reading of its evidence lacks what the norm asks for. No set
    closes what one source shows and another denies, nor what rests on an earlier gap.
    """
    data, explanation = explained(job)
    speaker = Speaker(data, spoken(job.payload))
    denied = any(search.found for search in explanation.searches)
    told = denied or explanation.rests_on
    sets = [] if told else list(closings(data, explanation.searches, speaker))
    shown = [triple_record(t, speaker) for reading in explanation.readings[:1] for t in reading.evidence]
    base = job.payload["base"]
    return {
        "sets": [as_record(each, number, base, speaker) for number, each in enumerate(sets, 1)],
        "more": explanation.more_readings,
        "denied": denied,
        "restsOn": list(dict.fromkeys(speaker.name(term) for term in explanation.rests_on)),
        "evidence": [] if sets or told else [triple for triple in shown if not triple["inModel"]],
    }


def closings(data: Dataset, searches: Iterable[Search], speaker: Speaker) -> Iterator[Closing]:
    """A set of statements for each thing that was looked for."""
    for search in searches:
        if search.lack is not None:
            yield closing(data, search, search.lack.of_class, speaker)


def closing(data: Dataset, search: Search, of_class: NamedNode, speaker: Speaker) -> Closing:
    """The patterns of what was looked for as statements; what the data has already is offered, not said again."""
    patterns = [plain(part) for part in search.pattern.parts if isinstance(part, Triple)]
    patterns = split_sequences(patterns, group_variables(search.pattern))
    limited = limits(search.pattern)
    found = dict.fromkeys(v for each in patterns for v in sorted(triple_variables(each), key=str))
    slots = [] if search.sought is None else [Slot(search.sought, True, with_label(of_class, speaker))]
    for variable in found:
        if variable != search.sought:
            slots.append(
                _limited(variable, limited[variable])
                if variable in limited
                else _slot(data, variable, patterns, speaker)
            )
    offered = {slot.variable for slot in slots if slot.options}
    statements = [each for each in patterns if each.subject not in offered and not holds(data, each)]
    if search.sought is not None:
        for triple, slot in _required(data, search, of_class, statements, speaker):
            statements.append(triple)
            slots.append(slot)
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
    mine = [each for each in patterns if each.subject == variable]
    typed = [Triple(variable, RDF_TYPE, each) for each in _classes(data, variable, patterns)]
    wanted = speaker.say("and").join(_wanted(each, speaker) for each in mine or typed) or speaker.say("anything")
    known = [each for each in mine if triple_variables(each) == {variable}]
    asked = Select(((None, variable),), Group((*known, *typed)), distinct=True, limit=MOST_OPTIONS)
    options = tuple(row[variable] for row in data.rows(asked)) if known and known == mine else ()
    return Slot(variable, not options, wanted, options)


def _classes(data: Dataset, variable: Variable, patterns: Iterable[Triple]) -> list[NamedNode]:
    """What the shapes say the values of the properties are that lead to a variable."""
    leading = [each.predicate for each in patterns if each.object == variable and isinstance(each.predicate, NamedNode)]
    asked = system_query("value-classes")
    rows = (select(data.store, asked, data.graphs, {Variable("property"): each}) for each in dict.fromkeys(leading))
    return list(dict.fromkeys(row["class"] for each in rows for row in each))


def _limited(variable: Variable, tests: Iterable[Call]) -> Slot:
    """A literal within limits, of which those that it may reach are offered."""
    ends = [(each.name, argument) for each in tests for argument in each.arguments if isinstance(argument, Literal)]
    reached = tuple(end for name, end in ends if "=" in str(name))
    wanted = " and ".join(f"{name} {end.value}" for name, end in ends)
    return Slot(variable, True, wanted, reached, ends[0][1].datatype)


def _wanted(pattern: Triple, speaker: Speaker) -> str:
    if pattern.predicate == RDF_TYPE and isinstance(pattern.object, NamedNode):
        return with_label(pattern.object, speaker)
    verb = speaker.verb(pattern.predicate) if isinstance(pattern.predicate, NamedNode) else print_part(pattern)
    value = pattern.object
    if not isinstance(value, Variable):
        return speaker.say("wanted", verb=verb, value=speaker.name(value))
    if verb.endswith(speaker.grammar.words(value)):  # the verb names what is chosen itself
        return speaker.say("wanted_any", verb=verb)
    return speaker.say("wanted", verb=verb, value=speaker.noun(value, {})[1])


def with_label(of_class: NamedNode, speaker: Speaker) -> str:
    """A class as what is asked for."""
    return speaker.grammar.article(speaker.label(of_class))


def _required(
    data: Dataset, search: Search, of_class: NamedNode, statements: list[Triple], speaker: Speaker
) -> Iterator[tuple[Triple, Slot]]:
    """What the shapes ask of a thing of a class besides, without what the norm rules out."""
    assert search.sought is not None
    said = {each.predicate for each in statements if each.subject == search.sought}
    negated = (each.expression.group for each in search.pattern.parts if _is_negation(each))
    ruled_out = {part for group in negated for part in group.parts if isinstance(part, Triple)}
    for row in select(data.store, system_query("required"), data.graphs, {Variable("class"): of_class}):
        if row["path"] not in said:
            # No pattern's variable has a name like that.
            variable = Variable(f"the_{key(row['path'])}")
            slot = _required_slot(data, variable, row, speaker)
            allowed = tuple(o for o in slot.options if Triple(search.sought, row["path"], o) not in ruled_out)
            yield Triple(search.sought, row["path"], variable), replace(slot, options=allowed)


def _is_negation(part: Part) -> TypeGuard[Any]:
    return isinstance(part, Filter) and isinstance(part.expression, Exists) and part.expression.negated


def _required_slot(data: Dataset, variable: Variable, row: Mapping[str, Any], speaker: Speaker) -> Slot:
    of_class = row["valueClass"]
    if of_class is None:
        typed = row["datatype"]
        wanted = speaker.say("text") if typed is None else speaker.say("literal", type=key(typed))
        return Slot(variable, True, wanted, datatype=row["datatype"] or _TEXT)
    return _slot(data, variable, [Triple(variable, RDF_TYPE, of_class)], speaker)


def as_record(closing: Closing, number: int, base: str, speaker: Speaker) -> Record:
    """A set of statements as plain data, as SPARQL Update and as Turtle."""
    return {
        "slots": [
            {
                "name": slot.variable.value,
                "new": slot.is_new,
                "wanted": slot.wanted,
                "datatype": slot.datatype and slot.datatype.value,
                "options": [{"term": str(each), "label": speaker.label(each)} for each in slot.options],
            }
            for slot in closing.slots
        ],
        "conditions": list(closing.conditions),
        "update": as_update(closing, number, base),
    }


def as_update(closing: Closing, number: int, base: str) -> str:
    """The set as a SPARQL update: a VALUES with a column for each slot, UNDEF where one has to be chosen."""
    slots = closing.slots
    columns = " ".join(f"?{slot.variable.value}" for slot in slots)
    statements = [f"  {print_part(each)}" for each in closing.statements]
    cells = _cells(_cell(slot, number, base) for slot in slots)
    body = ["INSERT {", *statements, "}", "WHERE {", f"  VALUES ({columns}){cells}", "}"]
    return with_prefixes("\n".join(body)) + "\n"


def with_cells(update: str, cells: Iterable[str]) -> str:
    """An update of `as_update` with other cells: a term in SPARQL for each slot, in their order."""
    return update.replace(_cells(cells_of(update)), _cells(cells))


def cells_of(update: str) -> list[str]:
    """The cells of an update of `as_update`, in the order of its slots: a term, or UNDEF where one has to be chosen."""
    return [line.strip() for line in update.partition(_FIRST)[2].partition(_LAST)[0].splitlines()]


def _cells(cells: Iterable[str]) -> str:
    return _FIRST + "".join(f"    {cell}\n" for cell in cells) + _LAST


def with_prefixes(text: str) -> str:
    """SPARQL with the names of the ontology's prefixes for IRIs, and the prefixes that it then needs."""
    known = prefix_table()
    used = dict[str, str]()
    for prefix, namespace in sorted(known.items(), key=lambda each: -len(each[1])):
        shorter = re.sub(rf"<{re.escape(namespace)}([A-Za-z_][\w-]*)>", rf"{prefix}:\1", text)
        used |= {prefix: namespace} if shorter != text else {}
        text = shorter
    return "\n".join([*(f"PREFIX {prefix}: <{used[prefix]}>" for prefix in sorted(used)), text])


def _cell(slot: Slot, number: int, base: str) -> str:
    if slot.is_new and slot.datatype is None:
        return f"<{base}new/{number}/{slot.variable.value}>"
    # Who it is stays to be chosen, even where the data has one only; the city is a fact.
    known = [each for each in slot.options if each.value.startswith(f"{base}city/")]
    return str(known[0]) if len(known) == 1 else "UNDEF"


def as_text(told: Mapping[str, Any]) -> str:
    """A remedy as a SPARQL update with comments: what to choose, what else is asked, or why no statement helps."""
    focus = " · ".join(each["label"] for each in told["focus"])
    lines = [f"# What would close {told['id']}", f"# {told['kind']['label']}: {focus} ({told['city']}, {told['date']})"]
    lines += [f"# {line}" for line in _reasons(told)]
    for number, each in enumerate(told["sets"]):
        lines += ["#", *map("# {}".format, _choices(each)), *([";"] if number else []), each["update"].rstrip()]
    return "\n".join(lines) + "\n"


def _reasons(told: Mapping[str, Any]) -> Iterator[str]:
    """Why no statement closes a gap."""
    if told["denied"]:
        yield "No statement closes it: one source shows what another denies, and one of the two has to be corrected."
    elif told["sets"]:
        command = "sopkg what-if FILE" if told["kind"]["inPaper"] else "sopkg what-if --extensions FILE"
        yield f"Replace each UNDEF and each IRI of something new, and try it: {command}"
        if told["more"]:
            yield "Further evidence lacks the same: ask again when this is done."
    elif told["restsOn"]:
        yield "No statement closes it: it rests on earlier gaps and closes when they do:"
        yield from (f"  {each}" for each in told["restsOn"])
    else:
        yield "No statement closes it: the evidence is the gap. It closes when one of these no longer holds:"
        shown = {"triples": told["evidence"], "conditions": []}
        yield from (f"  {line}" for line in reading_lines(shown, Grammar.of(languages()[DEFAULT])))


def _choices(closing: Mapping[str, Any]) -> Iterator[str]:
    for slot in closing["slots"]:
        yield f"?{slot['name']}: {slot['wanted']}{', new' if slot['new'] else ', one of'}"
        yield from (f"  {each['term']} ({each['label']})" for each in slot["options"])
    for condition in closing["conditions"]:
        yield f"and of it: {condition}"
