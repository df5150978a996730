"""A gap as an entry of a bibliography: in BibTeX, and in CSL-JSON, which reference managers read."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_SPECIAL = re.compile(r"[\\{}%#$&^~_]")  # what LaTeX would read as more than text


@dataclass(frozen=True)
class Entry:
    """What is cited: its key, what it says, the date (ISO 8601) that it is of, what made it, and its IRI."""

    key: str
    title: str
    date: str
    made_by: str
    iri: str

    @property
    def bibtex(self) -> str:
        """The entry in BibTeX; what TeX would take for a command is left out of its title."""
        title, made_by = (_SPECIAL.sub("", text) for text in (self.title, self.made_by))
        fields = {"title": title, "year": self.date[:4], "howpublished": made_by, "url": self.iri}
        lines = ",\n".join(f"  {name} = {{{text}}}" for name, text in fields.items())
        return f"@misc{{{self.key},\n{lines}\n}}"

    @property
    def csl(self) -> str:
        """The entry in CSL-JSON 1.0.2: a list of one item."""
        issued = {"date-parts": [[int(part) for part in self.date.split("-")]]}
        fields = {"type": "dataset", "title": self.title, "issued": issued, "source": self.made_by, "URL": self.iri}
        return json.dumps([{"id": self.key, **fields}], ensure_ascii=False, indent=2)
