"""The error of a bring-up that failed, with what the doctor makes of it: for those who start one on a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_plexdev.errors import PlexdevError

if TYPE_CHECKING:
    from pytest_plexdev.kube import Access


def explained(error: PlexdevError, access: Access | None) -> PlexdevError:
    """The same error, with a few lines more of detail where the doctor recognises something."""
    # Only where something failed: it imports every probe and every rule.
    from pytest_plexdev.doctor import advice

    said = advice(error, access)
    detail = "\n".join(part for part in (error.detail, said) if part)
    return PlexdevError(error.failure, detail=detail, **error.facts)
