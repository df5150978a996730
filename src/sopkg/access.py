"""Who may do what over HTTP: roles, proved by a bearer token (RFC 6750) of which only the hash is kept."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from sopkg.errors import Forbidden, Unauthorized
from sopkg.settings import Settings, variable

ROLES: Mapping[str, str] = {"editor": "editor_hash"}
"""Each role, and the setting that has the SHA-256 of its token."""


def require(role: str, authorization: str | None, settings: Settings) -> None:
    """Passes if the header `Authorization` has the token of a role. No error says anything of a token.

    Raises Forbidden where the role has no token, Unauthorized where another or none is given.
    """
    name = ROLES[role]
    expected: str = getattr(settings, name)
    if not expected:
        how = f"{variable(name)} holds the SHA-256 of a token for the role {role}; it is not set"
        raise Forbidden(f"nothing is written over HTTP here: {how}. `sopkg respond` writes on the machine itself")
    scheme, _, token = (authorization or "").strip().partition(" ")
    if scheme.casefold() != "bearer":
        raise Unauthorized(f"a token for the role {role} is needed: `Authorization: Bearer TOKEN`")
    digest = hashlib.sha256(token.strip().encode("utf-8", "surrogateescape")).hexdigest()
    if not hmac.compare_digest(digest, expected):
        raise Unauthorized(f"this is no token for the role {role}", {"error": "invalid_token"})
