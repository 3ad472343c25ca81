"""Rules of the device-code flow (RFC 8628): codes and the outcome of a poll."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias
from uuid import UUID

LIFETIME: Final = timedelta(seconds=600)
INTERVAL: Final = 5
"""Seconds between polls, and the seconds that each ``slow_down`` adds (RFC 8628 §3.5)."""
TOKEN_LIFETIME: Final = timedelta(hours=12)
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_USER_CODE: Final = re.compile(r"([A-Z2-7]{4})-?([A-Z2-7]{4})")

State: TypeAlias = Literal["pending", "approved", "denied", "spent", "expired"]
PollOutcome: TypeAlias = Literal[
    "granted", "authorization_pending", "slow_down", "expired_token", "invalid_grant", "access_denied"
]


@dataclass(frozen=True, kw_only=True)
class DeviceSession:
    """A device that waits for approval. ``now`` is the database's time when the row was read."""

    id: UUID
    user_code: str
    binding_id: UUID
    domain_id: UUID
    binding_active: bool
    client_id: str | None
    interval_seconds: int
    expires_at: datetime
    last_polled_at: datetime | None
    approved_by: UUID | None
    denied_by: UUID | None
    approved_acr: str | None
    approved_amr: tuple[str, ...]
    spent_at: datetime | None
    now: datetime

    @property
    def state(self) -> State:
        if self.spent_at is not None:
            return "spent"
        if self.denied_by is not None:
            return "denied"
        if self.now >= self.expires_at:
            return "expired"
        return "pending" if self.approved_by is None else "approved"

    @property
    def decided_by(self) -> UUID | None:
        """The user who approved or denied it."""
        return self.denied_by or self.approved_by

    def poll(self, *, client_id: str | None) -> PollOutcome:
        """Return the outcome of a poll. A code that was issued to a client is valid for that client only."""
        if self.state == "spent" or (self.client_id is not None and client_id != self.client_id):
            return "invalid_grant"
        if self.state == "denied":
            return "access_denied"
        if self.state == "expired":
            return "expired_token"
        if not self.binding_active:
            return "access_denied"
        if self.state == "approved":
            return "granted"
        return "slow_down" if self._too_soon() else "authorization_pending"

    def _too_soon(self) -> bool:
        if self.last_polled_at is None:
            return False
        return self.now - self.last_polled_at < timedelta(seconds=self.interval_seconds)


def new_device_code() -> str:
    return secrets.token_urlsafe(32)


def new_user_code() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(8))


def parse_user_code(text: str) -> str | None:
    """Return the eight characters without the dash; None if ``text`` is not a user code."""
    match = _USER_CODE.fullmatch(text)
    return "".join(match.groups()) if match else None


def shown(user_code: str) -> str:
    """Format a user code for display, as two groups of four characters."""
    return f"{user_code[:4]}-{user_code[4:]}"
