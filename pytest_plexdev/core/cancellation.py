"""Work in several threads that has one time and one end: given up, it ends its programs and awaits its threads."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Final, ParamSpec, TypeVar

from pytest_plexdev.core.signals import deferring_termination

T = TypeVar("T")
P = ParamSpec("P")

_LEAST: Final = 1.0
"""Seconds that a step gets though the time is up: what is there already is seen at once."""
_ENDS: Final = 150.0
"""Seconds for threads to take back what they made: a cluster's deletion is the longest."""


class GivenUp(BaseException):
    """Ends a thread whose work was given up. Nobody handles it: the reason is raised elsewhere."""


class Together:
    """One such work, which begins now. Used through :func:`together`."""

    def __init__(self, timeout: float) -> None:
        self._deadline = time.monotonic() + timeout
        self._lock = threading.Lock()
        self._given_up = False
        self._programs: set[subprocess.Popen[bytes]] = set()
        self._threads: list[threading.Thread] = []

    @property
    def left(self) -> float:
        """Seconds."""
        return max(_LEAST, self._deadline - time.monotonic())

    def go_on(self) -> None:
        """Raise :class:`GivenUp` where it was."""
        if self._given_up:
            raise GivenUp

    @contextlib.contextmanager
    def program(self, start: Callable[[], subprocess.Popen[bytes]]) -> Iterator[subprocess.Popen[bytes]]:
        """A program that leads a group of its own, and is ended with the work."""
        with self._lock:
            self.go_on()
            process = start()
            self._programs.add(process)
        try:
            yield process
        finally:
            with self._lock:
                self._programs.discard(process)
        self.go_on()

    def thread(self, thread: threading.Thread) -> None:
        """Start a thread that is waited for when the work is given up."""
        with self._lock:
            self._threads.append(thread)
            thread.start()

    def give_up(self) -> None:
        """End its programs, refuse others, and return once its threads have taken back what they made."""
        with self._lock:
            self._given_up = True
            for process in self._programs:
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
            threads = [each for each in self._threads if each is not threading.current_thread()]
        deadline = time.monotonic() + _ENDS
        with deferring_termination():
            for thread in threads:
                thread.join(max(0.0, deadline - time.monotonic()))


_current: Final[ContextVar[Together | None]] = ContextVar("plexdev-together", default=None)


@contextlib.contextmanager
def together(timeout: float) -> Iterator[None]:
    """What is done within, and beside it in threads, has *timeout* seconds; a failure or Ctrl-C gives all of it up."""
    work = Together(timeout)
    before = _current.set(work)
    try:
        yield
    except BaseException:
        work.give_up()
        raise
    finally:
        _current.reset(before)


@contextlib.contextmanager
def to_the_end() -> Iterator[None]:
    """What is done within goes on though the work was given up: it takes back what was made."""
    before = _current.set(None)
    try:
        yield
    finally:
        _current.reset(before)


def current() -> Together | None:
    """The work that this thread is part of."""
    return _current.get()


def time_left() -> float:
    """Seconds that the work has; without one, for ever."""
    work = current()
    return work.left if work is not None else float("inf")


def go_on() -> None:
    """Raise :class:`GivenUp` where this thread's work was: for who waits without a program."""
    if (work := current()) is not None:
        work.go_on()


def give_up() -> None:
    """Give up this thread's work, as a failure of it does."""
    if (work := current()) is not None:
        work.give_up()


def taking_part(function: Callable[P, T]) -> Callable[P, T]:
    """The function for a thread that somebody else starts: there it is part of the work that it is part of here."""
    work = current()

    def within(*arguments: P.args, **named: P.kwargs) -> T:
        before = _current.set(work)
        try:
            return function(*arguments, **named)
        finally:
            _current.reset(before)

    return within
