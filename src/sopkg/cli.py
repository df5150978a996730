"""The command line: one of two thin faces over the same answers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from sopkg import __version__, askcli, gapscli, loadcli, responsecli, storecli
from sopkg.errors import BadInput, SopkgError
from sopkg.ontologycli import ontology_group
from sopkg.reasoncli import reason_group
from sopkg.settings import Settings


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


for each in (
    *askcli.COMMANDS,
    *gapscli.COMMANDS,
    *loadcli.COMMANDS,
    *responsecli.COMMANDS,
    *storecli.COMMANDS,
    ontology_group,
    reason_group,
):
    main.add_command(each)
