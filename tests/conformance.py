"""What schemathesis finds where a service does not keep to its own OpenAPI document."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import Any

import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error, positive_data_acceptance
from schemathesis.specs.openapi.checks import ignored_auth

from sopkg.results import GRAPHS
from tests.amount import ALL

# What fits a schema may still be no SPARQL, no city and no gap: that it is refused is right.
# A 503 or 504 that is described is right; a 500 is nowhere described.
PASSED_OVER = [positive_data_acceptance, not_a_server_error]
# Reasoning over the ontology takes seconds, and the answer has the same form.
QUICK = {"reasoner": "rl", "ontology": "false"}
# The bodies that are text; schemathesis knows how to send others.
TEXTS = (*(each.media_type for each in GRAPHS), "application/sparql-query", "application/sparql-update")

@schemathesis.serializer(*TEXTS)
def as_text(context: Any, value: Any) -> Any:
    """A body of a type that schemathesis has no generator for."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


def faults(app: Flask, examples: int, alike: int, token: str = "") -> list[str]:
    """The faults found by so many examples of what fits and what does not, for each operation.

    With a token every request has it, so that what needs a role is done. Of those that are cases of one route, as the
    predefined queries are, one in `alike` is tried.
    """
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    schema.validate()
    found: list[str] = []
    seen = Counter[str]()
    for result in schema.get_all_operations():
        operation = result.ok()
        route = operation.definition.raw["operationId"].partition(".")[0]
        if seen[route] % alike == 0:
            for mode in GenerationMode:
                found += _tried(operation, mode, examples, token)
        seen[route] += 1
    return found


def _tried(operation: Any, mode: GenerationMode, examples: int, token: str) -> list[str]:
    found: dict[str, None] = {}
    authorization = {"Authorization": f"Bearer {token}"} if token else {}
    passed_over = [*PASSED_OVER, ignored_auth] if token else PASSED_OVER

    @seed(1)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def tried(case: Any) -> None:
        if mode is GenerationMode.POSITIVE and "reasoner" in operation.query and not ALL:
            case.query = {**(case.query or {}), **QUICK}
        # A body that is text can be no number: written into it, a number is text.
        assume(mode is GenerationMode.POSITIVE or case.media_type not in TEXTS or isinstance(case.body, str))
        response = case.call(headers={"Accept-Encoding": "identity", **authorization})
        try:
            case.validate_response(response, excluded_checks=passed_over)
        except BaseExceptionGroup as group:
            found.update(dict.fromkeys(f"{operation.label} {mode.value}: {each}" for each in group.exceptions))

    with suppress(Unsatisfiable):  # where nothing that can be given is against the schema
        tried()
    return list(found)
