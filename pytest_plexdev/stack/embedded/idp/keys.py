"""The key that signs tokens: made once, then read, since making one costs more than the whole start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from pytest_plexdev.stack.files import write_whole

if TYPE_CHECKING:
    from pathlib import Path


def signing_key(path: Path | None) -> rsa.RSAPrivateKey:
    """The RSA key of ``path``, made and kept there where it is missing or damaged.

    Raises:
        OSError: The file cannot be read or written.
    """
    if path is None:
        return _make()
    return _read(path) or _make_and_keep(path)


def _make() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _read(path: Path) -> rsa.RSAPrivateKey | None:
    try:
        # Validation would cost as much as a new key; the file is our own.
        key = serialization.load_pem_private_key(path.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True)
    except (FileNotFoundError, ValueError):
        return None
    return key if isinstance(key, rsa.RSAPrivateKey) else None


def _make_and_keep(path: Path) -> rsa.RSAPrivateKey:
    """Two programs that do this at once both end up with a whole key, each its own until it starts again."""
    key = _make()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, pem, mode=0o600)
    return key
