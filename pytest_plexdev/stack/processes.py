"""Which process is meant, for good, and what it is in words. Linux only: pidfds and ``/proc``."""

from __future__ import annotations

import os
import select
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ANOTHER_STACK: Final = "another plexdev stack"
_PROGRAMS_OF_OURS: Final = frozenset({"plexsphere_reference", "pytest_plexdev.stack.embedded.idp"})


@dataclass(frozen=True)
class ProcessId:
    """One process for good: a pid is used again, a pid with its start time is not.

    Attributes:
        started: When it started, in clock ticks since boot (``proc(5)``, field 22 of ``stat``).
    """

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> ProcessId:
        """The process that has this pid now.

        Raises:
            ProcessLookupError: There is none.
        """
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            raise ProcessLookupError(pid) from None
        # The name, in parentheses, may itself hold spaces and parentheses.
        return cls(pid, int(stat.rpartition(")")[2].split()[19]))

    @property
    def is_alive(self) -> bool:
        """Whether it still runs; one that ended and was not yet waited for does not."""
        pidfd = self.open()
        if pidfd is None:
            return False
        with os.fdopen(pidfd, "rb", closefd=True) as handle:
            return not select.select([handle], [], [], 0)[0]

    def open(self) -> int | None:
        """A pidfd of it, readable once it has ended; ``None`` where it is gone already."""
        try:
            pidfd = os.pidfd_open(self.pid)
        except (ProcessLookupError, OSError):
            return None
        # The pidfd holds the pid's meaning still: compare after opening, not before.
        try:
            if ProcessId.of(self.pid) == self:
                return pidfd
        except ProcessLookupError:
            pass
        os.close(pidfd)
        return None


def describe(pid: int) -> str:
    """A process in words: ``nginx (pid 812)``; of a stack of ours, that it is one."""
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return f"? (pid {pid})"
    ours = next((word for word in words if word in _PROGRAMS_OF_OURS), None)
    return f"{ANOTHER_STACK} ({ours}, pid {pid})" if ours else f"{name} (pid {pid})"
