"""The explanation of a gap as lines of text, made from its plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sopkg.naming import joined, with_article
from sopkg.negation import RDF_TYPE
from sopkg.responses import said

UNDETERMINED = "undetermined"


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
