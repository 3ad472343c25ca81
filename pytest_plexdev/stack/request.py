"""The request of a pytest run or a command to a provider. Each provider derives its settings from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from pytest_plexdev.core.model import Profile
    from pytest_plexdev.errors import PlexdevError
    from pytest_plexdev.kube import Access
    from pytest_plexdev.options import Settings

Explain: TypeAlias = "Callable[[PlexdevError, Access | None], PlexdevError]"
"""Adds a diagnosis to a bring-up error while its cluster still exists. Receives the cluster's access if it is known."""


class Seed(Protocol):
    """Return the path of the seed manifest that replaces the default one; ``None`` to use the default."""

    def __call__(self, *, for_reference_plane: bool) -> Path | None:
        """Check the manifest and return its path.

        Args:
            for_reference_plane: Whether the reference plane's bootstrap certainly reads it.

        Raises:
            PlexdevError: ``seed-unusable``.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class RunOwner:
    """The run that owns a fresh stack.

    Attributes:
        directory: The run's directory.
        controller_pid: The process whose end stops the stack.
        tester_pid: The process of the run that has the stack to itself; ``None``: the run's tests share it.
        name: The name of such a stack among those of the run.
    """

    directory: Path
    controller_pid: int
    tester_pid: int | None = None
    name: str = ""

    @property
    def stack_id(self) -> str:
        """The id of the stack."""
        return f"{self.directory.name}-{self.name}" if self.name else self.directory.name


@dataclass(frozen=True, kw_only=True)
class UpOptions:
    """The options of ``plexdev up``; ``None`` means that the option was not given.

    Each field is an option of the command line with the same name.
    """

    timeout: float | None = None
    prefer: Literal["real", "stand-in"] | None = None
    port: int | None = None
    idp_port: int | None = None
    seed: Path | None = None
    profile: Profile | None = None
    prune: bool = False
    reapply: bool = False


class Launcher(Protocol):
    """Starts the stacks of one process faster, because it has imported once what they need."""

    def close(self) -> None:
        """End it. The stacks that it has started continue."""
        ...


@dataclass(frozen=True, kw_only=True)
class StackRequest:
    """A request for a stack.

    Attributes:
        resolve: Resolves the options; called when a provider first reads one.
        seed: Returns the seed manifest.
        overlay: Returns the kustomize overlay of the project's plugins.
        explain: The doctor's diagnosis, passed in because the doctor imports the providers. A provider without a
            cluster ignores it.
        profile: The smallest profile with the services that the run's tests need.
        run: The run that owns the fresh stack; ``None`` for the warm stack.
        up: The options of ``plexdev up``; ``None`` for a request of pytest.
        launcher: A launcher of the provider, from :func:`pytest_plexdev.stack.providers.launcher_of`.
    """

    resolve: Callable[[], Settings]
    seed: Seed
    overlay: Callable[[], Path | None]
    explain: Explain = field(repr=False)
    profile: Profile | None = None
    run: RunOwner | None = None
    up: UpOptions | None = None
    launcher: Launcher | None = field(default=None, repr=False)

    @cached_property
    def options(self) -> Settings:
        """The resolved options.

        Raises:
            PlexdevError: ``bad-setting``.
        """
        return self.resolve()
