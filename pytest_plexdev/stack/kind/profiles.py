"""The profiles of a kind stack: how much of the product's dev stack it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_plexdev.core.model import Profile

OVERLAYS: Final[Mapping[Profile, str]] = {"lean": "overlays/lean", "full": "overlays/dev"}
"""The overlay of each profile below ``deploy/local``; the product's runbook applies ``overlays/dev``."""
DEFAULT: Final[Profile] = "lean"
"""The profile of a new cluster."""
FURTHER_SERVICES: Final = {
    "openbao": "OpenBao",
    "seaweedfs": "SeaweedFS",
    "mimir": "Mimir",
    "loki": "Loki",
}
"""The services of ``full`` that ``lean`` omits, with the names that users know."""
_WITHOUT_MANIFESTS: Final = ("Crossplane", "External Secrets", "plexd")
"""Services of the product's dev stack that no profile has."""


def left_out(profile: Profile) -> tuple[str, ...]:
    """The services of the product's dev stack that a profile omits."""
    return (*(FURTHER_SERVICES.values() if profile == "lean" else ()), *_WITHOUT_MANIFESTS)
