"""Log the command line of every program that is started: logger ``plexdev``, level INFO."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Sequence
from typing import Final

_LOGGER: Final = logging.getLogger("plexdev")


def log_start(argv: Sequence[str]) -> None:
    """Log that a program is started. ``pytest --log-cli-level=INFO`` shows it.

    A command line has no secrets: programs get those through their environment and files.
    """
    _LOGGER.info("run: %s", shlex.join(argv))
