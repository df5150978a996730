"""What is answered to gaps: `sopkg respond` and its neighbours."""

from __future__ import annotations

from pathlib import Path

import click

from sopkg.cities import city
from sopkg.dates import today
from sopkg.errors import BadInput
from sopkg.respond import read_responses, replace_responses
from sopkg.responses import COLUMNS as RESPONSE_COLUMNS
from sopkg.responses import TOLD, said
from sopkg.settings import Settings
from sopkg.sharedcli import answering, snapshots
from sopkg.tabulate import as_csv, as_json, as_table


@click.command("respond")
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


@click.command("responses")
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


@click.command("load-responses")
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


COMMANDS = (load_responses_command, respond_command, responses_command)
