"""Describe how a server ended, and what ended it if that is known."""

from __future__ import annotations

import re
import signal
from typing import Final

from pytest_plexdev.stack.embedded.processes.child import describe_status

_OUTSIDE: Final = "something outside the stack sent it that signal"
_KILLED: Final = "something outside the stack killed it, or the kernel did for want of memory (dmesg)"
_CRASHES: Final = frozenset(
    -number for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)
)
_STOPPED_BY_SIGNAL: Final = re.compile(
    r"stopping on signal.*signal=(SIG[A-Z]+)"  # our own programs
    r"|(Initiating Shutdown)\.\.\."  # nats-server, whose exit status is 1 after a SIGTERM
    r"|received (smart|fast|immediate) shutdown request"  # postgres
)
_SIGNALS: Final = {
    "Initiating Shutdown": "a signal to end",
    "smart": "SIGTERM",
    "fast": "SIGINT",
    "immediate": "SIGQUIT",
}
"""The signals for the words in the servers' logs."""


def describe_end(status: int, log_tail: str) -> tuple[str, str]:
    """Describe how and why a server ended that the stack did not stop.

    Args:
        status: Its exit status, negative for a signal.
        log_tail: The last lines of its log.
    """
    words = describe_status(status)
    matches = _STOPPED_BY_SIGNAL.findall(log_tail)
    if status >= 0 and matches:
        name = next(group for group in matches[-1] if group)
        return f"{_SIGNALS.get(name, name)} ({words})", _OUTSIDE
    if status == 0:
        return words, "the stack did not stop it, and its log does not name the reason"
    if status > 0:
        return words, "it failed by itself"
    if status == -signal.SIGKILL:
        return words, _KILLED
    return words, "it crashed" if status in _CRASHES else _OUTSIDE
