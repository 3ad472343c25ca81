"""Undo the signal handling that a process inherits: ignored and blocked signals outlive ``exec``.

Whoever starts pytest may ignore SIGCHLD (the exit statuses of children are lost then), SIGINT (a shell's background
job) or SIGHUP (``nohup``), or block any signal in the thread that starts us.
"""

from __future__ import annotations

import signal
import threading
from typing import Final

_IGNORED_BY_PYTHON: Final = frozenset({signal.SIGPIPE, signal.SIGXFSZ})
"""The interpreter ignores these itself, and gives its children the default back (``subprocess``, restore_signals)."""


def reset_signals() -> None:
    """Give every ignored signal its default and unblock all: for a process that is ours from its start."""
    for number in signal.valid_signals() - _IGNORED_BY_PYTHON:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def keep_exit_statuses() -> None:
    """Give an ignored SIGCHLD its default, in a process that others started: without that every child "exits with 0".

    Only the main thread may; in another one it does nothing.
    """
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
