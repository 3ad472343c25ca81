"""Describe the content of a Postgres template, and check that no other user can have written it.

A server executes what its configuration names (``shared_preload_libraries``, ``archive_command``, ``include``). So the
configuration is compared by content, and every entry is checked by owner and mode. Every bring-up makes this check,
so it must take only milliseconds.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeAlias

from pytest_plexdev.core.private_files import check_private, open_private, read_private

CONFIGURATION: Final = ("postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf", "PG_VERSION")
"""The files that a server reads first. It reads other ``*.conf`` files only if one of these includes them."""
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH

Content: TypeAlias = dict[str, int | str]


def describe(data: Path) -> Content:
    """Count files and bytes of a data directory, and hash its configuration.

    Raises:
        PlexdevError: ``untrusted-path``: an entry can be written by another user or is not a regular file.
        OSError: A part of the data directory is missing.
    """
    check_private(data)
    sizes = list(_sizes(str(data), os.geteuid()))
    digest = hashlib.sha256()
    for name in CONFIGURATION:
        content = read_private(data / name)
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return {"files": len(sizes), "bytes": sum(sizes), "configuration": digest.hexdigest()}


def _sizes(directory: str, user: int) -> Iterator[int]:
    with os.scandir(directory) as entries:
        for entry in entries:
            status = entry.stat(follow_symlinks=False)
            if status.st_uid != user or status.st_mode & _OTHERS_WRITE:
                check_private(Path(entry.path))
            if stat.S_ISDIR(status.st_mode):
                yield from _sizes(entry.path, user)
            elif stat.S_ISREG(status.st_mode):
                yield status.st_size
            else:
                os.close(open_private(Path(entry.path), os.O_RDONLY))  # raises untrusted-path
