"""Entities that an RDF/XML document declares: read as another parser reads them, within bounds."""

from __future__ import annotations

import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pyoxigraph import RdfFormat

from sopkg.entities import expanded
from sopkg.errors import BadInput
from sopkg.rdfinput import read_graph

DOCUMENTS = sorted((Path(__file__).parent / "entities").glob("*.rdf"))
NESTED = b"".join(b"<!ENTITY a%d '&a%d;&a%d;'>" % (n + 1, n, n) for n in range(40))
REFUSED = {
    "file": (b"<!DOCTYPE x SYSTEM 'file:///etc/passwd'><x/>", "line 1: of <!DOCTYPE only"),
    "outside": (b"<!DOCTYPE x [\n<!ENTITY a SYSTEM 'file:///etc/passwd'>]><x>&a;</x>", "line 2: of <!DOCTYPE only"),
    "parameter": (b"<!DOCTYPE x [<!ENTITY % a 'b'>]><x/>", "of <!DOCTYPE only"),
    "open": (b"<!DOCTYPE x [<!ENTITY a 'b'><x/>", "of <!DOCTYPE only"),
    "late": (b"<x><!DOCTYPE x [<!ENTITY a 'b'>]></x>", "of <!DOCTYPE only"),
    "second": (b"<!DOCTYPE x><!DOCTYPE x [<!ENTITY a 'b'>]><x/>", "after the document's beginning"),
    "many": (b"<!DOCTYPE x [<!ENTITY a '" + b"b" * 999 + b"'>]><x>" + b"&a;" * 100_000 + b"</x>", "times as long"),
    "nested": (b"<!DOCTYPE x [<!ENTITY a0 'b'>" + NESTED + b"]><x>&a40;</x>", "times as long"),
    "undeclared": (b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&c;</x>", "the graph"),
}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_entities_are_read_as_another_parser_reads_them(document: Path) -> None:
    text = document.read_bytes()
    plain = expanded(text, document.name)
    assert ElementTree.canonicalize(plain.decode()) == ElementTree.canonicalize(text.decode())
    assert plain.count(b"\n") == text.count(b"\n")
    assert read_graph(text, RdfFormat.RDF_XML)


@pytest.mark.parametrize("kind", REFUSED)
def test_other_declarations_and_floods_are_refused(kind: str) -> None:
    text, says = REFUSED[kind]
    start = time.process_time()
    with pytest.raises(BadInput, match=says):
        read_graph(text, RdfFormat.RDF_XML)
    assert time.process_time() - start < 1


def test_a_comment_without_end_takes_no_longer_than_its_length() -> None:
    start = time.process_time()
    expanded(b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + b"<!-- " * 200_000, "a document")
    assert time.process_time() - start < 1
