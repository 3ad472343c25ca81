"""The embedded provider. Its methods import lazily: finding out that no stack runs imports no server module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from pytest_plexdev.stack.embedded.observer_part import EmbeddedObserver

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_plexdev.core.model import StackInfo, Verdict
    from pytest_plexdev.core.progress import Progress
    from pytest_plexdev.core.provider_parts import Changes, Found, Logs, Started, Texts
    from pytest_plexdev.errors import PlexdevError
    from pytest_plexdev.options import Settings
    from pytest_plexdev.stack.embedded.settings import EmbeddedSettings
    from pytest_plexdev.stack.request import StackRequest

MODULES: Final = (
    *("argon2", "authzed", "bcrypt", "joserfc", "nats", "prometheus_client", "psycopg", "psycopg_pool"),
    *("python_multipart", "re2", "starlette", "uvicorn", "yaml"),
)
"""Modules that the stack's programs import. Postgres and NATS are checked at their start: settings may name others."""


class EmbeddedProvider(EmbeddedObserver):
    """Implements :class:`pytest_plexdev.core.provider.Provider`.

    Args:
        settings: The settings of the stack; by default derived from *request*.
        directory: The stack's own directory, which ``up`` creates and ``down`` removes; ``None``: the warm stack's.
        request: The options of the run or command.
    """

    name = "embedded"

    def __init__(
        self,
        settings: EmbeddedSettings | None = None,
        directory: Path | None = None,
        *,
        request: StackRequest | None = None,
    ) -> None:
        super().__init__()
        self._explicit_settings = settings
        self._own_directory = directory.absolute() if directory is not None else None
        self._request = request

    @cached_property
    def _settings(self) -> EmbeddedSettings:
        from pytest_plexdev.stack.embedded.settings import WARM_ID, EmbeddedSettings, settings_for

        if self._explicit_settings is not None:
            return self._explicit_settings
        return settings_for(self._request) if self._request is not None else EmbeddedSettings(id=WARM_ID)

    @property
    def _directory(self) -> Path:
        from pytest_plexdev.stack.embedded.warm import warm_directory

        return self._own_directory or warm_directory().absolute()

    def up(self, progress: Progress) -> Started:
        """Bring the stack up. A running warm stack is not changed.

        Raises:
            PlexdevError: It did not become ready, or the warm one runs incompletely (``stack-broken``).
        """
        from pytest_plexdev.core.extras import need
        from pytest_plexdev.core.provider_parts import Started
        from pytest_plexdev.stack.embedded import launch, warm
        from pytest_plexdev.stack.embedded.launcher import ForkServer
        from pytest_plexdev.stack.embedded.texts import differences_note

        need(self.name, *MODULES)
        if self._own_directory is not None:
            launcher = self._request.launcher if self._request is not None else None
            fork_server = launcher if isinstance(launcher, ForkServer) else None
            info = launch.bring_up(self._settings, self._own_directory, progress, fork_server=fork_server)
            return Started(info=info)
        info, is_new = warm.bring_up_warm(self._settings, progress)
        up = self._request.up if self._request is not None else None
        differ = [] if is_new else warm.differences(self._settings, info, up)
        notes = differences_note(self._settings, differ)
        return Started(info=info, report={"new": is_new, "differ": differ}, notes=notes)

    def down(self, info: StackInfo | None, *, force: bool = False, progress: Progress | None = None) -> list[str]:
        """Stop the stack and remove its directory. Files there that are not plexdev's are kept."""
        from pytest_plexdev.stack.embedded.launch import end

        left = end(self._directory)
        if left is None:
            return [f"plexdev: nothing to stop: there is no stack in {self._directory}"]
        note = [f"  left       {self._directory}: plexdev did not create {', '.join(left)}"] if left else []
        return ["plexdev: the stack is down", *note]

    def remove_files(self) -> None:
        """Remove the logs of a failed bring-up."""
        from pytest_plexdev.stack.embedded.removal import remove_stack

        remove_stack(self._directory)

    def is_guarded(self) -> bool:
        """``False``: the supervisor itself removes the run's directory."""
        return False

    @property
    def looked_for(self) -> str:
        """The directory of the warm stack."""
        return f"an embedded stack in {self._directory}"

    def find(self, *, even_silent: bool = False) -> StackInfo | None:
        """The stack that runs in the directory, from two files and the lock of its supervisor. Opens no connection."""
        from pytest_plexdev.stack.embedded.warm import find_in

        return find_in(self._directory)

    def attach(self, progress: Progress) -> Found | None:
        """The warm stack, after differences of the seed were applied, refused or ignored."""
        from pytest_plexdev.core.provider_parts import Found
        from pytest_plexdev.stack.embedded.warm import find_after_bring_up

        info = self.find()
        if info is None and self._request is not None:
            info = find_after_bring_up(self._directory, progress, timeout_s=self._request.options.timeout)
        if info is None or self._request is None:
            return Found(info=info) if info is not None else None
        from pytest_plexdev.stack.embedded.drift import resolve

        return resolve(self._request, info)

    def is_present(self) -> bool:
        """Whether a supervisor owns the warm stack's directory or, for a kept stack, whether its directory exists."""
        from pytest_plexdev.core.ownership.lock import is_owned, look
        from pytest_plexdev.errors import PlexdevError

        try:
            return is_owned(self._directory) if self._own_directory is None else look(self._own_directory) is not None
        except PlexdevError:
            return True  # its mark was replaced: down() finds the supervisor without it, or reports the error

    def obstacle(self, *, patience_s: float | None = None) -> None:
        """``None``: :meth:`find` reports every reason itself."""

    def explained(self, error: PlexdevError) -> PlexdevError:
        """*error* itself, which already names the process."""
        return error

    def status(self, info: StackInfo | None) -> Sequence[Verdict]:
        """The verdicts; empty if the stack does not run."""
        return self.verdicts(info) if info is not None else ()

    def wait(self, deadline: float, progress: Progress) -> None:
        """Return at once: ``plexdev wait`` probes the servers repeatedly."""

    def refuse_dead(self, info: StackInfo, verdicts: Sequence[Verdict]) -> None:
        """Refuse a stack with a server that has ended, because it is never restarted."""
        from pytest_plexdev.core.ownership.lock import is_owned
        from pytest_plexdev.stack.embedded.warm import stack_broken

        dead = [verdict for verdict in verdicts if verdict.state == "gone"]
        # If the whole stack was stopped meanwhile, a new one may replace it.
        if dead and is_owned(info.directory):
            raise stack_broken(dead, fix=dead[0].hint)

    def logs(self, info: StackInfo) -> Logs:
        """The log files of the stack."""
        from pytest_plexdev.stack.embedded.log_files import LogFiles

        return LogFiles(info.directory)

    def changes(self, info: StackInfo) -> Changes:
        """The changes that the supervisor of the stack makes."""
        from pytest_plexdev.stack.embedded.changes import EmbeddedChanges

        return EmbeddedChanges(info)

    def left_logs(self) -> Logs | None:
        """The log files in the directory, if there are any."""
        from pytest_plexdev.stack.embedded.log_files import LogFiles

        files = LogFiles(self._own_directory or self._directory)
        return files if files.services() else None

    def clone(self) -> EmbeddedProvider:
        """Another provider of the same stack."""
        return EmbeddedProvider(self._explicit_settings, self._own_directory, request=self._request)

    def exports(self, info: StackInfo) -> Mapping[str, str]:
        """Empty: no variables besides the addresses."""
        return {}

    def check(self, settings: Settings) -> None:
        """Accept everything: invalid values are rejected when the options are parsed."""

    @property
    def texts(self) -> Texts:
        """See :mod:`pytest_plexdev.stack.embedded.texts`."""
        from pytest_plexdev.stack.embedded.texts import EmbeddedTexts

        return EmbeddedTexts()
