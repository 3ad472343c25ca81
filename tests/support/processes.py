"""Processes that tests started by way of a program that is to end them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest


def assert_ends(pid: int) -> None:
    """The process is gone, or a zombie that nobody collected yet; the kernel may take a moment."""
    for _ in range(1000):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state in "ZX":
            return
        time.sleep(0.01)
    pytest.fail(f"process {pid} still runs")
