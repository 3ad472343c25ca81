"""Break the services of a stack that a test has to itself, and mend them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Final, TypeVar

from pytest_plexdev.core.lookup import unknown_name
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.changes import FAULT_IN_FORCE, STACK_SHARED

if TYPE_CHECKING:
    from pytest_plexdev.core.faults import Faults
    from pytest_plexdev.core.model import StackInfo
    from pytest_plexdev.core.provider import Observer

_DELAYED: Final = "delayed"
_Change = TypeVar("_Change")


class Fault:
    """A fault in force. It ends with :meth:`undo`, with the block of a ``with`` statement, or with the test.

    Example::

        def test_tenants_are_created_without_nats(plexdev_own_stack):
            with plexdev_own_stack.pause("nats"):
                tenant = plexdev_own_stack.make_tenant()
            assert tenant.client.domains.get(tenant.domain_id) == tenant.domain
    """

    def __init__(self, service: str, state: str, undo: Callable[[], None]) -> None:
        self.service = service
        self.state = state
        self._undo = undo

    def undo(self) -> None:
        """Mend the service. A second call does nothing.

        Raises:
            PlexdevError: ``restart-failed``: the service did not become ready.
        """
        self._undo()

    def __enter__(self) -> Fault:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.undo()

    def __repr__(self) -> str:
        return f"Fault({self.service!r}, {self.state!r})"


class Breakable:
    """The verbs of a stack that break it. A stack that others use refuses them.

    Args:
        shared_by: Who else uses the stack, for the refusal.
        faults: Breaks the services; ``None``: it is refused.
    """

    def __init__(self, info: StackInfo, provider: Observer, *, shared_by: str, faults: Faults | None) -> None:
        self.info = info
        self.provider = provider
        self.shared_by = shared_by
        self.faults = faults
        self._in_force: list[Fault] = []
        self._variables: dict[str, list[dict[str, str | None]]] = {}
        self._delays: dict[str, list[float]] = {}

    def pause(self, service: str) -> Fault:
        """Freeze a service: its connections stay open, and it answers nothing.

        Raises:
            PlexdevError: ``stack-shared``; ``unknown-name``; ``service-ended``: it does not run.
        """
        faults = self._faults("pause", service)
        faults.pause(service)
        return self._add(service, "paused", lambda: faults.resume(service))

    def kill(self, service: str) -> Fault:
        """Kill a service (SIGKILL). Its clients are refused until :meth:`Fault.undo` or :meth:`restart`.

        Raises:
            PlexdevError: See :meth:`pause`.
        """
        faults = self._faults("kill", service)
        faults.kill(service)
        return self._add(service, "killed", lambda: self._start(service))

    def restart(self, service: str) -> None:
        """Stop a service in order and start it again, with its data; one that was killed or paused is mended by that.

        Returns when it is ready itself. Its clients may need a moment to connect again.

        Raises:
            PlexdevError: ``stack-shared``; ``unknown-name``; ``restart-failed``: it did not become ready.
        """
        self._faults("restart", service)
        self._forget(service, "killed", "paused")
        self._start(service)

    def set_env(self, service: str, **variables: str | None) -> Fault:
        """Restart a service with other environment variables. ``None`` removes a variable.

        Raises:
            PlexdevError: ``stack-shared``; ``unknown-name``; ``restart-failed``: it does not start with them.
        """
        self._faults("set_env", service)
        state = f"started with {', '.join(variables)}"
        return self._start_changed(service, self._variables.setdefault(service, []), variables, state=state)

    def delay(self, service: str, seconds: float) -> Fault:
        """Restart a service behind a relay that delivers what it sends *seconds* later.

        A request and its answer take that much longer, and so does each round trip of a connection that needs several.
        What clients send is not delayed. A later call takes the place of an earlier one until it is undone.

        Args:
            seconds: For example 0.25 for 250 ms; more than 0.

        Raises:
            PlexdevError: ``stack-shared``; ``unknown-name``; ``restart-failed``.
            ValueError: *seconds* is not such a number.
        """
        self._faults("delay", service)
        if not 0 < seconds < math.inf:
            raise ValueError(f"seconds must be a number above 0, not {seconds!r}")
        state = f"{_DELAYED} by {seconds:g} s"
        return self._start_changed(service, self._delays.setdefault(service, []), seconds, state=state)

    def faults_in_force(self) -> list[Fault]:
        """The faults that the test has not undone, in their order."""
        return [*self._in_force]

    def _broken(self) -> PlexdevError | None:
        """The error for a request without an answer, while services are paused, killed or delayed."""
        states = ("paused", "killed", _DELAYED)
        broken = [f"{each.service} ({each.state})" for each in self._in_force if each.state.startswith(states)]
        return PlexdevError(FAULT_IN_FORCE, faults=", ".join(broken)) if broken else None

    def _faults(self, verb: str, service: str) -> Faults:
        if self.faults is None:
            raise PlexdevError(STACK_SHARED, verb=f'{verb}("{service}")', shared=self.shared_by)
        known = [each.name for each in self.info.services if each.pid is not None]
        if service not in known:
            raise unknown_name("the stack", "service with a process", service, known)
        return self.faults

    def _start(self, service: str) -> None:
        assert self.faults is not None
        merged = {name: value for each in self._variables.get(service, ()) for name, value in each.items()}
        self.faults.set_environment(service, merged)
        self.faults.set_delay(service, next(reversed(self._delays.get(service, [])), 0))
        self.faults.start(service)
        self.info = self.faults.reread()
        self._watch_again()

    def _start_changed(self, service: str, changes: list[_Change], change: _Change, *, state: str) -> Fault:
        """Start a service again with one more of the *changes* that are in force."""
        changes.append(change)

        def start() -> None:
            self._forget(service, "killed", "paused")
            self._start(service)

        def undo() -> None:
            changes.remove(change)
            start()

        try:
            start()
        except PlexdevError:
            # It does not run: what a test does next starts it without the change.
            changes.remove(change)
            self._add(service, "killed", lambda: self._start(service))
            raise
        return self._add(service, state, undo)

    def _add(self, service: str, state: str, undo: Callable[[], None]) -> Fault:
        def undo_once() -> None:
            if fault in self._in_force:
                self._in_force.remove(fault)
                undo()
                self._watch_again()

        fault = Fault(service, state, undo_once)
        self._in_force.append(fault)
        self._watch_again()
        return fault

    def _forget(self, service: str, *states: str) -> None:
        self._in_force = [each for each in self._in_force if not (each.service == service and each.state in states)]

    def _watch_again(self) -> None:
        """Watch the processes that are to run."""
        killed = {each.service for each in self._in_force if each.state == "killed"}
        expected = tuple(each for each in self.info.services if each.name not in killed)
        self.provider.close()
        self.provider.watch(replace(self.info, services=expected))
