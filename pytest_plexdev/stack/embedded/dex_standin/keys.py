"""Load the token signing key. It is generated once and cached, because that takes longer than the rest of the start."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from pytest_plexdev.core.private_files import make_private_directory, read_private, write_private

if TYPE_CHECKING:
    from pathlib import Path

_GROUP_AND_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def signing_key(path: Path | None) -> rsa.RSAPrivateKey:
    """Load the RSA key in *path*; generate and save one if it is missing or damaged.

    Args:
        path: ``None``: generate a key without saving it.

    Raises:
        PlexdevError: ``untrusted-path``: other users may write the file, so they may know the key.
        OSError: The file cannot be read or written.
    """
    if path is None:
        return _generate()
    return _read(path) or _generate_and_save(path)


def _generate() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _read(path: Path) -> rsa.RSAPrivateKey | None:
    try:
        content = read_private(path)
        if path.stat().st_mode & _GROUP_AND_OTHERS:
            return None  # other users may have read it
        # Validation takes as long as generating a key, and only this user can write the file.
        key = serialization.load_pem_private_key(content, password=None, unsafe_skip_rsa_key_validation=True)
    except (FileNotFoundError, ValueError):
        return None
    return key if isinstance(key, rsa.RSAPrivateKey) else None


def _generate_and_save(path: Path) -> rsa.RSAPrivateKey:
    """Atomic: of two concurrent writers the last one wins, and each uses its own key until its next start."""
    key = _generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    make_private_directory(path.parent)
    write_private(path, pem)
    return key
