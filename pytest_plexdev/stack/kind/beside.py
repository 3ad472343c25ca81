"""Work beside the main thread, which waits for it and hears Ctrl-C meanwhile, and then ends it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from typing import Any, TypeVar

from pytest_plexdev.core.cancellation import current, taking_part

T = TypeVar("T")


def beside(work: Callable[[], T]) -> Future[T]:
    """Start *work* in a thread. It is part of what this thread does (:mod:`pytest_plexdev.core.cancellation`)."""
    future: Future[T] = Future()
    thread = threading.Thread(target=_fill, args=(future, taking_part(work)), daemon=True)
    if (ours := current()) is not None:
        ours.thread(thread)
    else:
        thread.start()
    return future


def all_of(*futures: Future[Any]) -> None:
    """Wait for them all; the first failure is raised at once."""
    done, _ = wait(futures, return_when=FIRST_EXCEPTION)
    for future in done:
        future.result()


def _fill(future: Future[T], work: Callable[[], T]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)
