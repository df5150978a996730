"""What became of the gaps, as an Atom feed (RFC 4287): an entry for each event that shows a change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from sopkg.cities import IDS
from sopkg.junit import writable
from sopkg.lifeline import event_iri, said

Row = Mapping[str, Any]
ATOM = "http://www.w3.org/2005/Atom"


def as_atom(city: str | None, events: Sequence[Row], observed: str, here: str, life: Callable[[str], str]) -> str:
    """The events, newest first, as a feed; each keeps its id for good.

    `observed` is the latest observation's date (ISO 8601), which the feed is as new as; `here` the feed's own address,
    `life` gives the address of a gap's life line.
    """
    root = Element("feed", {"xmlns": ATOM})
    _add(root, "id", f"{IDS}{city}/feed" if city else f"{IDS}feed")
    _add(root, "title", f"What became of the coordination gaps of {city or 'all cities'}")
    _add(root, "subtitle", "What can be known at neither of two observations is left out.")
    _add(root, "updated", _instant(observed))
    _add(SubElement(root, "author"), "name", "sopkg")
    SubElement(root, "link", {"rel": "self", "type": "application/atom+xml", "href": here})
    for event in sorted(events, key=lambda row: row["to"], reverse=True):
        _entry(root, event, life(event["id"]))
    ElementTree.indent(root)
    return ElementTree.tostring(root, "unicode", xml_declaration=True) + "\n"


def _entry(root: Element, event: Row, link: str) -> None:
    entry = SubElement(root, "entry")
    _add(entry, "id", event_iri(event))
    _add(entry, "title", f"{event['event']}: {event['kindLabel']}, {event['about']}")
    _add(entry, "updated", _instant(event["to"]))
    SubElement(entry, "link", {"rel": "alternate", "href": link})
    for term in (event["event"], *event["because"], event["notation"], event["city"]):
        SubElement(entry, "category", {"term": term})
    causes = f"What changed: {', '.join(event['because'])}."
    between = f"{event['city']}, from {event['from']} to {event['to']}"
    _add(entry, "content", f"{between}: {said(event)}. {event['meaning']} {causes}", {"type": "text"})


def _add(parent: Element, tag: str, text: str, attributes: Mapping[str, str] | None = None) -> None:
    SubElement(parent, tag, dict(attributes or {})).text = writable(text)


def _instant(date: str) -> str:
    """A day's beginning as RFC 3339 writes it."""
    return f"{date}T00:00:00Z"
