"""Rules of bootstrap tokens: plaintext format, limits, and when a token can no longer be redeemed."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Self, TypeAlias
from uuid import UUID

from plexsphere_reference.rules.tenancy import Invalid

Refusal: TypeAlias = Literal["token_consumed", "token_revoked", "token_expired"]

_PLAINTEXT: Final = re.compile(r"psb_([a-z]+)_([a-z2-7]{26})_(node|bridge)_([a-z2-7]{20,64})")
_ENV_PREFIX: Final = re.compile(r"[a-z]{1,32}")
_KINDS: Final = ("node", "bridge")
_SHORTEST_TTL: Final = 300
_LONGEST_TTL: Final = 86_400
_RANDOM_BYTES: Final = 16
_LOOKUP_CHARACTERS: Final = 10


class Malformed(Exception):
    """The text is not the plaintext of a bootstrap token."""


@dataclass(frozen=True, kw_only=True)
class Plaintext:
    """``psb_<env>_<project>_<kind>_<random>``, the project in lowercase unpadded base32 (contract §5.1)."""

    env_prefix: str
    project_id: UUID
    kind: str
    random: str = field(repr=False)

    @classmethod
    def mint(cls, *, env_prefix: str, project_id: UUID, kind: str) -> Self:
        """Create the plaintext of a new token, with 128 random bits."""
        return cls(
            env_prefix=env_prefix, project_id=project_id, kind=kind, random=_base32(secrets.token_bytes(_RANDOM_BYTES))
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the plaintext of a token.

        Raises:
            Malformed: *text* does not have this format.
        """
        match = _PLAINTEXT.fullmatch(text)
        if match is None:
            raise Malformed
        env_prefix, project, kind, random = match.groups()
        return cls(env_prefix=env_prefix, project_id=_project_id(project), kind=kind, random=random)

    @property
    def lookup(self) -> str:
        """The part of the random value that is stored unhashed, as the key under which the hash is found."""
        return self.random[:_LOOKUP_CHARACTERS]

    def reveal(self) -> str:
        """Return the token with its secret."""
        return f"psb_{self.env_prefix}_{_base32(self.project_id.bytes)}_{self.kind}_{self.random}"


def check_issue(kind: str, env_prefix: str, ttl_seconds: int) -> None:
    """Check the parameters of a new token against the limits of the contract.

    Raises:
        Invalid: A limit is violated; the message names it.
    """
    if kind not in _KINDS:
        raise Invalid(f"kind must be one of {', '.join(_KINDS)}")
    if not _ENV_PREFIX.fullmatch(env_prefix):
        raise Invalid("env_prefix must be 1 to 32 lowercase letters")
    if not _SHORTEST_TTL <= ttl_seconds <= _LONGEST_TTL:
        raise Invalid(f"ttl_seconds must be from {_SHORTEST_TTL} to {_LONGEST_TTL}")


def refusal(
    *, consumed_at: datetime | None, revoked_at: datetime | None, expires_at: datetime, now: datetime
) -> Refusal | None:
    """Return why a token cannot be redeemed; None if it can. Revocation and use take precedence over expiry."""
    if consumed_at is not None:
        return "token_consumed"
    if revoked_at is not None:
        return "token_revoked"
    return "token_expired" if expires_at <= now else None


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()


def _project_id(encoded: str) -> UUID:
    try:
        raw = base64.b32decode(encoded.upper() + "======")
    except binascii.Error as error:
        raise Malformed from error
    if _base32(raw) != encoded:
        raise Malformed
    return UUID(bytes=raw)
