"""Entities of an XML document (XML 1.0, section 4): those that it declares itself, written out within bounds."""

from __future__ import annotations

import re

from sopkg.errors import BadInput

# An expanded document may be this many times as long: an IRI for each of the short names that stand for one.
MOST_GROWTH = 10
# An entity's replacement text; one that is made of others that are made of others gets no further.
MOST_LENGTH = 2000
_MARK = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_NAME = rb"[A-Za-z_:][\w.:-]*"
_VALUE = rb"""(?:"(?P<double>[^"<%]*)"|'(?P<single>[^'<%]*)')"""
_ENTITY = re.compile(rb"<!ENTITY\s+(?P<name>" + _NAME + rb")\s+" + _VALUE + rb"\s*>")
_SKIPPED = re.compile(rb"\s+|<!--.*?-->", re.DOTALL)
_PROLOG = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
_START = re.compile(rb"<!DOCTYPE\s+" + _NAME + rb"\s*(?P<subset>\[)?")
_END = re.compile(rb"\s*>")
# A reference in a comment or a CDATA section is none; one of these that does not end goes to the end.
_ASIDE = rb"<!--(?:.*?-->|.*)|<!\[CDATA\[(?:.*?\]\]>|.*)"
_REFERENCE = re.compile(_ASIDE + rb"|&(?P<name>" + _NAME + rb");", re.DOTALL)


def has_declaration(data: bytes) -> bool:
    """Whether a document has a document type declaration, where it may stand: at its beginning."""
    return data.startswith(b"<!DOCTYPE", _end_of(_PROLOG, data, 0))


def expanded(data: bytes, name: str) -> bytes:
    """The document without its document type declaration, the entities declared in it written out; lines stay.

    Nothing outside the document is read. Raises BadInput for other declarations than of entities with their text, and
    for entities that make the document longer than is reasonable.
    """
    if not _MARK.search(data):
        return data
    begin = _end_of(_PROLOG, data, 0)
    entities, end = _declared(data, begin, name)
    if _MARK.search(data, end):
        raise BadInput(f"{name}: <!DOCTYPE or <!ENTITY stands after the document's beginning")
    body = _written_out(data[end:], entities, MOST_GROWTH * len(data), name)
    return data[:begin] + b"\n" * data.count(b"\n", begin, end) + body


def _declared(data: bytes, begin: int, name: str) -> tuple[dict[bytes, bytes], int]:
    """The entities of the declaration that begins there, and where it ends."""
    entities: dict[bytes, bytes] = {}
    start = _START.match(data, begin)
    place = start.end() if start else begin
    if start and start["subset"]:
        while found := _SKIPPED.match(data, place) or _ENTITY.match(data, place):
            place = found.end()
            if found.re is _ENTITY and found["name"] not in entities:  # the first declaration is the one that holds
                text = found["double"] if found["single"] is None else found["single"]
                entities[found["name"]] = _written_out(_quoted(text), entities, MOST_LENGTH, name)
        place += data[place : place + 1] == b"]"
    end = _END.match(data, place)
    if start is None or end is None or (start["subset"] and data[place - 1 : place] != b"]"):
        line = data.count(b"\n", 0, place) + 1
        raise BadInput(f'{name}, line {line}: of <!DOCTYPE only <!ENTITY name "text"> is read', {"line": line})
    return entities, end.end()


def _quoted(text: bytes) -> bytes:
    """A text that may stand in an attribute's value."""
    return text.replace(b'"', b"&quot;").replace(b"'", b"&apos;")


def _written_out(text: bytes, entities: dict[bytes, bytes], most: int, name: str) -> bytes:
    names = (found["name"] for found in _REFERENCE.finditer(text))
    if len(text) + sum(len(entities.get(each, b"")) for each in names) > most:
        said = f"{MOST_GROWTH} times as long, or one of them longer than {MOST_LENGTH} bytes"
        raise BadInput(f"{name}: its entities make it more than {said}")
    # What is not declared here (XML's own five, or a fault) is left to the parser.
    return _REFERENCE.sub(lambda found: entities.get(found["name"], found[0]), text)


def _end_of(pattern: re.Pattern[bytes], data: bytes, begin: int) -> int:
    found = pattern.match(data, begin)
    return begin if found is None else found.end()
