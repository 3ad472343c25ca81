"""A cancel scope for threads: one deadline, and on cancellation every child process is killed and every thread joined.

The words are anyio's. asyncio is no alternative here: the programs that a bring-up runs, kind and docker among them,
are waited for in threads, and the libraries that it calls block.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from contextvars import ContextVar
from typing import Any, Final, ParamSpec, TypeVar

from pytest_plexdev.core.signals import deferring_termination

T = TypeVar("T")
P = ParamSpec("P")

MINIMUM_S: Final = 1.0
"""Minimum timeout of a step after the deadline, so that work that is already done is still noticed."""
_CHECK_S: Final = 0.1
"""Seconds between two checkpoints of a thread that waits for another one."""
_CLEANUP_S: Final = 150.0
"""Seconds for cancelled threads to clean up; deleting a cluster takes longest."""


class Cancelled(BaseException):
    """Ends a thread whose scope was cancelled. Nothing handles it: the cause is raised in the thread that cancelled."""


class CancelScope:
    """Threads and child processes under one deadline. Entered by :func:`fail_after`.

    Args:
        timeout: Seconds.
    """

    def __init__(self, timeout: float) -> None:
        self._deadline = time.monotonic() + timeout
        self._lock = threading.Lock()
        self._is_cancelled = False
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._threads: list[threading.Thread] = []

    @property
    def remaining_s(self) -> float:
        """Seconds until the deadline, one at least."""
        return max(MINIMUM_S, self._deadline - time.monotonic())

    def checkpoint(self) -> None:
        """Raise :class:`Cancelled` if the scope was cancelled."""
        if self._is_cancelled:
            raise Cancelled

    @contextlib.contextmanager
    def process(self, start: Callable[[], subprocess.Popen[bytes]]) -> Iterator[subprocess.Popen[bytes]]:
        """Run a child process that leads a process group of its own, and kill the group on cancellation."""
        with self._lock:
            self.checkpoint()
            process = start()
            self._processes.add(process)
        try:
            yield process
        finally:
            with self._lock:
                self._processes.discard(process)
        self.checkpoint()

    def start_thread(self, thread: threading.Thread) -> None:
        """Start a thread, and join it on cancellation."""
        with self._lock:
            self._threads.append(thread)
            thread.start()

    def cancel(self) -> None:
        """Kill the child processes, refuse new ones, and return once the threads have cleaned up."""
        with self._lock:
            self._is_cancelled = True
            for process in self._processes:
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
            threads = [each for each in self._threads if each is not threading.current_thread()]
        deadline = time.monotonic() + _CLEANUP_S
        with deferring_termination():
            for thread in threads:
                thread.join(max(0.0, deadline - time.monotonic()))


_current: Final[ContextVar[CancelScope | None]] = ContextVar("plexdev-cancel-scope", default=None)


@contextlib.contextmanager
def fail_after(timeout: float) -> Iterator[None]:
    """Run the body and the threads that it spawns under one deadline. An exception or Ctrl-C cancels all of them.

    Args:
        timeout: Seconds.
    """
    scope = CancelScope(timeout)
    token = _current.set(scope)
    try:
        yield
    except BaseException:
        scope.cancel()
        raise
    finally:
        _current.reset(token)


@contextlib.contextmanager
def shield() -> Iterator[None]:
    """Shield the body from cancellation. Used for cleanup."""
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)


def current_scope() -> CancelScope | None:
    """Return the scope of this thread."""
    return _current.get()


def remaining_s() -> float:
    """Return the seconds until the deadline of this thread's scope; infinity without a scope."""
    scope = current_scope()
    return scope.remaining_s if scope is not None else float("inf")


def checkpoint() -> None:
    """Raise :class:`Cancelled` if this thread's scope was cancelled.

    To be called in loops that wait without a child process.
    """
    if (scope := current_scope()) is not None:
        scope.checkpoint()


def cancel() -> None:
    """Cancel this thread's scope, as an exception in its body does."""
    if (scope := current_scope()) is not None:
        scope.cancel()


def in_scope(function: Callable[P, T]) -> Callable[P, T]:
    """Wrap *function* so that a thread pool runs it in the caller's scope."""
    scope = current_scope()

    def run(*arguments: P.args, **named: P.kwargs) -> T:
        token = _current.set(scope)
        try:
            return function(*arguments, **named)
        finally:
            _current.reset(token)

    return run


def spawn(function: Callable[[], T]) -> Future[T]:
    """Run *function* in a new thread of this thread's scope."""
    future: Future[T] = Future()
    thread = threading.Thread(target=_resolve, args=(future, in_scope(function)), daemon=True)
    if (scope := current_scope()) is not None:
        scope.start_thread(thread)
    else:
        thread.start()
    return future


def call_within(timeout: float, function: Callable[[], T]) -> T:
    """Call a function that blocks without a child process. Cancelling the scope, or Ctrl-C, ends the wait.

    The function runs in a thread of its own, in the caller's scope. That thread is left behind when the wait ends, so
    the function is to have a timeout itself, and to call :func:`checkpoint` before it changes anything.

    Args:
        timeout: Seconds.

    Raises:
        TimeoutError: It did not return in time.
    """
    answer: Future[T] = Future()
    threading.Thread(target=_resolve, args=(answer, in_scope(function)), daemon=True).start()
    deadline = time.monotonic() + timeout
    while not answer.done():
        checkpoint()
        if (left := deadline - time.monotonic()) <= 0:
            raise TimeoutError
        wait([answer], timeout=min(_CHECK_S, left))
    return answer.result()


def wait_all(*futures: Future[Any]) -> None:
    """Wait for all futures. The first exception is raised at once."""
    done, _ = wait(futures, return_when=FIRST_EXCEPTION)
    for future in done:
        future.result()


def _resolve(future: Future[T], function: Callable[[], T]) -> None:
    try:
        future.set_result(function())
    except BaseException as error:
        future.set_exception(error)
