"""What the doctor may mend by itself: a module each, with ``mend(access) -> what was done``.

Only in a cluster that carries our mark, and only what was found. What deletes anything is not here.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Final, Protocol, cast

from pytest_plexdev.doctor.model import Finding
from pytest_plexdev.doctor.table import mode_of
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.doctor import FIX_BY_HAND, HANDS_OFF
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.stack.kind import sentinel

_UNMARKED: Final = "it does not carry the mark of pytest-plexdev, so somebody else made it"


class _Fix(Protocol):
    def mend(self, access: Access) -> Sequence[str]: ...


def mend(finding: Finding, access: Access | None) -> Sequence[str]:
    """Mend what was found; says what was done.

    Raises:
        PlexdevError: ``fix-by-hand`` where no fix is safe, ``hands-off`` where the cluster is not ours; whatever the
            fix meets.
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
    with KubeClient(access) as client:
        # Asked anew: what was examined may be minutes old.
        if not sentinel.is_ours(client):
            raise PlexdevError(HANDS_OFF, context=access.context, reason=_UNMARKED, command=command)
    return cast(_Fix, import_module(f"{__name__}.{mode.fix}")).mend(access)
