"""The gap report, in the formats that it is written in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sopkg.baseline import Comparison, compare
from sopkg.files import system_query
from sopkg.findings import GRADES
from sopkg.junit import as_junit
from sopkg.responses import flat, passed, said, summary
from sopkg.rows import select
from sopkg.sarif import as_sarif
from sopkg.schema import ontology_store
from sopkg.tabulate import as_csv, as_json, as_table
from sopkg.weight import cells, columns
from sopkg.weight import said as weight_said

WORST = 10
FINDING_COLUMNS = (
    *("id", "city", "date", "notation", "kindLabel", "severity", "verdict", "about"),
    *("focus", "focusKey", "objects", "kind", "gap", "responses"),
)
Row = dict[str, Any]
SourceRows = Mapping[tuple[str, str], Sequence[tuple[str, int]]]
# The columns of a count of findings: the head, and the finding's member.
COUNTED = {"city": "city", "date": "date", "kind": "notation", "gap": "kindLabel"}
GRADED = {**COUNTED, "severity": "severity", "verdict": "verdict"}


@dataclass(frozen=True)
class AuditReport:
    """The gap report: the observations read ("city date") and every finding.

    A reason, and the triples, are asked for where a format needs them.
    """

    observations: list[str]
    findings: list[Row]
    reason: Callable[[Row], str]
    triples: Callable[[], bytes]
    source_rows: Callable[[], SourceRows]
    compared: Comparison | None = None
    passes_accepted: bool = False
    sort: str | None = None
    extensions: bool = False

    def beside(self, baseline: Iterable[Mapping[str, Any]]) -> AuditReport:
        """This report compared with the findings of an earlier one."""
        cities = {each.partition(" ")[0] for each in self.observations}
        return replace(self, compared=compare(self.findings, baseline, cities, GRADES))

    def fails(self, grade: str | None) -> bool:
        """Whether a gap is as severe as a grade; beside a baseline, whether a new or worse one is (of any, if None)."""
        return any(not self.passed_over(row) for row in self._failing(grade))

    def passed_over(self, row: Mapping[str, Any]) -> bool:
        """Whether a gap does not count since it is an accepted risk."""
        return self.passes_accepted and passed(row)

    def passes(self, grade: str | None) -> str:
        """How many gaps would make it fail and are passed over, in words; empty unless accepted ones are."""
        if not self.passes_accepted:
            return ""
        over = [row["id"] for row in self._failing(grade) if passed(row)]
        named = f": {', '.join(over)}" if over else ""
        return f"Passed over as accepted risks: {len(over)} of the gaps that would make this fail{named}\n"

    def _failing(self, grade: str | None) -> Sequence[Mapping[str, Any]]:
        """What is as severe as a grade, accepted or not; undetermined ones do not count."""
        if self.compared is not None:
            return self.compared.reaching(grade, GRADES)
        settled = [row for row in self.findings if grade is not None and row["verdict"] != "undetermined"]
        return [row for row in settled if GRADES.index(row["severity"]) >= GRADES.index(grade)]

    def written(self, form: str) -> str:
        """The report as table, json, csv, turtle, junit or sarif."""
        match form:
            case "junit":
                return as_junit(self.findings, kind_texts(self.extensions), self.compared, self.passed_over)
            case "sarif":
                return as_sarif(self.findings, kind_texts(self.extensions), self.source_rows(), self.compared)
            case "json":
                return as_json(self.findings)
            case "csv":
                return as_csv(*finding_table(self.findings, self.sort))
            case "turtle":
                return self.triples().decode()
            case _:
                return self._summary()

    def _heading(self, count: int) -> str:
        return f"Of {count} gaps those with most {self.sort}:" if self.sort else f"The worst of {count} gaps:"

    def _summary(self) -> str:
        settled = [row for row in self.findings if row["verdict"] != "undetermined"]
        unknown = [row for row in self.findings if row["verdict"] == "undetermined"]
        lines = ["Coordination gaps: what the model expects and the city does not show"]
        lines += [f"Observations read: {', '.join(self.observations)}", ""]
        if settled:
            lines += [as_table(counts(settled, GRADED)), self._heading(len(settled))]
            for row in settled[:WORST]:
                lines.append(f"  {row['id']}  {row['severity']}, {row['verdict']}  {row['city']} {row['date']}")
                lines.append(f"    {row['kindLabel']}: {row['about']}")
                lines.append(f"    {self.reason(row)}")
                lines += [f"    Response: {said(each)}" for each in row["responses"]]
                lines += [f"    Touches: {weight_said(row['weight'])}"] if self.sort else []
        else:
            lines.append("No gap can be shown from this data." if unknown else "No gap was found.")
        if unknown:
            lines += ["", "Not known from this data", ""]
            lines.append("No source says that it would show such things, so that their absence shows nothing.\n")
            lines.append(as_table(counts(unknown, COUNTED)).removesuffix("\n"))
        answered = summary(self.findings)
        lines += ["", f"Responses to these gaps: {answered}; `sopkg responses` lists them."] if answered else []
        lines.append("\n`sopkg why ID` explains one.\n" if self.findings else "")
        return "\n".join(lines)


def finding_table(findings: Sequence[Row], sort: str | None = None) -> tuple[list[Row], list[str]]:
    """Findings as the rows of a table, and its columns; with the weight where they were sorted by one."""
    rows = flat(findings)
    if sort is None:
        return rows, list(FINDING_COLUMNS)
    shown = [{name: value for name, value in row.items() if name != "weight"} | cells(row["weight"]) for row in rows]
    return shown, [*FINDING_COLUMNS, *columns()]


@cache
def kind_texts(extensions: bool) -> list[Row]:
    """What the ontology says of each kind of gap that is looked for, in words; with those that the paper lacks."""
    names = ("kind", "notation", "label", "definition", "question", "remedy", "severity")
    rows = select(ontology_store(), system_query("kind-texts"))
    asked = (row for row in rows if extensions or row["extension"].value == "false")
    return [{name: row[name].value for name in names} for row in asked]


def counts(findings: Iterable[Row], columns: Mapping[str, str]) -> list[Row]:
    """How many findings have the same values in these columns."""
    counted = Counter(tuple(row[column] for column in columns.values()) for row in findings)
    return [{**dict(zip(columns, key, strict=True)), "found": count} for key, count in sorted(counted.items())]
