"""Objects for the tests of readiness rules."""

from __future__ import annotations

from pytest_plexdev.readiness.object_status import ObjectStatus


def condition(found: ObjectStatus) -> str:
    return f"{found.state} {found.explanation}"
