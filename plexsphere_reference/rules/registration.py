"""Validate the members of a registration against the contract, before the bootstrap token is checked."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from plexsphere_reference.rules.tenancy import Invalid

_KEY_BYTES: Final = 32
_KEY_CHARACTERS: Final = 44
_LONGEST_TEXT: Final = 4096


@dataclass(frozen=True, kw_only=True)
class Registration:
    """A valid registration. ``handle`` names the Resource: the override, if present."""

    project_id: UUID
    handle: str
    nonce: str
    public_key: str
    bootstrap_token: str = field(repr=False)


class InvalidPublicKey(Invalid):
    """The text is not an X25519 public key."""


def parse_public_key(text: str) -> str:
    """Parse a WireGuard key (32 bytes in padded standard base64, not all zero) and return its canonical encoding.

    Raises:
        InvalidPublicKey: *text* is not such a key.
    """
    try:
        raw = base64.b64decode(text, validate=True) if len(text) == _KEY_CHARACTERS else b""
    except (binascii.Error, ValueError) as error:
        raise InvalidPublicKey("public_key is not base64") from error
    if len(raw) != _KEY_BYTES or not any(raw):
        raise InvalidPublicKey("public_key must be the base64 of 32 bytes that are not all zero")
    return base64.b64encode(raw).decode()


def parse(
    *, project_id: str, handle: str, requested_resource_id: str, bootstrap_token: str, nonce: str, public_key: str
) -> Registration:
    """Parse the members of a registration.

    Raises:
        InvalidPublicKey: Checked before all other rules.
        Invalid: Another member violates its rule.
    """
    key = parse_public_key(public_key)
    for name, value in (("resource_handle", handle), ("bootstrap_token", bootstrap_token), ("nonce", nonce)):
        if not value.strip() or len(value) > _LONGEST_TEXT:
            raise Invalid(f"{name} must have 1 to {_LONGEST_TEXT} characters and not be blank")
    if len(requested_resource_id) > _LONGEST_TEXT:
        raise Invalid(f"requested_resource_id must have at most {_LONGEST_TEXT} characters")
    return Registration(
        project_id=_uuid(project_id),
        handle=requested_resource_id or handle,
        nonce=nonce,
        public_key=key,
        bootstrap_token=bootstrap_token,
    )


def _uuid(text: str) -> UUID:
    try:
        parsed = UUID(text)
    except ValueError as error:
        raise Invalid("project_id is not a UUID") from error
    if parsed.int == 0 or str(parsed) != text.lower():
        raise Invalid("project_id is not a UUID")
    return parsed
