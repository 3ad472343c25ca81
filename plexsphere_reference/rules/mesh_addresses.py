"""Which addresses of a Domain's mesh a Node can be given, and which one is next."""

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
    """Addresses from ``first`` to ``last``, both included."""

    first: Address
    last: Address


def flat_spans(pool: Network, sub_ranges: Sequence[Network]) -> list[Span]:
    """What a Project without a sub-range draws from: the Domain's pool but for the sub-ranges of others, ascending."""
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
    """What a Project with a sub-range draws from; nothing where only reserved addresses are left."""
    outer, inner = _usable(pool), _usable(sub_range)
    span = Span(max(outer.first, inner.first, key=int), min(outer.last, inner.last, key=int))
    return [span] if int(span.first) <= int(span.last) else []


def next_free(spans: Sequence[Span], highest: Sequence[Address | None]) -> Address | None:
    """The first address above the highest that is taken, of the first span that has one left.

    None says that the last address of every span is taken: what is free then lies in gaps.

    Args:
        highest: The highest taken address of each span; None where none is taken.
    """
    for span, taken in zip(spans, highest, strict=True):
        if taken is None:
            return span.first
        if int(taken) < int(span.last):
            return taken + 1
    return None


def _usable(network: Network) -> Span:
    """All but the network's own address and, in IPv4, its broadcast address (in IPv6 the first is the routers')."""
    first, last = network.network_address, network.broadcast_address
    if network.max_prefixlen - network.prefixlen <= _POINT_TO_POINT:
        return Span(first, last)
    return Span(first + 1, last - 1 if network.version == 4 else last)


def _lowest(network: Network) -> int:
    return int(network.network_address)
