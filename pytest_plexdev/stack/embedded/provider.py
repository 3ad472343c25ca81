"""The embedded provider. Its methods import what they need: to find out that there is no stack takes no server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_plexdev.core.model import Progress, StackInfo, Verdict
    from pytest_plexdev.core.provider_parts import Found, Logs, Started, Texts
    from pytest_plexdev.errors import Failure, PlexdevError
    from pytest_plexdev.options import Settings
    from pytest_plexdev.stack.embedded.deaths import Processes
    from pytest_plexdev.stack.embedded.settings import EmbeddedSettings
    from pytest_plexdev.stack.request import StackRequest

_MODULES: Final = (
    *("argon2", "authzed", "bcrypt", "joserfc", "nats", "prometheus_client", "psycopg", "psycopg_pool"),
    *("python_multipart", "re2", "starlette", "uvicorn", "yaml"),
)
"""What the supervisor and the programs of the stack import. Postgres and NATS are looked for where they are started:
they may be others."""


class EmbeddedProvider:
    """Implements :class:`pytest_plexdev.core.provider.Provider`.

    Args:
        settings: What to bring up; by default what *request* asks for.
        directory: The stack's own directory: created by ``up``, removed by ``down`` with what a stack keeps there;
            ``None``: the warm stack's.
    """

    name = "embedded"

    def __init__(
        self,
        settings: EmbeddedSettings | None = None,
        directory: Path | None = None,
        *,
        request: StackRequest | None = None,
    ) -> None:
        self._given = settings
        self._own_directory = directory.absolute() if directory is not None else None
        self._request = request
        self._processes: Processes | None = None

    @cached_property
    def _settings(self) -> EmbeddedSettings:
        from pytest_plexdev.stack.embedded.settings import WARM_ID, EmbeddedSettings, settings_for

        if self._given is not None:
            return self._given
        return settings_for(self._request) if self._request is not None else EmbeddedSettings(id=WARM_ID)

    @property
    def _directory(self) -> Path:
        from pytest_plexdev.stack.embedded.warm import warm_directory

        return self._own_directory or warm_directory().absolute()

    def up(self, progress: Progress) -> Started:
        """Bring the stack up; the warm one is left as it is if it runs.

        Raises:
            PlexdevError: It did not become ready, or it runs and is not whole (``stack-broken``).
        """
        from pytest_plexdev.core.extras import need
        from pytest_plexdev.core.provider_parts import Started
        from pytest_plexdev.stack.embedded import launch, warm
        from pytest_plexdev.stack.embedded.texts import differences_note

        need(self.name, *_MODULES)
        if self._own_directory is not None:
            return Started(info=launch.bring_up(self._settings, self._own_directory, progress))
        info, is_new = warm.bring_up_warm(self._settings, progress)
        up = self._request.up if self._request is not None else None
        differ = [] if is_new else warm.differences(self._settings, info, up)
        return Started(info=info, report={"new": is_new, "differ": differ}, notes=differences_note(up, differ))

    def down(
        self,
        info: StackInfo | None,
        *,
        force: bool = False,
        progress: Progress | None = None,
    ) -> list[str]:
        """End the stack and remove its directory."""
        from pytest_plexdev.stack.embedded.launch import end

        left = end(self._directory)
        if left is None:
            return [f"plexdev: nothing to end: there is no stack in {self._directory}"]
        note = [f"  left       {self._directory}: plexdev did not make {', '.join(left)}"] if left else []
        return ["plexdev: the stack is down", *note]

    def remove_files(self) -> None:
        """Remove the logs of a bring-up that failed."""
        from pytest_plexdev.stack.embedded.removal import remove_stack

        remove_stack(self._directory)

    def is_guarded(self) -> bool:
        """``False``: a supervisor removes the run's directory itself."""
        return False

    @property
    def looked_for(self) -> str:
        """The directory of the warm stack."""
        return f"an embedded stack in {self._directory}"

    def find(self, *, even_silent: bool = False) -> StackInfo | None:
        """The stack that runs in the directory: two files and one look at a process, no connection."""
        from pytest_plexdev.stack.embedded.warm import find_in

        return find_in(self._directory)

    def attach(self, progress: Progress) -> Found | None:
        """The warm stack, seeded as the run asks for, or refused if its seed is another."""
        from pytest_plexdev.core.provider_parts import Found

        info = self.find()
        if info is None or self._request is None:
            return Found(info=info) if info is not None else None
        from pytest_plexdev.stack.embedded import seeding

        seed, options = self._request.seed(for_reference_plane=False), self._request.options
        if not seeding.differs(info, seed):
            return Found(info=info)
        if options.on_drift == "ignore":
            return Found(info=info, drift=("seed",))
        if options.on_drift == "fail":
            raise seeding.drifted(info, seed)
        return Found(info=seeding.apply(info, seed, timeout=options.timeout))

    def is_present(self) -> bool:
        """Whether a supervisor owns the warm stack's directory, or the directory of a kept one is a stack's."""
        from pytest_plexdev.core.ownership.lock import is_owned, look
        from pytest_plexdev.errors import PlexdevError

        try:
            return is_owned(self._directory) if self._own_directory is None else look(self._own_directory) is not None
        except PlexdevError:
            return True  # its mark was replaced: down() finds the supervisor without it, or says what is wrong

    def obstacle(self, *, patience_s: float | None = None) -> None:
        """``None``: files say all there is to know."""
        return

    def explained(self, error: PlexdevError) -> PlexdevError:
        """*error*: it names the process already."""
        return error

    def verdicts(self, info: StackInfo) -> Sequence[Verdict]:
        """Probe every server now, in its own protocol."""
        from pytest_plexdev.stack.embedded.health import verdicts

        return verdicts(info)

    def status(self, info: StackInfo | None) -> Sequence[Verdict]:
        """The verdicts."""
        return self.verdicts(info) if info is not None else ()

    def wait(self, deadline: float, progress: Progress) -> None:
        """Nothing: ``plexdev wait`` probes the servers again and again."""

    def refuse_dead(self, info: StackInfo, verdicts: Sequence[Verdict]) -> None:
        """Refuse a stack of which a server ended: nothing starts it again."""
        from pytest_plexdev.core.ownership.lock import is_owned
        from pytest_plexdev.stack.embedded.warm import stack_broken

        dead = [verdict for verdict in verdicts if verdict.state == "gone"]
        # If the stack has been ended meanwhile, another one may take its place.
        if dead and is_owned(info.directory):
            raise stack_broken(dead, fix=dead[0].hint)

    def watch(self, info: StackInfo) -> None:
        """Open a handle to the process of each server."""
        from pytest_plexdev.stack.embedded.deaths import Processes

        self._processes = Processes(info.services)

    def died(self, info: StackInfo, *, patience_s: float, failure: Failure) -> PlexdevError | None:
        """The first server that ended: by its process, and with patience by a probe too."""
        from pytest_plexdev.stack.embedded.deaths import death_of, first_gone

        service = self._processes.first_ended(patience_s) if self._processes is not None else None
        if service is None and patience_s:
            service = first_gone(info)
        return death_of(service, info, failure) if service is not None else None

    def log(self, info: StackInfo, service: str, *, since: float | None = None) -> str:
        """What a service wrote, all of it: its lines have no time that all servers agree on."""
        from pytest_plexdev.stack.embedded.log_files import read_log

        return read_log(info, service)

    def logs(self, info: StackInfo) -> Logs:
        """The log files of the stack."""
        from pytest_plexdev.stack.embedded.log_files import LogFiles

        return LogFiles(info.directory)

    def left_logs(self) -> Logs | None:
        """The log files in the directory, if there are any."""
        from pytest_plexdev.stack.embedded.log_files import LogFiles

        files = LogFiles(self._own_directory or self._directory)
        return files if files.services() else None

    def evidence(self, info: StackInfo, since: float) -> Iterable[tuple[str, Callable[[], str]]]:
        """Nothing besides verdicts and logs."""
        return ()

    def reach(self, info: StackInfo, service: str) -> str:
        """Where it listens: every server of this stack is on this machine."""
        address = {"postgres": info.endpoints.database, "nats": info.endpoints.nats}[service]
        assert address is not None
        return address

    def clone(self) -> EmbeddedProvider:
        """Another provider of the same stack."""
        return EmbeddedProvider(self._given, self._own_directory, request=self._request)

    def close(self) -> None:
        """Close the handles to the servers' processes."""
        if self._processes is not None:
            self._processes.close()
            self._processes = None

    def exports(self, info: StackInfo) -> Mapping[str, str]:
        """Nothing besides the addresses."""
        return {}

    def check(self, settings: Settings) -> None:
        """Nothing: the options themselves refuse what cannot be used."""

    @property
    def texts(self) -> Texts:
        """See :mod:`pytest_plexdev.stack.embedded.texts`."""
        from pytest_plexdev.stack.embedded.texts import EmbeddedTexts

        return EmbeddedTexts()
