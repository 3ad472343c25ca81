"""Add the doctor's advice to the error of a bring-up that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_plexdev.errors import PlexdevError

if TYPE_CHECKING:
    from pytest_plexdev.kube import Access


def with_advice(error: PlexdevError, access: Access | None) -> PlexdevError:
    """The same error, with a few lines more of detail where the doctor recognises something."""
    # Only where something failed: it imports every probe and every rule.
    from pytest_plexdev.doctor.advice import advice

    said = advice(error, access)
    detail = "\n".join(part for part in (error.detail, said) if part)
    return PlexdevError(error.failure, detail=detail, **error.facts)
