"""Write files atomically, because other processes may read them at the same time."""

from __future__ import annotations

import os
from pathlib import Path


def write_atomic(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Write a file atomically: a reader sees the whole new file or the previous one.

    Args:
        mode: The mode of the new file, independent of the umask; by default 0666 minus the umask.

    Raises:
        OSError: It cannot be written.
    """
    # A random name: pids are unique in one PID namespace only, and containers share directories.
    unfinished = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    descriptor = os.open(
        unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if mode is None else mode
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            if mode is not None:
                os.fchmod(descriptor, mode)
            file.write(content)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
