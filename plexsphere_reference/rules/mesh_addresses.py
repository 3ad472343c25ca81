"""Determine the mesh addresses that a Project may assign to Nodes, and the next free one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

from plexsphere_reference.rules.tenancy import Network

Address: TypeAlias = IPv4Address | IPv6Address

_POINT_TO_POINT: Final = 1
"""Host bits up to which a block has no reserved addresses (RFC 3021 for IPv4, RFC 6164 for IPv6)."""


@dataclass(frozen=True)
class Span:
    """The addresses from ``first`` to ``last``, inclusive."""

    first: Address
    last: Address


def flat_spans(pool: Network, sub_ranges: Sequence[Network]) -> list[Span]:
    """Return the spans of a Project without a sub-range, ascending: the Domain's pool without others' sub-ranges."""
    free: list[Span] = []
    usable = _usable(pool)
    address = type(usable.first)
    low, high = int(usable.first), int(usable.last)
    for taken in sorted((each for each in sub_ranges if each.version == pool.version), key=_lowest):
        bottom, top = _lowest(taken), int(taken.broadcast_address)
        if top < low or bottom > high:
            continue
        if bottom > low:
            free.append(Span(address(low), address(bottom - 1)))
        low = top + 1
        if low > high:
            return free
    return [*free, Span(address(low), address(high))]


def sub_range_spans(pool: Network, sub_range: Network) -> list[Span]:
    """Return the spans of a Project with a sub-range; empty if only reserved addresses remain."""
    outer, inner = _usable(pool), _usable(sub_range)
    span = Span(max(outer.first, inner.first, key=int), min(outer.last, inner.last, key=int))
    return [span] if int(span.first) <= int(span.last) else []


def next_free(spans: Sequence[Span], highest: Sequence[Address | None]) -> Address | None:
    """Return the address after the highest taken one, in the first span that has one.

    Returns None if the last address of every span is taken; any free addresses are then in gaps.

    Args:
        highest: The highest taken address of each span; None if none is taken.
    """
    for span, taken in zip(spans, highest, strict=True):
        if taken is None:
            return span.first
        if int(taken) < int(span.last):
            return taken + 1
    return None


def _usable(network: Network) -> Span:
    """Return the network without its first address (in IPv6 the routers' anycast) and the IPv4 broadcast address."""
    first, last = network.network_address, network.broadcast_address
    if network.max_prefixlen - network.prefixlen <= _POINT_TO_POINT:
        return Span(first, last)
    return Span(first + 1, last - 1 if network.version == 4 else last)


def _lowest(network: Network) -> int:
    return int(network.network_address)
