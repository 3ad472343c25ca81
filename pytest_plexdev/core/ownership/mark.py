"""The mark of a directory that plexdev made: its kind and, for messages, its owner.

A person may have edited it, so it is a claim: nothing is signalled by its pid, and no path in it is deleted unchecked.
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
"""The file that carries the mark, and that the owner of the directory has locked."""
_LONGEST: Final = 16 * 1024
"""Bytes; a mark has some hundred."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What a directory is, and who owns or owned it.

    Attributes:
        name: Of the stack, the run or the cluster.
        counterpart: The other directory of an embedded stack: of its files the scratch, and the other way round.
        pid: Of the owner, as that process sees itself.
        started: See :class:`~pytest_plexdev.core.process_id.ProcessId`.
        host: Where the owner runs; a container has a name of its own.
        pid_namespace: In which *pid* means something; empty where the system does not tell.
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
        """The mark of a directory that this process owns."""
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
        """Whether pids mean to the owner what they mean to this process."""
        return self.pid_namespace == _pid_namespace()

    @property
    def owner(self) -> str:
        """The owner in words."""
        where = "" if self.is_from_here else ", in another container or PID namespace"
        return f"it noted that it is process {self.pid} on {self.host}{where}"

    @classmethod
    def read(cls, descriptor: int) -> Mark | None:
        """What an open file says; ``None`` where that is no mark."""
        with contextlib.suppress(ValueError, TypeError, RecursionError):
            mark = cls(**decode_file(os.pread(descriptor, _LONGEST, 0)))
            expected = dict.fromkeys(asdict(mark), str) | {"pid": int, "started": int}
            if mark.kind in get_args(Kind) and all(
                type(value) is expected[name] for name, value in asdict(mark).items()
            ):
                return mark
        return None

    def write(self, descriptor: int) -> None:
        """Write it into an open file, in place: it is the file that is locked."""
        content = json.dumps(asdict(self)).encode()
        os.pwrite(descriptor, content, 0)
        os.ftruncate(descriptor, len(content))


def _pid_namespace() -> str:
    """The namespace's number, and the boot's, in which alone it means something."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    return ""
