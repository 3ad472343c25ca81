"""Fixes that ``plexdev doctor --fix`` applies: one module each, with ``apply_fix(access, settings) -> what was done``.

They run only in a kind cluster of this machine that plexdev created, only for a mode that was found, and never during
a bring-up. None of them deletes anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Final, Protocol, cast

from pytest_plexdev.core.progress import Progress
from pytest_plexdev.doctor.model import Finding
from pytest_plexdev.doctor.modes import mode_of
from pytest_plexdev.doctor.target import has_our_labels, kind_cluster
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.doctor import FIX_BY_HAND, HANDS_OFF
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.stack.kind.cluster.lock import exclusive
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.stack.kind.state import ownership

_UNMARKED: Final = "the labels of its node do not show that plexdev created it from this directory"
_ELSEWHERE: Final = "it is not a kind cluster on this machine"


class _Fix(Protocol):
    def apply_fix(self, access: Access, settings: KindSettings) -> Sequence[str]: ...


def apply_fix(finding: Finding, access: Access | None, settings: KindSettings, progress: Progress) -> Sequence[str]:
    """Fix what was found.

    Args:
        settings: The settings of the stack; its overlay and images are applied.
        progress: Receives the holder of the cluster's lock if this has to wait.

    Returns:
        What was done, a line each.

    Raises:
        PlexdevError: ``fix-by-hand``: no fix is safe; ``hands-off``: plexdev did not create the cluster;
            ``cluster-busy``; any error of the fix itself.
    """
    mode = mode_of(finding.mode)
    assert mode is not None
    command = finding.command or mode.remedy
    if finding.state == "not examined" and mode.fix is not None:
        raise PlexdevError(
            HANDS_OFF, context="a cluster that it could not examine", reason=finding.evidence, command="plexdev doctor"
        )
    if finding.state != "found":
        return [f"nothing to do: {finding.evidence or 'it was not found'}"]
    if mode.fix is None:
        raise PlexdevError(FIX_BY_HAND, mode=mode.tag, reason=finding.evidence, command=command)
    assert access is not None
    if not kind_cluster(access):
        raise PlexdevError(HANDS_OFF, context=access.context, reason=_ELSEWHERE, command=command)
    fix = cast(_Fix, import_module(f"{__name__}.{mode.fix}"))
    with exclusive(settings.state, timeout=settings.timeout, progress=progress), KubeClient(access) as client:
        # Checked again: the finding may be minutes old.
        if not has_our_labels(client, settings.state):
            raise PlexdevError(HANDS_OFF, context=access.context, reason=_UNMARKED, command=command)
        ready = ownership.read_ready(client)
        # No run may attach during the fix. If it fails, the next `plexdev up` does the rest.
        ownership.withdraw_ready(client)
        done = fix.apply_fix(access, settings)
        if ready is not None:
            ownership.write_ready(client, ready)
    return done
