"""What the graph says: `sopkg ask`, `query`, `why-triple` and `cities`."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from sopkg.answers import Answers
from sopkg.dates import observation_date
from sopkg.errors import BadInput
from sopkg.settings import Settings
from sopkg.sharedcli import answering, as_of_option, day_of, endpoint_option, entailment_option, utf8
from sopkg.tabulate import as_json, as_table


@click.command()
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
    given, read = parameters(pairs), (entailment == "rl", day_of(as_of))
    with answering(settings, endpoint) as answers:
        if form == "csv":  # as SPARQL writes it: with a head where there are no rows
            click.echo(answers.ask_as(name, given, "", form, *read).body, nl=False)
            return
        if form == "json":
            click.echo(as_json(answers.ask(name, given, *read)), nl=False)
            return
        shown = as_table(answers.ask_shown(name, given, *read))
        click.echo(f"{_summary(name)}\n\n{shown}", nl=False)


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


def _summary(name: str) -> str:
    query = next(query for query in Answers.queries() if query["name"] == name)
    return f"{query['summary']}\n{query['description']}"


def above_zero(context: click.Context, option: click.Parameter, seconds: float | None) -> float | None:
    """Seconds as an option takes them: above 0, and finite."""
    if seconds is not None and not 0 < seconds < float("inf"):
        raise click.BadParameter(f"{seconds:g} is no number of seconds above 0", context, option)
    return seconds


@click.command()
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
    text = utf8(file.read(), "query")
    with answering(settings, endpoint) as answers:
        click.echo(answers.sparql(text, form, seconds, entailment == "rl", day_of(as_of), explain).body, nl=False)


@click.command("why-triple")
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


@click.command("cities")
@click.pass_obj
def cities_command(settings: Settings) -> None:
    """List the cities, and the observations of each that the store holds.

    Example: sopkg cities
    """
    with answering(settings) as answers:
        click.echo(as_table(answers.cities()), nl=False)


COMMANDS = (ask, cities_command, query, why_triple)
