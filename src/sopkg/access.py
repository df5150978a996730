"""Who may do what over HTTP: roles, proved by a bearer token (RFC 6750) of which only the hash is kept."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Flask, current_app, g, request

from sopkg.asked import FILE_FORM, FORM
from sopkg.errors import Forbidden, Unauthorized
from sopkg.operations import operation_of
from sopkg.settings import Settings, variable

READER, AUDITOR, EDITOR, ADMIN = ROLES = ("reader", "auditor", "editor", "admin")
"""Each may do what those before it may: read, answer to gaps, change data, remove it."""
_SETTINGS: Mapping[str, str] = {role: f"{role}_hash" for role in ROLES}
_OPEN = ("health", "static")  # what says whether the service is there
FIELD = "access_token"
"""The field of a form that holds the token where no header can (RFC 6750, section 2.2)."""
_SHOWN = 8  # digits of a token's hash by which a log tells one token from another


@dataclass(frozen=True)
class Caller:
    """Who asks: the role of the token, and the beginning of its hash; neither where none is given."""

    role: str = ""
    token: str = ""

    def may(self, role: str) -> bool:
        """Whether the caller has a role, or one above it."""
        return self.role in ROLES[ROLES.index(role) :]

    def __str__(self) -> str:
        return f"{self.role} {self.token}" if self.role else "anybody"


def caller(authorization: str | None, settings: Settings) -> Caller:
    """Who sends a header `Authorization`. Raises Unauthorized for a token that is none. No error tells a token."""
    if not authorization:
        return Caller()
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.casefold() != "bearer":
        raise Unauthorized("expected is a token: `Authorization: Bearer TOKEN`")
    digest = hashlib.sha256(token.strip().encode("utf-8", "surrogateescape")).hexdigest()
    held = [role for role, name in _SETTINGS.items() if hmac.compare_digest(digest, getattr(settings, name) or "none")]
    if not held:
        raise Unauthorized("this is no token of this service", {"error": "invalid_token"})
    return Caller(held[-1], digest[:_SHOWN])


def add_access(app: Flask) -> None:
    """Has each address asked only by who may."""
    app.before_request(_checked)


def _checked() -> None:
    """Who asks may: has the role that the view says it needs, and one at all where reads are closed."""
    g.who = f"anybody, request {g.request_id}"
    role = needed(current_app, request.endpoint or "")
    if role is not None:
        admit(role)


def needed(app: Flask, endpoint: str) -> str | None:
    """The role that an address needs: that of its view, or any where reads are closed."""
    offered = operation_of(app.view_functions.get(endpoint))
    closed = app.extensions["sopkg"].settings.closed and endpoint not in _OPEN
    return (offered.role if offered else None) or (READER if closed else None)


def admit(role: str) -> None:
    """Notes who asks, if the request's token is of a role or one above it; raises as `require` does."""
    known = require(role, _authorization(), current_app.extensions["sopkg"].settings)
    g.who = f"{known}, request {g.request_id}"


def _authorization() -> str | None:
    """The header `Authorization`, or what it would be for the token in a form (RFC 6750, sections 2.1 and 2.2).

    A browser sends neither by itself: another site's form can't have ours asked in the name of who holds a token.
    """
    token = request.form.get(FIELD) if _is_form() else None
    return request.headers.get("Authorization") or (f"Bearer {token}" if token else None)


def _is_form() -> bool:
    """Whether the body is a form: one with a file only where the address takes such, for others it is a file itself."""
    if request.mimetype != FILE_FORM:
        return request.mimetype == FORM
    offered = operation_of(current_app.view_functions.get(request.endpoint or ""))
    if offered is None or FILE_FORM not in offered.body():
        return False
    request.max_content_length = current_app.extensions["sopkg"].settings.load_bytes
    return True


def taken(role: str, settings: Settings) -> bool:
    """Whether a role, or one above it, has a token."""
    return any(getattr(settings, _SETTINGS[each]) for each in ROLES[ROLES.index(role) :])


def require(role: str, authorization: str | None, settings: Settings) -> Caller:
    """Who asks, if the token of the header `Authorization` is of a role or one above it.

    Raises Forbidden where no such role has a token, or the caller's role is below; Unauthorized where no token is
    given, or one that is none.
    """
    if not taken(role, settings):
        how = f"{variable(_SETTINGS[role])} holds the SHA-256 of a token for the role {role}; it is not set"
        raise Forbidden(f"nobody may do this over HTTP here: {how}. The command line works on the machine itself")
    known = caller(authorization, settings)
    if not known.role:
        raise Unauthorized(f"a token for the role {role} is needed: `Authorization: Bearer TOKEN`")
    if not known.may(role):
        raise Forbidden(f"this is for the role {role}; the token is of the role {known.role}")
    return known
