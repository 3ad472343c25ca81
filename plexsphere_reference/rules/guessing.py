"""How often a person and an address may get a user code wrong (RFC 8628 §5.1).

A user code has 40 random bits and lives for ten minutes, so these limits leave a guesser no chance. Whoever mistypes
waits a minute at most; right codes are never counted.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

WINDOW: Final = timedelta(minutes=1)
_MOST_OF_A_USER: Final = 5
_MOST_OF_AN_ADDRESS: Final = 10
"""More than of a user: people of one office share an address."""
_IPV6_NETWORK: Final = 64
"""The bits that a network operator gives one customer: the others are theirs to choose."""


def guessers(*, user_id: UUID | None, address: str | None) -> Mapping[str, int]:
    """Who guesses, each with the wrong codes that they may have in a window."""
    found: dict[str, int] = {}
    if user_id is not None:
        found[f"user:{user_id}"] = _MOST_OF_A_USER
    if address is not None:
        found[f"address:{_network(address)}"] = _MOST_OF_AN_ADDRESS
    return found


def seconds_to_wait(limits: Mapping[str, int], wrong: Mapping[str, Sequence[timedelta]]) -> int:
    """How long until nobody is above their limit; 0 where nobody is.

    Args:
        limits: See :func:`guessers`.
        wrong: The ages of each guesser's wrong codes in the window, the newest first.
    """
    waits = [WINDOW - ages[most - 1] for guesser, most in limits.items() if len(ages := wrong.get(guesser, ())) >= most]
    return max((math.ceil(wait.total_seconds()) for wait in waits), default=0)


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped or ipaddress.ip_network((parsed, _IPV6_NETWORK), strict=False))
    return str(parsed)
