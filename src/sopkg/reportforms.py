"""A report in each of its formats. The same report gives the same bytes: nothing in them tells when they were made."""

from __future__ import annotations

import gc
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from pyoxigraph import Literal, NamedNode, RdfFormat, parse, serialize

from sopkg.errors import Unavailable
from sopkg.findings import VERDICTS
from sopkg.heatmap import heat_map, otherwise
from sopkg.languages import papers
from sopkg.report import Report
from sopkg.reportsheet import workbook
from sopkg.results import CSV, HTML, Format
from sopkg.staging import Cells, construct
from sopkg.tabulate import as_csv
from sopkg.turtle import prefix_table

_TEMPLATES = Path(__file__).parent / "templates"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a ZIP file can tell (APPNOTE 4.4.6)
_BOOLEAN = NamedNode("http://www.w3.org/2001/XMLSchema#boolean")
# What Markdown (CommonMark 0.31, 2.4) would read as more than text.
_MARKS = "\\`*_{}[]<>#|!~&"
COLUMNS = (
    *("id", "city", "date", "notation", "kind", "severity", "verdict", "about", "reason", "question", "remedy"),
    *("responses", "gap"),
)
_SHEETS = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PRINTED = 200  # findings that are told in full on paper
INSTALL = "pip install 'sopkg[report]'"
CRATE = "https://w3id.org/ro/crate/1.1"
Maker = Callable[[Report], bytes]


@dataclass(frozen=True)
class Form:
    """A format with the ending of its files, and what makes it."""

    format: Format
    ending: str
    made: Maker


def written(report: Report, name: str) -> bytes:
    """The report in a format, by the format's name. Raises Unavailable where what makes it is not installed."""
    return forms()[name].made(report)


def as_html(report: Report, full: int | None = None) -> bytes:
    """One page that needs nothing beside it; with `full`, the others than so many of the worst are only listed."""
    return _filled("report.html", report, style=_text("report.css"), full=full).encode()


def as_markdown(report: Report) -> bytes:
    """CommonMark with tables."""
    return _filled("report.md", report).encode()


def as_pdf(report: Report) -> bytes:
    """The page on paper: with every finding in full, 5,000 would be some 3,000 pages and three minutes of work."""
    try:
        import weasyprint
    except (ImportError, OSError) as error:  # OSError: the libraries that it draws with are not there
        raise Unavailable(
            f"a report as PDF needs WeasyPrint and Pango ({INSTALL}, apt install libpango-1.0-0 "
            f"libpangoft2-1.0-0): {str(error).splitlines()[0]}"
        ) from error
    page = weasyprint.HTML(string=as_html(report, PRINTED).decode(), url_fetcher=_nothing)
    with _all_kept():
        document: bytes = page.write_pdf()
    return document


@contextmanager
def _all_kept() -> Iterator[None]:
    """No search for garbage: in the millions of boxes of a long document is none, and it takes a fifth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _nothing(url: str, *_: object, **__: object) -> dict[str, object]:
    raise ValueError(f"a report fetches nothing, and not {url}")


def as_table(report: Report) -> bytes:
    """Every finding as a row of CSV."""
    return as_csv(list(findings(report)), COLUMNS).encode()


def findings(report: Report) -> Iterator[dict[str, object]]:
    """Every finding as a plain row."""
    for row in report.findings:
        kind = report.kind_of(row)
        said = [f"{each['kind']}, {each['by']}, until {each['until']}: {each['reason']}" for each in row["responses"]]
        told = {name: row[name] for name in ("id", "city", "date", "notation", "severity", "verdict", "gap")}
        yield {
            **told,
            "kind": kind["label"],
            "about": report.about(row),
            "reason": row.get("reason", ""),
            "question": kind["question"],
            "remedy": kind["remedy"],
            "responses": "; ".join(said),
        }


def as_sheets(report: Report) -> bytes:
    """A workbook of Office Open XML, a sheet for each part of the report. Raises Unavailable without XlsxWriter."""
    return workbook(report, list(findings(report)), COLUMNS)


def as_json_ld(report: Report) -> bytes:
    """The gaps and findings as JSON-LD 1.1."""
    triples = parse(report.triples, format=RdfFormat.TURTLE)
    return serialize(triples, format=RdfFormat.JSON_LD, prefixes=prefix_table()) or b""


def as_shacl(report: Report) -> bytes:
    """The findings as a validation report (SHACL, section 3.6) in Turtle."""
    triples = construct("shacl-results", _results(report), report.base, ontology=())
    return serialize(sorted(triples, key=str), format=RdfFormat.TURTLE, prefixes=prefix_table()) or b""


def _results(report: Report) -> Iterator[Cells]:
    node = NamedNode(f"{report.base}report/{report.date}")
    yield {"report": node, "conforms": Literal(str(not report.findings).lower(), datatype=_BOOLEAN)}
    for row in report.findings:
        kind = report.kind_of(row)
        yield {
            "in": node,
            "finding": NamedNode(f"{node.value}/{row['id']}"),
            "gap": NamedNode(row["gap"]),
            "focus": NamedNode(row["focus"][0]),
            "kind": NamedNode(row["kind"]),
            "severity": row["severity"],
            "message": f"{kind['label']}: {report.about(row)} ({row['verdict']})",
        }


def as_crate(report: Report) -> bytes:
    """A Research Object Crate (RO-Crate 1.1): the report as a page, a table and data, with what describes them."""
    files = {f"{report.name}.{form.ending}": form for name, form in forms().items() if name in PARTS}
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as crate:
        _put(crate, "ro-crate-metadata.json", _described(report, files))
        for name, form in files.items():
            _put(crate, name, form.made(report))
        for query in report.queries:
            _put(crate, f"queries/{query['name']}.rq", query["text"].encode())
    return held.getvalue()


def _put(crate: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    crate.writestr(entry, content)


def _described(report: Report, files: Mapping[str, Form]) -> bytes:
    """The crate's metadata document (RO-Crate 1.1, section 4)."""
    title = report.language.message("report.title", city=report.label, date=report.language.day(report.date))
    queries = [f"queries/{query['name']}.rq" for query in report.queries]
    licences = sorted({each["licence"] for each in report.sources if each["licence"]})
    root: dict[str, object] = {
        "@id": "./",
        "@type": "Dataset",
        "name": title,
        "description": report.language.message("layout.absence"),
        "datePublished": report.date,
        "temporalCoverage": report.date,
        "isBasedOn": [{"@id": each["graph"]} for each in report.graphs],
        "hasPart": [{"@id": name} for name in (*files, *queries)],
    }
    root |= {"license": [{"@id": each} for each in licences]} if licences else {}
    graph: list[dict[str, object]] = [
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": CRATE},
        },
        root,
    ]
    graph += [
        {"@id": name, "@type": "File", "name": name, "encodingFormat": form.format.media_type}
        for name, form in files.items()
    ]
    graph += [
        {"@id": name, "@type": ["File", "SoftwareSourceCode"], "name": query["summary"], "sha256": query["sha256"]}
        for name, query in zip(queries, report.queries, strict=True)
    ]
    graph += [{"@id": each["graph"], "@type": "Dataset", "name": f"{each['step']} graph"} for each in report.graphs]
    graph += [{"@id": each, "@type": "CreativeWork", "name": each} for each in licences]
    document = {"@context": f"{CRATE}/context", "@graph": graph}
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


PARTS = ("html", "csv", "jsonld", "shacl")
"""The formats that a crate holds."""


@cache
def forms() -> Mapping[str, Form]:
    """Every format by its name."""
    known = (
        Form(HTML, "html", as_html),
        Form(Format("pdf", "application/pdf"), "pdf", as_pdf),
        Form(Format("xlsx", _SHEETS), "xlsx", as_sheets),
        Form(CSV, "csv", as_table),
        Form(Format("md", "text/markdown", content_type="text/markdown; charset=utf-8"), "md", as_markdown),
        Form(Format("jsonld", "application/ld+json"), "jsonld", as_json_ld),
        Form(Format("shacl", "text/turtle", content_type="text/turtle; charset=utf-8"), "ttl", as_shacl),
        Form(Format("crate", "application/zip"), "zip", as_crate),
    )
    return {form.format.name: form for form in known}


def _filled(template: str, report: Report, **given: object) -> str:
    most = max((count for _, _, count in report.graded), default=1)
    return (
        _environment()
        .get_template(template)
        .render(
            **report.language.speech(),
            report=report,
            map=heat_map(report.cube, report.language),
            otherwise=otherwise(report.cube, report.language),
            papers=papers(),
            verdicts=VERDICTS,
            most=most,
            **given,
        )
    )


@cache
def _environment() -> Environment:
    """Templates of pages escape what is put into them; those of other texts have the filter `plain`."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    made.filters["capitalised"] = lambda text: text[:1].upper() + text[1:]
    made.filters["plain"] = plain
    return made


def plain(text: str) -> str:
    """A text that Markdown takes as nothing else, on one line (CommonMark 0.31, 2.4)."""
    return "".join(f"\\{each}" if each in _MARKS else each for each in " ".join(text.split()))


@cache
def _text(name: str) -> str:
    return (_TEMPLATES / name).read_text("utf-8")
