"""Rules of Domains and Projects: names, slugs, address ranges, reachability policies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network

PLATFORM: Final = "platform:plexsphere"
"""The platform as an object of relation tuples."""

_SLUG: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_NAME: Final = 255
_LONGEST_SLUG: Final = 64
_LONGEST_DESCRIPTION: Final = 1024
_LONGEST_CIDR: Final = 49
_CIDR: Final = re.compile(r"([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}|[0-9a-fA-F:]+/[0-9]{1,3}")
_DURATION: Final = re.compile(r"(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?")


class Invalid(Exception):
    """A value breaks a rule; the message says which."""


class InvalidReachabilityPolicy(Invalid):
    """The three durations are not a policy."""


@dataclass(frozen=True)
class ReachabilityPolicy:
    """After how much silence a Node is stale, then unreachable.

    Bounds (contract, Domain): interval 10 s to 1 h, stale at least three intervals, unreachable at least twice stale,
    none above 1 h.
    """

    heartbeat_interval: timedelta = timedelta(seconds=30)
    stale_after: timedelta = timedelta(seconds=90)
    unreachable_after: timedelta = timedelta(seconds=300)

    @classmethod
    def parse(cls, heartbeat_interval: str, stale_after: str, unreachable_after: str) -> ReachabilityPolicy:
        """From Go durations; three empty or zero ones mean the default.

        Raises:
            InvalidReachabilityPolicy: Only some are given, or one is out of bounds.
        """
        texts = (heartbeat_interval, stale_after, unreachable_after)
        durations = [parse_duration(text) if text else timedelta(0) for text in texts]
        if not any(durations):
            return cls()
        if not all(durations):
            raise InvalidReachabilityPolicy("give all three of heartbeat_interval, stale_after, unreachable_after")
        policy = cls(*durations)
        policy._check()
        return policy

    def _check(self) -> None:
        hour = timedelta(hours=1)
        if not timedelta(seconds=10) <= self.heartbeat_interval <= hour:
            raise InvalidReachabilityPolicy("heartbeat_interval must be from 10s to 1h")
        if not 3 * self.heartbeat_interval <= self.stale_after <= hour:
            raise InvalidReachabilityPolicy("stale_after must be from three heartbeat intervals to 1h")
        if not 2 * self.stale_after <= self.unreachable_after <= hour:
            raise InvalidReachabilityPolicy("unreachable_after must be from twice stale_after to 1h")


def parse_duration(text: str) -> timedelta:
    """A Go duration of whole hours, minutes and seconds, ``1m30s`` for example."""
    match = _DURATION.fullmatch(text)
    if text == "" or match is None or len(text) > 16:
        raise InvalidReachabilityPolicy(f"{text[:32]!r} is not a duration such as 30s or 5m")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """As the contract's examples write it: whole seconds, ``90s``."""
    return f"{int(duration.total_seconds())}s"


def check_name(name: str) -> str:
    """The name, trimmed."""
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
    """A canonical RFC 4632 block: no host bits."""
    try:
        if len(text) > _LONGEST_CIDR or not _CIDR.fullmatch(text):
            raise ValueError
        return ip_network(text, strict=True)
    except ValueError as error:
        raise Invalid(f"{what} must be a canonical CIDR block such as 10.42.0.0/16 or fd42::/48") from error


def contains(outer: Network, inner: Network) -> bool:
    return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]
