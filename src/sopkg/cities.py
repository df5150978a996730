"""The city folders: which cities there are, what each says of itself, and the tables that it ships."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import NamedNode, Triple

from sopkg.errors import not_found
from sopkg.files import BASE, found, own_cities, system_query
from sopkg.rows import select
from sopkg.turtle import read_turtle, store_of

IDS = f"{BASE}id/"


@dataclass(frozen=True)
class City:
    """A city's folder: `city.ttl`, value tables, and shipped tables.

    A table is named by its observation date, or by the distribution of `city.ttl` that has the date: a file that
    tells a history holds several.
    """

    name: str
    folder: Path

    @property
    def base(self) -> str:
        """What the IRIs of the city's things begin with."""
        return f"{IDS}{self.name}/"

    @property
    def iri(self) -> NamedNode:
        """The city itself."""
        return NamedNode(f"{self.base}city/{self.name}")

    def facts(self) -> list[Triple]:
        """What `city.ttl` says: names, sources, licences, scope statements."""
        return read_turtle(self.folder / "city.ttl")

    def tables(self) -> dict[str, Path]:
        """The shipped tables by observation date (ISO 8601), the earliest first."""
        named = {path.stem: path for path in self.folder.glob("[0-9]*.csv")}
        told = {row["date"].value: row["url"].value for row in select(store_of(self.facts()), system_query("tables"))}
        here = {date: self.folder / url.rpartition("/")[2] for date, url in told.items()}
        return dict(sorted({**named, **here}.items()))

    def sources(self) -> list[tuple[NamedNode, str]]:
        """Each source with the mapping that reads it."""
        rows = select(store_of(self.facts()), system_query("sources"))
        return [(row["source"], row["mapping"].value) for row in rows]


def shipped_cities() -> Mapping[str, City]:
    """The demonstration cities by name."""
    return _by_name(found("cities", "*/city.ttl"))


def cities() -> Mapping[str, City]:
    """The cities by name: the demonstration cities, and those of the folder of one's own."""
    own = _by_name(own_cities().glob("*/city.ttl"))
    return dict(sorted({**own, **shipped_cities()}.items()))


def _by_name(files: Iterable[Path]) -> Mapping[str, City]:
    return {path.parent.name: City(path.parent.name, path.parent) for path in files}


def city(name: str) -> City:
    """One city by name. Raises NotFound with the near names."""
    known = cities()
    if name not in known:
        raise not_found("city", name, known)
    return known[name]


def city_key(iri: str) -> str:
    """The city's name in an IRI of one of its things."""
    return iri.removeprefix(IDS).split("/", 1)[0]


def city_name(iri: str) -> str | None:
    """The city's name if an IRI is a city's."""
    name = city_key(iri)
    return name if iri == f"{IDS}{name}/city/{name}" else None
