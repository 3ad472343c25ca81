"""Write files atomically, because other processes read them meanwhile."""

from __future__ import annotations

import os
from pathlib import Path


def write_atomic(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Write a file in one piece: a reader sees all of it, or the previous one.

    Args:
        mode: Of the new file, whatever the umask; by default what the umask leaves of 0666.

    Raises:
        OSError: It cannot be written.
    """
    # Random, for a pid is unique in its own PID namespace only, and containers share directories.
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
