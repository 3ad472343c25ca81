"""The kind provider. Its methods import lazily, so that finding no stack does not load an HTTP client."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from pytest_plexdev.stack.kind.observer_part import KindObserver

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_plexdev.core.model import StackInfo, Verdict
    from pytest_plexdev.core.progress import Progress
    from pytest_plexdev.core.provider_parts import Changes, Found, Logs, Started, Texts
    from pytest_plexdev.errors import PlexdevError
    from pytest_plexdev.options import Settings
    from pytest_plexdev.stack.kind.settings import KindSettings
    from pytest_plexdev.stack.kind.warm.node_status import NodeProblem
    from pytest_plexdev.stack.request import StackRequest

MODULES: Final = ("yaml", "psycopg", "nats", "docker")
"""Modules that the stack or its fixtures import. Only ``plexdev_kube`` needs the ``kubernetes`` package besides."""


class KindProvider(KindObserver):
    """Implements :class:`pytest_plexdev.core.provider.Provider`.

    Args:
        settings: The settings of the stack; by default derived from *request*.
        directory: The directory of a run's own stack; ``None`` for the warm cluster.
    """

    name = "kind"

    def __init__(
        self,
        settings: KindSettings | None = None,
        directory: Path | None = None,
        *,
        request: StackRequest | None = None,
    ) -> None:
        super().__init__()
        self._explicit_settings = settings
        self._directory = directory
        self._request = request

    @cached_property
    def _settings(self) -> KindSettings:
        from pytest_plexdev.stack.kind.own_clusters import name_of_kept
        from pytest_plexdev.stack.kind.settings import KindSettings, settings_for

        if self._explicit_settings is not None:
            return self._explicit_settings
        if self._request is not None:
            return settings_for(self._request)
        return KindSettings() if self._directory is None else KindSettings(name=name_of_kept(self._directory))

    def up(self, progress: Progress) -> Started:
        """Bring the stack up: on a new cluster if a run owns it, else on the warm one.

        Raises:
            PlexdevError: The stack did not become ready. A run's own cluster is deleted then, unless it is kept.
        """
        from pytest_plexdev.core.extras import need
        from pytest_plexdev.core.provider_parts import Started

        need(self.name, *MODULES)
        if self._settings.owner is None:
            from pytest_plexdev.stack.kind.warm.up import bring_up

            info, did = bring_up(self._settings, progress)
            return Started(info=info, report={"did": did}, notes=did)
        from pytest_plexdev.stack.kind import fresh

        assert self._directory is not None
        return Started(info=fresh.bring_up(self._settings, self._directory, progress))

    def down(self, info: StackInfo | None, *, force: bool = False, progress: Progress | None = None) -> list[str]:
        """Delete the warm cluster if it is ours or *force* is set, or a run's own cluster with its directory."""
        if self._directory is None:
            from pytest_plexdev.stack.kind.warm.down import take_down

            return take_down(self._settings, force=force, progress=progress)
        from pytest_plexdev.stack.kind import fresh

        if info is None or info.cluster is None:
            fresh.take_down(self._settings.name, self._directory.absolute())
        else:
            fresh.take_down(info.cluster.name, info.directory)
        return ["plexdev: the stack is down"]

    def remove_files(self) -> None:
        """Do nothing: a failed bring-up has already removed its files."""

    def is_guarded(self) -> bool:
        """Whether a reaper runs that will delete the cluster."""
        from pytest_plexdev.stack.kind.cluster import reaper

        return self._directory is not None and reaper.watches_over(self._directory)

    @property
    def looked_for(self) -> str:
        """The context of the warm cluster."""
        from pytest_plexdev.stack.kind.constants import WARM_CLUSTER, context_of

        return f"a kind cluster with the context {context_of(WARM_CLUSTER)}"

    def find(self, *, even_silent: bool = False) -> StackInfo | None:
        """Find the stack of the warm cluster, ours or not, or of the cluster in the directory."""
        if self._directory is not None:
            from pytest_plexdev.stack.kind.own_clusters import find_kept

            return find_kept(self._directory)
        from pytest_plexdev.stack.kind.warm import attach

        return attach.find_silent_too() if even_silent else attach.find()

    def attach(self, progress: Progress) -> Found | None:
        """Find the warm stack. Drift is applied, refused or ignored, as ``on_drift`` says."""
        from pytest_plexdev.stack.kind.warm import attach

        return attach.find_and_resolve_drift(self._settings, progress)

    def is_present(self) -> bool:
        """Whether this user created the cluster, according to files or node labels."""
        from pytest_plexdev.stack.kind.own_clusters import has_warm_cluster, kept_cluster

        return has_warm_cluster() if self._directory is None else kept_cluster(self._directory) is not None

    def obstacle(self, *, patience_s: float | None = None) -> NodeProblem | None:
        """The problem of the warm cluster's node that Docker reports."""
        if shutil.which("docker") is None:
            return None
        from pytest_plexdev.stack.kind.warm.node_status import warm_node_problem

        return warm_node_problem() if patience_s is None else warm_node_problem(patience=patience_s)

    def explained(self, error: PlexdevError) -> PlexdevError:
        """Name the container that publishes the port of a ``port-taken``."""
        if error.tag != "port-taken":
            return error
        from pytest_plexdev.stack.kind.cluster.port_publisher import with_container

        return with_container(error)

    def status(self, info: StackInfo | None) -> Sequence[Verdict]:
        """The verdicts; one line with the reason if the API server does not answer."""
        from pytest_plexdev.stack.kind.warm import wait
        from pytest_plexdev.stack.kind.warm.node_status import instead_of

        return wait.verdicts_now() if info is None else instead_of(self.verdicts(info), info)

    def wait(self, deadline: float, progress: Progress) -> None:
        """Wait until all objects of the stack are ready."""
        from pytest_plexdev.stack.kind.warm import wait

        if self._directory is None:
            wait.wait_for_warm(deadline, progress)
        elif (info := self.find()) is not None:
            wait.wait_for_kept(info, deadline, progress)

    def refuse_dead(self, info: StackInfo, verdicts: Sequence[Verdict]) -> None:
        """Do nothing: Kubernetes restarts crashed Pods, and :meth:`wait` raises if that cannot help."""

    def logs(self, info: StackInfo) -> Logs:
        """The logs of the stack's Pods."""
        from pytest_plexdev.stack.kind import observer

        return observer.PodLogs(info)

    def changes(self, info: StackInfo) -> Changes:
        """See :mod:`pytest_plexdev.stack.kind.warm.changes`."""
        from pytest_plexdev.stack.kind.warm.changes import KindChanges

        return KindChanges(info, self._settings)

    def left_logs(self) -> Logs | None:
        """``None``: without an API server there are no logs."""
        return None

    def clone(self) -> KindProvider:
        """Another provider of the same stack, with its own port-forwards."""
        return KindProvider(self._explicit_settings, self._directory, request=self._request)

    def exports(self, info: StackInfo) -> Mapping[str, str]:
        """``KUBECONFIG``. No URLs of port-forwards: those end with the command that opened them."""
        return {"KUBECONFIG": str(info.cluster.kubeconfig)} if info.cluster is not None else {}

    def check(self, settings: Settings) -> None:
        """Refuse a replacement for an image that no stack has."""
        if settings.images:
            from pytest_plexdev.stack.kind.images.overrides import refuse_unknown_images

            refuse_unknown_images(settings)

    @property
    def texts(self) -> Texts:
        """See :mod:`pytest_plexdev.stack.kind.texts`."""
        from pytest_plexdev.stack.kind.texts import KindTexts

        return KindTexts()
