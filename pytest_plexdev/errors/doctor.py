"""Failures that the doctor itself reports."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.errors.base import Failure

HANDS_OFF: Final = Failure(
    tag="hands-off",
    what="the doctor changes nothing in {context}",
    why="{reason}",
    fix="{command}",
)
FIX_BY_HAND: Final = Failure(
    tag="fix-by-hand",
    what="the doctor does not fix {mode}",
    why="{reason}",
    fix="{command}",
)
CONTEXT_MISSING: Final = Failure(
    tag="context-missing",
    what="{path} has no context {context}",
    why="the doctor examines the requested cluster only",
    fix="KUBECONFIG={path} kubectl config get-contexts",
)
