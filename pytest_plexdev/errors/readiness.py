"""Failures of waiting for objects of a cluster."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.errors.base import Failure

DOOMED_OBJECT: Final = Failure(
    tag="doomed-object",
    what="{object} will not become ready (after {seconds:.1f} s)",
    why="{culprit}",
    fix="{fix}",
)
OBJECT_GONE: Final = Failure(
    tag="object-gone",
    what="{object} was deleted during the wait (after {seconds:.1f} s)",
    why="it existed before, and it was not created again",
    fix="{fix}",
)
OBJECTS_NOT_READY: Final = Failure(
    tag="objects-not-ready",
    what="{ready} of {wanted} objects were ready within {seconds:g} s",
    why="{culprit}",
    fix="{fix}",
    exit_code=124,
)
