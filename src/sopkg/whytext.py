"""The explanation of a gap as lines of text, made from its plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sopkg.grammar import Grammar
from sopkg.languages import DEFAULT, Language, languages
from sopkg.negation import RDF_TYPE
from sopkg.responses import said

UNDETERMINED = "undetermined"
ENGLISH = languages()[DEFAULT]


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
    body = list(body_lines(why, ENGLISH))
    yield from body
    yield "What made the verdict:"
    yield from (f"  - {line}" for line in verdict_lines(told, why, ENGLISH))
    yield f"What would close it: {kind['remedy']}"
    if any(", row " in line for line in body):
        table = "of a table line n + 1, where no cell has a line break"
        yield f"Row n is the n-th record of its file: {table}; of RDF the n-th IRI by name."


def body_lines(why: Mapping[str, object], language: Language) -> Iterator[str]:
    """What an explanation says: heads, and below each its lines, set in by spaces and a dash."""
    grammar = Grammar.of(language)
    yield from _evidence_lines(why, grammar)
    yield from _found_lines(why, grammar) if _found(why) else _missing_lines(why, grammar)
    yield from _read_as_lines(why, grammar)


def reason(why: Mapping[str, object], language: Language) -> str:
    """An explanation in one line: what was looked for and not found, or the evidence."""
    grammar = Grammar.of(language)
    separator = grammar.say("list")
    if why["lookedFor"] is None:
        lines = separator.join(reading_lines(_list(why, "evidence")[0], grammar))
        return grammar.say("reason", head=grammar.say("found"), lines=lines)
    looked = _part(why, "lookedFor")
    said = [str(looked["class"])] if looked["class"] else []
    lines = separator.join([*said, *map(str, [*_list(looked, "values"), *_list(looked, "conditions")])])
    return grammar.say("reason", head=grammar.say("denied_and_found" if _found(why) else "not_found"), lines=lines)


def _grading(told: Mapping[str, object]) -> str:
    base, steps = f"the kind's base is {_part(told, 'kind')['base']}", _list(told, "steps")
    if told["verdict"] == UNDETERMINED:
        return f"an undetermined finding is a gap in the data, so always low; {base}"
    return base if not steps else f"{base}; steps: " + ", ".join(str(step["label"]) for step in steps)


def _evidence_lines(why: Mapping[str, object], grammar: Grammar) -> Iterator[str]:
    """What the model says and what the data says, apart."""
    readings = [reading for reading in _list(why, "evidence") if not reading["meetsNorm"]]
    triples = [triple for reading in readings for triple in _list(reading, "triples")]
    model = list(_grouped([triple for triple in triples if triple["inModel"]], grammar))
    conditions = [str(condition) for reading in readings for condition in _list(reading, "conditions")]
    data = dict.fromkeys([*_grouped([triple for triple in triples if not triple["inModel"]], grammar), *conditions])
    if model:
        yield grammar.say("model")
        yield from (f"  - {line}" for line in model)
    yield grammar.say("data")
    yield from (f"  - {line}" for line in data or [grammar.say("absence_alone")])
    if why["moreEvidence"]:
        yield f"  - {grammar.say('more_of_it')}"


def _read_as_lines(why: Mapping[str, object], grammar: Grammar) -> Iterator[str]:
    """In which other sense than the model's the data's things were put under an object."""
    readings = _list(why, "readAs")
    if readings:
        yield grammar.say("read_as")
    for reading in readings:
        things = grammar.say("list").join(str(thing["label"]) for thing in _list(reading, "things"))
        said = " ".join(str(reading[part]) for part in ("definition", "note") if reading[part])
        yield f"  - {grammar.say('reading', things=things, label=reading['label'], said=said)}"


def reading_lines(reading: Mapping[str, object], grammar: Grammar) -> Iterator[str]:
    """What one reading of the evidence shows, a line a subject, then the conditions that held."""
    yield from _grouped(_list(reading, "triples"), grammar)
    yield from map(str, _list(reading, "conditions"))


def _grouped(triples: list[Mapping[str, object]], grammar: Grammar) -> Iterator[str]:
    """The triples of each subject as one line with its row; subjects of which only the class is told come first."""
    unique = list({(t["subject"], t["predicate"], t["object"]): t for t in triples}.values())
    subjects = dict.fromkeys(triple["subject"] for triple in unique)
    groups = [[triple for triple in unique if triple["subject"] == subject] for subject in subjects]
    groups = [mine for mine in groups if not _told_by_another(mine, unique)]
    classed = [mine for mine in groups if all(map(_only_class, mine))]
    if classed:
        yield grammar.say("list").join(_line(mine, grammar) for mine in classed)
    yield from (_line(mine, grammar) for mine in groups if mine not in classed)


def _told_by_another(mine: list[Mapping[str, object]], triples: list[Mapping[str, object]]) -> bool:
    """Whether the name of a thing says all, and another line has the name."""
    return all(triple["inName"] for triple in mine) and mine[0]["subject"] in {each["object"] for each in triples}


def _only_class(triple: Mapping[str, object]) -> bool:
    return triple["predicate"] == str(RDF_TYPE) and not triple["inName"]


def _line(mine: list[Mapping[str, object]], grammar: Grammar) -> str:
    said = [grammar.joined(str(triple["verb"]), str(triple["value"])) for triple in mine if not triple["inName"]]
    told = grammar.say("list").join(said) or grammar.say("recorded")
    line = grammar.say("line", about=mine[0]["about"], said=told)
    cited = next((triple["source"] for triple in mine if isinstance(triple["source"], dict)), None)
    return line + (grammar.say("row", file=cited["file"], row=cited["row"]) if isinstance(cited, dict) else "")


def _found(why: Mapping[str, object]) -> list[Mapping[str, object]]:
    return [reading for reading in _list(why, "evidence") if reading["meetsNorm"]]


def _found_lines(why: Mapping[str, object], grammar: Grammar) -> Iterator[str]:
    """What a source says there is not, and what the data shows of it."""
    yield from _looked_for_lines("denied", why, grammar)
    yield grammar.say("found_all_the_same")
    triples = [triple for reading in _found(why) for triple in _list(reading, "triples")]
    yield from (f"  - {line}" for line in _grouped(triples, grammar))


def _missing_lines(why: Mapping[str, object], grammar: Grammar) -> Iterator[str]:
    """What was looked for and not found, and what comes nearest, by the condition that it does not meet."""
    if why["lookedFor"] is None:
        return
    yield from _looked_for_lines("looked_for", why, grammar)
    misses = _list(why, "nearestMisses")
    yield grammar.say("nearest" if misses else "none_near")
    for condition in dict.fromkeys(miss["condition"] for miss in misses):
        yield f"  - {grammar.say('but', condition=condition)}"
        mine = (triple for miss in misses if miss["condition"] == condition for triple in _list(miss, "found"))
        yield from (f"      {line}" for line in _grouped(list(mine), grammar))


def _looked_for_lines(heading: str, why: Mapping[str, object], grammar: Grammar) -> Iterator[str]:
    for looked in (_part(why, "lookedFor"), *_list(why, "alsoLookedFor")):
        said = grammar.say(heading)
        if looked["class"] is None:
            yield grammar.say("looked", heading=said)
        else:
            yield grammar.say("looked_class", heading=said, noun=grammar.article(str(looked["class"])))
        heading = "likewise"
        yield from (f"  - {line}" for line in [*_list(looked, "values"), *_list(looked, "conditions")])


def verdict_lines(told: Mapping[str, object], why: Mapping[str, object], language: Language) -> list[str]:
    """What made the verdict, a sentence a line: what it rests on, who denies it, or what it means and who says so."""
    grammar, rests_on, denials = Grammar.of(language), _list(why, "restsOn"), _list(why, "denials")
    if rests_on:
        findings = grammar.say("list").join(map(str, rests_on))
        return [grammar.say("rests_surest" if rests_on[1:] else "rests", findings=findings)]
    if denials:
        return [grammar.say("denies", said=_line([each], grammar), place=_place(each, grammar)) for each in denials]
    if why["lookedFor"] is None:
        return [grammar.say("shown")]
    meaning = language.meaning("verdict", str(told["verdict"]))
    return [
        meaning.text if meaning else str(told["meaning"]),
        *(
            grammar.say("statement", label=said["label"], place=_place(said, grammar))
            for said in _list(told, "statements")
        ),
    ]


def _place(said: Mapping[str, object], grammar: Grammar) -> str:
    """Where a source says so, in brackets."""
    named = [str(said[part]) for part in ("placeLabel", "place") if said.get(part)]
    return grammar.say("place", places=grammar.say("beside").join(named)) if named else ""


def _part(record: Mapping[str, object], key: str) -> Mapping[str, object]:
    part = record[key]
    assert isinstance(part, dict)
    return part


def _list(record: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    items = record[key]
    assert isinstance(items, list)
    return items
