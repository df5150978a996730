"""How many rows or triples an answer has, so that one with too many is an error and never a part."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from sopkg.errors import TooLarge

T = TypeVar("T")
_JSON_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+"')
_CSV_STRINGS = re.compile(rb'"[^"]*+"')


def capped(items: Iterable[T], most: int) -> Iterator[T]:
    """The items; raises TooLarge where there are more than so many."""
    for number, item in enumerate(items, 1):
        if number > most:
            raise too_many(most)
        yield item


def check_rows(written: bytes, media_type: str, most: int) -> None:
    """Raises TooLarge where a result in one of SPARQL's formats has more rows than so many.

    The engine writes a result without telling how many rows it has, so they are counted in what it wrote.
    """
    least, exact = _COUNTED[media_type]
    if least(written) > most and exact(written) > most:
        raise too_many(most)


def too_many(most: int) -> TooLarge:
    """The error for more than so many rows or triples."""
    return TooLarge(f"the result has more than {most} rows; a LIMIT or a narrower question helps", {"limit": most})


def _json(written: bytes) -> int:
    """Two rows meet in `},{`, where nothing else of SPARQL's JSON does but a text, which would make it more."""
    return written.count(b"},{") + (b'"bindings":[{' in written)


def _csv(written: bytes) -> int:
    return written.count(b"\r\n") - 1


def _tsv(written: bytes) -> int:
    return written.count(b"\n") - 1


def _xml(written: bytes) -> int:
    return written.count(b"<result>")


def _json_exact(written: bytes) -> int:
    plain = _JSON_STRINGS.sub(b"", written)
    return plain.count(b"},{") + (b":[{" in plain)


def _csv_exact(written: bytes) -> int:
    return _csv(_CSV_STRINGS.sub(b"", written))


_Count = Callable[[bytes], int]
# A count that may take what stands in a text for a row, and one that does not and takes longer.
_COUNTED: Mapping[str, tuple[_Count, _Count]] = {
    "application/sparql-results+json": (_json, _json_exact),
    "application/sparql-results+xml": (_xml, _xml),
    "text/csv": (_csv, _csv_exact),
    "text/tab-separated-values": (_tsv, _tsv),
}
