"""Readiness of cluster objects: pure rules, the watch that feeds them, and the diagnosis of what is not ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_plexdev.core.lazy import lazy_exports

if TYPE_CHECKING:
    from pytest_plexdev.readiness.grace import Graces
    from pytest_plexdev.readiness.object_cache import ObjectCache
    from pytest_plexdev.readiness.object_ref import ObjectRef, refs_of
    from pytest_plexdev.readiness.rules import verdict_of
    from pytest_plexdev.readiness.snapshot import refs_in, verdicts_now
    from pytest_plexdev.readiness.wait import wait_ready

__all__ = ["Graces", "ObjectCache", "ObjectRef", "refs_in", "refs_of", "verdict_of", "verdicts_now", "wait_ready"]

# Attaching lists objects once and has 300 ms; importing asyncio, which only a wait needs, takes 20 of them.
__getattr__ = lazy_exports(
    __name__,
    {
        "Graces": "grace",
        "ObjectRef": "object_ref",
        "ObjectCache": "object_cache",
        "refs_in": "snapshot",
        "refs_of": "object_ref",
        "verdict_of": "rules",
        "verdicts_now": "snapshot",
        "wait_ready": "wait",
    },
)
