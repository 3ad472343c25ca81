"""Wait for the end of processes that a tested program must stop."""

from __future__ import annotations

import time
from pathlib import Path

import pytest


def assert_ends(pid: int) -> None:
    """Wait until the process has ended, or is a zombie; fail after a while."""
    for _ in range(1000):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state in "ZX":
            return
        time.sleep(0.01)
    pytest.fail(f"process {pid} still runs")
