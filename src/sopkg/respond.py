"""Records what offices and bodies answer to gaps.

All responses are one graph of the store, so that a write is a snapshot like any other, and a backup has them. A city's
are also a CSV file that people edit and review.
"""

from __future__ import annotations

import csv
import hashlib
import io
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pyoxigraph import Literal, NamedNode, Store, Triple

from sopkg.cities import IDS
from sopkg.dates import observation_date
from sopkg.draft import Draft
from sopkg.errors import BadInput, Unprocessable, unknown_names
from sopkg.graphs import CATALOGUE, XSD_DATE, Graph, current_graphs, known_graphs, triples_of
from sopkg.load import GRAPHS, catalogue_triples, content_hash, method_hash
from sopkg.responses import COLUMNS, STEP
from sopkg.schema import ontology_store
from sopkg.staging import Cells, construct
from sopkg.store import SnapshotStore
from sopkg.tabulate import as_written
from sopkg.turtle import store_of
from sopkg.validate import validate

MEMBERS = ("kind", "by", "reason", "until")
LONGEST = {"by": 120, "reason": 1000}
_DATES = ("on", "until")


@dataclass(frozen=True)
class Response:
    """One response: the gap's IRI, the word for its kind, who answers and why, its first and last day (ISO 8601)."""

    gap: str
    kind: str
    by: str
    reason: str
    on: str
    until: str

    @property
    def iri(self) -> str:
        """The same for the same response, so that giving it twice makes one."""
        said = "\n".join(asdict(self).values())
        return f"{self.gap.replace('/gap/', '/response/')}/{hashlib.sha256(said.encode()).hexdigest()[:12]}"

    def cells(self) -> Cells:
        """This response as a row to be staged; what is empty is not there."""
        dates = {name: Literal(getattr(self, name), datatype=NamedNode(XSD_DATE)) for name in _DATES}
        texts = {name: getattr(self, name) for name in ("kind", "by", "reason") if getattr(self, name)}
        return {"response": NamedNode(self.iri), "gap": NamedNode(self.gap), **texts, **dates}


def response_to(gap: str, given: Mapping[str, object], today: str) -> Response:
    """A response that is given today to a gap, by its IRI.

    Raises BadInput for a member that there is not, that is missing, no text or no date, and for a last day in the past;
    Unprocessable for what the shape of responses refuses.
    """
    unknown = sorted(set(given) - set(MEMBERS))
    if unknown:
        raise unknown_names("member", unknown, MEMBERS, " of a response")
    missing = [name for name in MEMBERS if name not in given]
    if missing:
        raise BadInput(f"a response needs {', '.join(MEMBERS)}; {', '.join(missing)} is not given")
    response = _read(gap, {**given, "on": today})
    if response.until < today:
        raise BadInput(f"until is {response.until}, which is past: a response holds until {today} (today) or later")
    check([response])
    return response


def _read(gap: str, given: Mapping[str, object]) -> Response:
    texts = {name: _text(name, given[name]) for name in COLUMNS[1:]}
    return Response(gap, **{name: _date(name, text) if name in _DATES else text for name, text in texts.items()})


def _text(name: str, value: object) -> str:
    """A member as one line."""
    if not isinstance(value, str):
        raise BadInput(f"{name} is {value!r}; expected is text")
    line = " ".join(value.split())
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in line):
        raise BadInput(f"{name} has a control character or half of a surrogate pair, which no report can show")
    if len(line) > LONGEST.get(name, len(line)):
        raise BadInput(f"{name} has {len(line)} characters; expected are at most {LONGEST[name]}")
    return line


def _date(name: str, text: str) -> str:
    try:
        return observation_date(text)
    except BadInput as error:
        raise BadInput(f"{name}: {error.detail}") from error


def as_triples(gap: str, rows: Iterable[Mapping[str, Any]]) -> list[Triple]:
    """The responses to a gap, by its IRI, as triples."""
    return _triples(Response(gap, **{name: row[name] for name in COLUMNS[1:]}) for row in rows)


def check(responses: Iterable[Response]) -> None:
    """Raises Unprocessable with the messages of the shape that responses break."""
    triples = _triples(responses)
    ours = {triple.subject for triple in triples}
    broken = [each for each in validate(store_of(triples), _shapes()) if each.focus_node in ours]
    if broken:
        said = list(dict.fromkeys(each.message.value for each in broken if each.message))
        raise Unprocessable(" ".join(said), {"messages": said})


def _triples(responses: Iterable[Response]) -> list[Triple]:
    return construct("response-triples", (each.cells() for each in responses), IDS)


@cache
def _shapes() -> Store:
    return ontology_store()


def respond(snapshots: SnapshotStore, response: Response) -> bool:
    """Publishes a response beside those that there are; whether it is new. One write, under the store's lock."""
    added = _triples([response])
    with snapshots.reading() as store:
        if set(added) <= set(_published(store)):
            return False
    with snapshots.writing(f"respond to {response.gap}") as draft:
        _publish(draft, [*_published(draft.store), *added])
    return True


def replace_responses(snapshots: SnapshotStore, city: str, responses: Sequence[Response]) -> tuple[int, int]:
    """Makes these the responses of a city, by its name; how many were added and removed. What is removed is gone."""
    new = _triples(responses)
    with snapshots.reading() as store:
        if set(new) == set(_of_city(_published(store), city)):
            return 0, 0
    with snapshots.writing(f"responses of {city}") as draft:
        before = _published(draft.store)
        mine = _of_city(before, city)
        others = [triple for triple in before if triple not in set(mine)]
        _publish(draft, [*others, *new])
    now, earlier = ({triple.subject for triple in triples} for triples in (new, mine))
    return len(now - earlier), len(earlier - now)


def _of_city(triples: Iterable[Triple], city: str) -> list[Triple]:
    return [t for t in triples if isinstance(t.subject, NamedNode) and t.subject.value.startswith(f"{IDS}{city}/")]


def _published(store: Store) -> list[Triple]:
    graphs = [graph.iri for graph in current_graphs(store) if graph.step == STEP]
    return [triple for graph in graphs for triple in triples_of(store, graph)]


def _publish(draft: Draft, triples: Iterable[Triple]) -> None:
    """Puts all responses into a draft; the graph that held them goes, so that what was withdrawn is nowhere kept."""
    content = list(dict.fromkeys(triples))
    graph = Graph(f"{GRAPHS}{STEP}/{content_hash(content)}", STEP, None, None, None, method_hash(), current=True)
    known = known_graphs(draft.store)
    others = [each for each in known if each.step != STEP]
    draft.remove(each.iri for each in known if each.step == STEP)
    draft.replace(graph.iri, content)
    draft.replace(CATALOGUE, catalogue_triples([*others, graph]))


def read_responses(path: Path, city: str, today: str) -> list[Response]:
    """The responses of a city's file, which may be past. Raises BadInput or Unprocessable with the line."""
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path.name} is not UTF-8: {error}") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    if sorted(reader.fieldnames or ()) != sorted(COLUMNS):
        found = ",".join(reader.fieldnames or ()) or "nothing"
        raise BadInput(f"{path.name}, line 1: expected are the columns {','.join(COLUMNS)}, found is {found}")
    return list(_lines(reader, path, city, today))


def _lines(reader: csv.DictReader[str], path: Path, city: str, today: str) -> Iterator[Response]:
    try:
        for written in reader:
            row = {name: as_written(cell) if isinstance(cell, str) else cell for name, cell in written.items()}
            yield _line(row, f"{path.name}, line {reader.line_num}", city, today)
    except csv.Error as error:
        raise BadInput(f"{path.name}, line {reader.line_num}: {error}") from error


def _line(row: Mapping[str | None, Any], where: str, city: str, today: str) -> Response:
    if None in row or None in row.values():
        raise BadInput(f"{where}: expected are {len(COLUMNS)} cells")
    try:
        identifier = _text("gap", row["gap"])
        if not identifier.replace("-", "").isalnum() or not identifier.isascii():
            raise BadInput(f"gap is {identifier!r}; expected is the identifier of a gap")
        response = _read(f"{IDS}{city}/gap/{identifier}", {name: row[name] for name in COLUMNS[1:]})
        if not response.on <= min(response.until, today):
            raise BadInput(f"on is {response.on}; expected is a day that is not after until, nor after {today} (today)")
        check([response])
    except (BadInput, Unprocessable) as error:
        raise type(error)(f"{where}: {error.detail}", error.extra) from error
    return response
