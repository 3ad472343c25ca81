"""Read a file whose path comes from a user, such as a kubeconfig. Never blocks on a pipe."""

from __future__ import annotations

import errno
import stat
from pathlib import Path


def read_file(path: Path) -> bytes:
    """Read a kubeconfig, or a file that it names. A device such as ``/dev/null`` is empty.

    Raises:
        OSError: The file does not exist, is a pipe or a socket, or cannot be read.
    """
    mode = path.stat().st_mode
    if stat.S_ISCHR(mode):
        return b""
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(errno.EINVAL, "it is a pipe or a socket, not a file", str(path))
    return path.read_bytes()
