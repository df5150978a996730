"""What changes the observations of the store: `sopkg load` and its neighbours."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from sopkg.ahead import read_ahead
from sopkg.cities import city, shipped_cities
from sopkg.dates import observation_date
from sopkg.entail import Inconsistency
from sopkg.errors import BadInput
from sopkg.ingest import Problem, export_facts
from sopkg.load import STEPS, Loaded, Progress, forget, load
from sopkg.newcity import lay_out
from sopkg.ontologystate import require_good
from sopkg.remote import Endpoint
from sopkg.remotederive import derive_remotely
from sopkg.settings import Settings
from sopkg.sharedcli import answering, snapshots
from sopkg.update import update

SHOWN_PROBLEMS = 10
LARGE = 100_000  # triples from which on a page that nobody read ahead makes people wait


@click.command("load")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--city", "city_name", required=True, help="A folder of cities/.")
@click.option(
    "--date", required=True, help="Observation date, not in the future: YYYY-MM-DD, or YYYY-MM for its last day."
)
@click.option("--mapping", help="A file of queries/ingest/; without it, the one that fits the columns.")
@click.pass_obj
def load_command(settings: Settings, file: Path, city_name: str, date: str, mapping: str | None) -> None:
    """Load a table or an RDF graph as the observation of a city at a date; a folder of JSON files or CSV tables is one.

    Example: sopkg load obras.csv --city buenos-aires --date 2019-11
    """
    day = observation_date(date)
    loaded = _load(settings, file, city_name, day, mapping)
    _report_load(loaded, city_name, day)
    if settings.read_ahead and loaded.changed and sum(loaded.counts.values()) >= LARGE:
        click.echo(f"{city_name} {day}: read ahead what the first pages ask", err=True)
        with answering(settings, workers=settings.workers) as answers:
            read_ahead(answers, settings.workers)


def _load(settings: Settings, file: Path, city_name: str, date: str, mapping: str | None) -> Loaded:
    if not file.exists():
        raise BadInput(f"there is no file {file}")
    known = city(city_name)
    require_good(replace(settings, allow_no_netns=True))
    with _progress(f"{city_name} {date}") as progress:
        loaded = load(snapshots(settings), file, known, date, mapping, progress)
    require_good(replace(settings, allow_no_netns=True))  # a store that is new now keeps its copy
    return loaded


@click.command("new-city")
@click.argument("name")
@click.pass_obj
def new_city(settings: Settings, name: str) -> None:
    """Lay out the files of a new city: what it says of itself, and tables to fill in with a spreadsheet program.

    Example: sopkg new-city rivertown
    """
    for path in lay_out(name, settings.cities):
        click.echo(path)
    folder = settings.cities / name
    click.echo(f"Fill in the tables, then: sopkg load {folder / 'tables'} --city {name} --date YYYY-MM-DD")


@click.command("update")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--city", "city_name", required=True, help="A folder of cities/.")
@click.option("--date", required=True, help="Observation date, as it was loaded.")
@click.option("--lenient", is_flag=True, help="Publish what breaks a rule of the data too; the report lists it.")
@click.pass_obj
def update_command(settings: Settings, file: Path, city_name: str, date: str, lenient: bool) -> None:
    """Add and remove triples of an observation: a file of SPARQL Update, over what its sources say.

    Example: sopkg update corrections.ru --city buenos-aires --date 2019-11
    """
    known, day = city(city_name), observation_date(date)
    require_good(replace(settings, allow_no_netns=True))
    with _progress(f"{city_name} {day}") as progress:
        updated = update(snapshots(settings), file, known, day, settings.nesting, progress, lenient=lenient)
    if not updated.counts:
        click.echo("the observation is like that already, nothing changed")
        return
    click.echo(f"said: {updated.added} added, {updated.removed} removed")
    click.echo(f"inferred: {updated.inferred_added} added, {updated.inferred_removed} removed")
    gaps = (f"{len(updated.opened)} opened", f"{len(updated.closed)} closed", f"{len(updated.changed)} changed")
    click.echo(f"gaps: {', '.join(gaps)}")
    click.echo(f"triples: {_counted(updated.counts)}")
    _report_clashes(updated.inconsistencies, city_name, day)


@click.command("derive")
@click.option("--endpoint", required=True, metavar="URL", help="The SPARQL query endpoint that holds the observation.")
@click.option("--update-endpoint", required=True, metavar="URL", help="Its SPARQL update endpoint.")
@click.option("--city", "city_name", required=True, help="A folder of cities/.")
@click.option("--date", required=True, help="Observation date, as it was loaded.")
@click.option("--yes", is_flag=True, help="Write without asking first.")
@click.pass_obj
def derive_command(
    settings: Settings, endpoint: str, update_endpoint: str, city_name: str, date: str, yes: bool
) -> None:
    """Entail and audit an observation where it lies, on another SPARQL server, and put the result in force there.

    Example: sopkg derive --endpoint http://db/query --update-endpoint http://db/update --city barcelona --date 2016-12
    """
    known, day = city(city_name), observation_date(date)
    if not yes:
        click.confirm(f"Replace what {endpoint} holds as inferred and found of {city_name} {day}?", abort=True)
    with _progress(f"{city_name} {day}") as progress:
        to = Endpoint(endpoint, update_endpoint, settings.query_seconds)
        derived = derive_remotely(to, known, day, lambda step: progress(step, ""))
    click.echo(f"triples: {derived.inferred} inferred in {derived.rounds} rounds, {derived.gaps} gaps")


@click.command("forget")
@click.option("--city", "city_name", required=True, help="A folder of cities/.")
@click.option("--date", required=True, help="Observation date, as it was loaded.")
@click.pass_obj
def forget_command(settings: Settings, city_name: str, date: str) -> None:
    """Drop an observation of a city, with what was superseded there.

    Example: sopkg forget --city buenos-aires --date 2019-11
    """
    gone = forget(snapshots(settings), city(city_name), observation_date(date))
    click.echo(f"dropped {len(gone)} graphs")


@click.command("export-facts")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--city", "city_name", required=True, help="A folder of cities/.")
@click.option("--mapping", help="A file of queries/ingest/; without it, the one that fits the columns.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write; without it, standard output."
)
def export_command(file: Path, city_name: str, mapping: str | None, out: Path | None) -> None:
    """Write the fact table of a publisher's file: the columns that the mapping names, without personal data.

    Example: sopkg export-facts obras.csv --city buenos-aires --out cities/buenos-aires/2019-11-30.csv
    """
    text = export_facts(file, city(city_name).folder, mapping)
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, "utf-8", newline="")


@click.command()
@click.pass_obj
def demo(settings: Settings) -> None:
    """Load the demonstration cities from their shipped tables and print the gap report.

    Example: sopkg demo
    """
    for name, each in shipped_cities().items():
        for date, table in each.tables().items():
            _report_load(_load(settings, table, name, date, None), name, date)
    with answering(settings) as answers:
        click.echo(answers.audit(None, None).written("table"), nl=False)


@contextmanager
def _progress(about: str) -> Iterator[Progress]:
    """Says on standard error which step runs: a bar that moves on a terminal, elsewhere a line for each step."""
    said: list[str] = []
    if sys.stderr.isatty():
        try:
            yield lambda step, detail: _move_bar(said, about, step, detail)
        finally:
            if said:
                click.echo(err=True)
    else:
        yield lambda step, detail: _say_once(said, about, step)


def _move_bar(said: list[str], about: str, step: str, detail: str) -> None:
    said.append(step)
    done = STEPS.index(step) if step in STEPS else len(STEPS)
    bar = "#" * (4 * done) + "." * (4 * (len(STEPS) - done))
    line = f"{about} [{bar}] {step} {detail}"
    width = shutil.get_terminal_size().columns - 1
    click.echo(f"\r{line[:width]:<{width}}", err=True, nl=False)


def _say_once(said: list[str], about: str, step: str) -> None:
    if said[-1:] != [step]:
        said.append(step)
        click.echo(f"{about}: {step}", err=True)


def _report_load(loaded: Loaded, city_name: str, date: str) -> None:
    if not loaded.changed:
        click.echo(f"{loaded.rows} rows; the store has them already, nothing changed")
    else:
        click.echo(f"{loaded.rows} rows; triples: {_counted(loaded.counts)}")
    for problem in loaded.problems[:SHOWN_PROBLEMS]:
        click.echo(f"  {_problem_line(problem)}")
    left = len(loaded.problems) - SHOWN_PROBLEMS
    if left > 0:
        click.echo(f"  and {left} more; `sopkg ask problems -p city={city_name} -p date={date}` lists all")
    if loaded.broken:
        count = f"{loaded.broken} times a rule that data must keep is broken"
        click.echo(f"  {count}; `sopkg ask validation-results -p city={city_name} -p date={date}` says where")
    _report_clashes(loaded.inconsistencies, city_name, date)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {step}" for step, count in counts.items())


def _report_clashes(clashes: Sequence[Inconsistency], city_name: str, date: str) -> None:
    for clash in clashes[:SHOWN_PROBLEMS]:
        click.echo(f"  can't all be true, by the rule {clash.rule}: {' '.join(f'{each} .' for each in clash.triples)}")
    if len(clashes) > SHOWN_PROBLEMS:
        click.echo(f"  `sopkg reason consistency --reasoner rl --city {city_name} --date {date}` lists all")


def _problem_line(problem: Problem) -> str:
    return f"{problem.place()}: {problem.value!r}; expected: {problem.expected}"


COMMANDS = (demo, derive_command, export_command, forget_command, load_command, new_city, update_command)
