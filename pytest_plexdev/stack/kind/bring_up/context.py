"""One bring-up's deadline, event log and waits."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pytest_plexdev.core.model import Progress, Verdict, VerdictChanged
from pytest_plexdev.core.phases import Phases
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.readiness.cluster_health import ClusterHealth
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.wait import wait_ready
from pytest_plexdev.stack.kind.cluster.files import ClusterFiles
from pytest_plexdev.stack.kind.settings import Addresses, KindSettings
from pytest_plexdev.stack.kind.state import endpoints

_LEAST: Final = 1.0
"""Minimum timeout of a step, in seconds, after the deadline, so that work that is already done is still noticed."""


class BringUpContext:
    """The deadline, timings and log of one bring-up. Its clock starts when it is created.

    Attributes:
        phases: Its parts, timed.
        did: In words what was done and what was skipped.
    """

    def __init__(self, settings: KindSettings, place: ClusterFiles, progress: Progress) -> None:
        self.settings = settings
        self.place = place
        self.phases = Phases(progress)
        self.did: list[str] = []
        self._progress = progress

    def left(self) -> float:
        """Remaining seconds for a step."""
        return max(_LEAST, self.settings.timeout - self.phases.seconds)

    def waits(self, name: str, reason: str) -> None:
        """Report what the bring-up waits for."""
        self._progress(VerdictChanged(verdict=Verdict(name=name, state="waiting", reason=reason)))

    def note(self, line: str) -> None:
        """Tell in one line what takes long."""
        self.waits("images", line)

    def until_ready(
        self,
        client: KubeClient,
        wanted: Sequence[ObjectRef],
        *,
        began: float | None = None,
        health: ClusterHealth | None = None,
    ) -> None:
        """Wait until they are ready, within the time that is left.

        Args:
            began: When they were applied, in Unix seconds: what failed since then is this bring-up's failure.
            health: What is waited for besides: the cluster's own parts, once they can be expected.

        Raises:
            PlexdevError: They do not become ready.
        """
        wait_ready(client, wanted, timeout=self.left(), health=health, began=began, progress=self._progress)

    def until_answering(self, addresses: Addresses) -> Mapping[str, Any]:
        """Wait until the API and the identity provider answer at the host ports; what the API says that it is.

        Raises:
            PlexdevError: ``api-silent``.
        """
        try:
            deadline = time.monotonic() + self.left()
            said = endpoints.wait_until_answering(addresses.api, addresses.issuer, deadline=deadline)
            endpoints.wait_until_whole(addresses.api, deadline=deadline)
            return said
        except (OSError, ValueError) as error:
            raise endpoints.api_silent(self.place.name, addresses, error) from None
