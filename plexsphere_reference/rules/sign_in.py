"""Rules of a sign-in: the IdP binding that it uses, and the allowed values of ``return_to``."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

SIGN_IN_LIFETIME: Final = timedelta(minutes=10)
"""Time limit for the user to sign in at the identity provider."""
SESSION_LIFETIME: Final = timedelta(hours=12)
DEVICE_PAGE: Final = "/v1/device"
_RETURN_PATHS: Final = frozenset(("/", DEVICE_PAGE))


class Unresolved(Exception):
    """No binding could be selected for the sign-in; the message says why."""


class NoBinding(Unresolved):
    """No active binding matches."""


class WrongReturn(Exception):
    """``return_to`` is not an allowed target after a sign-in."""


@dataclass(frozen=True, kw_only=True)
class Binding:
    """The parts of an active IdP binding that a sign-in needs."""

    id: UUID
    domain_id: UUID
    issuer: str
    client_id: str
    client_secret_ref: str = field(repr=False)
    discovery_url: str
    claim_mappings: Mapping[str, str]
    required_acr: Sequence[str]
    required_amr: Sequence[str]
    jit_policy: str
    alias: str | None
    primary: bool

    @property
    def issuer_host(self) -> str:
        try:
            return urlsplit(self.issuer).netloc
        except ValueError:  # stored before issuers were validated
            return ""


def choose(bindings: Sequence[Binding], *, binding_id: UUID | None, alias: str | None = None) -> Binding:
    """Select one of a Domain's active bindings: by id, else by alias, else the primary, else the only one (contract).

    Raises:
        NoBinding: None matches.
        Unresolved: The Domain has several, none of them is primary, and none was named.
    """
    if binding_id is not None:
        bindings = [each for each in bindings if each.id == binding_id]
    elif alias is not None:
        bindings = [each for each in bindings if each.alias == alias]
    for each in bindings:
        if each.primary:
            return each
    if len(bindings) > 1:
        raise Unresolved("the Domain has several IdP bindings and none is primary: name one")
    if not bindings:
        raise NoBinding("there is no such active IdP binding")
    return bindings[0]


def check_return_to(value: str, *, public_url: str) -> str:
    """Return ``value`` if it is ``/``, the device page or a page of the public origin.

    Browsers parse ``//host``, ``/\\host`` and control characters inconsistently, so these are always rejected.

    Raises:
        WrongReturn: It is none of these.
    """
    if value.isascii() and value.isprintable() and not set(value) & set(' \\<>"') and not value.startswith("//"):
        try:
            parts = urlsplit(value)
        except ValueError:
            parts = urlsplit("//")
        if not parts.scheme and not parts.netloc and parts.path in _RETURN_PATHS:
            return value
        if f"{parts.scheme}://{parts.netloc}" == public_url:
            return value
    raise WrongReturn(f"return_to takes /, {DEVICE_PAGE}, or a URL of {public_url}")


def code_challenge(verifier: str) -> str:
    """Compute the S256 code challenge of PKCE (RFC 7636 §4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
