"""Readiness: rules (pure: an object's JSON to a Verdict), the watch that feeds them, and why something is not ready."""

from __future__ import annotations

from pytest_plexdev.readiness.patience import Graces
from pytest_plexdev.readiness.ref import ObjectRef, refs_of
from pytest_plexdev.readiness.rules import verdict_of
from pytest_plexdev.readiness.wait import refs_in, verdicts_now, wait_ready
from pytest_plexdev.readiness.world import World

__all__ = ["Graces", "ObjectRef", "World", "refs_in", "refs_of", "verdict_of", "verdicts_now", "wait_ready"]
