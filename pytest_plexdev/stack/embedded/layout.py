"""The paths of an embedded stack, in two directories.

``directory`` is the caller's: ``stack.json``, logs, rendered configuration. ``scratch`` has data and Unix sockets, on
a short path that ``nobody`` can reach: a socket's path is limited to 107 bytes.
"""

from __future__ import annotations

import contextlib
import tempfile
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
from pytest_plexdev.core.text import abbreviated
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.ownership import DIRECTORY_TAKEN
from pytest_plexdev.stack.embedded.removal import CONFIGURATION, ENDS, FILES, LOGS, remove_content, remove_data


@dataclass(frozen=True)
class Owned:
    """The directories that a supervisor owns until it ends.

    Attributes:
        run: The directory of the run that the stack serves. Its ownership is shared with the run's processes.
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
        """Create the directories and own them: this process is the stack's supervisor.

        Args:
            directory: A directory that :func:`make_directory` created.
            name: Name of the stack, for its marks.
            run: The directory of the run that the stack serves, if it serves one.

        Raises:
            PlexdevError: ``owned-elsewhere``, ``untrusted-path``.
        """
        with contextlib.ExitStack() as undone:
            shared = undone.enter_context(hold_run(run)) if run is not None else None
            scratch = Path(tempfile.mkdtemp(prefix=PREFIX, dir=temporary_directory()))
            scratch.chmod(0o700)  # the umask may have removed some of these bits
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
        """Directory with one file for each server that ended unexpectedly: its exit status and the time."""
        return self.directory / ENDS

    @property
    def data(self) -> Path:
        """The data directory of Postgres."""
        return self.scratch / "postgres"

    @property
    def sockets(self) -> Path:
        """Directory of Postgres's socket. The server's user owns it, but not its parent."""
        return self.scratch / "sockets"

    @property
    def template_sockets(self) -> Path:
        """Directory of the socket of the server that builds a template, separate from the stack's own."""
        return self.scratch / "template"

    @property
    def jetstream(self) -> Path:
        return self.scratch / "jetstream"

    @property
    def stack_file(self) -> Path:
        return stack_file(self.directory)

    def log(self, service: str) -> Path:
        return self.logs / f"{service}.log"

    def remove_stack_file(self) -> None:
        """Remove the file that marks the stack as ready, or whatever has replaced it."""
        if self.owned is not None:
            with _best_effort():
                self.owned.directory.delete(self.stack_file.name)

    def remove_data(self) -> None:
        if self.owned is not None:
            with _best_effort():
                remove_data(self.owned.scratch)

    def remove_content(self) -> None:
        """Remove the data of the servers, which all have ended, before they start on new data."""
        assert self.owned is not None
        remove_content(self.owned.scratch)

    def remove_end(self, server: str) -> None:
        """Remove the record of a server's end, because it is started again."""
        (self.ends / f"{server}.json").unlink(missing_ok=True)

    def remove(self) -> None:
        if self.owned is not None:
            with _best_effort():
                self.owned.directory.remove(*FILES)

    def remove_run(self) -> None:
        """Remove the directory of the run that the stack served."""
        if self.owned is not None and self.owned.run is not None:
            with _best_effort():
                self.owned.run.remove(*RUN_FILES)


def stack_file(directory: Path) -> Path:
    """Path of the ``stack.json`` of the stack in *directory*, which exists only while the stack is ready."""
    return directory / STACK_FILE


def make_directory(directory: Path, *, name: str) -> None:
    """Create the directory of a stack and mark it. The stack's supervisor owns it from its start on.

    Raises:
        PlexdevError: ``untrusted-path``; ``directory-taken``: it contains files that are not plexdev's.
    """
    make_private_directory(directory)
    if look(directory) is None:
        foreign = sorted(path.name for path in directory.iterdir())
        if foreign:
            raise PlexdevError(DIRECTORY_TAKEN, path=directory, names=abbreviated(foreign, 3))
        own(directory, Mark.of_this_process("stack", name)).release()
    make_private_directory(directory / "logs")


def _best_effort() -> contextlib.AbstractContextManager[None]:
    # A file that cannot be deleted does not keep the stack from stopping. The process that stops it tries again after
    # that, and reports the error.
    return contextlib.suppress(PlexdevError)
