"""Find the process that holds a port by ``/proc``, and the command that stops it if it is this user's stack.

A program of an embedded stack is recognised by its standard error, a log in the directory of the stack. No command is
returned that would stop another user's program.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_plexdev.core.listening_sockets import connected_inodes, listeners, socket_inodes
from pytest_plexdev.core.model import KEPT_MARK
from pytest_plexdev.core.ownership.mark import MARK
from pytest_plexdev.core.paths import state_directory
from pytest_plexdev.core.process_id import ANOTHER_STACK, describe

_WARM: Final = "warm"
_DELETED: Final = " (deleted)"
"""``proc(5)``: the suffix of a deleted file's name."""


@dataclass(frozen=True, kw_only=True)
class PortHolder:
    """The process or container that uses a port.

    Attributes:
        words: Its description, as printed.
        pid: The pid of the process; ``None`` if this user cannot see it.
        stop: The command that stops it, if it is a stack of this user; else empty.
        cluster: The name (for kind) of the cluster, if it is a node.
        is_warm_stack: Whether it is the warm embedded stack of this state directory.
        is_warm_cluster: Whether it is plexdev's own warm cluster of this state directory.
    """

    words: str
    pid: int | None = None
    stop: str = ""
    cluster: str = ""
    is_warm_stack: bool = False
    is_warm_cluster: bool = False

    @property
    def may_be_a_container(self) -> bool:
        """Whether Docker may publish the port: its proxy is visible to root only, or no process at all."""
        return not self.stop and not self.is_warm_stack and (self.pid is None or "docker" in self.words)


def holder_of(port: int) -> PortHolder:
    """Return the holder of a port of this machine; without a pid if the process is not visible."""
    # A program that closed its listener holds the port by a connection that it has not closed.
    inodes = _inodes_at(port) or _connected_inodes_at(port)
    for pid in sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        if inodes & _inodes_of(pid):
            return _process(pid)
    words = "a process that this user cannot see" if inodes else "a process that bound it without listening"
    return PortHolder(words=words)


def _process(pid: int) -> PortHolder:
    program = describe(pid)
    directory = _stack_directory(pid)
    owner = _other_owner(pid)
    if directory is None:
        return PortHolder(words=f"{program} of {owner}" if owner else program, pid=pid)
    where = f"(pid {pid}, in {directory})"
    if owner:
        return PortHolder(words=f"an embedded stack of {owner} {where}", pid=pid)
    if directory == (state_directory() / _WARM).resolve():
        stop = "plexdev down --stack embedded"
        return PortHolder(words=f"your embedded stack {where}", pid=pid, stop=stop, is_warm_stack=True)
    if (directory / KEPT_MARK).exists():
        stop = f"plexdev down --directory {shlex.quote(str(directory))}"
        return PortHolder(words=f"an embedded stack that a test run kept {where}", pid=pid, stop=stop)
    if directory.name == _WARM:
        stop = f"PLEXDEV_STATE_DIR={shlex.quote(str(directory.parent))} plexdev down --stack embedded"
        return PortHolder(words=f"the embedded stack of another state directory {where}", pid=pid, stop=stop)
    return PortHolder(words=f"the embedded stack of a test run, which ends with it {where}", pid=pid)


def _stack_directory(pid: int) -> Path | None:
    """The directory of the embedded stack to which a process belongs."""
    with contextlib.suppress(OSError):
        log = Path(os.readlink(f"/proc/{pid}/fd/2"))  # noqa: PTH115 (a Path of it would be resolved)
        directory = log.parent.parent
        # If the directory was deleted, the command line still shows a program of a stack.
        is_lost = log.name.endswith(_DELETED) and describe(pid).startswith(ANOTHER_STACK)
        if log.parent.name == "logs" and (is_lost or (directory / MARK).is_file()):
            return directory.resolve()
    return None


def _other_owner(pid: int) -> str:
    """The owner of a process; empty if it is this user."""
    try:
        uid = Path(f"/proc/{pid}").stat().st_uid
    except OSError:
        return ""
    if uid == os.geteuid():
        return ""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _inodes_at(port: int) -> set[int]:
    with contextlib.suppress(OSError):
        return {listener.inode for listener in listeners(port)}
    return set()


def _connected_inodes_at(port: int) -> set[int]:
    with contextlib.suppress(OSError):
        return connected_inodes(port)
    return set()


def _inodes_of(pid: int) -> set[int]:
    # A process of another user, or one that has just ended, cannot be examined.
    with contextlib.suppress(OSError):
        return socket_inodes(pid)
    return set()
