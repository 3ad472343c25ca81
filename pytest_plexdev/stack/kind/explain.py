"""Failures of a bring-up with what else is known of them."""

from __future__ import annotations

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import API_SILENT
from pytest_plexdev.kube import Access
from pytest_plexdev.stack.kind.settings import Addresses


def explained(error: PlexdevError, access: Access | None) -> PlexdevError:
    """The error with what the doctor makes of it."""
    from pytest_plexdev.doctor import advice

    said = advice(error, access)
    detail = "\n".join(part for part in (error.detail, said) if part)
    return PlexdevError(error.failure, detail=detail, **error.facts)


def api_silent(name: str, addresses: Addresses, error: Exception) -> PlexdevError:
    """The error for a stack whose host ports do not answer as they should."""
    reason = str(error) or type(error).__name__
    fix = "plexdev status; plexdev doctor"
    return PlexdevError(API_SILENT, name=name, url=addresses.api, reason=reason, fix=fix)
