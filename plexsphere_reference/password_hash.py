"""Hash bootstrap tokens with Argon2id, in a worker thread. The library is imported on first use."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher


async def hashed(secret: str) -> str:
    """Return the hash of ``secret`` with its salt and parameters."""
    return await asyncio.to_thread(_hash, secret)


async def matches(secret: str, stored: str) -> bool:
    """Return whether ``stored`` is a hash of ``secret``."""
    return await asyncio.to_thread(_verify, secret, stored)


def _hash(secret: str) -> str:
    return _hasher().hash(secret)


def _verify(secret: str, stored: str) -> bool:
    from argon2.exceptions import VerifyMismatchError

    try:
        return _hasher().verify(stored, secret)
    except VerifyMismatchError:
        return False


@functools.cache
def _hasher() -> PasswordHasher:
    """Create a hasher with OWASP's minimum parameters for Argon2id: two passes over 19 MiB, one lane."""
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
