"""Fixes that ``plexdev doctor --fix`` applies: one module each, with ``mend(access, settings) -> what was done``.

Only in a kind cluster of this machine whose node says that we made it, only what was found, and never beside a
bring-up. What deletes anything is not here.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Final, Protocol, cast

from pytest_plexdev.core.model import Progress
from pytest_plexdev.doctor.model import Finding
from pytest_plexdev.doctor.modes import mode_of
from pytest_plexdev.doctor.target import is_ours, kind_cluster
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.doctor import FIX_BY_HAND, HANDS_OFF
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.stack.kind.cluster.lock import exclusive
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.stack.kind.state import ownership

_UNMARKED: Final = "its node does not say that plexdev made it from here, and our manifests in it are no proof"
_ELSEWHERE: Final = "it is no kind cluster of this machine"


class _Fix(Protocol):
    def mend(self, access: Access, settings: KindSettings) -> Sequence[str]: ...


def mend(finding: Finding, access: Access | None, settings: KindSettings, progress: Progress) -> Sequence[str]:
    """Mend what was found; says what was done.

    Args:
        settings: Of the stack: its overlay and images are what is applied.
        progress: Hears for whom this waits, where the stack is being brought up.

    Raises:
        PlexdevError: ``fix-by-hand`` where no fix is safe, ``hands-off`` where the cluster is not ours;
            ``cluster-busy``; whatever the fix meets.
    """
    mode = mode_of(finding.mode)
    assert mode is not None
    command = finding.command or mode.remedy
    if finding.state == "not examined" and mode.fix is not None:
        raise PlexdevError(HANDS_OFF, context="a cluster unseen", reason=finding.evidence, command="plexdev doctor")
    if finding.state != "found":
        return [f"nothing to do: {finding.evidence or 'it was not found'}"]
    if mode.fix is None:
        raise PlexdevError(FIX_BY_HAND, mode=mode.tag, reason=finding.evidence, command=command)
    assert access is not None
    if not kind_cluster(access):
        raise PlexdevError(HANDS_OFF, context=access.context, reason=_ELSEWHERE, command=command)
    fix = cast(_Fix, import_module(f"{__name__}.{mode.fix}"))
    with exclusive(settings.state, timeout=settings.timeout, progress=progress), KubeClient(access) as client:
        # Asked anew: what was examined may be minutes old.
        if not is_ours(client, settings.state):
            raise PlexdevError(HANDS_OFF, context=access.context, reason=_UNMARKED, command=command)
        ready = ownership.read_ready(client)
        # Nobody is to attach in the middle; a fix that fails leaves the rest to the next `plexdev up`.
        ownership.withdraw_ready(client)
        done = fix.mend(access, settings)
        if ready is not None:
            ownership.write_ready(client, ready)
    return done
