"""The width of the terminal that shows a report. A worker of pytest-xdist has none and gets it from its controller."""

from __future__ import annotations

import shutil
from typing import Final

import pytest

WORKER_INPUT: Final = "plexdev_columns"
"""Key of ``workerinput`` under which the controller passes the width to its workers."""


def columns_of(config: pytest.Config) -> int:
    """Return the width in characters."""
    given: int | None = getattr(config, "workerinput", {}).get(WORKER_INPUT)
    if given is not None:
        return given
    if config.pluginmanager.has_plugin("terminalreporter"):
        return config.get_terminal_writer().fullwidth
    return shutil.get_terminal_size().columns
