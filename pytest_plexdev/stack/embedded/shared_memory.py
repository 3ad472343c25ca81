"""The one thing that a killed Postgres leaves in the kernel: its System V segment.

Postgres removes it at every other end, SIGQUIT included. Its other shared memory is anonymous or lies in the
data directory (``dynamic_shared_memory_type=mmap``).
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Final

_IPC_RMID: Final = 0
_SHARED_MEMORY_LINE: Final = 6
"""Of ``postmaster.pid``: ``<key> <id>`` (miscadmin.h, LOCK_FILE_LINE_SHMEM_KEY)."""


def release(data: Path) -> None:
    """Remove the segment that the killed server of this data directory left; none is fine."""
    try:
        line = (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()[_SHARED_MEMORY_LINE]
        segment = int(line.split()[1])
    except (OSError, IndexError, ValueError):
        return
    ctypes.CDLL(None, use_errno=True).shmctl(segment, _IPC_RMID, None)
