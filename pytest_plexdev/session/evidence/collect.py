"""Run collectors within a time limit. One that fails or blocks is reported in its place."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from pytest_plexdev.core.clock import monotonic
from pytest_plexdev.core.text import printable
from pytest_plexdev.session.guard import describe

SECONDS: Final = 3.0
"""Time limit for all collectors of one failing test."""
BYTES: Final = 64_000
"""Maximum size of a section; its end is kept."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """What a collector found. Nothing is written for a section without text.

    Attributes:
        text: For the test's folder.
        brief: For the terminal, which shows the end of *text* by default. Empty: only the folder has the section.
        files: Further files of the folder, by name.
    """

    text: str
    brief: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)


Collector = Callable[[], Section]
T = TypeVar("T")


def collect(
    collectors: Iterable[tuple[str, Collector]], *, deadline: float, rule: Callable[[str], str]
) -> Iterator[tuple[str, Section]]:
    """Yield each section with its title, masked.

    Args:
        deadline: On ``time.monotonic()``'s clock.
        rule: Masks a text.
    """
    for title, collector in collectors:
        if monotonic() > deadline:
            yield title, Section(text=f"not collected: the time limit of {SECONDS:g} s was reached")
            continue
        section = result_of(start(collector, otherwise=_failed), deadline - monotonic(), otherwise=_failed)
        brief = None if section.brief is None else printable(rule(section.brief))
        files = {name: printable(rule(text)) for name, text in section.files.items()}
        yield title, replace(section, text=printable(_shorten(rule(section.text))), brief=brief, files=files)


def start(collector: Callable[[], T], *, otherwise: Callable[[str], T]) -> Future[T]:
    """Run a collector in a daemon thread: an executor would wait at exit for one that blocks on a silent cluster.

    Args:
        otherwise: Makes the result from the reason why the collector failed.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(collector())
        except BaseException as error:
            future.set_result(otherwise(f"the collector failed: {describe(error)}"))

    threading.Thread(target=run, name="plexdev-evidence", daemon=True).start()
    return future


def result_of(future: Future[T], timeout_s: float, *, otherwise: Callable[[str], T]) -> T:
    """Return the result of :func:`start`, or the reason why there is none yet."""
    try:
        return future.result(timeout=max(0.0, timeout_s))
    except TimeoutError:
        return otherwise(f"not collected: no result within the time limit of {SECONDS:g} s")


def _failed(reason: str) -> Section:
    return Section(text=reason)


def _shorten(text: str) -> str:
    return text if len(text) <= BYTES else f"… ({len(text) - BYTES} characters before)\n{text[-BYTES:]}"
