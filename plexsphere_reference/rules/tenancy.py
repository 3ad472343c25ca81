"""Rules of Domains and Projects: names, slugs, address ranges, reachability policies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, TypeAlias

from plexsphere_reference.rules.durations import InvalidDuration, format_seconds, parse_duration

Network: TypeAlias = IPv4Network | IPv6Network

PLATFORM: Final = "platform:plexsphere"
"""The platform's object reference in relation tuples."""

_SLUG: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_NAME: Final = 255
_LONGEST_SLUG: Final = 64
_LONGEST_DESCRIPTION: Final = 1024
_LONGEST_CIDR: Final = 49
_CIDR: Final = re.compile(r"([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}|[0-9a-fA-F:]+/[0-9]{1,3}")
_SHORTEST_INTERVAL: Final = parse_duration("10s")
_LONGEST: Final = parse_duration("1h")


class Invalid(Exception):
    """A value violates a rule; the message names it."""


class InvalidReachabilityPolicy(Invalid):
    """The three durations do not form a valid policy."""


@dataclass(frozen=True)
class ReachabilityPolicy:
    """The time without a heartbeat after which a Node is stale, then unreachable.

    Bounds (contract, Domain): interval 10 s to 1 h, stale at least three intervals, unreachable at least twice stale,
    none above 1 h.
    """

    heartbeat_interval: timedelta = timedelta(seconds=30)
    stale_after: timedelta = timedelta(seconds=90)
    unreachable_after: timedelta = timedelta(seconds=300)

    @classmethod
    def parse(cls, heartbeat_interval: str, stale_after: str, unreachable_after: str) -> ReachabilityPolicy:
        """Parse a policy from Go durations. Three empty or zero ones mean the default.

        The bounds are checked in nanoseconds; the result is rounded down to microseconds, the precision of Postgres.

        Raises:
            InvalidReachabilityPolicy: A duration is invalid or out of bounds, or only some are set.
        """
        texts = (heartbeat_interval, stale_after, unreachable_after)
        try:
            durations = [parse_duration(text) if text else 0 for text in texts]
        except InvalidDuration as error:
            raise InvalidReachabilityPolicy(str(error)) from error
        if not any(durations):
            return cls()
        if not all(durations):
            raise InvalidReachabilityPolicy("set all three of heartbeat_interval, stale_after, unreachable_after")
        _check_policy(*durations)
        # Rounding down does not violate a bound that was met before.
        return cls(*(timedelta(microseconds=nanoseconds // 1000) for nanoseconds in durations))


def _check_policy(heartbeat_interval: int, stale_after: int, unreachable_after: int) -> None:
    if not _SHORTEST_INTERVAL <= heartbeat_interval <= _LONGEST:
        raise InvalidReachabilityPolicy("heartbeat_interval must be from 10s to 1h")
    if not 3 * heartbeat_interval <= stale_after <= _LONGEST:
        raise InvalidReachabilityPolicy("stale_after must be from three heartbeat intervals to 1h")
    if not 2 * stale_after <= unreachable_after <= _LONGEST:
        raise InvalidReachabilityPolicy("unreachable_after must be from twice stale_after to 1h")


def format_duration(duration: timedelta) -> str:
    """Format a duration for responses, in seconds: ``90s`` or ``10.5s``."""
    return format_seconds(duration // timedelta(microseconds=1) * 1000)


def check_name(name: str) -> str:
    """Return the trimmed name if it is valid."""
    if not name.strip() or len(name) > _LONGEST_NAME:
        raise Invalid(f"name must have 1 to {_LONGEST_NAME} characters and not be blank")
    return name.strip()


def check_slug(slug: str, *, what: str = "slug") -> str:
    if len(slug) > _LONGEST_SLUG or not _SLUG.fullmatch(slug):
        raise Invalid(f"{what} must be 1 to {_LONGEST_SLUG} lowercase letters, digits and single dashes between them")
    return slug


def check_description(description: str) -> str:
    if len(description) > _LONGEST_DESCRIPTION or (description and not description.strip()):
        raise Invalid(f"description must have at most {_LONGEST_DESCRIPTION} characters and not be blank")
    return description


def parse_cidr(text: str, *, what: str = "mesh_cidr") -> Network:
    """Parse a canonical CIDR block (RFC 4632), without host bits."""
    try:
        if len(text) > _LONGEST_CIDR or not _CIDR.fullmatch(text):
            raise ValueError
        return ip_network(text, strict=True)
    except ValueError as error:
        raise Invalid(f"{what} must be a canonical CIDR block such as 10.42.0.0/16 or fd42::/48") from error


def contains(outer: Network, inner: Network) -> bool:
    return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]  # the versions agree
