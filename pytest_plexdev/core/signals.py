"""Reset inherited signal handling, and end in order on SIGTERM and SIGHUP.

Ignored and blocked signals survive ``exec``: the program that starts pytest may ignore SIGCHLD (the exit statuses of
children are lost then), SIGINT (a shell's background job) or SIGHUP (``nohup``), or block any signal.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Final

_TERMINATING: Final = (signal.SIGTERM, signal.SIGHUP)
"""Signals of a cancelled CI job and of a closed terminal; by default they end a process without cleanup."""
_SIGNALLED: Final = 128
_IGNORED_BY_PYTHON: Final = frozenset({signal.SIGPIPE, signal.SIGXFSZ})
"""Signals that the interpreter ignores itself; ``subprocess`` restores them for children (restore_signals)."""


class Terminated(KeyboardInterrupt):
    """This process received SIGTERM or SIGHUP. Code that cleans up after Ctrl-C cleans up after these too.

    Attributes:
        signal: The signal.
    """

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.signal = number

    @property
    def exit_code(self) -> int:
        """The exit code that a shell reports for a command that the signal ended."""
        return _SIGNALLED + self.signal


@contextlib.contextmanager
def raising_terminated() -> Iterator[None]:
    """Raise :class:`Terminated` in the body for a signal that would end this process without cleanup.

    A signal that is ignored (``nohup``) or handled already stays as it is. Outside the main thread it does nothing.
    """
    if not _is_main_thread():
        yield
        return
    handled = [number for number in _TERMINATING if signal.getsignal(number) is signal.SIG_DFL]
    for number in handled:
        signal.signal(number, _raise_terminated)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def deferring_termination() -> Iterator[None]:
    """Deliver SIGTERM and SIGHUP after the body: CI sends them while the cleanup after its first signal still runs.

    SIGINT is not deferred: a second Ctrl-C ends the cleanup. Outside the main thread it does nothing.
    """
    if not _is_main_thread():
        yield
        return
    received: list[int] = []
    before = {number: signal.getsignal(number) for number in _TERMINATING}
    deferred = {number: handler for number, handler in before.items() if handler not in (None, signal.SIG_IGN)}
    for number in deferred:
        signal.signal(number, lambda number, _frame: received.append(number))
    try:
        yield
    finally:
        for number, handler in deferred.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[0])


def reset_signals() -> None:
    """Reset ignored signals to their default and unblock all. Only for programs of plexdev itself."""
    for number in signal.valid_signals() - _IGNORED_BY_PYTHON:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def keep_exit_statuses() -> None:
    """Reset an ignored SIGCHLD, because otherwise every child seems to exit with status 0.

    Only the main thread can; in another thread it does nothing.
    """
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN and _is_main_thread():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _raise_terminated(number: int, _frame: FrameType | None) -> None:
    raise Terminated(signal.Signals(number))


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
