"""An audit as JUnit XML, as pipelines read it: a suite for each kind of gap, a case for each gap."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from sopkg.baseline import UNDETERMINED, Comparison
from sopkg.responses import said as said_of

Row = Mapping[str, Any]
# XML 1.0, 2.2: characters that no document can have, not even escaped.
UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(
    findings: Sequence[Row], kinds: Sequence[Row], compared: Comparison | None, passed_over: Callable[[Row], bool]
) -> str:
    """A gap is a failure; beside a baseline only a new or a worse one is.

    One that can't be known is skipped, and so is one that is passed over. What was answered to a gap is its output.
    """
    root = Element("testsuites", {"name": "sopkg"})
    for kind in kinds:
        gone = [row for row in compared.gone if row["notation"] == kind["notation"]] if compared else []
        mine = [row for row in findings if row["notation"] == kind["notation"]]
        suite = SubElement(root, "testsuite", {"name": f"{kind['notation']} {kind['label']}"})
        for row in mine:
            _case(suite, row, kind, "passed over" if passed_over(row) else compared.state(row) if compared else "new")
        for row in gone:
            _case(suite, row, kind, "gone")
        if not mine and not gone:
            SubElement(suite, "testcase", {"classname": kind["notation"], "name": kind["question"]})
        _count(suite)
    _count(root)
    ElementTree.indent(root)
    return ElementTree.tostring(root, "unicode", xml_declaration=True) + "\n"


def _case(suite: Element, row: Row, kind: Row, state: str) -> None:
    name = writable(f"{row['id']} {row['about']}")
    case = SubElement(suite, "testcase", {"classname": f"{row['city']}.{row['notation']}", "name": name})
    said = writable(f"{row['severity']}, {row['verdict']}: {row['about']}")
    if state != "gone" and row["verdict"] == UNDETERMINED:
        SubElement(case, "skipped", {"message": f"can't be known from the data: {said}"})
    elif state in ("new", "worse"):
        failure = SubElement(case, "failure", {"message": said, "type": row["severity"]})
        failure.text = writable(f"{kind['definition']} {kind['remedy']} `sopkg why {row['id']}` explains it.")
    elif state == "passed over":
        SubElement(case, "skipped", {"message": f"an accepted risk: {said}"})
    told = {"gone": ["gone since the baseline"], "same": ["in the baseline too"]}.get(state, [])
    told += [f"Response: {said_of(each)}" for each in row.get("responses", ())]
    if told:
        SubElement(case, "system-out").text = writable("\n".join(told))


def _count(element: Element) -> None:
    counts = {"tests": "testcase", "failures": "failure", "skipped": "skipped"}
    element.attrib.update({name: str(sum(1 for _ in element.iter(tag))) for name, tag in counts.items()})
    element.set("errors", "0")


def writable(text: str) -> str:
    """A text with U+FFFD for what XML can't have."""
    return UNWRITABLE.sub("\ufffd", text)
