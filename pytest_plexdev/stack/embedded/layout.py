"""The files of an embedded stack.

``directory`` belongs to the asker: ``stack.json``, logs, rendered configuration. ``scratch`` is a short path
for what must be near the root: a Unix socket's path has 107 bytes, and ``nobody`` must reach it.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from pytest_plexdev.core.model import STACK_FILE
from pytest_plexdev.core.ownership.lock import Ownership, look, own
from pytest_plexdev.core.ownership.mark import Mark
from pytest_plexdev.core.ownership.run_directory import FILES as RUN_FILES
from pytest_plexdev.core.ownership.run_directory import PREFIX
from pytest_plexdev.core.ownership.run_directory import hold as hold_run
from pytest_plexdev.core.private_files import make_private_directory
from pytest_plexdev.core.temporary import temporary_directory
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.ownership import DIRECTORY_TAKEN
from pytest_plexdev.stack.embedded.removal import CONFIGURATION, ENDS, FILES, LOGS, remove_data


@dataclass(frozen=True)
class Owned:
    """What a supervisor owns, for as long as it lives.

    Attributes:
        run: The directory of the run that it serves, together with the run's processes.
    """

    directory: Ownership
    scratch: Ownership
    run: Ownership | None


@dataclass(frozen=True)
class Layout:
    """The paths of one stack."""

    directory: Path
    scratch: Path
    owned: Owned | None = field(default=None, repr=False, compare=False)

    @classmethod
    def create(cls, directory: Path, *, name: str, run: Path | None = None) -> Layout:
        """Make the directories and own them: this process is the supervisor of the stack.

        Args:
            directory: As :func:`make_directory` made it.
            name: Of the stack.
            run: The directory of the run that the stack serves.

        Raises:
            PlexdevError: ``owned-elsewhere``, ``untrusted-path``.
        """
        with contextlib.ExitStack() as undone:
            shared = undone.enter_context(hold_run(run)) if run is not None else None
            scratch = Path(tempfile.mkdtemp(prefix=PREFIX, dir=temporary_directory()))
            scratch.chmod(0o700)  # what the umask took from it
            data = own(scratch, Mark.of_this_process("scratch", name, counterpart=directory))
            undone.callback(remove_data, data)
            mark = Mark.of_this_process("stack", name, counterpart=scratch)
            layout = cls(directory, scratch, Owned(undone.enter_context(own(directory, mark)), data, shared))
            for path in (layout.logs, layout.configuration, layout.ends):
                make_private_directory(path)
            undone.pop_all()
        return layout

    @property
    def logs(self) -> Path:
        return self.directory / LOGS

    @property
    def configuration(self) -> Path:
        return self.directory / CONFIGURATION

    @property
    def ends(self) -> Path:
        """One file for each server that ended while the stack was up: how and when."""
        return self.directory / ENDS

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
    def stack_file(self) -> Path:
        return stack_file(self.directory)

    def log(self, service: str) -> Path:
        return self.logs / f"{service}.log"

    def forget_stack(self) -> None:
        """Remove the file that says that the stack is ready, or whatever has come into its place."""
        if self.owned is not None:
            with _nobody_to_tell():
                self.owned.directory.delete(self.stack_file.name)

    def remove_data(self) -> None:
        if self.owned is not None:
            with _nobody_to_tell():
                remove_data(self.owned.scratch)

    def remove(self) -> None:
        if self.owned is not None:
            with _nobody_to_tell():
                self.owned.directory.remove(*FILES)

    def remove_run(self) -> None:
        """Remove the directory of the run that the stack served."""
        if self.owned is not None and self.owned.run is not None:
            with _nobody_to_tell():
                self.owned.run.remove(*RUN_FILES)


def stack_file(directory: Path) -> Path:
    """The StackInfo of the stack in ``directory``; it is there exactly while the stack is ready."""
    return directory / STACK_FILE


def make_directory(directory: Path, *, name: str) -> None:
    """Make the directory of a stack and mark it as one; the stack's supervisor owns it from its start on.

    Raises:
        PlexdevError: ``untrusted-path``; ``directory-taken``: somebody else's files are there.
    """
    make_private_directory(directory)
    if look(directory) is None:
        strangers = sorted(path.name for path in directory.iterdir())
        if strangers:
            raise PlexdevError(DIRECTORY_TAKEN, path=directory, names=_some(strangers))
        own(directory, Mark.of_this_process("stack", name)).release()
    make_private_directory(directory / "logs")


def _nobody_to_tell() -> contextlib.AbstractContextManager[None]:
    # Where something cannot be deleted, the stack still ends. Whoever ended it deletes what is left, and says so.
    return contextlib.suppress(PlexdevError)


def _some(names: Collection[str], most: int = 3) -> str:
    rest = len(names) - most
    return ", ".join([*names][:most]) + (f" and {rest} more" if rest > 0 else "")
