"""Read ``status.conditions``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from pytest_plexdev.kube.timestamps import seconds

Condition: TypeAlias = Mapping[str, Any]


def condition(status: Mapping[str, Any], kind: str) -> Condition:
    """Return a condition by its type; empty if the status has none."""
    return next((each for each in status.get("conditions") or () if each["type"] == kind), {})


def is_true(found: Condition, generation: int | None = None) -> bool:
    """Whether the condition is True, and not for a generation older than *generation*."""
    return found.get("status") == "True" and not is_stale(found, generation)


def is_false(found: Condition, generation: int | None = None) -> bool:
    """Whether the condition is False, and not for a generation older than *generation*."""
    return found.get("status") == "False" and not is_stale(found, generation)


def is_stale(found: Condition, generation: int | None) -> bool:
    """Whether a condition was written for an older generation of its object."""
    return generation is not None and found.get("observedGeneration", generation) < generation


def changed_at(found: Condition) -> float | None:
    """Return when the condition's status last changed, in Unix seconds."""
    return seconds(found.get("lastTransitionTime"))


def explanation(found: Condition) -> str:
    """Return reason and message in one line."""
    parts = (str(found.get("reason") or ""), one_line(str(found.get("message") or "")))
    return ": ".join(part for part in parts if part)


def one_line(text: str) -> str:
    """Return a text without line breaks."""
    return " ".join(text.split())
