"""Remove the System V shared memory segment that a killed Postgres leaves in the kernel.

At any other end, including SIGQUIT, Postgres removes it itself. Its other shared memory is anonymous or is in the data
directory (``dynamic_shared_memory_type=mmap``).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path
from typing import Final

_IPC_RMID: Final = 0
_IPC_STAT: Final = 2
_LOCK_FILE: Final = "postmaster.pid"
_SHARED_MEMORY_LINE: Final = 6
"""Index of the line ``<key> <id>`` in ``postmaster.pid`` (miscadmin.h, LOCK_FILE_LINE_SHMEM_KEY)."""
_LOCK_FILE_MAX_BYTES: Final = 4096
"""More is not read. A real file has about a hundred."""


class _Segment(ctypes.Structure):
    """``struct shmid_ds`` of shmctl(2) in the layout of 64-bit Linux, with padding behind it."""

    _fields_ = (
        ("key", ctypes.c_int32),
        ("uid", ctypes.c_uint32),
        ("gid", ctypes.c_uint32),
        ("creator_uid", ctypes.c_uint32),
        ("creator_gid", ctypes.c_uint32),
        ("mode", ctypes.c_uint32),
        ("sequence", ctypes.c_uint32),
        ("_reserved", ctypes.c_uint64 * 2),
        ("size", ctypes.c_uint64),
        ("times", ctypes.c_int64 * 3),
        ("creator_pid", ctypes.c_int32),
        ("last_pid", ctypes.c_int32),
        ("attached", ctypes.c_uint64),
        ("_padding", ctypes.c_uint64 * 8),
    )


def release(data: Path) -> None:
    """Remove the segment that the killed server of this data directory left, if there is one.

    ``postmaster.pid`` is not trusted, because the server's user can write it: a segment is removed only if it has that
    key, belongs to that user, and no process is attached to it.
    """
    with contextlib.suppress(OSError, IndexError, ValueError):
        owner, line = _read_lock_file(data)
        key, identifier = (int(word) for word in line.split())
        _remove_if_unused(key, identifier, owner)


def _read_lock_file(data: Path) -> tuple[int, str]:
    """The server's user, and the line that names its segment."""
    directory = os.open(data, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with os.fdopen(os.open(_LOCK_FILE, flags, dir_fd=directory), "rb") as file:
            lines = file.read(_LOCK_FILE_MAX_BYTES).decode("utf-8", "replace").splitlines()
        return os.fstat(directory).st_uid, lines[_SHARED_MEMORY_LINE]
    finally:
        os.close(directory)


def _remove_if_unused(key: int, identifier: int, owner: int) -> None:
    if ctypes.sizeof(ctypes.c_void_p) != ctypes.sizeof(ctypes.c_uint64):
        return  # the structure has another layout
    control = ctypes.CDLL(None, use_errno=True).shmctl
    found = _Segment()
    if control(identifier, _IPC_STAT, ctypes.byref(found)) != 0:
        return
    if (ctypes.c_int32(key).value, owner, 0) == (found.key, found.uid, found.attached):
        control(identifier, _IPC_RMID, None)
