"""Freeze and kill the servers of a stack that one test has to itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Final

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.changes import SERVICE_ENDED, STACK_SHARED
from pytest_plexdev.stack.embedded.supervisor.plan import Plan

if TYPE_CHECKING:
    from pytest_plexdev.core.model import Service
    from pytest_plexdev.stack.embedded.processes.child import Child
    from pytest_plexdev.stack.embedded.processes.frozen import Frozen
    from pytest_plexdev.stack.embedded.processes.process_group import ProcessGroup
    from pytest_plexdev.stack.embedded.supervisor.protocol import Fault

_DONE: Final = {"pause": "paused", "kill": "killed"}


class Faults:
    """The faults of one stack that are in force."""

    def __init__(self, plan: Plan, processes: ProcessGroup) -> None:
        self._plan = plan
        self._processes = processes
        self._frozen: dict[str, Frozen] = {}
        self._killed: set[str] = set()

    async def apply(self, fault: Fault, names: Collection[str]) -> Iterable[Service]:
        """Freeze, thaw or kill servers. Returns no service, because none was started.

        Raises:
            PlexdevError: ``stack-shared``, ``service-ended``.
        """
        if self._plan.settings.tester is None:
            raise PlexdevError(STACK_SHARED, verb=fault, shared="more than one test")
        for name in names:
            if fault == "resume":
                self.thaw(name)
            elif fault == "pause":
                self._freeze(name)
            else:
                await self._kill(name)
        return ()

    def thaw(self, *names: str) -> None:
        """Let frozen servers continue, by default all."""
        for name in names or tuple(self._frozen):
            if (frozen := self._frozen.pop(name, None)) is not None:
                frozen.thaw()

    def api_probe(self, started: Collection[str], *, delayed: Collection[str] = ()) -> str:
        """Return the path at which an API that is started again is ready, and forget the ends of *started*.

        While a server that it needs is broken or delayed it answers, but may not be ready by itself.
        """
        self._killed -= set(started)
        return "/livez" if self._frozen or self._killed or delayed else "/readyz"

    def _freeze(self, name: str) -> None:
        from pytest_plexdev.stack.embedded.processes.frozen import Frozen

        if name not in self._frozen:
            self._frozen[name] = Frozen(self._running(name, "pause"))

    async def _kill(self, name: str) -> None:
        from pytest_plexdev.stack.embedded.processes.frozen import kill_all, reap

        child = self._running(name, "kill")
        self._processes.killed_by_test.add(child.pid)
        self._killed.add(name)
        orphans = kill_all(child)
        await self._processes.end_of(child)
        reap(orphans)
        # The end of its guard; a killed process ignores the signal to continue.
        self.thaw(name)

    def _running(self, name: str, fault: Fault) -> Child:
        child = self._processes.find(name)
        if child is None:
            raise PlexdevError(SERVICE_ENDED, service=name, done=_DONE[fault])
        return child
