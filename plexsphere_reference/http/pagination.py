"""``limit`` and ``cursor``: opaque, signed, and bound to who asked."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from plexsphere_reference.http.problems import Problem

Item = TypeVar("Item")

_VERSION: Final = b"v1"
_MAC_BYTES: Final = 16
_DEFAULT_LIMIT: Final = 50
_HIGHEST_LIMIT: Final = 200


@dataclass(frozen=True)
class Page:
    """What a list operation was asked for: at most ``limit`` rows behind ``after`` (None: from the start).

    ``binding`` is who its cursors are for.
    """

    listing: str
    binding: str
    limit: int
    after: list[Any] | None

    @property
    def most(self) -> int:
        """How many rows to read: one more than are shown tells whether there is a next page."""
        return self.limit + 1

    def shown(self, rows: Sequence[Item]) -> Sequence[Item]:
        """The rows of this page."""
        return rows[: self.limit]


@dataclass(frozen=True)
class Cursors:
    """Signs and reads the cursors of one list, ``domains`` for example."""

    key: bytes
    listing: str

    def encode(self, binding: str, position: list[Any]) -> str:
        payload = msgspec.json.encode([self._bound(binding), position])
        return _pack(_VERSION + self._mac(payload) + payload)

    def decode(self, binding: str, cursor: str) -> list[Any]:
        """The position that ``cursor`` stands for.

        Raises:
            Problem: 400 ``invalid_cursor`` for what this server did not make for this list; 403
                ``cursor_binding_mismatch`` for what it made for somebody else.
        """
        raw = _unpack(cursor)
        version, mac, payload = raw[:2], raw[2 : 2 + _MAC_BYTES], raw[2 + _MAC_BYTES :]
        if version != _VERSION or not hmac.compare_digest(mac, self._mac(payload)):
            raise _invalid_cursor()
        bound, position = msgspec.json.decode(payload, type=tuple[str, list[Any]])
        if bound != self._bound(binding):
            raise Problem(403, "cursor_binding_mismatch", "this cursor was handed out to somebody else")
        return position

    def _bound(self, binding: str) -> str:
        return hmac.new(self.key, binding.encode(), hashlib.sha256).hexdigest()[:16]

    def _mac(self, payload: bytes) -> bytes:
        message = self.listing.encode() + b"\0" + payload
        return hmac.new(self.key, message, hashlib.sha256).digest()[:_MAC_BYTES]


def parse_limit(value: str | None) -> int:
    """``limit``: 1 to 200, 50 where it is absent; nothing is clamped.

    Raises:
        Problem: 400 ``invalid_limit``.
    """
    if value is None:
        return _DEFAULT_LIMIT
    if not (value.isascii() and value.isdigit() and len(value) <= 3 and 1 <= int(value) <= _HIGHEST_LIMIT):
        raise Problem(400, "invalid_limit", f"limit takes a whole number from 1 to {_HIGHEST_LIMIT}")
    return int(value)


def _unpack(cursor: str) -> bytes:
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise _invalid_cursor() from error
    if _pack(raw) != cursor:  # The last character has bits to spare: one position, one spelling.
        raise _invalid_cursor()
    return raw


def _pack(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _invalid_cursor() -> Problem:
    return Problem(400, "invalid_cursor", "this cursor was not handed out for this list")
