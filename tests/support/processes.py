"""Wait for the end of processes that a tested program must stop."""

from __future__ import annotations

from pathlib import Path

from tests.support.waiting import until


def assert_ends(pid: int) -> None:
    """Wait until the process has ended, or is a zombie; fail after a while."""
    until(lambda: _has_ended(pid), within_s=10)


def _has_ended(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"
