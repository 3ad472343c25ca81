"""The kind provider: a stack on a kind cluster, for one run or to stay."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_plexdev.stack.kind.settings import KindSettings
    from pytest_plexdev.stack.model import Progress, StackInfo, Verdict


class KindProvider:
    """Implements :class:`pytest_plexdev.stack.model.Provider`. *directory* is the stack's own, below the run's."""

    def __init__(self, settings: KindSettings, directory: Path) -> None:
        self._settings = settings
        self._directory = directory

    def up(self, progress: Progress) -> StackInfo:
        raise NotImplementedError

    def down(self, info: StackInfo) -> None:
        raise NotImplementedError

    def state(self, info: StackInfo) -> Sequence[Verdict]:
        raise NotImplementedError

    def log(self, info: StackInfo, service: str, *, since: float | None = None) -> str:
        raise NotImplementedError

    def reach(self, info: StackInfo, service: str) -> str:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
