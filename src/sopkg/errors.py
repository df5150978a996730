"""Every error of ours: one tree with two faces, problem+json over HTTP and one line on the command line."""
# ruff: noqa: N818 - the names say what happened, and are read after `raise` and `except`

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

_NEAR_NAMES, _LISTED_NAMES = 5, 20
_NEAR_CUTOFF = 0.4


class SopkgError(Exception):
    """An error with a detail for people, and extra members (near names, line, column …) for programs."""

    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str, extra: Mapping[str, object] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra: dict[str, object] = dict(extra or {})

    def problem(self) -> dict[str, object]:
        """This error as the members of a problem document (RFC 9457)."""
        fixed: dict[str, object] = {"type": "about:blank", "title": self.title, "status": self.status}
        return {**self.extra, **fixed, "detail": self.detail}

    def line(self) -> str:
        """This error as one line for a terminal."""
        return f"{self.title}: {' '.join(self.detail.split())}"


class BadInput(SopkgError):
    """What the caller gave can't be read or has the wrong type."""

    status, exit_code, title = 400, 2, "Bad input"


class TooNested(BadInput):
    """A query nests deeper than the cap, and would not survive parsing."""

    title = "Query nested too deeply"


class Unauthorized(SopkgError):
    """Who asks has not shown who it is, or not truly."""

    status, exit_code, title = 401, 2, "Not authorized"

    @property
    def challenge(self) -> str:
        """The header WWW-Authenticate (RFC 6750, 3)."""
        error = f', error="{self.extra["error"]}"' if "error" in self.extra else ""
        return f'Bearer realm="sopkg"{error}'


class Forbidden(SopkgError):
    """Understood, and refused."""

    status, exit_code, title = 403, 2, "Refused"


class NotFound(SopkgError):
    """No such thing; the detail lists the near names."""

    status, exit_code, title = 404, 2, "Not found"


class MethodNotAllowed(SopkgError):
    """The address is right, the method is not."""

    status, exit_code, title = 405, 2, "Method not allowed"


class NotAcceptable(SopkgError):
    """None of the formats the caller accepts is offered; the detail lists those that are."""

    status, exit_code, title = 406, 2, "No acceptable format"


class RequestTimeout(SopkgError):
    """The request did not arrive whole in time."""

    status, exit_code, title = 408, 1, "Request not whole in time"


class Conflict(SopkgError):
    """Somebody else holds what is needed, or the state forbids it."""

    status, exit_code, title = 409, 1, "Conflict"


class TooLarge(SopkgError):
    """A request or a result is larger than its limit."""

    status, exit_code, title = 413, 1, "Too large"


class UnsupportedMediaType(SopkgError):
    """The body is of a type that is not read here."""

    status, exit_code, title = 415, 2, "Unsupported media type"


class Unprocessable(SopkgError):
    """Well formed, but it can't be worked on."""

    status, exit_code, title = 422, 2, "Can't be processed"


class InternalFault(SopkgError):
    """A fault of ours."""

    status, exit_code, title = 500, 70, "Internal fault"


class Unavailable(SopkgError):
    """The service can't answer now; trying again may help."""

    status, exit_code, title = 503, 1, "Not available now"


class Busy(Unavailable):
    """Every query worker is taken and the wait for one is over."""

    title = "Too many queries at once"


class Ended(Unavailable):
    """Someone who may has ended the query."""

    title = "The query was ended"


class CallerGone(Unavailable):
    """Who asked has closed the connection; nobody reads this."""

    title = "The caller is gone"


class WorkerDied(Unavailable):
    """The process that worked on this query ended; it has been replaced, and no other caller noticed."""

    title = "The query's process ended"


class MemoryExceeded(Unavailable):
    """The query asked for more memory than one query may have."""

    title = "Query out of memory"


class StoreMissing(Unavailable):
    """There is no built store here; the detail says which command builds one."""

    exit_code, title = 2, "No store"


class StoreUnreadable(Unavailable):
    """The store is of another format version, is not a store of ours, or is not whole."""

    exit_code, title = 2, "Store can't be read"


class StoreUnwritable(Unavailable):
    """The system refuses to write the store: the disk is full, or the folder is not to be written."""

    title = "Store can't be written"


class ReasonerMissing(Unavailable):
    """HermiT, Pellet or Java is not installed; the detail says what brings it."""

    exit_code, title = 2, "No reasoner"


class RemoteFault(Unavailable):
    """Another server can't be asked, or answers with what is no answer."""

    title = "Not answered by the endpoint"


class OntologyRefused(Unavailable):
    """The ontology's files have faults; the detail and the extra members have term, rule and line of each."""

    exit_code, title = 2, "Ontology refused"
    faults: Sequence[Any] = ()


class ReasoningTimeout(Unavailable):
    """The reasoner ran past its time limit and was ended."""

    title = "Reasoning past its time limit"


class QueryTimeout(Unavailable):
    """The query ran past its time limit and was ended; no Retry-After, since trying the same again does not help."""

    title = "Query past its time limit"


def near_names(name: str, known: Iterable[str]) -> list[str]:
    """The known names that look most like this one, best first, letter case aside."""
    folded = {each.casefold(): each for each in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=_NEAR_NAMES, cutoff=_NEAR_CUTOFF)
    return [folded[each] for each in close]


def not_found(kind: str, name: str, known: Iterable[str]) -> NotFound:
    """The error for an unknown name of a kind ("city" …), with the near names in words and as data."""
    names = sorted(known)
    near = near_names(name, names)
    if near:
        hint = f"Near: {', '.join(near)}."
    elif names:
        hint = f"Known: {_listed(names)}."
    else:
        hint = f"There is no {kind} yet."
    return NotFound(f"No {kind} named {name!r}. {hint}", {"near": near})


def unknown_names(kind: str, unknown: Sequence[str], known: Sequence[str], of: str = "") -> BadInput:
    """The error for names of a kind ("parameter" …) that there are not, with the near and the known ones."""
    near = list(dict.fromkeys(each for name in unknown for each in near_names(name, known)))
    hint = f"Near: {', '.join(near)}. " if near else ""
    said = f"there is no {kind} {', '.join(unknown)}{of}. {hint}Known: {', '.join(known) or 'none'}."
    return BadInput(said, {"unknown": list(unknown), "near": near, "known": list(known)})


def not_observed(when: str, date: str, dates: Iterable[str]) -> NotFound:
    """The error for a date without an observation ("on", "of barcelona on" …), with the dates that have one."""
    known = sorted(set(dates), reverse=True)
    hint = f"Known: {_listed(known)}." if known else "There is none yet."
    return NotFound(f"No observation {when} {date}. {hint}", {"dates": known})


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_LISTED_NAMES]) + (" …" if len(names) > _LISTED_NAMES else "")


def _subclasses(base: type[SopkgError]) -> dict[str, type[SopkgError]]:
    found = {base.__name__: base}
    for each in base.__subclasses__():
        found.update(_subclasses(each))
    return found


def by_name(name: str, detail: str, extra: Mapping[str, object]) -> SopkgError:
    """The error of that class name, as it came from another process; an unknown name is a fault of ours."""
    return _subclasses(SopkgError).get(name, InternalFault)(detail, extra)
