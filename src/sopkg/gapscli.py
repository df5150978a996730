"""The gaps, their reasons and what became of them: `sopkg audit` and its neighbours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from sopkg.baseline import read_baseline
from sopkg.dates import observation_date
from sopkg.languages import DEFAULT, languages
from sopkg.lifeline import life_json, life_text
from sopkg.remedy import as_text as remedy_text
from sopkg.report import gathered
from sopkg.reportforms import forms, written
from sopkg.settings import Settings
from sopkg.sharedcli import answering, as_of_option, day_of, endpoint_option, extensions_option, utf8
from sopkg.tabulate import as_json
from sopkg.whatif import as_text as what_if_text


@click.command()
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
        report = answers.audit(city_name, day_of(date), day_of(as_of), sort, extensions)
        report = replace(report if earlier is None else report.beside(earlier), passes_accepted=pass_accepted)
        click.echo(report.written(form), nl=False)
        if baseline is not None and report.compared is not None:
            # What a program reads on standard output stays whole.
            click.echo(report.compared.text(baseline.name), nl=False, err=form != "table")
        click.echo(report.passes(fail_on), nl=False, err=form != "table")
        if report.fails(fail_on):
            context.exit(1)


@click.command("report")
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


@click.command("cube")
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
        click.echo(answers.cube(city_name, day_of(date), day_of(as_of)).written(form), nl=False)


@click.command("diff")
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


@click.command()
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


@click.command("life")
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


@click.command()
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


@click.command("what-if")
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
    text = utf8(file.read_bytes(), "update")
    with answering(settings) as answers:
        told = answers.what_if(text, city, None if date is None else observation_date(date), extensions)
    click.echo(as_json(told) if form == "json" else what_if_text(told), nl=False)


COMMANDS = (audit, cube_command, diff_command, life_command, remedy, report_command, what_if_command, why)
