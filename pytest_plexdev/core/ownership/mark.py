"""Read and write the mark of a directory that plexdev created: its kind and, for messages, its owner.

A user may have edited it, so it proves nothing: its pid is never signalled, and no path in it is deleted unchecked.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.core.untrusted_json import decode_file

Kind: TypeAlias = Literal["stack", "scratch", "run", "cluster", "template", "archive"]
"""``stack``, ``scratch``: files and data of an embedded stack; ``run``: a test run's; ``cluster``: a kind stack's;
``template``: a migrated database in the cache; ``archive``: of images, there too."""

MARK: Final = "plexdev-owner.json"
"""The file with the mark; the owner of the directory has locked it."""
_LONGEST: Final = 16 * 1024
"""Bytes of a file that are read; a mark has a few hundred."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """The kind of a directory, and its present or last owner.

    Attributes:
        name: The name of the stack, the run or the cluster.
        counterpart: The other directory of an embedded stack: the scratch for its files, and vice versa.
        pid: The pid of the owner in its own PID namespace.
        started: See :class:`~pytest_plexdev.core.process_id.ProcessId`.
        host: The host name of the owner; a container has its own.
        pid_namespace: The PID namespace of *pid*; empty if unknown.
    """

    kind: Kind
    name: str
    counterpart: str = ""
    pid: int = 0
    started: int = 0
    host: str = ""
    pid_namespace: str = ""

    @classmethod
    def of_this_process(cls, kind: Kind, name: str, *, counterpart: Path | None = None) -> Mark:
        """Create the mark for a directory that this process owns."""
        me = ProcessId.of(os.getpid())
        return cls(
            kind=kind,
            name=name,
            counterpart=str(counterpart or ""),
            pid=me.pid,
            started=me.started,
            host=os.uname().nodename,
            pid_namespace=_pid_namespace(),
        )

    @property
    def is_from_here(self) -> bool:
        """Whether the owner is in the PID namespace of this process."""
        return self.pid_namespace == _pid_namespace()

    @property
    def owner(self) -> str:
        """A description of the owner, for messages."""
        where = "" if self.is_from_here else ", in another container or PID namespace"
        return f"its mark names process {self.pid} on {self.host}{where}"

    @classmethod
    def read(cls, descriptor: int) -> Mark | None:
        """Read the mark from an open file; ``None`` if it is damaged."""
        with contextlib.suppress(ValueError, TypeError, RecursionError):
            mark = cls(**decode_file(os.pread(descriptor, _LONGEST, 0)))
            expected = dict.fromkeys(asdict(mark), str) | {"pid": int, "started": int}
            if mark.kind in get_args(Kind) and all(
                type(value) is expected[name] for name, value in asdict(mark).items()
            ):
                return mark
        return None

    def write(self, descriptor: int) -> None:
        """Write it to an open file, in place, because that file is locked."""
        content = json.dumps(asdict(self)).encode()
        os.pwrite(descriptor, content, 0)
        os.ftruncate(descriptor, len(content))


def _pid_namespace() -> str:
    """The number of the PID namespace with the boot id, as numbers are unique within one boot only."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    return ""
