"""The key that signs tokens: made once, then read, since making one costs more than the whole start."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from pytest_plexdev.core.private_files import make_private_directory, read_private, write_private

if TYPE_CHECKING:
    from pathlib import Path

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def signing_key(path: Path | None) -> rsa.RSAPrivateKey:
    """The RSA key of ``path``, made and kept there where it is missing or damaged.

    Raises:
        PlexdevError: ``untrusted-path``: others may write the file, so it may be a key that they know.
        OSError: The file cannot be read or written.
    """
    if path is None:
        return _make()
    return _read(path) or _make_and_keep(path)


def _make() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _read(path: Path) -> rsa.RSAPrivateKey | None:
    try:
        content = read_private(path)
        if path.stat().st_mode & _OTHERS:
            return None  # others may have read it
        # Validation would cost as much as a new key; the file is our own.
        key = serialization.load_pem_private_key(content, password=None, unsafe_skip_rsa_key_validation=True)
    except (FileNotFoundError, ValueError):
        return None
    return key if isinstance(key, rsa.RSAPrivateKey) else None


def _make_and_keep(path: Path) -> rsa.RSAPrivateKey:
    """Two programs that do this at once both end up with a whole key, each its own until it starts again."""
    key = _make()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    make_private_directory(path.parent)
    write_private(path, pem)
    return key
