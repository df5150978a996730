"""The command line: one of two thin faces over the same answers."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from pyoxigraph import RdfFormat

from sopkg import __version__
from sopkg.answers import Answers
from sopkg.baseline import read_baseline
from sopkg.cities import city, shipped_cities
from sopkg.dates import observation_date, today
from sopkg.entail import Inconsistency
from sopkg.errors import BadInput, SopkgError
from sopkg.ingest import Problem, export_facts
from sopkg.languages import DEFAULT, languages
from sopkg.lifeline import life_json, life_text
from sopkg.load import STEPS, Loaded, Progress, forget, load
from sopkg.newcity import lay_out
from sopkg.ontologycli import ontology_group
from sopkg.ontologystate import require_good
from sopkg.pool import Pool
from sopkg.reasoncli import reason_group
from sopkg.remedy import as_text as remedy_text
from sopkg.remote import Endpoint, RemotePool
from sopkg.remotederive import derive_remotely
from sopkg.report import gathered
from sopkg.reportforms import forms, written
from sopkg.respond import read_responses, replace_responses
from sopkg.responses import COLUMNS as RESPONSE_COLUMNS
from sopkg.responses import TOLD, said
from sopkg.settings import Settings, described
from sopkg.store import SnapshotStore
from sopkg.tabulate import as_csv, as_json, as_table
from sopkg.update import update
from sopkg.whatif import as_text as what_if_text

SHOWN_PROBLEMS = 10
Command = TypeVar("Command", bound=Callable[..., Any])


class _Group(click.Group):
    """Turns errors into one line and an exit code, for every command alike."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        with _one_line(context):
            return super().parse_args(context, args)

    def invoke(self, context: click.Context) -> Any:
        with _one_line(context):
            return super().invoke(context)


@contextmanager
def _one_line(context: click.Context) -> Iterator[None]:
    try:
        yield
    except SopkgError as error:
        _fail(context, error.line(), error.exit_code)
    except click.exceptions.NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "sopkg"
        _fail(context, f"{BadInput.title}: {error.format_message()} See `{command} --help`.", error.exit_code)
    except BrokenPipeError:
        # The reader of our output has gone (`sopkg … | head`): nothing to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        context.exit(0)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(context, f"The system refuses: {where}{error.strerror or error}", 1)


def _fail(context: click.Context, said: str, exit_code: int) -> None:
    click.echo(f"sopkg: {' '.join(said.split())}", err=True)
    context.exit(exit_code)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sopkg")
@click.option("--store", type=click.Path(path_type=Path), help="Folder of the store; SOPKG_STORE says the same.")
@click.pass_context
def main(context: click.Context, store: Path | None) -> None:
    """Finds what is missing in a city's governance.

    Example: sopkg load works.csv --city buenos-aires --date 2019-11
    """
    context.obj = Settings.from_environment(store=store)


def command(function: Command) -> Command:
    """A command that takes the settings; its help is its docstring, with an example."""
    return main.command()(click.pass_obj(wraps(function)(function)))  # type: ignore[return-value]


entailment_option = click.option(
    "--entailment",
    type=click.Choice(["rl", "none"]),
    default="rl",
    show_default=True,
    help="Read what follows by OWL 2 RL too, or only what the sources say.",
)


as_of_option = click.option(
    "--as-of", help="Read each city's latest observation not after this date: YYYY-MM-DD or YYYY-MM."
)


endpoint_option = click.option(
    "--endpoint", metavar="URL", help="Ask this SPARQL endpoint instead, which holds what `sopkg dump` wrote."
)
extensions_option = click.option(
    "--extensions", is_flag=True, help="With the kinds of gap that come from other literature than the paper."
)


def snapshots(settings: Settings) -> SnapshotStore:
    """The store that the settings name."""
    return SnapshotStore(settings.store, settings.lock_seconds, settings.durability)


@contextmanager
def answering(settings: Settings, endpoint: str | None = None, workers: int = 1) -> Iterator[Answers]:
    """Answers from the published state, with so many query workers; or from what an endpoint holds."""
    if endpoint is not None:
        remote = RemotePool(Endpoint(endpoint, None, settings.query_seconds), settings)
        yield Answers(settings, cast(Pool, remote), lambda: endpoint)
        return
    snapshots(settings).current()
    # A person at their own terminal asks their own machine: a network namespace is good to have here, not needed.
    pooled = replace(settings, workers=workers, allow_no_netns=True)
    with Pool(pooled) as pool:
        yield Answers(pooled, pool)


def parameters(pairs: tuple[str, ...]) -> dict[str, str]:
    """`-p key=value`, several times, as a mapping."""
    split = [pair.partition("=") for pair in pairs]
    for key, sign, _ in split:
        if not sign:
            raise BadInput(f"-p {key}: expected is key=value")
    twice = sorted(key for key, count in Counter(key for key, _, _ in split).items() if count > 1)
    if twice:
        raise BadInput(f"-p {', '.join(twice)} is given more than once")
    return {key: value for key, _, value in split}


@main.command("load")
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
    _report_load(_load(settings, file, city_name, day, mapping), city_name, day)


def _load(settings: Settings, file: Path, city_name: str, date: str, mapping: str | None) -> Loaded:
    if not file.exists():
        raise BadInput(f"there is no file {file}")
    known = city(city_name)
    require_good(replace(settings, allow_no_netns=True))
    with _progress(f"{city_name} {date}") as progress:
        loaded = load(snapshots(settings), file, known, date, mapping, progress)
    require_good(replace(settings, allow_no_netns=True))  # a store that is new now keeps its copy
    return loaded


@main.command("new-city")
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


@main.command("update")
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


@main.command()
@click.option("--city", "city_name", help="Only this city.")
@click.option("--date", help="The observation to read, YYYY-MM-DD or YYYY-MM; without it, each city's latest.")
@as_of_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv", "turtle", "junit", "sarif"]),
    default="table",
    show_default=True,
    help="What to write.",
)
@click.option("--sort", help="The heaviest first, with what each touches: money, people or works; else the worst.")
@click.option(
    "--fail-on",
    type=click.Choice(["low", "medium", "high", "critical"]),
    help="Exit 1 if such a gap, or a worse one, is found; with --baseline, if one is that is new or worse.",
)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    help="An earlier report, as --format json wrote it: exit 1 if a gap is new or worse.",
)
@extensions_option
@click.option(
    "--pass-accepted",
    is_flag=True,
    help="Pass over gaps that are accepted risks today, with --fail-on, --baseline and in JUnit XML, and say how many.",
)
@endpoint_option
@click.pass_context
def audit(
    context: click.Context,
    city_name: str | None,
    date: str | None,
    as_of: str | None,
    form: str,
    sort: str | None,
    fail_on: str | None,
    baseline: Path | None,
    extensions: bool,
    pass_accepted: bool,
    endpoint: str | None,
) -> None:
    """Print the gap report: counts by kind, severity and verdict, and the worst findings.

    Example: sopkg audit --city buenos-aires --date 2019-11 --fail-on critical
    """
    earlier = None if baseline is None else read_baseline(baseline)
    with answering(context.obj, endpoint) as answers:
        report = answers.audit(city_name, _day(date), _day(as_of), sort, extensions)
        report = replace(report if earlier is None else report.beside(earlier), passes_accepted=pass_accepted)
        click.echo(report.written(form), nl=False)
        if baseline is not None and report.compared is not None:
            # What a program reads on standard output stays whole.
            click.echo(report.compared.text(baseline.name), nl=False, err=form != "table")
        click.echo(report.passes(fail_on), nl=False, err=form != "table")
        if report.fails(fail_on):
            context.exit(1)


@main.command("report")
@click.option("--city", "city_name", required=True, help="A folder of cities/.")
@click.option("--date", help="The observation to report of, YYYY-MM-DD or YYYY-MM; without it, the latest.")
@click.option(
    "--format", "form", type=click.Choice(list(forms())), default="html", show_default=True, help="What to write."
)
@click.option(
    "--language", type=click.Choice(list(languages())), default=DEFAULT, show_default=True, help="What it speaks."
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write, - for standard output; without it, one named by city and date.",
)
@click.pass_obj
def report_command(
    settings: Settings, city_name: str, date: str | None, form: str, language: str, output: Path | None
) -> None:
    """Write the gaps of a city at one date as a document: what was found, why, and what it rests on.

    Example: sopkg report --city buenos-aires --date 2024-06 --format md --output report.md
    """
    with answering(settings, workers=settings.workers) as answers:
        found = gathered(answers, city_name, date, languages()[language])
    target = output or Path(f"{found.name}.{forms()[form].ending}")
    content = written(found, form)
    if target.name == "-":
        click.echo(content, nl=False)
        return
    target.write_bytes(content)
    click.echo(f"{target}: {len(found.settled)} findings that the data tells, {len(found.unknown)} that it can't tell")


def _day(text: str | None) -> str | None:
    return None if text is None else observation_date(text)


@main.command("derive")
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


@main.command("cube")
@click.option("--city", "city_name", required=True, help="A city of the store.")
@click.option("--date", help="The observation to read, YYYY-MM-DD or YYYY-MM; without it, the latest.")
@as_of_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="What to write.",
)
@click.pass_obj
def cube_command(settings: Settings, city_name: str, date: str | None, as_of: str | None, form: str) -> None:
    """Tell what is expected, on record and missing in each cell of subject, object and stage, and in its projections.

    Example: sopkg cube --city buenos-aires --date 2024-06
    """
    with answering(settings) as answers:
        click.echo(answers.cube(city_name, _day(date), _day(as_of)).written(form), nl=False)


@main.command("respond")
@click.argument("gap")
@click.option("--kind", required=True, help="What is answered: accepted risk, disputed or remedied.")
@click.option("--by", required=True, help="The office or body that answers; never a person.")
@click.option("--reason", required=True, help="Why, in at most 1000 characters.")
@click.option("--until", required=True, help="The last day on which the answer holds: YYYY-MM-DD or YYYY-MM.")
@click.pass_obj
def respond_command(settings: Settings, /, gap: str, **given: str) -> None:
    """Answer to a gap. It stays in every report, with the answer beside it, and keeps its verdict and severity.

    Example: sopkg respond G03-1a2b3c4d5e6f --kind disputed --by Works --reason "Led since May" --until 2027-06
    """
    with answering(settings) as answers:
        told, new = answers.respond(gap, given)
    click.echo(f"{said(told)}{'' if new else ' was answered already, nothing changed'}")


@main.command("responses")
@click.option("--city", help="Only this city.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="What to write; CSV is what `load-responses` reads.",
)
@click.pass_obj
def responses_command(settings: Settings, city: str | None, form: str) -> None:
    """List what was answered to the gaps.

    Example: sopkg responses --city buenos-aires --format csv
    """
    with answering(settings) as answers:
        told = answers.responses(city)
    if form == "json":
        click.echo(as_json(told), nl=False)
        return
    columns = RESPONSE_COLUMNS if form == "csv" else TOLD
    rows = [{name: row[name] for name in columns} for row in told]
    click.echo(as_csv(rows, columns) if form == "csv" else as_table(rows), nl=False)


@main.command("load-responses")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--city", "city_name", required=True, help="A folder of cities/.")
@click.pass_obj
def load_responses_command(settings: Settings, file: Path | None, city_name: str) -> None:
    """Make a file's lines the responses of a city: what it lacks is withdrawn. Without FILE, the one of its folder.

    Example: sopkg load-responses responses.csv --city buenos-aires
    """
    path = file or city(city_name).folder / "responses.csv"
    if not path.is_file():
        raise BadInput(f"there is no file {path}; `sopkg responses --city {city_name} --format csv` writes one")
    given = read_responses(path, city_name, today())
    added, removed = replace_responses(snapshots(settings), city_name, given)
    click.echo(f"{len(given)} responses: {added} added, {removed} withdrawn")
    with answering(settings) as answers:
        unknown = answers.unknown_gaps(each.gap.rpartition("/")[2] for each in given)
    if unknown:
        click.echo(f"no observation here shows these gaps (closed, or misspelt): {', '.join(unknown)}", err=True)


@main.command()
@click.argument("gap")
@click.option("--date", help="The observation to explain it at, as loaded; without it, the latest that shows the gap.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "turtle"]),
    default="text",
    show_default=True,
    help="What to write.",
)
@click.pass_obj
def why(settings: Settings, gap: str, date: str | None, form: str) -> None:
    """Explain one gap: evidence, what was looked for, the nearest misses.

    Example: sopkg why G03-1a2b3c4d5e6f
    """
    with answering(settings) as answers:
        click.echo(answers.why(gap, form, None if date is None else observation_date(date)), nl=False)


@main.command("life")
@click.argument("gap")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="What to write."
)
@click.pass_obj
def life_command(settings: Settings, gap: str, form: str) -> None:
    """Tell the life line of one gap: at which observations it was found, what became of it, because of what.

    Example: sopkg life G03-1a2b3c4d5e6f
    """
    with answering(settings) as answers:
        told = answers.life(gap)
    click.echo(life_text(told) if form == "text" else life_json(told), nl=False)


@main.command("diff")
@click.option("--city", "city_name", required=True, help="A city of the store.")
@click.option("--from", "earlier", required=True, help="The earlier observation, as loaded: YYYY-MM-DD or YYYY-MM.")
@click.option("--to", "later", required=True, help="The later observation.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv", "turtle"]),
    default="table",
    show_default=True,
    help="What to write.",
)
@click.pass_obj
def diff_command(settings: Settings, city_name: str, earlier: str, later: str, form: str) -> None:
    """Tell what became of each gap of a city between two observations, and because of what.

    Example: sopkg diff --city buenos-aires --from 2019-11 --to 2024-06
    """
    dates = observation_date(earlier), observation_date(later)
    with answering(settings) as answers:
        click.echo(answers.diff(city_name, *dates).written(form), nl=False)


@main.command("why-triple")
@click.argument("triple", nargs=3, metavar="SUBJECT PREDICATE OBJECT")
@click.option("--city", help="A city; without it, all of them.")
@click.option("--date", help="The observation, as loaded; without it, the latest.")
@click.option("--proofs", default=1, show_default=True, type=click.IntRange(1, 20), help="How many proofs at most.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "turtle"]),
    default="text",
    show_default=True,
    help="What to write.",
)
@click.pass_obj
def why_triple(
    settings: Settings, triple: tuple[str, str, str], city: str | None, date: str | None, proofs: int, form: str
) -> None:
    """Prove one triple: by which rules of OWL 2 RL it follows from what the sources and the ontology say.

    Example: sopkg why-triple sop:Leading rdf:type sop:Role
    """
    with answering(settings) as answers:
        dated = None if date is None else observation_date(date)
        click.echo(answers.why_triple(triple, form, proofs, city, dated), nl=False)


@main.command()
@click.argument("gap")
@click.option("--date", help="The observation, as loaded; without it, the latest that shows the gap.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="What to write."
)
@click.pass_obj
def remedy(settings: Settings, gap: str, date: str | None, form: str) -> None:
    """Tell what would close one gap: a SPARQL update with open slots, to be filled and tried with `what-if`.

    Example: sopkg remedy G03-1a2b3c4d5e6f
    """
    with answering(settings) as answers:
        told = answers.remedy(gap, None if date is None else observation_date(date))
    click.echo(as_json(told) if form == "json" else remedy_text(told), nl=False)


@main.command("what-if")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--city", required=True, help="A city.")
@click.option("--date", help="The observation, as loaded; without it, the latest.")
@extensions_option
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True, help="What to write."
)
@click.pass_obj
def what_if_command(settings: Settings, file: Path, city: str, date: str | None, extensions: bool, form: str) -> None:
    """Tell which gaps an update would open, close and change; nothing is changed.

    Example: sopkg what-if corrections.ru --city buenos-aires --date 2019-11
    """
    text = _utf8(file.read_bytes(), "update")
    with answering(settings) as answers:
        told = answers.what_if(text, city, None if date is None else observation_date(date), extensions)
    click.echo(as_json(told) if form == "json" else what_if_text(told), nl=False)


def _utf8(data: bytes, what: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"the {what} is not UTF-8: {error}") from error


@main.command()
@click.argument("name", required=False)
@click.option("-p", "pairs", multiple=True, metavar="KEY=VALUE", help="A parameter; once for each.")
@click.option("--list", "listing", is_flag=True, help="List the predefined queries.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="What to write.",
)
@entailment_option
@as_of_option
@endpoint_option
@click.pass_obj
def ask(
    settings: Settings,
    name: str | None,
    pairs: tuple[str, ...],
    listing: bool,
    form: str,
    entailment: str,
    as_of: str | None,
    endpoint: str | None,
) -> None:
    """Run a predefined query.

    Example: sopkg ask who-leads-what -p city=buenos-aires
    """
    if listing or name is None:
        click.echo(as_table([{"name": q["name"], "question": q["summary"]} for q in Answers.queries()]), nl=False)
        return
    given, read = parameters(pairs), (entailment == "rl", _day(as_of))
    with answering(settings, endpoint) as answers:
        if form == "csv":  # as SPARQL writes it: with a head where there are no rows
            click.echo(answers.ask_as(name, given, "", form, *read).body, nl=False)
            return
        if form == "json":
            click.echo(as_json(answers.ask(name, given, *read)), nl=False)
            return
        shown = as_table(answers.ask_shown(name, given, *read))
        click.echo(f"{_summary(name)}\n\n{shown}", nl=False)


def above_zero(context: click.Context, option: click.Parameter, seconds: float | None) -> float | None:
    if seconds is not None and not 0 < seconds < float("inf"):
        raise click.BadParameter(f"{seconds:g} is no number of seconds above 0", context, option)
    return seconds


def _summary(name: str) -> str:
    query = next(query for query in Answers.queries() if query["name"] == name)
    return f"{query['summary']}\n{query['description']}"


@main.command()
@click.argument("file", type=click.File("rb"))
@click.option("--format", "form", default=None, help="json, xml, csv, tsv; or turtle, nt, rdf, jsonld … for graphs.")
@click.option("--seconds", type=float, callback=above_zero, help="A time limit below the setting's.")
@click.option("--explain", is_flag=True, help="Tell what was run, over which graphs and in what time, as JSON.")
@entailment_option
@as_of_option
@endpoint_option
@click.pass_obj
def query(
    settings: Settings,
    file: Any,
    form: str | None,
    seconds: float | None,
    explain: bool,
    entailment: str,
    as_of: str | None,
    endpoint: str | None,
) -> None:
    """Run a SPARQL query from a file, or from standard input as -.

    Example: echo 'SELECT * { ?s ?p ?o } LIMIT 3' | sopkg query - --format csv
    """
    text = _utf8(file.read(), "query")
    with answering(settings, endpoint) as answers:
        click.echo(answers.sparql(text, form, seconds, entailment == "rl", _day(as_of), explain).body, nl=False)


@main.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option(
    "--allow-no-netns",
    is_flag=True,
    default=None,
    help="Serve even where query workers can't be cut off from the network.",
)
@click.pass_obj
def serve(settings: Settings, host: str | None, port: int | None, allow_no_netns: bool | None) -> None:
    """Serve the store over HTTP until Ctrl-C.

    Example: sopkg serve --port 8080
    """
    from sopkg.serve import serve as run  # the server is not needed by any other command

    given = Settings.from_environment(store=settings.store, host=host, port=port, allow_no_netns=allow_no_netns)
    run(given)


@main.command("cities")
@click.pass_obj
def cities_command(settings: Settings) -> None:
    """List the cities, and the observations of each that the store holds.

    Example: sopkg cities
    """
    with answering(settings) as answers:
        click.echo(as_table(answers.cities()), nl=False)


@main.command("export-facts")
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


@main.command("forget")
@click.option("--city", "city_name", required=True, help="A folder of cities/.")
@click.option("--date", required=True, help="Observation date, as it was loaded.")
@click.pass_obj
def forget_command(settings: Settings, city_name: str, date: str) -> None:
    """Drop an observation of a city, with what was superseded there.

    Example: sopkg forget --city buenos-aires --date 2019-11
    """
    gone = forget(snapshots(settings), city(city_name), observation_date(date))
    click.echo(f"dropped {len(gone)} graphs")


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_obj
def dump(settings: Settings, file: Path) -> None:
    """Write every graph of the store to a file of N-Quads, for another SPARQL server to load.

    Example: sopkg dump store.nq
    """
    with snapshots(settings).reading() as store:
        store.dump(output=file, format=RdfFormat.N_QUADS)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.pass_obj
def backup(settings: Settings, folder: Path) -> None:
    """Copy the published state into a new folder, which is a store too.

    Example: sopkg backup ../sopkg-2026-11-22
    """
    snapshots(settings).backup(folder)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.pass_obj
def restore(settings: Settings, folder: Path) -> None:
    """Publish a backup's state in this store.

    Example: sopkg restore ../sopkg-2026-11-22
    """
    snapshots(settings).restore(folder)


@main.command()
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


@main.command("settings")
@click.pass_obj
def settings_command(settings: Settings) -> None:
    """List the settings, their variables and defaults.

    Example: sopkg settings
    """
    click.echo(as_table([_setting_row(each) for each in described()]), nl=False)


main.add_command(ontology_group)
main.add_command(reason_group)


def _setting_row(each: Mapping[str, str]) -> dict[str, object]:
    return {"variable": each["variable"], "default": each["default"], "meaning": each["help"]}
