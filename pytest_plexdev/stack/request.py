"""What a pytest run or a command asks of a provider; each provider derives its settings from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from pytest_plexdev.errors import PlexdevError
    from pytest_plexdev.kube import Access
    from pytest_plexdev.options import Settings


class Seed(Protocol):
    """Returns the seed manifest that replaces the default one; ``None``: the default one."""

    def __call__(self, *, for_reference_plane: bool) -> Path | None:
        """Check the manifest and return its path.

        Args:
            for_reference_plane: Whether it is certain that the reference plane's bootstrap reads it.

        Raises:
            PlexdevError: ``seed-unusable``.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class RunOwner:
    """The run that a fresh stack belongs to: its directory, and the process with which the stack ends."""

    directory: Path
    controller_pid: int


@dataclass(frozen=True, kw_only=True)
class UpOptions:
    """The options of ``plexdev up``; ``None``: not given."""

    timeout: float | None = None
    prefer: Literal["real", "stand-in"] | None = None
    port: int | None = None
    idp_port: int | None = None
    seed: Path | None = None
    reapply: bool = False


@dataclass(frozen=True, kw_only=True)
class StackRequest:
    """What a run or a command asks of a provider.

    Attributes:
        resolve: Resolves the options, when a provider first reads one.
        seed: Asks for the seed manifest.
        overlay: Asks the project's plugins for a kustomize overlay.
        explain: Turns the error of a bring-up on a cluster into the one that the user sees.
        run: The run that a fresh stack is for; ``None``: the request is for the warm stack.
        up: The options of ``plexdev up``; ``None``: pytest makes the request.
    """

    resolve: Callable[[], Settings]
    seed: Seed
    overlay: Callable[[], Path | None]
    explain: Callable[[PlexdevError, Access | None], PlexdevError] = field(repr=False)
    run: RunOwner | None = None
    up: UpOptions | None = None

    @cached_property
    def options(self) -> Settings:
        """The resolved options.

        Raises:
            PlexdevError: ``bad-setting``.
        """
        return self.resolve()
