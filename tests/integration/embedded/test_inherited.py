"""A stack works whatever a process inherits from its parent and whichever system calls the kernel denies."""

from __future__ import annotations

import errno
import signal
import time
from collections.abc import Callable

import pytest

from pytest_plexdev.stack.embedded import EmbeddedSettings
from pytest_plexdev.stack.embedded.launch import end
from tests.support.embedded import Bench, StartOwner, TracesOf, WithPrograms
from tests.support.ended_stack import AT_ONCE
from tests.support.seccomp import refuse_pidfds


def ignore_signals() -> None:
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def block_signals() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


inherited = pytest.mark.parametrize(
    "prepare",
    [
        pytest.param(ignore_signals, id="signals ignored"),
        pytest.param(block_signals, id="signals blocked"),
        pytest.param(lambda: refuse_pidfds(errno.EPERM), id="pidfds forbidden"),
        pytest.param(lambda: refuse_pidfds(errno.ENOSYS), id="pidfds unknown"),
    ],
)


@inherited
def test_a_stack_comes_up_and_is_ended(
    bench: Bench,
    settings: EmbeddedSettings,
    start_owner: StartOwner,
    traces_of: TracesOf,
    prepare: Callable[[], None],
) -> None:
    owner = start_owner(settings, prepare=prepare)
    owner.wait_for("THE STACK IS UP")
    traces = traces_of(bench.directory)

    began = time.monotonic()
    end(bench.directory)

    assert time.monotonic() - began < AT_ONCE, "it was killed, because it did not receive its stop signal"
    assert traces.left_after(AT_ONCE) == []


@inherited
def test_a_stack_ends_with_its_owner(
    bench: Bench,
    settings: EmbeddedSettings,
    start_owner: StartOwner,
    traces_of: TracesOf,
    prepare: Callable[[], None],
) -> None:
    owner = start_owner(settings, prepare=prepare)
    owner.wait_for("THE STACK IS UP")
    traces = traces_of(bench.directory)

    owner.process.kill()

    assert traces.left_after(AT_ONCE) == []


@inherited
def test_a_program_that_fails_is_told_with_its_status(
    bench: Bench, with_programs: WithPrograms, start_owner: StartOwner, prepare: Callable[[], None]
) -> None:
    owner = start_owner(with_programs(bootstrap="broken"), prepare=prepare)

    owner.wait_for("plexsphere-bootstrap exited with exit status 7")
