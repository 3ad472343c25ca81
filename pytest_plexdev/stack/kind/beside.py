"""Work beside the main thread, which waits for it and hears Ctrl-C meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from typing import Any, TypeVar

T = TypeVar("T")


def beside(work: Callable[[], T]) -> Future[T]:
    """Start *work* in a thread that no end of the program waits for."""
    future: Future[T] = Future()
    threading.Thread(target=_fill, args=(future, work), daemon=True).start()
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
