"""Parse ``limit`` and ``cursor``. Cursors are encrypted and bound to the list, its filter and the caller."""

from __future__ import annotations

import base64
import binascii
import functools
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from plexsphere_reference.http.problems import Problem

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

Item = TypeVar("Item")

_VERSION: Final = b"\x02"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_KEY_BYTES: Final = 32
_KEY_PURPOSE: Final = b"plexsphere cursors v2"
_DEFAULT_LIMIT: Final = 50
_HIGHEST_LIMIT: Final = 200


@dataclass(frozen=True)
class Page:
    """The requested page of a list: at most ``limit`` rows after the position ``after`` (None: from the start).

    Attributes:
        listing: The list and its filter. A cursor of another listing is invalid.
        binding: The caller that its cursors are bound to.
    """

    listing: str
    binding: str
    limit: int
    after: list[Any] | None

    @property
    def most(self) -> int:
        """The number of rows to read: one more than the page, to detect a next page."""
        return self.limit + 1

    def shown(self, rows: Sequence[Item]) -> Sequence[Item]:
        """Return the rows of this page."""
        return rows[: self.limit]


@dataclass(frozen=True)
class Cursors:
    """Encrypts and decrypts the cursors of one listing.

    A cursor is ``version ‖ nonce ‖ AES-256-GCM(caller, position)`` with the listing as associated data, so it is
    opaque and valid for its listing only. The caller is part of the plaintext, not of the associated data, because the
    contract distinguishes another caller's cursor (403) from a tampered one (400).

    Args:
        key: ``PLEXSPHERE_CURSOR_KEY``; the AES key is derived from it.
        listing: The list and its filter, for example ``projects:<domain id>``.
    """

    key: bytes
    listing: str

    def encode(self, binding: str, position: list[Any]) -> str:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        payload = msgspec.json.encode([binding, position])
        return _pack(_VERSION + nonce + _cipher(self.key).encrypt(nonce, payload, self._associated))

    def decode(self, binding: str, cursor: str) -> list[Any]:
        """Return the position in ``cursor``.

        Raises:
            Problem: 400 ``invalid_cursor`` if this server did not create it for this listing; 403
                ``cursor_binding_mismatch`` if it was created for another caller.
        """
        bound, position = msgspec.json.decode(self._open(cursor), type=tuple[str, list[Any]])
        if bound != binding:
            raise Problem(403, "cursor_binding_mismatch", "this cursor was issued to another caller")
        return position

    def _open(self, cursor: str) -> bytes:
        from cryptography.exceptions import InvalidTag

        raw = _unpack(cursor)
        version, nonce, sealed = raw[:1], raw[1 : 1 + _NONCE_BYTES], raw[1 + _NONCE_BYTES :]
        if version != _VERSION or len(sealed) < _TAG_BYTES:
            raise _invalid_cursor()
        try:
            return _cipher(self.key).decrypt(nonce, sealed, self._associated)
        except InvalidTag as error:
            raise _invalid_cursor() from error

    @property
    def _associated(self) -> bytes:
        return self.listing.encode()


@functools.lru_cache(maxsize=4)
def _cipher(key: bytes) -> AESGCM:
    # Imported when the first cursor is needed: loading OpenSSL's bindings would delay every start.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return AESGCM(HKDF(SHA256(), length=_KEY_BYTES, salt=None, info=_KEY_PURPOSE).derive(key))


def parse_limit(value: str | None) -> int:
    """Parse ``limit``: 1 to 200, default 50. Values out of range are not clamped.

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
    if _pack(raw) != cursor:  # The last character has unused bits; accept only the canonical encoding.
        raise _invalid_cursor()
    return raw


def _pack(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _invalid_cursor() -> Problem:
    return Problem(400, "invalid_cursor", "this cursor was not handed out for this list")
