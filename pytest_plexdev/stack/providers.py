"""Translate a run's options into the settings of its provider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_plexdev.core.process_id import ProcessId

if TYPE_CHECKING:
    from pytest_plexdev.core.model import Provider
    from pytest_plexdev.options import Settings
    from pytest_plexdev.stack.embedded import EmbeddedSettings
    from pytest_plexdev.stack.kind.settings import Explain, KindSettings


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a run asks for.

    Attributes:
        directory: The run's own.
        controller_pid: The process that owns the run: however it ends, a fresh stack ends with it.
        seed: Asks the project's plugins for a seed manifest in place of ours.
        overlay: Asks them for a kustomize overlay in place of ours.
        explain: Makes the error that the user sees of one that a bring-up on a cluster raised.
    """

    settings: Settings
    directory: Path
    controller_pid: int
    seed: Callable[[], Path | None]
    overlay: Callable[[], Path | None]
    explain: Explain

    def fresh(self, directory: Path) -> Provider:
        """Who brings up the run's own stack, in a directory of its own, and takes it down."""
        from pytest_plexdev.core.extras import need_embedded, need_kind

        if self.settings.stack == "kind":
            need_kind()
            from pytest_plexdev.stack.kind.provider import KindProvider

            return KindProvider(self._fresh_cluster(), directory)
        need_embedded()
        from pytest_plexdev.stack.embedded import EmbeddedProvider

        return EmbeddedProvider(self._fresh_processes(), directory)

    def warm_cluster(self) -> KindSettings:
        """The warm cluster's stack as the run wants to find it."""
        from pytest_plexdev.stack.kind.settings import KindSettings

        return KindSettings(
            kind_image=self.settings.kind_image,
            overlay=self._overlay,
            images=self.settings.images,
            seed=self.seed(),
            on_drift=self.settings.on_drift,
            timeout=self.settings.timeout,
            explain=self.explain,
        )

    def _fresh_cluster(self) -> KindSettings:
        from pytest_plexdev.stack.kind.settings import KindSettings, fresh_name

        return KindSettings(
            name=fresh_name(self.directory),
            owner=ProcessId.of(self.controller_pid),
            timeout=self.settings.timeout,
            api_port=0,
            idp_port=0,
            kind_image=self.settings.kind_image,
            overlay=self._overlay,
            images=self.settings.images,
            seed=self.seed(),
            explain=self.explain,
            keep_failed=self.settings.keep != "never",
            run_directory=self.directory,
        )

    def _fresh_processes(self) -> EmbeddedSettings:
        from pytest_plexdev.stack.embedded import EmbeddedSettings

        return EmbeddedSettings(
            id=self.directory.name,
            owner=ProcessId.of(self.controller_pid),
            prefer=self.settings.prefer,
            timeout=self.settings.timeout,
            run_directory=self.directory,
            seed=self.seed(),
        )

    @property
    def _overlay(self) -> Path | None:
        return self.settings.overlay or self.overlay()
