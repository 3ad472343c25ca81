"""Run code that only observes a run: if it fails, the summary gets one line and the run continues."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import Final

import pytest

WORKER_OUTPUT: Final = "plexdev_lines"
"""Key under which a worker of pytest-xdist hands its lines to the controller."""
_MOST_LINES: Final = 5
_LINES: Final = pytest.StashKey[list[str]]()


@contextlib.contextmanager
def observing(config: pytest.Config, what: str) -> Iterator[None]:
    """Around what a hook does besides the run's own work.

    Whatever is raised inside ends the body and becomes a line; only Ctrl-C and ``pytest.exit`` go on.

    Args:
        what: What is missing then, for the line.
    """
    try:
        yield
    except (KeyboardInterrupt, pytest.exit.Exception):
        raise
    except BaseException as error:
        add_lines(config, [f"{what} is missing: {describe(error)}"])


def describe(error: BaseException) -> str:
    """An error in one line, even if it cannot say itself what it is."""
    try:
        said = str(error).partition("\n")[0]
    except BaseException:
        said = "it cannot be printed"
    text = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def add_lines(config: pytest.Config, lines: Sequence[str]) -> None:
    """Keep lines for the summary."""
    config.stash.setdefault(_LINES, []).extend(lines)


def pop_lines(config: pytest.Config) -> list[str]:
    """Return all lines so far, each once, and forget them."""
    kept: list[str] = config.stash.get(_LINES, [])
    config.stash[_LINES] = []
    return list(dict.fromkeys(kept))


def summary(config: pytest.Config) -> Iterator[str]:
    """The lines of the summary; a failure that every test repeats does not fill the screen."""
    lines = pop_lines(config)
    yield from map(warning, lines[:_MOST_LINES])
    if len(lines) > _MOST_LINES:
        yield warning(f"{len(lines) - _MOST_LINES} more of this kind")


def warning(line: str) -> str:
    """A line as the terminal shows it."""
    return f"plexdev: warning: {line}"


def print_rest(config: pytest.Config) -> None:
    """Print what no summary has printed: it came too late, or there is no terminal reporter."""
    with contextlib.suppress(Exception):
        for line in summary(config):
            sys.stderr.write(f"{line}\n")
