"""Acquire and release the stack of a run: a fresh one that its processes share by a lease, or the running one."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from pytest_plexdev.core.clock import monotonic, unix_time
from pytest_plexdev.core.model import no_progress
from pytest_plexdev.core.ownership.run_directory import STACK_DIRECTORY
from pytest_plexdev.core.system_errors import system_errors
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.session.run import Moment, Run
from pytest_plexdev.stack.discovery import Attached, find_running
from pytest_plexdev.stack.providers import provider_for
from pytest_plexdev.stack.request import RunOwner, StackRequest

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_plexdev.core.model import StackInfo
    from pytest_plexdev.core.provider import Provider
    from pytest_plexdev.core.provider_parts import Found
    from pytest_plexdev.session.lease import Lease
    from pytest_plexdev.testkit.stack import Stack


def stack_of(run: Run) -> Stack:
    """The stack of a run, which the first call in a process acquires.

    Raises:
        PlexdevError: There is none, or it did not come up.
    """
    if run.running is None:
        with system_errors("bring up a stack for this run", near=run.directory):
            run.running = _acquire(run)
    return run.running


def _acquire(run: Run) -> Stack:
    began = monotonic()
    if run.settings.dev_stack:
        attached = find_running(run.settings.chosen_stack, _attach, request=request_of(run))
    else:
        run.hold()  # before anything is put there; the error that no stack is running creates no directory
        provider = _fresh(run, run.directory / STACK_DIRECTORY)
        attached = Attached(provider, _lease(run).acquire(no_progress))
    # Only now: an HTTP client is 100 ms of imports, and without a stack nothing needs one.
    from pytest_plexdev.testkit.stack import Stack

    run.hold()
    run.notes.write(attached.info, drift=attached.drift, passed_over=attached.passed_over)
    stack = Stack(
        attached.info,
        attached.provider,
        attached_in=monotonic() - began,
        drift=attached.drift,
        passed_over=attached.passed_over,
    )
    run.first = Moment(unix_time(), stack.log_sizes())
    return stack


def end(run: Run) -> None:
    """End the stack of a run and remove the run's directory: in the controller, after every worker has ended.

    The directory stays if another process still needs it to remove the stack: the reaper of a cluster whose creator was
    killed, or that could not be deleted. That removes it then, as a supervisor does whose controller was killed.
    """
    from pytest_plexdev.core.ownership import run_directory

    try:
        with system_errors("end the stack of this run", near=run.directory):
            held = run.hold()
            held.delete(*(name for name in run_directory.FILES if name not in run_directory.LEASE_FILES))
            if release(run) is None and not _fresh(run, run.directory / STACK_DIRECTORY).is_guarded():
                held.remove(*run_directory.FILES, STACK_DIRECTORY)
            run_directory.sweep()
    except PlexdevError as error:
        # The tests are over and reported; a traceback of pytest's own end would say no more than this.
        sys.stderr.write(f"\n{error}\n")
    finally:
        run.release()


def release(run: Run) -> StackInfo | None:
    """End the fresh stack of a run; return it if the run keeps it."""
    return None if run.settings.dev_stack else _lease(run).release(failed=run.failed)


def request_of(run: Run) -> StackRequest:
    """What a run asks of its provider."""
    from pytest_plexdev.doctor.advice import with_advice

    is_fresh = not run.settings.dev_stack
    return StackRequest(
        resolve=lambda: run.settings,
        seed=run.seed,
        overlay=run.overlay,
        explain=with_advice,
        run=RunOwner(directory=run.directory, controller_pid=run.controller_pid) if is_fresh else None,
    )


def _attach(provider: Provider) -> Found | None:
    return provider.attach(no_progress)


def _fresh(run: Run, directory: Path) -> Provider:
    """The provider of the run's own stack, in a directory of its own."""
    return provider_for(run.settings.stack, request_of(run), directory=directory)


def _lease(run: Run) -> Lease:
    from pytest_plexdev.session.lease import Lease

    return Lease(
        run_directory=run.directory,
        provider_factory=partial(_fresh, run),
        keep=run.settings.keep,
        output=run.output,
    )
