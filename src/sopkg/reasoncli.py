"""`sopkg reason`: what the reasoners say, on the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from sopkg.dates import observation_date
from sopkg.errors import BadInput
from sopkg.inference import MOST_JUSTIFICATIONS, REASONERS, Given, Question, formats, reason
from sopkg.rdfinput import format_of_name
from sopkg.reasoner import Reasoner
from sopkg.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group("reason")
def reason_group() -> None:
    """Reason over a graph in a file, a city's observation or, with neither, the ontology.

    Example: sopkg reason consistency --reasoner pellet
    """


def _asking(task: str) -> Callable[[Command], Command]:
    """The options that all tasks have."""
    names = [each.name for each in formats(task)]
    known = REASONERS if task != "justifications" else REASONERS[:2]
    options = [
        click.option("--city", "city_name", help="Read the observation of this city, and the ontology."),
        click.option("--date", help="The observation to read; without it, the city's latest."),
        click.option("--ontology/--no-ontology", default=None, help="Read the ontology too; a file is read without."),
        click.option("--reasoner", type=click.Choice(known), help="Who reasons: HermiT, Pellet, or OWL 2 RL's rules."),
        click.option("--seconds", type=click.FloatRange(0, min_open=True), help="A time limit below the setting's."),
        click.option(
            "--format",
            "form",
            type=click.Choice(names),
            default="text" if "text" in names else "turtle",
            show_default=True,
            help="What to write.",
        ),
    ]

    def add(function: Command) -> Command:
        for option in reversed(options):
            function = option(function)
        return reason_group.command(task)(function)  # type: ignore[return-value]

    return add


_count = click.option(
    "--justifications",
    type=click.IntRange(0, MOST_JUSTIFICATIONS),
    default=1,
    show_default=True,
    help="Smallest sets of axioms to show for each fault.",
)
_file = click.argument("file", required=False, type=click.Path(path_type=Path))


@_asking("consistency")
@_count
@_file
@click.pass_context
def consistency(context: click.Context, /, file: Path | None, **options: Any) -> None:
    """Say whether a graph is consistent, and which classes can have no instance; exit 1 if there is a fault.

    Example: sopkg reason consistency --reasoner pellet
    """
    if _say(context.obj, "consistency", file, (), **options):
        context.exit(1)


@_asking("classify")
@_file
@click.pass_obj
def classify(settings: Settings, /, file: Path | None, **options: Any) -> None:
    """Write the hierarchy of classes and properties that follows.

    Example: sopkg reason classify --format nt
    """
    _say(settings, "classify", file, (), **options)


@_asking("entailments")
@click.option("--whole", is_flag=True, help="Write the given triples too: their blank nodes are those of what follows.")
@_file
@click.pass_obj
def entailments(settings: Settings, /, file: Path | None, **options: Any) -> None:
    """Write what follows from a graph and is not in it: types, links, equalities.

    Example: sopkg reason entailments --reasoner hermit
    """
    _say(settings, "entailments", file, (), **options)


@_asking("justifications")
@_count
@click.argument("subject")
@click.argument("predicate")
@click.argument("object")
@_file
@click.pass_obj
def justifications(settings: Settings, /, file: Path | None, **options: Any) -> None:
    """Show the smallest sets of axioms from which a triple follows.

    Example: sopkg reason justifications sop:Department rdfs:subClassOf prov:Agent
    """
    triple = [options.pop(name) for name in ("subject", "predicate", "object")]
    _say(settings, "justifications", file, triple, **options)


def _say(
    settings: Settings,
    task: str,
    file: Path | None,
    triple: list[str] | tuple[()],
    city_name: str | None,
    date: str | None,
    ontology: bool | None,
    reasoner: str | None,
    seconds: float | None,
    form: str,
    justifications: int | None = None,
    whole: bool = False,
) -> bool:
    """Writes the answer; whether it says that the graph has a fault."""
    day = None if date is None else observation_date(date)
    question = Question(task, reasoner, city_name, day, ontology, justifications, triple, whole)
    answer = reason(_reasoner(settings), question, None if file is None else _read(file), form=form, seconds=seconds)
    click.echo(answer.body, nl=False)
    return answer.faulty


def _read(file: Path) -> Given:
    if not file.is_file():
        raise BadInput(f"{file} is no file" if file.exists() else f"there is no file {file}")
    return Given(file.read_bytes(), format_of_name(file.name).media_type, file.name)


def _reasoner(settings: Settings) -> Reasoner:
    # A person at their own terminal asks their own machine: a network namespace is good to have here, not needed.
    return Reasoner(replace(settings, allow_no_netns=True))
