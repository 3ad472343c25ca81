"""The profiles of a stack: how much of the product's dev stack it has."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pytest_plexdev.core.model import Profile

PROFILES: Final[tuple[Profile, ...]] = ("lean", "full")
"""All profiles, the smallest first."""
DEFAULT: Final[Profile] = "lean"
"""The profile of a new stack."""
WARM_DEFAULT: Final[Profile] = "full"
"""The profile of a new warm cluster: the runbook's ``make dev``."""
LEAN_SERVERS: Final[Mapping[str, int]] = MappingProxyType(
    {"plexsphere": 8080, "plexsphere-signer": 8443, "dex": 5556, "postgres": 5432, "nats": 4222, "spicedb": 50051}
)
"""The services of every stack that listen at an address, each with the port of its Service in a cluster."""
FURTHER_SERVERS: Final[Mapping[str, int]] = MappingProxyType(
    {"openbao": 8200, "seaweedfs": 8333, "mimir": 8080, "loki": 3100}
)
"""Those that the profile ``full`` adds."""
SERVERS: Final[Mapping[str, int]] = MappingProxyType({**LEAN_SERVERS, **FURTHER_SERVERS})
"""All services that listen at an address."""
OPERATORS: Final = ("crossplane", "external-secrets")
"""The services of ``full`` without an address: they act on objects of their cluster, so only a cluster has them."""
FURTHER_SERVICES: Final = (*FURTHER_SERVERS, *OPERATORS)
"""The services of ``full`` that ``lean`` omits."""
SERVICES: Final = (*LEAN_SERVERS, *FURTHER_SERVICES)
"""All services of the profiles, without the Jobs and the gateway."""
REPLACEABLE: Final = ("dex", "spicedb")
"""The services in whose place a stack without containers runs a stand-in, if their programs are not installed."""
ON_REQUEST: Final = ("plexd",)
"""Services that no profile has, and that ``plexdev up SERVICE`` adds to a stack on a cluster."""


def left_out(profile: Profile, services: Collection[str] = ()) -> tuple[str, ...]:
    """The services of the product's dev stack that a profile omits.

    Args:
        services: The names of those that the stack has.
    """
    further = FURTHER_SERVICES if profile == "lean" else ()
    return (*further, *(each for each in ON_REQUEST if each not in services))


def profile_named(name: object) -> Profile:
    """The profile of this name.

    Raises:
        ValueError: There is none.
    """
    for each in PROFILES:
        if each == name:
            return each
    raise ValueError(f"no profile is named {name!r}")


def smallest_with(services: Collection[str]) -> Profile:
    """The smallest profile that has these services."""
    return "lean" if set(FURTHER_SERVICES).isdisjoint(services) else "full"
