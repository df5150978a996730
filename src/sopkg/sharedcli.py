"""What the commands share: options, the store that the settings name, and answers from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

import click

from sopkg.answers import Answers
from sopkg.dates import observation_date
from sopkg.errors import BadInput
from sopkg.pool import Pool
from sopkg.remote import Endpoint, RemotePool
from sopkg.settings import Settings
from sopkg.store import SnapshotStore

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


def day_of(text: str | None) -> str | None:
    """An option's date (ISO 8601), if it is given. Raises BadInput for what is no date."""
    return None if text is None else observation_date(text)


def utf8(data: bytes, what: str) -> str:
    """A file's bytes as text. Raises BadInput, with what the file is, where they are not UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"the {what} is not UTF-8: {error}") from error
