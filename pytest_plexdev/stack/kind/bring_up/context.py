"""The deadline, the timings and the waits of one bring-up."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_plexdev.core.cancellation import remaining_s
from pytest_plexdev.core.model import Verdict
from pytest_plexdev.core.phases import Phases
from pytest_plexdev.core.progress import Progress, VerdictChanged
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.readiness.cluster_health import ClusterHealth
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.wait import wait_ready
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.required_parts import definitions_of_crossplane, health_of
from pytest_plexdev.stack.kind.settings import Addresses, KindSettings
from pytest_plexdev.stack.kind.state import endpoints


class BringUpContext:
    """The deadline, timings and log of one bring-up. Its clock starts when it is created.

    Attributes:
        phases: The timed phases.
        did: Lines for the user: what was done and what was skipped.
    """

    def __init__(self, settings: KindSettings, files: ClusterFiles, progress: Progress) -> None:
        self.settings = settings
        self.files = files
        self.phases = Phases(progress)
        self.did: list[str] = []
        self._progress = progress

    def report_wait(self, name: str, reason: str) -> None:
        """Report what the bring-up waits for."""
        self._progress(VerdictChanged(verdict=Verdict(name=name, state="waiting", reason=reason)))

    def note(self, line: str) -> None:
        """Report a slow step of the images in one line."""
        self.report_wait("images", line)

    def wait_until_ready(
        self,
        client: KubeClient,
        wanted: Sequence[ObjectRef],
        *,
        began: float | None = None,
        health: ClusterHealth | None = None,
    ) -> None:
        """Wait until the objects *wanted* are ready, within the remaining time.

        Args:
            began: Unix time of their apply, in seconds: failures since then are failures of this bring-up.
            health: The parts of the cluster to wait for as well.

        Raises:
            PlexdevError: An object does not become ready.
        """
        wait_ready(client, wanted, timeout=remaining_s(), health=health, began=began, progress=self._progress)

    def wait_for_stack(self, client: KubeClient, wanted: Sequence[ObjectRef], *, began: float | None = None) -> None:
        """Wait until all objects of the stack are ready, the cluster's own parts, and what Crossplane defines.

        Args:
            began: As for :meth:`wait_until_ready`.

        Raises:
            PlexdevError: One of them does not become ready.
        """
        self.wait_until_ready(client, wanted, began=began, health=health_of(owned=True))
        if definitions := definitions_of_crossplane(client, wanted):
            self.wait_until_ready(client, definitions, began=began)

    def wait_until_answering(self, addresses: Addresses) -> Mapping[str, Any]:
        """Wait until the API and the identity provider answer at the host ports.

        Returns:
            The answer of ``/v1/version``.

        Raises:
            PlexdevError: ``api-silent``.
        """
        try:
            deadline = time.monotonic() + remaining_s()
            version = endpoints.wait_until_answering(addresses.api, addresses.issuer, deadline=deadline)
            endpoints.wait_until_healthy(addresses.api, deadline=deadline)
            return version
        except (OSError, ValueError) as error:
            raise endpoints.api_silent(self.files.name, addresses, error) from None
