"""Rules of a heartbeat (contract, PostNodeHeartbeat): one code per rule, checked in the contract's order."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

Code: TypeAlias = Literal["clock_skew", "binary_checksum_empty", "binary_version_empty", "malformed_heartbeat_request"]

_LARGEST_SKEW: Final = timedelta(seconds=60)
_CHECKSUM_BYTES: Final = 32
_LONGEST_VERSION: Final = 4096


class InvalidHeartbeat(Exception):
    """A heartbeat violates a rule. ``code`` identifies the rule; the message is for people."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code: Code = code


def check(*, client_now: datetime, now: datetime, binary_checksum: str, binary_version: str) -> None:
    """Check a heartbeat against the rules.

    Raises:
        InvalidHeartbeat: It violates a rule.
    """
    if abs(client_now - now) > _LARGEST_SKEW:
        raise InvalidHeartbeat("clock_skew", f"client_now differs from {now.isoformat()} by more than 60 s")
    if not _is_digest(binary_checksum):
        raise InvalidHeartbeat("binary_checksum_empty", "binary_checksum must be the base64 of a SHA-256 digest")
    if not binary_version.strip():
        raise InvalidHeartbeat("binary_version_empty", "binary_version is empty")
    if len(binary_version) > _LONGEST_VERSION:
        raise InvalidHeartbeat(
            "malformed_heartbeat_request", f"binary_version must have at most {_LONGEST_VERSION} characters"
        )


def _is_digest(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == _CHECKSUM_BYTES
    except (binascii.Error, ValueError):
        return False
