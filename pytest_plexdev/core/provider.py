"""The interface between a stack's provider and everything that uses one.

A provider brings up one kind of stack, finds it, reports its state and takes it down. It reports through events and
return values, and never prints. ``stack/providers.py`` has the table of providers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pytest_plexdev.core.model import StackInfo, Verdict
    from pytest_plexdev.core.progress import Progress
    from pytest_plexdev.core.provider_parts import Changes, Found, Logs, Obstacle, Started, Texts
    from pytest_plexdev.core.service_credentials import ServiceCredentials
    from pytest_plexdev.errors import Failure, PlexdevError


class Observer(Protocol):
    """Reads the state and the logs of a running stack, and opens connections to it."""

    def verdicts(self, info: StackInfo) -> Sequence[Verdict]:
        """Probe each service of the stack now."""
        ...

    def watch(self, info: StackInfo) -> None:
        """Prepare :meth:`died`, so that from now on it notices the end of a process at once."""
        ...

    def died(self, info: StackInfo, *, patience_s: float, failure: Failure) -> PlexdevError | None:
        """Return the error for a stack with a server that has ended; ``None`` if no fault is known.

        Args:
            patience_s: 0, as before each test: only checks that take microseconds. Otherwise a request has
                failed: search for the cause, for at most this many seconds.
            failure: The entry of the catalogue to raise for a process that has ended.
        """
        ...

    def log(self, info: StackInfo, service: str, *, since: float | None = None) -> str:
        """Return the log of a service; empty if it wrote nothing.

        Args:
            since: Unix time in seconds: only what was written after that, if the provider supports it.
        """
        ...

    def evidence(self, info: StackInfo, since: float) -> Iterable[tuple[str, Callable[[], str]]]:
        """Return further sections of a failing test's evidence: each a title and a function that collects the text.

        Args:
            since: Unix time, seconds, at which the test began.
        """
        ...

    def reach(self, info: StackInfo, service: str) -> str:
        """Return the address of a service that the stack's endpoints lack; opens a port-forward.

        Raises:
            PlexdevError: It cannot be reached.
        """
        ...

    def users_api(self, info: StackInfo) -> str | None:
        """Return the gRPC target of the API by which Dex, or its stand-in, creates users; ``None`` if it is disabled.

        Raises:
            PlexdevError: It cannot be reached.
        """
        ...

    def credentials(self, info: StackInfo, service: str) -> ServiceCredentials:
        """Return what clients of ``openbao``, ``seaweedfs`` or ``spicedb`` authenticate with.

        Raises:
            PlexdevError: They cannot be read.
        """
        ...

    def clone(self) -> Observer:
        """Return a copy for another thread: what :meth:`reach` opened ends with the thread that opened it."""
        ...

    def close(self) -> None:
        """Close what :meth:`watch` and :meth:`reach` opened."""
        ...


class Lifecycle(Protocol):
    """Starts and stops one stack: the warm one, or the one in the provider's directory."""

    def up(self, progress: Progress) -> Started:
        """Bring the stack up and return once it is ready.

        Raises:
            PlexdevError: It did not become ready; what had started is stopped again.
        """
        ...

    def down(self, info: StackInfo | None, *, force: bool = False, progress: Progress | None = None) -> list[str]:
        """Stop the stack and remove its files. A stack that has ended already is no error.

        Args:
            info: ``None`` if the stack's file is missing or damaged; the marks in its directory identify it then.
            force: Stop the warm stack even if plexdev did not create it.

        Returns:
            What was done, one line each.
        """
        ...

    def remove_files(self) -> None:
        """Remove what a failed bring-up left in the directory. Its logs have been copied before."""
        ...

    def is_guarded(self) -> bool:
        """Whether another process still has to remove the stack, and needs the files in the directory for that."""
        ...


class Provider(Observer, Lifecycle, Protocol):
    """One kind of stack. With a directory it represents the stack there, without one the warm stack."""

    name: str
    """Its key in the table of providers, and the value of ``--plexdev-stack``."""

    @property
    def texts(self) -> Texts:
        """The texts of the command line and of a run's summary about a stack of this kind."""
        ...

    @property
    def looked_for(self) -> str:
        """What :meth:`find` searches, worded as the object of "looked for"."""
        ...

    def check(self, settings: Any) -> None:
        """Refuse values of options that this provider cannot use.

        Raises:
            OptionError: The text lists the valid values.
        """
        ...

    def find(self, *, even_silent: bool = False) -> StackInfo | None:
        """Return the stack if it runs, from files and sockets alone. Changes nothing.

        Args:
            even_silent: Return it even if its API does not answer.

        Raises:
            PlexdevError: It exists and cannot be used.
        """
        ...

    def attach(self, progress: Progress) -> Found | None:
        """Return the warm stack for a run, after drift was applied, refused or ignored (``--plexdev-on-drift``).

        Raises:
            PlexdevError: ``drifted``, ``seed-drifted``; what :meth:`find` and :meth:`up` raise.
        """
        ...

    def is_present(self) -> bool:
        """Whether this user has a stack to stop, running or not."""
        ...

    def obstacle(self, *, patience_s: float | None = None) -> Obstacle | None:
        """Return why an existing warm stack is not found; ``None`` if it does not exist or that is unknown.

        Args:
            patience_s: Seconds to wait for programs that are queried, such as Docker.
        """
        ...

    def explained(self, error: PlexdevError) -> PlexdevError:
        """Return *error*, which any provider's bring-up may have raised, with what this provider knows of its cause."""
        ...

    def wait(self, deadline: float, progress: Progress) -> None:
        """Watch the running stack until all of it is ready. Returns at once if there is nothing to watch.

        Args:
            deadline: On ``time.monotonic()``'s clock.

        Raises:
            PlexdevError: Time is up, or an object cannot become ready.
        """
        ...

    def status(self, info: StackInfo | None) -> Sequence[Verdict]:
        """Return the verdicts for ``plexdev status``; if nothing answers, one with the reason.

        Args:
            info: ``None``: the warm stack, whose API does not answer.
        """
        ...

    def refuse_dead(self, info: StackInfo, verdicts: Sequence[Verdict]) -> None:
        """Raise if waiting cannot help.

        Raises:
            PlexdevError: ``stack-broken``.
        """
        ...

    def changes(self, info: StackInfo) -> Changes:
        """Return what resets a running stack and restarts its services."""
        ...

    def logs(self, info: StackInfo) -> Logs:
        """Return the logs of a running stack."""
        ...

    def left_logs(self) -> Logs | None:
        """Return the logs of a stack that is starting, failed to start or was killed; ``None`` if it has none."""
        ...

    def exports(self, info: StackInfo) -> Mapping[str, str]:
        """Return the variables that ``plexdev env`` exports besides the addresses of the stack."""
        ...
