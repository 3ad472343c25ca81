"""The supervisor's main loop: bring the stack up, wait for a reason to stop, take it down.

Nothing here polls: the pidfds of the owner and the servers, signals, and the pipe to the requester wake the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from functools import partial

from pytest_plexdev.core.model import KEPT_MARK, Service
from pytest_plexdev.core.phases import Phases
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.core.system_errors import refusal_of
from pytest_plexdev.errors import BRING_UP_STOPPED, SUPERVISOR_LOST, PlexdevError
from pytest_plexdev.stack.embedded.exit_records import BY_TEST, write_end
from pytest_plexdev.stack.embedded.processes.child import Child
from pytest_plexdev.stack.embedded.processes.exit_watcher import call_at_end
from pytest_plexdev.stack.embedded.processes.process_group import ProcessGroup
from pytest_plexdev.stack.embedded.removal import sweep
from pytest_plexdev.stack.embedded.servers import control_plane
from pytest_plexdev.stack.embedded.supervisor.bring_up import BringUp
from pytest_plexdev.stack.embedded.supervisor.changes import Changes
from pytest_plexdev.stack.embedded.supervisor.control import ControlSocket
from pytest_plexdev.stack.embedded.supervisor.description import describe
from pytest_plexdev.stack.embedded.supervisor.plan import EarlyChildren, Plan
from pytest_plexdev.stack.embedded.supervisor.protocol import Change, Requester


def supervise(plan: Plan, early: EarlyChildren) -> int:
    """Run the stack until it stops. Returns the exit code: 1 if the bring-up failed, else 0."""
    return asyncio.run(_Supervisor(plan).run(early))


class _Supervisor:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._processes = ProcessGroup(timeout=plan.settings.timeout)
        self._requester = Requester(sys.stdout.fileno())
        self._phases = Phases(self._requester.send_event)
        self._stop = asyncio.Event()
        self._run_ended = self._removes_logs = False
        self._keeps_logs = False
        self._changes = Changes(plan, self._processes)
        self._control = ControlSocket(plan.layout.directory, self._change)

    async def run(self, early: EarlyChildren) -> int:
        self._requester.send_identity(ProcessId.of(os.getpid()))
        for child in early.children:
            self._processes.adopt(child)
        self._watch_stop_conditions()
        failed = await self._bring_up(early)
        if not failed:
            await self._stop.wait()
            await self._control.close()
            self._changes.faults.thaw()
        await self._take_down(keep_logs=failed or self._keeps_logs)
        return int(failed)

    async def _bring_up(self, early: EarlyChildren) -> bool:
        """Bring the stack up. Returns whether that failed; a cancelled bring-up did not."""
        bring_up = BringUp(self._plan, self._processes, early, self._requester.send_event, self._phases)
        work = asyncio.create_task(self._start(bring_up))
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            work.cancel()
            await asyncio.wait({work})
            self._requester.send_failure(PlexdevError(BRING_UP_STOPPED))
            return False
        stop.cancel()
        try:
            work.result()
            self._announce(bring_up)
        except PlexdevError as error:
            await self._fail(error)
            return True
        except Exception as error:
            with contextlib.suppress(OSError):  # the log's disk may be full
                traceback.print_exc()
            await self._fail(self._failure_of(error))
            return True
        return False

    async def _start(self, bring_up: BringUp) -> None:
        control_plane.render_manifest(self._plan.layout, self._plan.addresses, seed=self._plan.settings.seed)
        await bring_up.run()

    def _failure_of(self, error: Exception) -> PlexdevError:
        settings, scratch = self._plan.settings, self._plan.layout.scratch
        refusal = refusal_of(error, doing="start the embedded stack", near=scratch, cache=settings.cache)
        if refusal is not None:
            return refusal
        # A bug, which must not leave the requester waiting.
        log = self._plan.layout.log("supervisor")
        return PlexdevError(SUPERVISOR_LOST, detail="".join(traceback.format_exception(error, limit=-4)), log=str(log))

    async def _fail(self, error: PlexdevError) -> None:
        await self._processes.stop_all()
        self._requester.send_failure(error)

    def _announce(self, bring_up: BringUp) -> None:
        describe(self._plan, bring_up.services, self._phases).write(self._plan.layout.stack_file)
        self._record_ends(bring_up.services.values())
        self._control.open()
        self._release_requester()
        sweep()

    async def _change(self, change: Change, requester: Requester) -> None:
        """Change the running stack as a command requests, and report the progress and the result to it."""
        try:
            async with self._changes as changes:
                self._record_ends(await changes.make(change, requester.send_event))
        except asyncio.CancelledError:
            requester.send_failure(PlexdevError(BRING_UP_STOPPED))
            raise
        except Exception as error:
            if not isinstance(error, PlexdevError):
                with contextlib.suppress(OSError):  # the log's disk may be full
                    traceback.print_exc()
            requester.send_failure(error if isinstance(error, PlexdevError) else self._failure_of(error))
            if change.services:
                return
            # Nothing of the former stack is left.
            self._keeps_logs = True
            self._stop.set()
        else:
            requester.send_ready()

    def _release_requester(self) -> None:
        asyncio.get_running_loop().remove_reader(self._requester.descriptor)
        self._requester.send_ready()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self._requester.descriptor)
        os.close(null)

    def _record_ends(self, services: Iterable[Service]) -> None:
        servers = {service.pid for service in services}
        for child in self._processes.running():
            if child.pid in servers:
                self._processes.end_of(child).add_done_callback(partial(self._record_end, child))

    def _record_end(self, child: Child, end: asyncio.Future[int]) -> None:
        if not self._stop.is_set() and child.pid not in self._processes.stopped:
            cause = BY_TEST if child.pid in self._processes.killed_by_test else ""
            write_end(self._plan.layout.directory, child.name, end.result(), cause=cause)

    def _watch_stop_conditions(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)
        # The write end of a pipe becomes "readable" when its read end is closed.
        loop.add_reader(self._requester.descriptor, self._on_requester_closed)
        if owner := self._plan.settings.owner:
            self._watch_owner_process(owner, self._on_owner_ended)
        if tester := self._plan.settings.tester:
            self._watch_owner_process(tester, self._stop_and_remove)

    def _on_requester_closed(self) -> None:
        asyncio.get_running_loop().remove_reader(self._requester.descriptor)
        self._stop.set()

    def _watch_owner_process(self, owner: ProcessId, on_end: Callable[[], None]) -> None:
        handle = owner.open()
        if handle is None:
            on_end()
        else:
            call_at_end(handle, on_end)

    def _on_owner_ended(self) -> None:
        if not (self._plan.layout.directory / KEPT_MARK).exists():
            self._run_ended = True
            self._stop_and_remove()

    def _stop_and_remove(self) -> None:
        self._removes_logs = True
        self._stop.set()

    async def _take_down(self, *, keep_logs: bool) -> None:
        self._stop.set()
        layout = self._plan.layout
        layout.remove_stack_file()
        await self._processes.stop_all()
        layout.remove_data()
        if keep_logs and not self._removes_logs:
            return
        layout.remove()
        if self._run_ended:
            layout.remove_run()
