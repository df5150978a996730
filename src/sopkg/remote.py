"""Another SPARQL server in the place of the store: the workers' own operations, asked over the SPARQL 1.1 Protocol.

Only SPARQL 1.1 is sent: query files as they are written, with parameters as a VALUES that stands first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import Any, cast
from urllib.error import URLError
from urllib.parse import urlsplit

import pyoxigraph as ox

from sopkg.errors import BadInput, NotFound, QueryTimeout, RemoteFault, Unauthorized
from sopkg.graphs import CATALOGUE, known_graphs
from sopkg.guard import TOKEN, inspect
from sopkg.printer import print_values
from sopkg.settings import Settings
from sopkg.syntax import Values
from sopkg.worker import Job, Reply, operation

_INSTALL = "pip install 'sopkg[remote]' brings SPARQLWrapper, which asks other endpoints"
_OPERATIONS = ("query", "explain", "current-graphs", "labels", "why")
_DETAIL = 300
Names = Sequence[str] | None


class Endpoint:
    """A server's query endpoint and, where it has one, its update endpoint."""

    def __init__(self, query: str, update: str | None, seconds: float) -> None:
        for address in filter(None, (query, update)):
            if urlsplit(address).scheme not in ("http", "https"):
                raise BadInput(f"{address!r} is no address of an endpoint; expected is http:// or https://")
        self.address, self._update, self._seconds = query, update, seconds

    def ask(self, text: str, form: str, default: Names = None, named: Names = None) -> tuple[bytes, str]:
        """The body of the answer to a query of a form, and its media type; None leaves the dataset to the server."""
        wrapper = _sparqlwrapper()
        asked = wrapper.SPARQLWrapper(self.address)
        asked.setMethod(wrapper.POST)
        asked.setQuery(text)
        asked.queryType = form
        asked.setReturnFormat(wrapper.JSON if form in ("SELECT", "ASK") else wrapper.TURTLE)
        for name, graphs in (("default-graph-uri", default), ("named-graph-uri", named)):
            for graph in graphs or ():
                asked.addParameter(name, graph)
        return self._sent(asked, "query")

    def update(self, text: str) -> None:
        """Has the server carry out an update. Raises BadInput where no update endpoint is known."""
        if self._update is None:
            raise BadInput(f"{self.address} is asked to write, and no update endpoint is given: --update-endpoint URL")
        wrapper = _sparqlwrapper()
        asked = wrapper.SPARQLWrapper(self.address, updateEndpoint=self._update)
        asked.setMethod(wrapper.POST)
        asked.setQuery(text)
        asked.queryType = wrapper.INSERT
        self._sent(asked, "update")

    def _sent(self, asked: Any, what: str) -> tuple[bytes, str]:
        faults = _sparqlwrapper().SPARQLExceptions
        asked.setTimeout(max(1, round(self._seconds)))
        address = self.address if what == "query" else self._update
        try:
            response = asked.query().response
            return response.read(), response.headers.get_content_type()
        except faults.Unauthorized as error:
            raise Unauthorized(f"{address} wants to know who asks") from error
        except faults.EndPointNotFound as error:
            raise NotFound(f"{address} is no SPARQL endpoint: it answers with 404") from error
        except faults.SPARQLWrapperException as error:
            raise RemoteFault(f"{address} refuses the {what}: {_first_words(error)}") from error
        except (URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                late = f"{address} did not answer in {self._seconds:g} s"
                raise QueryTimeout(late, {"seconds": self._seconds}) from error
            raise RemoteFault(f"{address} can't be asked: {reason}") from error


def _first_words(error: Any) -> str:
    told = error.args[0] if error.args else error
    return " ".join(str(told).split())[:_DETAIL]


@cache
def _sparqlwrapper() -> Any:
    try:
        import SPARQLWrapper
        import SPARQLWrapper.SPARQLExceptions
    except ImportError as error:
        raise RemoteFault(_INSTALL) from error
    return SPARQLWrapper


class RemoteStore:
    """What is asked of a store, asked of an endpoint; `graphs` are its default graph where a query names none."""

    def __init__(self, endpoint: Endpoint, graphs: Sequence[str] | None = None) -> None:
        self.endpoint, self.graphs = endpoint, graphs

    def query(
        self,
        text: str,
        *,
        default_graph: Sequence[ox.NamedNode] | None = None,
        named_graphs: Sequence[ox.NamedNode] | None = None,
        substitutions: Mapping[ox.Variable, ox.NamedNode | ox.Literal] | None = None,
    ) -> ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples:
        """The answer, as the engine's own type."""
        form = inspect(text, len(text), len(text)).form
        if not form:
            raise SyntaxError("expected is SELECT, ASK, CONSTRUCT or DESCRIBE")
        bound = bind(text, form, substitutions) if substitutions else text
        default = self.graphs if default_graph is None else [each.value for each in default_graph]
        named = None if named_graphs is None else [each.value for each in named_graphs]
        if default and named is None and _names_graphs(text):
            named = self.known  # where a dataset is given, what it leaves out is not there (SPARQL 1.1 Protocol, 2.1.4)
        body, media_type = self.endpoint.ask(bound, form, default, named)
        try:
            return _triples(body, media_type) if form in ("CONSTRUCT", "DESCRIBE") else _rows(body, form)
        except (SyntaxError, ValueError) as error:
            told = f"{self.endpoint.address} answers with {media_type}, which is no result of a {form} query: {error}"
            raise RemoteFault(told) from error

    @cached_property
    def known(self) -> list[str]:
        """The graphs that GRAPH can name: all of the catalogue, and itself."""
        return [CATALOGUE, *(graph.iri for graph in known_graphs(cast(ox.Store, self)))]

    def quads_for_pattern(self, subject: Any, predicate: Any, value: Any, graph: Any = None) -> Iterator[ox.Quad]:
        """The statements that fit, in a graph or in the default graph."""
        terms = [each or ox.Variable(name) for each, name in ((subject, "s"), (predicate, "p"), (value, "o"))]
        pattern = " ".join(map(str, terms))
        default = [graph] if isinstance(graph, ox.NamedNode) else None
        found = self.query(f"CONSTRUCT {{ {pattern} }} WHERE {{ {pattern} }}", default_graph=default)
        assert isinstance(found, ox.QueryTriples)
        return (ox.Quad(each.subject, each.predicate, each.object) for each in found)


def _names_graphs(text: str) -> bool:
    return any(token.lastgroup == "word" and token.group().upper() == "GRAPH" for token in TOKEN.finditer(text))


def _rows(body: bytes, form: str) -> ox.QuerySolutions | ox.QueryBoolean:
    found = ox.parse_query_results(body, format=ox.QueryResultsFormat.JSON)
    if form == "ASK" and isinstance(found, ox.QuerySolutions):
        # Virtuoso writes a truth value as a row, or none.
        return cast(ox.QueryBoolean, ox.Store().query("ASK {}" if any(found) else "ASK { FILTER(false) }"))
    return found


def _triples(body: bytes, media_type: str) -> ox.QueryTriples:
    form = ox.RdfFormat.from_media_type(media_type)
    if form is None:
        raise ValueError("no format of RDF")
    held = ox.Store()
    held.extend(ox.Quad(each.subject, each.predicate, each.object) for each in ox.parse(body, form))
    return cast(ox.QueryTriples, held.query("CONSTRUCT WHERE { ?s ?p ?o }"))


def bind(text: str, form: str, terms: Mapping[ox.Variable, ox.NamedNode | ox.Literal]) -> str:
    """The query with a VALUES that stands first in its outermost group: seen by the filters inside it too."""
    values = print_values(Values(tuple(terms), (tuple(terms.values()),)))
    tokens = [token for token in TOKEN.finditer(text) if token.lastgroup not in ("skip", "joint")]
    signs = [token.group().upper() for token in tokens]
    # A template stands before the group.
    start = signs.index("WHERE") if form == "CONSTRUCT" else 0
    opening = tokens[signs.index("{", start)].end()
    return f"{text[:opening]} {values} {text[opening:]}"


class RemotePool:
    """In the place of the query workers: runs their operations here, over an endpoint."""

    def __init__(self, endpoint: Endpoint, settings: Settings) -> None:
        self._store, self._settings = RemoteStore(endpoint), settings

    def run(self, name: str, payload: Mapping[str, Any], seconds: float | None = None) -> Any:
        """What a worker would reply. Raises BadInput for what takes the store itself."""
        if name not in _OPERATIONS:
            raise BadInput(f"{name} takes the store itself: it is not asked of {self._store.endpoint.address}")
        # Graphs are the server's to merge, and the text stays as it is written.
        asked = {**payload, "chosen": False, "merges": False, "optimise": False}
        job = Job(cast(ox.Store, self._store), "", asked, self._settings.result_bytes, self._settings.result_rows)
        reply: Reply = operation(name)(job)
        if name == "current-graphs" and not reply:
            told = f"{self._store.endpoint.address} has no graph <{CATALOGUE}>, which says what it holds"
            raise NotFound(f"{told}; `sopkg dump` writes it with all others")
        return reply
