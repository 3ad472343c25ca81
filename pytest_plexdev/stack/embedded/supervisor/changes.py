"""Change a running stack: start its servers again, all of them on the seeded state, or some on the data they had."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Final

from pytest_plexdev.core.model import Service, StackInfo
from pytest_plexdev.core.phases import Phases
from pytest_plexdev.core.progress import ProgressEvent
from pytest_plexdev.errors import SERVER_EXITED, SERVER_SILENT, PlexdevError
from pytest_plexdev.errors.changes import RESTART_FAILED
from pytest_plexdev.stack.embedded.exit_records import write_end
from pytest_plexdev.stack.embedded.owner import recovery_command
from pytest_plexdev.stack.embedded.processes.process_group import ProcessGroup
from pytest_plexdev.stack.embedded.servers import control_plane
from pytest_plexdev.stack.embedded.supervisor.bring_up import BringUp
from pytest_plexdev.stack.embedded.supervisor.description import describe
from pytest_plexdev.stack.embedded.supervisor.early_children import start_early
from pytest_plexdev.stack.embedded.supervisor.faults import Faults
from pytest_plexdev.stack.embedded.supervisor.plan import EarlyChildren, Plan
from pytest_plexdev.stack.embedded.supervisor.protocol import Change
from pytest_plexdev.stack.embedded.supervisor.relays import Relays

Emit = Callable[[ProgressEvent], None]

_ALL: Final = frozenset({control_plane.API, "dex"})


class Changes:
    """The changes of one stack, of which one is made at a time: as a context manager, it waits for its turn."""

    def __init__(self, plan: Plan, processes: ProcessGroup) -> None:
        self._plan = plan
        self._processes = processes
        self._turn = asyncio.Lock()
        self.faults = Faults(plan, processes)
        self.relays = Relays()

    async def __aenter__(self) -> Changes:
        await self._turn.acquire()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._turn.release()

    async def make(self, change: Change, emit: Emit) -> Iterable[Service]:
        """Make one change.

        Args:
            emit: Receives the events.

        Returns:
            The services that were started.

        Raises:
            PlexdevError: ``restart-failed``, ``port-taken``; for a reset what a bring-up raises.
        """
        if change.fault is not None:
            return await self.faults.apply(change.fault, change.services)
        if change.variables is not None:
            self._processes.environments |= dict.fromkeys(change.services, change.variables)
        if change.delay_s is not None:
            self.relays.set_delay(change.services, change.delay_s)
        self._processes.renew(self._plan.settings.timeout)
        return await (self._restart(change.services, emit) if change.services else self._reset(emit))

    async def _restart(self, names: Collection[str], emit: Emit) -> Iterable[Service]:
        layout = self._plan.layout
        began = time.monotonic()
        self.faults.thaw(*names)
        await self._processes.stop(*names)
        self.relays.close(*names)
        for name in names:
            layout.remove_end(name)
        views = self.relays.prepare(names, self._plan)
        self._hold_ports_of(set(names) - set(views))
        work = BringUp(self._plan, self._processes, EarlyChildren(), emit, Phases(emit), views=views)
        work.api_probe = self.faults.api_probe(names, delayed=self.relays.delayed())
        try:
            await work.start_again(names)
        except PlexdevError as error:
            seconds = time.monotonic() - began
            await self._end_unready(names, work)
            self._write(work)
            self.relays.close(*names)
            raise self._restart_failure(error, names, seconds=seconds) from None
        for name in views:
            self._serve(name)
        self._write(work)
        return work.services.values()

    async def _end_unready(self, names: Collection[str], work: BringUp) -> None:
        """Stop the servers that have not become ready, and record their ends."""
        unready = [name for name in names if name not in work.services]
        await self._processes.stop(*unready)
        for name in unready:
            if (status := self._processes.status_of(name)) is not None:
                write_end(self._plan.layout.directory, name, status)

    def _serve(self, name: str) -> None:
        """Relay the connections of a server until it ends: its clients are refused then."""
        child = self._processes.find(name)
        if child is not None:
            self.relays.serve(name)
            self._processes.end_of(child).add_done_callback(lambda _: self.relays.close(name))

    def _write(self, work: BringUp) -> None:
        """Write the new processes into the file of the stack."""
        file = self._plan.layout.stack_file
        # Another process may have changed it: a run that has added its seed.
        info = StackInfo.read(file)
        services = tuple(work.services.get(each.name, each) for each in info.services)
        replace(info, services=services).write(file)

    async def _reset(self, emit: Emit) -> Iterable[Service]:
        plan, layout = self._plan, self._plan.layout
        layout.remove_stack_file()
        servers = [child.name for child in self._processes.running()]
        self._processes.stopped |= {child.pid for child in self._processes.running()}
        await self._processes.stop_all()
        for name in (*servers, *(path.stem for path in layout.ends.iterdir())):
            layout.remove_end(name)
        self.relays.close()
        layout.remove_content()
        control_plane.restore_manifest(layout)
        self._hold_ports_of(_ALL)
        plan = self._plan
        early = start_early(plan.settings, layout, plan.addresses, plan.template)
        for child in early.children:
            self._processes.adopt(child)
        work = BringUp(plan, self._processes, early, emit, phases := Phases(emit))
        await work.run()
        describe(plan, work.services, phases).write(layout.stack_file)
        return work.services.values()

    def _hold_ports_of(self, names: Collection[str]) -> None:
        """Listen again at the ports whose sockets the API and the stand-in for Dex inherit: clients wait for them."""
        addresses = self._plan.addresses
        if control_plane.API in names:
            addresses = replace(addresses, api=addresses.api.hold_again())
            addresses.api.listen()
        if "dex" in names and self._plan.dex is None:
            addresses = replace(addresses, idp=addresses.idp.hold_again())
            addresses.idp.listen()
        self._plan = replace(self._plan, addresses=addresses)

    def _restart_failure(self, error: PlexdevError, names: Collection[str], *, seconds: float) -> PlexdevError:
        service = str(error.facts.get("service") or ", ".join(names))
        reasons = {SERVER_EXITED: "it exited with {status}", SERVER_SILENT: "it did not answer {probe}"}
        reason = reasons[error.failure].format(**error.facts) if error.failure in reasons else error.what
        directory = self._plan.layout.directory
        return PlexdevError(
            RESTART_FAILED,
            detail=error.detail,
            service=service,
            seconds=seconds,
            reason=reason,
            fix=f"plexdev logs {service}; then: {recovery_command(directory)}",
        )
