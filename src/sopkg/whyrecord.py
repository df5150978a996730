"""The explanation of a gap as plain data: every term with its label, every triple with graph and source row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyoxigraph import NamedNode, Variable

from sopkg.syntax import Call, Expression, Filter, Group, Term, Triple, bindable_variables
from sopkg.why import Explanation, Miss, Reading, Search, Tally
from sopkg.wording import Nouns, Speaker, limited_variable, limits, values_of

Record = dict[str, object]


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
        "restsOn": list(dict.fromkeys(speaker.name(term) for term in explanation.rests_on)),
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
    return {"term": thing.value, "label": speaker.say("whole", name=name) if whole else name}


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
        numbers = speaker.say("list").join(_tally(tally, reading, speaker) for tally in mine)
        told = {"name": speaker.grammar.words(name), "numbers": numbers}
        if mine[0].counted is None:
            yield speaker.say("counted", **told)
        else:
            yield speaker.say("counted_each", noun=speaker.grammar.article(speaker.label(mine[0].counted)), **told)


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
    nouns = _nouns(search, speaker, speaker.say("it"))
    return {
        "class": None if lack is None else speaker.label(lack.of_class),
        "values": [] if lack is None else list(values_of(lack, speaker)),
        "conditions": list(_conditions(search, speaker, nouns)),
    }


def _nouns(search: Search, speaker: Speaker, subject: str = "") -> Nouns:
    """What the pattern that was looked for calls its variables; `subject` is what its observation is called."""
    called = {variable: speaker.noun(variable, {}) for variable in bindable_variables(search.pattern)}
    if search.lack is not None and search.sought is not None:
        label = speaker.label(search.lack.of_class)
        called[search.sought] = (subject or speaker.say("the", noun=label), speaker.say("this", noun=label))
    return called


def _conditions(search: Search, speaker: Speaker, nouns: Nouns) -> Iterator[str]:
    """What was asked for besides values: the limits of values that are free, and the filters."""
    limited = limits(search.pattern)
    for part in search.pattern.parts:
        if isinstance(part, Triple) and part.object in limited:
            said = speaker.limited(part, limited[part.object])
            subject = speaker.expression(part.subject, nouns)
            yield said if part.subject == search.sought else speaker.say("clause", subject=subject, predicate=said)
        elif isinstance(part, Triple) and _is_any(part.object, search.pattern):
            yield speaker.grammar.joined(speaker.verb(part.predicate), speaker.say("something"))
        elif search.lack is None or (isinstance(part, Filter) and limited_variable(part) not in limited):
            # The observation that is looked for stands in the heading.
            yield speaker.part(part, nouns).removeprefix(speaker.say("it_first"))


def _is_any(term: Term, group: Group) -> bool:
    """Whether a term is a variable of one pattern and no more: whatever it is, it is there."""
    triples = [part for part in group.parts if isinstance(part, Triple)]
    return isinstance(term, Variable) and sum(term in (each.subject, each.object) for each in triples) == 1


def _miss_record(miss: Miss, search: Search, speaker: Speaker) -> Record:
    return {
        "condition": speaker.part(miss.condition, _nouns(search, speaker)),
        "found": triple_records(miss.found, speaker),
    }
