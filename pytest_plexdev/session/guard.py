"""Run code that only observes a run. If it fails, the summary has one more line and the run continues."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import Final

import pytest

WORKER_OUTPUT: Final = "plexdev_lines"
"""Key under which a worker of pytest-xdist passes its lines to the controller."""
_MAX_LINES: Final = 5
_LINES: Final = pytest.StashKey[list[str]]()


@contextlib.contextmanager
def observing(config: pytest.Config, what: str) -> Iterator[None]:
    """Wrap the code of a hook that is not essential for the run.

    An exception ends the body and becomes a line of the summary. Only Ctrl-C and ``pytest.exit`` propagate.

    Args:
        what: What is missing if the body fails, for the line.
    """
    try:
        yield
    except (KeyboardInterrupt, pytest.exit.Exception):
        raise
    except BaseException as error:
        add_lines(config, [f"{what} is missing: {describe(error)}"])


def describe(error: BaseException) -> str:
    """Describe an error in one line, even if its ``__str__`` raises."""
    try:
        message = str(error).partition("\n")[0]
    except BaseException:
        message = "it cannot be printed"
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def add_lines(config: pytest.Config, lines: Sequence[str]) -> None:
    """Add lines to the summary."""
    config.stash.setdefault(_LINES, []).extend(lines)


def pop_lines(config: pytest.Config) -> list[str]:
    """Return all lines so far without duplicates, and clear them."""
    kept: list[str] = config.stash.get(_LINES, [])
    config.stash[_LINES] = []
    return list(dict.fromkeys(kept))


def summary(config: pytest.Config) -> Iterator[str]:
    """Yield the lines of the summary. Their number is limited, because a failure may repeat in every test."""
    lines = pop_lines(config)
    yield from map(warning, lines[:_MAX_LINES])
    if len(lines) > _MAX_LINES:
        yield warning(f"{len(lines) - _MAX_LINES} more of this kind")


def warning(line: str) -> str:
    """Format a line for the terminal."""
    return f"plexdev: warning: {line}"


def print_rest(config: pytest.Config) -> None:
    """Print the lines that the summary did not print, because they were added later or no terminal reporter exists."""
    with contextlib.suppress(Exception):
        for line in summary(config):
            sys.stderr.write(f"{line}\n")
