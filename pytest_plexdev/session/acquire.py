"""Acquire and release the stack of a run: a fresh one that its processes share by a lease, or the running one."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from pytest_plexdev.core.clock import monotonic, unix_time
from pytest_plexdev.core.ownership.run_directory import STACK_DIRECTORY
from pytest_plexdev.core.system_errors import system_errors
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.session.bring_up_record import BringUpRecord, recording
from pytest_plexdev.session.run import Moment, Run
from pytest_plexdev.stack import uses
from pytest_plexdev.stack.discovery import Attached, find_running
from pytest_plexdev.stack.providers import provider_for
from pytest_plexdev.stack.request import RunOwner, StackRequest

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_plexdev.core.model import StackInfo
    from pytest_plexdev.core.provider import Provider
    from pytest_plexdev.core.provider_parts import Found
    from pytest_plexdev.session.lease import Lease, ProviderFactory
    from pytest_plexdev.testkit.stack import Stack


def stack_of(run: Run) -> Stack:
    """Return the stack of a run. The first call in a process acquires it.

    Raises:
        PlexdevError: No stack runs (with ``--dev-stack``), or the bring-up failed.
    """
    if run.running is None:
        with system_errors("bring up a stack for this run", near=run.directory):
            run.running = _acquire(run)
    return run.running


def _acquire(run: Run) -> Stack:
    began = monotonic()
    with recording(run) as record:
        attached = _find(run, record) if run.settings.dev_stack else _share(run, record)
    # Lazy: it imports an HTTP client, which takes 100 ms and is useless without a stack.
    from pytest_plexdev.testkit.stack import EVERYONE, Stack

    run.hold()
    run.notes.write(attached.info, drift=attached.drift, passed_over=attached.passed_over)
    stack = Stack(
        attached.info,
        attached.provider,
        attached_in=monotonic() - began,
        drift=attached.drift,
        passed_over=attached.passed_over,
        shared_by=EVERYONE if run.settings.dev_stack else "all tests of this run",
    )
    run.first = Moment(unix_time(), stack.log_sizes())
    return stack


def _find(run: Run, record: BringUpRecord) -> Attached:
    """The running stack."""

    def attach(provider: Provider) -> Found | None:
        return provider.attach(record)

    attached = find_running(run.settings.chosen_stack, attach, request=request_of(run))
    run.use = uses.record(attached.info, controller_pid=run.controller_pid)
    return attached


def _share(run: Run, record: BringUpRecord) -> Attached:
    """The fresh stack of the run."""

    def make_provider(directory: Path) -> Provider:
        record.begin()  # only the process that starts the stack needs its provider
        return _fresh(run, directory)

    run.hold()  # creates the directory; not needed, and not done, if no running stack is found
    provider = _fresh(run, run.directory / STACK_DIRECTORY)
    return Attached(provider, _lease(run, make_provider).acquire(record))


def end(run: Run) -> None:
    """Stop the stack of a run and remove the run's directory: in the controller, after all workers have ended.

    The directory is kept if another process needs it to remove the stack, and removes it later: the reaper of a cluster
    that could not be deleted, or whose creator was killed. A supervisor does the same if its controller was killed.
    """
    from pytest_plexdev.core.ownership import run_directory

    try:
        with system_errors("end the stack of this run", near=run.directory):
            held = run.hold()
            held.delete(*(name for name in run_directory.FILES if name not in run_directory.LEASE_FILES))
            for left in run_directory.own_stacks(run.directory):
                _fresh(run, left).down(None)  # its worker has crashed
            if release(run) is None and not _fresh(run, run.directory / STACK_DIRECTORY).is_guarded():
                held.remove(*run_directory.FILES, STACK_DIRECTORY)
            run_directory.sweep()
    except PlexdevError as error:
        # The tests are finished and reported, and a traceback of pytest's shutdown would add no information.
        sys.stderr.write(f"\n{error}\n")
    finally:
        run.release()


def release(run: Run) -> StackInfo | None:
    """Stop the fresh stack of a run, or return it if the run keeps it."""
    return None if run.settings.dev_stack else _lease(run, partial(_fresh, run)).release(failed=run.failed)


def request_of(run: Run) -> StackRequest:
    """Build the request of a run for its provider."""
    from pytest_plexdev.doctor.advice import with_advice

    is_fresh = not run.settings.dev_stack
    return StackRequest(
        resolve=lambda: run.settings,
        seed=run.seed,
        overlay=run.overlay,
        explain=with_advice,
        profile=run.profile,
        run=RunOwner(directory=run.directory, controller_pid=run.controller_pid) if is_fresh else None,
    )


def _fresh(run: Run, directory: Path) -> Provider:
    """The provider of the run's own stack in *directory*."""
    return provider_for(run.settings.stack, request_of(run), directory=directory)


def _lease(run: Run, provider_factory: ProviderFactory) -> Lease:
    from pytest_plexdev.session.lease import Lease

    return Lease(
        run_directory=run.directory,
        provider_factory=provider_factory,
        keep=run.settings.keep,
        output=run.output,
    )
