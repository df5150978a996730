"""`sopkg ontology`: an edited ontology, looked over before it is used."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import click

from sopkg.dl import has_java
from sopkg.ontologycheck import check
from sopkg.settings import Settings


@click.group("ontology")
def ontology_group() -> None:
    """Look over an ontology's files.

    Example: sopkg ontology check
    """


@ontology_group.command("check")
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="What to write."
)
@click.pass_context
def check_command(context: click.Context, /, folder: Path | None, form: str) -> None:
    """Say what is wrong with an ontology, each fault with file, line, term and rule; exit 1 if there is any.

    Example: sopkg ontology check
    """
    settings: Settings = replace(context.obj, allow_no_netns=True)
    chosen = folder or settings.ontology
    faults = check(chosen, settings)
    if form == "json":
        click.echo(json.dumps([vars(each) for each in faults], ensure_ascii=False, indent=1))
    else:
        for each in faults:
            click.echo(str(each))
        done = "syntax, house rules, OWL 2 RL" + (", OWL 2 DL" if has_java() else "; OWL 2 DL left out: no Java here")
        click.echo(f"{len(faults)} faults in {chosen} ({done})")
    if faults:
        context.exit(1)
