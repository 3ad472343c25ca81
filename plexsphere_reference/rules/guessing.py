"""Limits on wrong user codes per user and per address (RFC 8628 §5.1).

A user code has 40 random bits and is valid for ten minutes, so guessing within these limits is not practical. A typo
blocks the user for a minute at most; correct codes are not counted.
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
"""Higher than the limit per user, because the users of an office share an address."""
_IPV6_NETWORK: Final = 64
"""Prefix length that is assigned to one customer, who can choose the remaining bits."""


def guessers(*, user_id: UUID | None, address: str | None) -> Mapping[str, int]:
    """Return the keys to count wrong codes under, each with its limit per window."""
    found: dict[str, int] = {}
    if user_id is not None:
        found[f"user:{user_id}"] = _MOST_OF_A_USER
    if address is not None:
        found[f"address:{_network(address)}"] = _MOST_OF_AN_ADDRESS
    return found


def seconds_to_wait(limits: Mapping[str, int], wrong: Mapping[str, Sequence[timedelta]]) -> int:
    """Return the seconds until every key is within its limit; 0 if all are.

    Args:
        limits: See :func:`guessers`.
        wrong: The ages in seconds of each key's wrong codes in the window, newest first.
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
