"""Describe how a server ended, and by whom if that is known."""

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
_OBEYED: Final = re.compile(
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
"""What servers call the signals that they end by."""


def describe_end(status: int, said: str) -> tuple[str, str]:
    """How a server ended that its stack did not ask to, and why as far as that is known.

    Args:
        status: Its exit status, negative for a signal.
        said: The last lines of its log.
    """
    words = describe_status(status)
    obeyed = _OBEYED.findall(said)
    if status >= 0 and obeyed:
        name = next(group for group in obeyed[-1] if group)
        return f"{_SIGNALS.get(name, name)} ({words})", _OUTSIDE
    if status == 0:
        return words, "the stack did not stop it, and its log does not name the reason"
    if status > 0:
        return words, "it failed by itself"
    if status == -signal.SIGKILL:
        return words, _KILLED
    return words, "it crashed" if status in _CRASHES else _OUTSIDE
