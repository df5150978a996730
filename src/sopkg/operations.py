"""What an address offers, said once on its view: each request is checked against it, and OpenAPI is written from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from flask import current_app, request

from sopkg import asked
from sopkg.errors import BadInput, SopkgError
from sopkg.results import JSON, Format, chosen

Schema = Mapping[str, object]
View = TypeVar("View", bound=Callable[..., Any])
STRING: Schema = {"type": "string"}
ROWS: Schema = {"type": "array", "items": {"type": "object"}}
OBJECT: Schema = {"type": "object"}


@dataclass(frozen=True)
class Parameter:
    """A parameter: its name, what it means, its JSON Schema, and how its text is read.

    `read` takes what is given and the name, and raises BadInput. `words` are all that may be given. A parameter that is
    in the address of the route stands in the path, every other in the query.
    """

    name: str
    meaning: str
    schema: Schema = field(default_factory=lambda: STRING)
    read: Callable[[Mapping[str, str], str], object] = lambda given, name: given[name]
    words: Callable[[], Sequence[str]] | None = None
    required: bool = False
    many: bool = False

    def described(self) -> Schema:
        """The JSON Schema of its value."""
        one = {**self.schema, **({"enum": list(self.words())} if self.words else {})}
        return {"type": "array", "items": one} if self.many else one


@dataclass(frozen=True)
class Case:
    """One of the addresses that a route stands for: what it has in the path, and parameters and formats of its own."""

    path: Mapping[str, str]
    summary: str
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    formats: tuple[Format, ...] = ()


@dataclass(frozen=True)
class Operation:
    """What a view offers.

    `formats` are those that are negotiated; where none is, it answers in `media_type`. `beside` are the media types of
    answers that are not negotiated, such as an update's. `answer` is the JSON Schema of its JSON, `status` what success
    is told by; `body` tells the JSON Schema of each media type that is read; `raises` are errors beside those that
    follow from the rest (see `openapi`); `role` is who may ask, if not everybody; `cases` are the addresses that the
    route stands for, where they are known; with `others` it takes parameters beside those that are named, as text;
    `policy` are the directives of its page's Content Security Policy that are not those of every page.
    """

    parameters: tuple[Parameter, ...]
    formats: tuple[Format, ...] = ()
    media_type: str = JSON.header
    beside: tuple[str, ...] = ()
    answer: Schema = field(default_factory=lambda: OBJECT)
    status: tuple[int, ...] = (200,)
    body: Callable[[], Mapping[str, Schema]] = dict
    raises: tuple[type[SopkgError], ...] = ()
    role: str | None = None
    cases: Callable[[], Iterable[Case]] | None = None
    others: bool = False
    policy: Mapping[str, str] = field(default_factory=dict)

    def at(self, path: Mapping[str, Any]) -> Operation:
        """The operation at an address, without the parameters that stand in its path."""
        case = next((each for each in self.cases() if each.path == path), None) if self.cases else None
        own, formats = (case.parameters, case.formats) if case else ((), ())
        beside = tuple(each for each in (*self.parameters, *own) if each.name not in path)
        return replace(self, parameters=beside, formats=formats or self.formats)


def operation(*parameters: Parameter, **offered: Any) -> Callable[[View], View]:
    """Says of a view what it offers; the words are those of `Operation`."""

    def declared(view: View) -> View:
        view.operation = Operation(parameters, **offered)  # type: ignore[attr-defined]
        return view

    return declared


def operation_of(view: Any) -> Operation | None:
    """What a view offers, if it says so."""
    return getattr(view, "operation", None)


def names() -> list[str]:
    """The names of the parameters that this request may have."""
    return _names(_here())


def given() -> dict[str, Any]:
    """The parameters of this request, read; those with a default are always there, `format` never.

    Raises BadInput for one that is unknown, missing, given twice or of another form than it has.
    """
    here = _here()
    known = {each.name: each for each in here.parameters}
    texts = asked.single(request.args) if here.others else asked.known(request.args, _names(here))
    missing = [name for name, each in known.items() if each.required and name not in texts]
    if missing:
        raise BadInput(f"{', '.join(missing)} is not given", {"missing": missing})
    told = {name: str(each.schema["default"]) for name, each in known.items() if "default" in each.schema} | texts
    return {name: known[name].read(told, name) if name in known else told[name] for name in told if name != "format"}


def form() -> Format:
    """The format in which this request wants its answer, of those that the view offers."""
    return chosen(asked.accept(), _here().formats, request.args.get("format"))


def _names(operation: Operation) -> list[str]:
    return [*(each.name for each in operation.parameters), *(["format"] if operation.formats else [])]


def _here() -> Operation:
    """The operation of the view that answers this request."""
    offered = operation_of(current_app.view_functions[request.endpoint or ""])
    assert offered is not None, f"{request.endpoint} does not say what it offers"
    return offered.at(request.view_args or {})
