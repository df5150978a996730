"""Reads an RDF graph that a caller gives, in any of RDF's formats, and says where it can't."""

from __future__ import annotations

from pyoxigraph import Quad, RdfFormat, Triple, parse

from sopkg.entities import expanded, has_declaration
from sopkg.errors import BadInput, UnsupportedMediaType
from sopkg.files import BASE
from sopkg.results import GRAPHS
from sopkg.turtle import skolemised

_BY_EXTENSION = {".ttl": "turtle", ".nt": "nt", ".nq": "nq", ".trig": "trig"}
_BY_EXTENSION |= {".rdf": "rdf", ".owl": "rdf", ".xml": "rdf", ".jsonld": "jsonld", ".json": "jsonld"}
# What pyoxigraph says of a JSON-LD context that would have to be fetched.
_REMOTE_CONTEXT = "LoadDocumentCallback"
MEDIA_TYPES = [each.media_type for each in GRAPHS]


def format_of_type(media_type: str) -> RdfFormat:
    """The format of a media type. Raises UnsupportedMediaType with those that are read."""
    kind = media_type.partition(";")[0].strip().lower()
    for each in GRAPHS:
        if kind in (each.media_type, *each.aliases):
            return _known(each.media_type)
    given = kind or "of no stated type"
    offer = ", ".join(MEDIA_TYPES)
    raise UnsupportedMediaType(f"the body is {given}; expected is one of {offer}", {"expected": MEDIA_TYPES})


def format_of_name(file_name: str) -> RdfFormat:
    """The format that a file's extension stands for. Raises BadInput with those that are read."""
    extension = next((each for each in _BY_EXTENSION if file_name.lower().endswith(each)), None)
    if extension is None:
        raise BadInput(f"{file_name}: expected is a file named {', '.join('*' + each for each in _BY_EXTENSION)}")
    return format_of_short_name(_BY_EXTENSION[extension])


def format_of_short_name(name: str) -> RdfFormat:
    """The format of a short name, as the results have it."""
    return _known(next(each.media_type for each in GRAPHS if each.name == name))


def _known(media_type: str) -> RdfFormat:
    found = RdfFormat.from_media_type(media_type)
    assert found is not None
    return found


def refuse_declaration(data: bytes, form: RdfFormat) -> None:
    """Raises BadInput for RDF/XML with a document type declaration: none is read that comes over the network."""
    if form == RdfFormat.RDF_XML and has_declaration(data):
        said = "which is not read over HTTP: write its entities out, or send another format of RDF"
        raise BadInput(f"the body has a document type declaration (<!DOCTYPE), {said}")


def read_graph(data: bytes, form: RdfFormat, name: str = "the graph") -> list[Triple]:
    """The triples of all graphs in the data, skolemised. Raises BadInput with line and reason."""
    return skolemised(read_quads(data, form, name), data)


def read_quads(data: bytes, form: RdfFormat, name: str) -> list[Quad]:
    """The quads in the data, with its blank nodes. Raises BadInput with line and reason."""
    text = data
    if form == RdfFormat.RDF_XML:
        # UTF-16 would hide entities, and 700 bytes of them can stand for gigabytes.
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise BadInput(f"{name}: RDF/XML is read as UTF-8")
        text = expanded(data, name)
    try:
        return list(parse(text, form, base_iri=BASE))
    except SyntaxError as error:
        if _REMOTE_CONTEXT in error.msg:
            said = "its @context is an address, and nothing is fetched: write the context in its place"
            raise BadInput(f"{name}: {said}") from error
        line = {} if error.lineno is None else {"line": error.lineno}
        where = f", line {error.lineno}" if line else ""
        raise BadInput(f"{name}{where}: {error.msg}", line) from error
    except (ValueError, OSError) as error:
        raise BadInput(f"{name} can't be read: {error}") from error
