"""Rules of a sign-in: which IdP binding it goes through, and where it may come back to."""

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
"""How long a person has at the identity provider."""
SESSION_LIFETIME: Final = timedelta(hours=12)
DEVICE_PAGE: Final = "/v1/device"
_RETURN_PATHS: Final = frozenset(("/", DEVICE_PAGE))


class Unresolved(Exception):
    """What a sign-in asks for leads to no binding; the message says why."""


class NoBinding(Unresolved):
    """There is no such active binding."""


class WrongReturn(Exception):
    """``return_to`` leads to where a sign-in must not send anybody."""


@dataclass(frozen=True, kw_only=True)
class Binding:
    """An active IdP binding of a Domain, as far as signing in needs it."""

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
        except ValueError:  # one that was stored before issuers were checked
            return ""


def choose(bindings: Sequence[Binding], *, binding_id: UUID | None, alias: str | None = None) -> Binding:
    """The binding among a Domain's active ones: by id, else by alias, else the primary, else the only one (contract).

    Raises:
        NoBinding: None fits.
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
    """``value`` where it may be returned to: ``/``, the device page, or any page of the public origin.

    Browsers read ``//host``, ``/\\host`` and control characters in ways of their own, so those are never let through.

    Raises:
        WrongReturn: It is neither.
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
    """PKCE's S256 (RFC 7636 §4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
