"""The store as a whole, and how it is served and set: `sopkg dump`, `serve` and their neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click
from pyoxigraph import RdfFormat

from sopkg.settings import Settings, described
from sopkg.sharedcli import snapshots
from sopkg.tabulate import as_table


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_obj
def dump(settings: Settings, file: Path) -> None:
    """Write every graph of the store to a file of N-Quads, for another SPARQL server to load.

    Example: sopkg dump store.nq
    """
    with snapshots(settings).reading() as store:
        store.dump(output=file, format=RdfFormat.N_QUADS)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.pass_obj
def backup(settings: Settings, folder: Path) -> None:
    """Copy the published state into a new folder, which is a store too.

    Example: sopkg backup ../sopkg-2026-11-22
    """
    snapshots(settings).backup(folder)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.pass_obj
def restore(settings: Settings, folder: Path) -> None:
    """Publish a backup's state in this store.

    Example: sopkg restore ../sopkg-2026-11-22
    """
    snapshots(settings).restore(folder)


@click.command()
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


@click.command("settings")
@click.pass_obj
def settings_command(settings: Settings) -> None:
    """List the settings, their variables and defaults.

    Example: sopkg settings
    """
    click.echo(as_table([_setting_row(each) for each in described()]), nl=False)


def _setting_row(each: Mapping[str, str]) -> dict[str, object]:
    return {"variable": each["variable"], "default": each["default"], "meaning": each["help"]}


COMMANDS = (backup, dump, restore, serve, settings_command)
