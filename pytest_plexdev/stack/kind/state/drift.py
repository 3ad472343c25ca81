"""Find the inputs that changed since a stack was brought up."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.kube import KubeClient
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.stack.kind.state import database, fingerprint
from pytest_plexdev.stack.kind.state.ownership import Ready

UNFINISHED: Final = "its bring-up was never completed"


def differences(client: KubeClient, ready: Ready | None, settings: KindSettings) -> list[str]:
    """The names of the inputs that differ from those recorded in the ready mark; one text if there is no mark."""
    if ready is None:
        return [UNFINISHED]
    wanted = fingerprint.current(settings.for_running(ready.profile))
    return fingerprint.differing(ready.fingerprint, {**wanted, **database.identity(client)})
