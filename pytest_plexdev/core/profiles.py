"""The profiles of a stack: how much of the product's dev stack it has."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from pytest_plexdev.core.model import Profile

PROFILES: Final[tuple[Profile, ...]] = ("lean", "full")
"""All profiles, the smallest first."""
DEFAULT: Final[Profile] = "lean"
"""The profile of a new stack."""
WARM_DEFAULT: Final[Profile] = "full"
"""The profile of a new warm cluster: the runbook's ``make dev``."""
LEAN_SERVERS: Final = ("plexsphere", "plexsphere-signer", "dex", "postgres", "nats", "spicedb")
"""The services of every stack that listen at an address."""
FURTHER_SERVICES: Final = {
    "openbao": "OpenBao",
    "seaweedfs": "SeaweedFS",
    "mimir": "Mimir",
    "loki": "Loki",
}
"""The services of ``full`` that ``lean`` omits; the values are the names of the products."""
SERVERS: Final = (*LEAN_SERVERS, *FURTHER_SERVICES)
"""The services that listen at an address."""
WITHOUT_MANIFESTS: Final = ("Crossplane", "External Secrets")
"""Services of the product's dev stack that no profile has."""
ON_REQUEST: Final = ("plexd",)
"""Services that no profile has, and that ``plexdev up SERVICE`` adds to a stack on a cluster."""


def left_out(profile: Profile, services: Collection[str] = ()) -> tuple[str, ...]:
    """The services of the product's dev stack that a profile omits.

    Args:
        services: The names of those that the stack has.
    """
    further = FURTHER_SERVICES.values() if profile == "lean" else ()
    return (*further, *WITHOUT_MANIFESTS, *(each for each in ON_REQUEST if each not in services))


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
    return "full" if FURTHER_SERVICES.keys() & services else "lean"
