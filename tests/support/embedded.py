"""Bring up an embedded stack in a test's directory, and find its remains."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.ownership.mark import MARK
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.core.progress import ProgressEvent
from pytest_plexdev.stack.embedded import EmbeddedProvider, EmbeddedSettings, Programs
from pytest_plexdev.stack.embedded.warm import warm_directory

PROGRAMS = Path(__file__).parent / "programs"


def fake(program: str) -> tuple[str, ...]:
    return (sys.executable, "-S", str(PROGRAMS / "fake_plane.py"), program)


def fakes(
    *,
    api: str = "api",
    signer: str = "signer",
    migrate: str = "migrate",
    bootstrap: str = "bootstrap",
    idp: str = "idp",
) -> Programs:
    """Programs that only listen, or end at once; seed-artifacts is the real one, which needs nothing of them."""
    return Programs(api=fake(api), signer=fake(signer), migrate=fake(migrate), bootstrap=fake(bootstrap), idp=fake(idp))


class WithPrograms(Protocol):
    def __call__(self, **kinds: str) -> EmbeddedSettings: ...


@dataclass
class Bench:
    """Brings stacks up in this test's directory, and records their progress."""

    directory: Path
    events: list[ProgressEvent]

    def provider(self, settings: EmbeddedSettings) -> EmbeddedProvider:
        return EmbeddedProvider(settings, self.directory)

    def up(self, settings: EmbeddedSettings) -> StackInfo:
        return self.provider(settings).up(self.events.append).info

    def notes(self) -> str:
        return "\n".join(str(event) for event in self.events)


def pid_of(info: StackInfo, name: str) -> int:
    """The process id of a service; every service of an embedded stack has one."""
    pid = next(service.pid for service in info.services if service.name == name)
    assert pid is not None
    return pid


def database_of(info: StackInfo) -> str:
    """The URL of an embedded stack's database."""
    assert info.endpoints.database is not None
    return info.endpoints.database


@dataclass
class Owner:
    """A process that owns a stack."""

    process: subprocess.Popen[str]

    def wait_for(self, words: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if words in line:
                return
        raise AssertionError(f"it ended without saying {words!r}")


class StartOwner(Protocol):
    def __call__(self, settings: EmbeddedSettings, *, prepare: Callable[[], None] | None = None) -> Owner: ...


@dataclass(frozen=True)
class Traces:
    """The processes, files and memory of a running stack; ``left`` returns those that still exist."""

    processes: frozenset[ProcessId]
    ports: frozenset[int]
    paths: frozenset[Path]
    segments: frozenset[str]

    @classmethod
    def of(cls, directory: Path) -> Traces:
        scratch = Path(json.loads((directory / MARK).read_text())["counterpart"])
        processes = frozenset(processes_below(directory))
        lock = scratch / "postgres" / "postmaster.pid"
        # A server that has just started has not written the line with its shared memory yet.
        lines = lock.read_text().splitlines() if lock.exists() else []
        segments = [line.split()[1] for line in lines[6:7]]
        return cls(
            processes=processes,
            ports=frozenset(_listening_ports(processes)),
            paths=frozenset({scratch, directory, *_shared_memory_of(processes)}),
            segments=frozenset(segments),
        )

    def left(self) -> list[object]:
        held = {line.split()[1] for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]}
        return [
            *(process for process in self.processes if process.is_alive),
            *(port for port in self.ports if _answers(port)),
            *(path for path in self.paths if path.exists()),
            *(self.segments & held),
        ]

    def left_after(self, seconds: float) -> list[object]:
        """Wait until nothing is left, or that time has passed. Returns what is left."""
        deadline = time.monotonic() + seconds
        while (left := self.left()) and time.monotonic() < deadline:
            time.sleep(0.01)
        return left


TracesOf: TypeAlias = Callable[[Path], Traces]


def processes_below(directory: Path) -> Iterator[ProcessId]:
    supervisor = json.loads((directory / MARK).read_text())["pid"]
    waiting = [supervisor]
    while waiting:
        pid = waiting.pop()
        try:
            yield ProcessId.of(pid)
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue


def _listening_ports(processes: Iterable[ProcessId]) -> Iterator[int]:
    inodes = {
        target.name.removeprefix("socket:[").removesuffix("]")
        for process in processes
        for link in Path(f"/proc/{process.pid}/fd").glob("*")
        if (target := _target(link)).name.startswith("socket:[")
    }
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        row = line.split()
        if row[9] in inodes and row[3] == "0A":
            yield int(row[1].partition(":")[2], 16)


def _target(link: Path) -> Path:
    try:
        return link.readlink()
    except OSError:
        return Path("gone")


def _shared_memory_of(processes: Iterable[ProcessId]) -> Iterator[Path]:
    for process in processes:
        # A server's child may have ended meanwhile, such as the backend of a short session.
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{process.pid}/maps").read_text().splitlines():
                if "/dev/shm/" in line:
                    yield Path(line.split()[5])


def _answers(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def warm_scratch() -> Path:
    """The scratch directory of the warm stack."""
    return Path(json.loads((warm_directory() / MARK).read_text())["counterpart"])
