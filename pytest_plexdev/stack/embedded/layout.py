"""Where an embedded stack keeps its files.

``directory`` belongs to the asker: ``stack.json``, logs, rendered configuration. ``scratch`` is a short path
for what must be near the root: a Unix socket's path has 107 bytes, and ``nobody`` must reach it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_plexdev.stack.files import write_whole
from pytest_plexdev.stack.processes import ProcessId
from pytest_plexdev.stack.temporary import temporary_directory

CONFIGURATION: Final = "configuration"
"""Name of the directory of rendered configuration, in a stack's."""
_SCRATCH_PREFIX: Final = "plexdev-"


@dataclass(frozen=True)
class Layout:
    """The paths of one stack."""

    directory: Path
    scratch: Path

    @classmethod
    def create(cls, directory: Path, *, supervisor: ProcessId) -> Layout:
        """Make the directories. The scratch directory says whose it is, so that a later run can sweep it."""
        scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH_PREFIX, dir=temporary_directory()))
        layout = cls(directory, scratch)
        try:
            for path in (layout.logs, layout.configuration, layout.ends):
                path.mkdir(parents=True, exist_ok=True)
            _write_owner(scratch / "supervisor.json", supervisor, scratch)
            _write_owner(layout.supervisor_file, supervisor, scratch)
        except OSError:
            layout.remove_data()
            raise
        return layout

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    @property
    def configuration(self) -> Path:
        return self.directory / CONFIGURATION

    @property
    def ends(self) -> Path:
        """One file for each server that ended while the stack was up: how and when."""
        return self.directory / "ends"

    @property
    def data(self) -> Path:
        """Postgres's data directory."""
        return self.scratch / "postgres"

    @property
    def sockets(self) -> Path:
        """Where Postgres listens. The server's user owns it, and not the directory around it."""
        return self.scratch / "sockets"

    @property
    def template_sockets(self) -> Path:
        """Where the server that makes a template listens, apart from the stack's own."""
        return self.scratch / "template"

    @property
    def jetstream(self) -> Path:
        return self.scratch / "jetstream"

    @property
    def supervisor_file(self) -> Path:
        return supervisor_file(self.directory)

    @property
    def stack_file(self) -> Path:
        return stack_file(self.directory)

    def log(self, service: str) -> Path:
        return self.logs / f"{service}.log"

    def remove_data(self) -> None:
        shutil.rmtree(self.scratch, ignore_errors=True)

    def remove(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


def stack_file(directory: Path) -> Path:
    """The StackInfo of the stack in ``directory``; it is there exactly while the stack is ready."""
    return directory / "stack.json"


def supervisor_file(directory: Path) -> Path:
    return directory / "supervisor.json"


def supervisor_of(directory: Path) -> ProcessId | None:
    """The supervisor that the stack in ``directory`` has or had; ``None`` where it never had one."""
    owner = _read_owner(supervisor_file(directory))
    return owner[0] if owner else None


def sweep(directory: Path) -> None:
    """Remove the scratch directory of the stack in ``directory`` if its supervisor was killed before it could."""
    owner = _read_owner(supervisor_file(directory))
    if owner is not None and not owner[0].is_alive:
        _remove_scratch(owner[1])


def sweep_all() -> None:
    """Remove every scratch directory of this user whose supervisor was killed before it could."""
    for mark in temporary_directory().glob(f"{_SCRATCH_PREFIX}*/supervisor.json"):
        # The directory is everybody's: only what this user made is believed, and only as far as itself.
        owner = _read_owner(mark) if _is_ours(mark) and _is_ours(mark.parent) else None
        if owner is not None and not owner[0].is_alive:
            _remove_scratch(mark.parent)


def _is_ours(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return found.st_uid == os.geteuid() and not stat.S_ISLNK(found.st_mode)


def _remove_scratch(scratch: Path) -> None:
    from pytest_plexdev.stack.embedded.shared_memory import release

    release(scratch / "postgres")
    shutil.rmtree(scratch, ignore_errors=True)


def _write_owner(path: Path, supervisor: ProcessId, scratch: Path) -> None:
    owner = {"pid": supervisor.pid, "started": supervisor.started, "scratch": str(scratch)}
    write_whole(path, json.dumps(owner).encode())


def _read_owner(path: Path) -> tuple[ProcessId, Path] | None:
    with contextlib.suppress(OSError, ValueError, KeyError):
        said = json.loads(path.read_text(encoding="utf-8"))
        return ProcessId(said["pid"], said["started"]), Path(said["scratch"])
    return None
