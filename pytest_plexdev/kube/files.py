"""Read a file that somebody else named, a kubeconfig for example, without waiting for a pipe."""

from __future__ import annotations

import errno
import stat
from pathlib import Path


def read_file(path: Path) -> bytes:
    """The content of a file that a kubeconfig is, or names; empty for a device such as ``/dev/null``.

    Raises:
        OSError: It is not there, is no file, or may not be read. A pipe is never waited for.
    """
    mode = path.stat().st_mode
    if stat.S_ISCHR(mode):
        return b""
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(errno.EINVAL, "it is a pipe or a socket, and not a file", str(path))
    return path.read_bytes()
