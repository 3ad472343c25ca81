"""Share one stack among the processes of a run: the first that needs it starts it, the controller stops it.

The state is in files of the run directory, so all processes of a run see the same one: pytest-xdist's workers, the
replacement of a crashed worker, and the controller.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pytest_plexdev.core.file_lock import private_lock
from pytest_plexdev.core.model import KEPT_MARK, StackInfo
from pytest_plexdev.core.ownership.run_directory import LEASE_FILES, STACK_DIRECTORY, hold
from pytest_plexdev.core.private_files import damaged, make_private_directory, read_private, write_private
from pytest_plexdev.core.progress import Progress
from pytest_plexdev.core.provider import Lifecycle
from pytest_plexdev.core.untrusted_json import decode_file
from pytest_plexdev.errors import PlexdevError, decode_failure, encode_failure
from pytest_plexdev.session.output_directory import BRING_UP, Output, read_end

if TYPE_CHECKING:
    from filelock import FileLock

Keep: TypeAlias = Literal["never", "on-failure", "always"]
ProviderFactory: TypeAlias = Callable[[Path], Lifecycle]

_OWNER: Final = "the last failed bring-up"


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The lease of a test run on its stack.

    Attributes:
        run_directory: The run's directory, the same in all of its processes. It is created if missing, and removed by
            the run. It must not be below a directory that is removed during the run.
        provider_factory: Returns the provider of a stack in the given directory. Called by the process that starts the
            stack, and by the controller to stop it.
        keep: Whether the stack is kept after the run.
        output: The output directory. The logs of a failed bring-up are copied to its folder ``bring-up``, which the
            next successful bring-up removes.
    """

    run_directory: Path
    provider_factory: ProviderFactory
    keep: Keep = "never"
    output: Output = Output(Path(".plexdev"))

    def acquire(self, progress: Progress) -> StackInfo:
        """Return the stack of this run. The first process starts it; the others wait for the lock.

        If a worker dies during the bring-up, the kernel releases its lock and the next process starts a new stack.

        Raises:
            PlexdevError: The bring-up failed. It is not retried: all processes raise the same error.
        """
        with self._lock():
            if (info := self.peek()) is not None:
                return info
            if os.path.lexists(self._failure_file):
                raise self._failure()
            return self._bring_up(progress)

    def peek(self) -> StackInfo | None:
        """Return the stack of this run if it was started, without waiting.

        Raises:
            PlexdevError: ``state-damaged``, ``untrusted-path``.
        """
        try:
            return StackInfo.read(self._info_file)
        except FileNotFoundError:
            return None

    def release(self, *, failed: bool) -> StackInfo | None:
        """Stop the stack or keep it: in the controller, after all workers have ended. A second call does nothing.

        Args:
            failed: Whether a test of the run failed, for ``keep="on-failure"``.

        Returns:
            The stack if it was kept.

        Raises:
            PlexdevError: It could not be stopped; ``state-damaged``, ``untrusted-path``: it was kept, but its file
                cannot be read.
        """
        if not self.run_directory.exists():
            return None
        keeps = self.keep == "always" or (failed and self.keep == "on-failure")
        info, damage = None, None
        with contextlib.ExitStack() as held:
            # A damaged lock is ignored: no worker runs any more.
            with contextlib.suppress(PlexdevError):
                held.enter_context(self._lock())
            try:
                info = self.peek()
            except PlexdevError as error:
                damage = error
            if (info or damage) and keeps:
                write_private(self._stack_directory / KEPT_MARK, b"")
            elif info or damage:
                self.provider_factory(self._stack_directory).down(info)
        with hold(self.run_directory) as run:
            run.delete(*LEASE_FILES)
        if damage is not None and keeps:
            raise damage
        return info if keeps else None

    def _bring_up(self, progress: Progress) -> StackInfo:
        try:
            info = self.provider_factory(self._stack_directory).up(progress).info
        except PlexdevError as error:
            reported = with_kept_logs(error, self._stack_directory, self.output, remove=self._remove_stack_directory)
            write_private(self._failure_file, json.dumps(encode_failure(reported)).encode())
            raise reported from None
        info.write(self._info_file)
        self.output.remove(_OWNER, BRING_UP)
        return info

    def _remove_stack_directory(self) -> None:
        self.provider_factory(self._stack_directory).remove_files()
        with hold(self.run_directory) as held:
            held.delete(STACK_DIRECTORY)

    def _failure(self) -> PlexdevError:
        try:
            return decode_failure(decode_file(read_private(self._failure_file)))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            return damaged(self._failure_file, f"{type(error).__name__}: {error}")

    def _lock(self) -> FileLock:
        make_private_directory(self.run_directory)
        return private_lock(self._lock_file)

    @property
    def _lock_file(self) -> Path:
        return self.run_directory / "lease.lock"

    @property
    def _stack_directory(self) -> Path:
        return self.run_directory / STACK_DIRECTORY

    @property
    def _info_file(self) -> Path:
        return self.run_directory / "lease.json"

    @property
    def _failure_file(self) -> Path:
        return self.run_directory / "failure.json"


def with_kept_logs(
    error: PlexdevError, stack_directory: Path, output: Output, *, remove: Callable[[], None]
) -> PlexdevError:
    """Copy the logs of a failed bring-up, which are removed with its directory, and name the copy in its error.

    Args:
        remove: Removes the directory.
    """
    if "log" not in error.facts:
        return error
    try:
        logs = sorted((stack_directory / "logs").iterdir())
        kept = output.write(_OWNER, BRING_UP, {log.name: read_end(log) for log in logs if log.is_file()})
        log = output.shown(kept / Path(str(error.facts["log"])).name)
    except OSError as refusal:
        place = output.shown(output.directory / BRING_UP)
        log = f"the lines above ({place} cannot be written: {refusal.strerror or refusal})"
    # A file that cannot be deleted is reported at the end of the run: here its error would hide the real failure.
    with contextlib.suppress(PlexdevError):
        remove()
    return error.changed(log=log)
