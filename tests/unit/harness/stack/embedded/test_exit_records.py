"""Descriptions of how and why a server ended."""

from __future__ import annotations

import signal

import pytest

from pytest_plexdev.stack.embedded.exit_records import describe_end


@pytest.mark.parametrize(
    ("status", "log_tail", "how", "why"),
    [
        (0, 'level=INFO msg="stopping on signal" signal=SIGTERM\n', "SIGTERM (exit status 0)", "outside the stack"),
        (1, "[INF] Initiating Shutdown...\n", "a signal to end (exit status 1)", "outside the stack"),
        (0, "LOG:  received fast shutdown request", "SIGINT (exit status 0)", "outside the stack"),
        (0, "nothing", "exit status 0", "the stack did not stop it"),
        (7, "", "exit status 7", "it failed by itself"),
        (-signal.SIGTERM, "", "SIGTERM", "outside the stack"),
        (-signal.SIGKILL, "", "SIGKILL", "memory ran out"),
        (-signal.SIGSEGV, "", "SIGSEGV", "it crashed"),
    ],
)
def test_an_end(status: int, log_tail: str, how: str, why: str) -> None:
    assert describe_end(status, log_tail)[0] == how
    assert why in describe_end(status, log_tail)[1]
