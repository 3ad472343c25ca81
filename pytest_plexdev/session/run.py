"""One test run: its settings, its directory, and its stack, which is started on first use."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_plexdev.core import start_directory  # noqa: F401 - must be read before a test changes the directory
from pytest_plexdev.core.clock import unix_time
from pytest_plexdev.options import OPTIONS, OptionError, Settings, resolve

if TYPE_CHECKING:
    from pytest_plexdev.core.model import Profile, StackInfo
    from pytest_plexdev.core.ownership.lock import Ownership
    from pytest_plexdev.errors import PlexdevError
    from pytest_plexdev.session.output_directory import Output
    from pytest_plexdev.session.run_notes import RunNotes
    from pytest_plexdev.stack.request import Seed
    from pytest_plexdev.stack.uses import Use
    from pytest_plexdev.testkit.stack import Stack

WORKER_INPUT: Final = "plexdev_run"
"""Key of ``workerinput`` under which the controller passes the run to its workers."""
LOGINS: Final = "logins"
"""Directory of the run's tokens."""


@dataclass(frozen=True, eq=False, repr=False)  # each generated method slows down every start of pytest
class Moment:
    """The start of a test: Unix time in seconds, and the size of each log file in bytes at that time."""

    time: float
    log_sizes: Mapping[Path, int]


@dataclass(kw_only=True, eq=False, repr=False)  # each generated method slows down every start of pytest
class Run:
    """One test run, in its controller or in one of its workers.

    Attributes:
        directory: Shared by the processes of the run. It is created with the first request for a stack.
        controller_pid: The process that owns the run. A fresh stack stops when it ends in any way.
        seed: Calls the project's hook for a seed manifest.
        overlay: Calls the project's hook for a kustomize overlay.
        running: The stack, in a process that has acquired it.
        own_secrets: The secrets of the stacks that tests of this process have had to themselves.
        death: The error for a server that ended during the run, once a test of this process has failed with it.
        failed: Whether a test has failed.
        first: The moment at which this process acquired the stack.
        held: The ownership of the run's directory, in a process that uses it.
        use: The record that this process uses the warm stack.
        invocation_directory: The directory in which pytest was started; messages show paths relative to it.
        profile: The smallest profile with the services that the collected tests need; ``None`` without the marker.
    """

    settings: Settings
    directory: Path
    controller_pid: int
    is_controller: bool
    seed: Seed
    overlay: Callable[[], Path | None]
    running: Stack | None = None
    own_secrets: frozenset[str] = frozenset()
    death: PlexdevError | None = None
    failed: bool = False
    first: Moment | None = None
    held: Ownership | None = None
    use: Use | None = None
    invocation_directory: Path | None = None
    profile: Profile | None = None

    @property
    def logins(self) -> Path:
        """The directory of the run's tokens."""
        return self.directory / LOGINS

    @cached_property
    def output(self) -> Output:
        """The output directory, for evidence and for the logs of a failed bring-up."""
        from pytest_plexdev.session.output_directory import Output

        return Output(self.settings.output, self.invocation_directory)

    @property
    def removes_stack(self) -> bool:
        """Whether the end of the run removes the stack with its logs, even after a failed test."""
        return not self.settings.dev_stack and self.settings.keep != "always"

    def remove_evidence(self, test: str) -> None:
        """Remove the evidence that an earlier run wrote for *test*, which has passed now."""
        if os.path.isdir(self.settings.output):  # noqa: PTH112 - for each test; pathlib takes 3 times as long
            from pytest_plexdev.session.output_directory import folder_name

            self.output.remove(test, folder_name(test))

    @property
    def stack_file(self) -> Path:
        """The file in which the first process with the stack describes it."""
        return self.directory / "ran.json"

    @property
    def notes(self) -> RunNotes:
        """The notes of the first process with the stack."""
        from pytest_plexdev.session.run_notes import RunNotes

        return RunNotes(self.directory, self.stack_file, self.running)

    def worker_input(self) -> dict[str, Any]:
        """Return what a worker needs to be part of the run."""
        return {
            "directory": str(self.directory),
            "controller_pid": self.controller_pid,
            "output": str(self.settings.output),
            "invocation_directory": str(self.invocation_directory),
        }

    def moment(self) -> Moment:
        """Return the present moment, as the start of a test."""
        return Moment(unix_time(), self.running.log_sizes() if self.running is not None else {})

    def what_ran(self) -> StackInfo | None:
        """Return the stack that a process of this run used, if one did."""
        return self.notes.info if self.running is not None or self.stack_file.is_file() else None

    def hold(self) -> Ownership:
        """Share the ownership of the run's directory with the run's other processes until this process ends."""
        if self.held is None:
            from pytest_plexdev.core.ownership.run_directory import hold

            self.held = hold(self.directory)
        return self.held

    def hold_if_made(self) -> None:
        """In the controller: call :meth:`hold` if a worker has created the directory, since workers end earlier."""
        if self.is_controller and os.path.isdir(self.directory):  # noqa: PTH112 - pathlib is slower
            self.hold()

    def end(self) -> None:
        """Release the stack and the directory; in the controller, after all workers have ended."""
        if not self.is_controller or not self.directory.is_dir():
            self.release()
            return
        from pytest_plexdev.session.acquire import end

        end(self)

    def release(self) -> None:
        """Release the ownership of the run's directory, and the warm stack."""
        if self.use is not None:
            self.use.release()
            self.use = None
        if self.held is not None:
            self.held.release()
            self.held = None

    @property
    def keeps(self) -> bool:
        """Whether a fresh stack outlives the run."""
        return self.settings.keep == "always" or (self.settings.keep == "on-failure" and self.failed)


_NEVER_CREATED: Final = Path("/tmp")  # noqa: S108 # nosec B108 # parent of the path if no directory is possible
_RUN: Final = pytest.StashKey[Run]()


def start_run(config: pytest.Config) -> Run:
    """Resolve the settings and create the run, in the controller or in a worker. Touches no files.

    Raises:
        OptionError: A value is invalid, or options contradict each other.
    """
    settings = resolve(
        vars(config.option),
        os.environ,
        _ini(config),
        invocation_directory=config.invocation_params.dir,
        root_directory=config.rootpath,
    )
    given: Mapping[str, Any] | None = getattr(config, "workerinput", {}).get(WORKER_INPUT)
    if given is not None:
        settings = replace(settings, output=Path(given["output"]))
    run = Run(
        settings=settings,
        directory=Path(given["directory"]) if given else _unused_directory(),
        controller_pid=given["controller_pid"] if given else os.getpid(),
        is_controller=given is None,
        seed=partial(_seed, config),
        overlay=partial(_overlay, config),
        invocation_directory=Path(given["invocation_directory"]) if given else config.invocation_params.dir,
    )
    config.stash[_RUN] = run
    return run


def get_run(config: pytest.Config) -> Run:
    """Return the run of *config*."""
    return config.stash[_RUN]


def find_run(config: pytest.Config) -> Run | None:
    """Return the run of *config*, or ``None`` if the configuration of pytest failed before it was created."""
    return config.stash.get(_RUN, None)


def _ini(config: pytest.Config) -> dict[str, Any]:
    return {option.ini: _ini_value(config, option.ini) for option in OPTIONS}


def _ini_value(config: pytest.Config, name: str) -> Any:
    try:
        return config.getini(name)
    except (TypeError, ValueError, pytest.UsageError, Warning) as error:
        # pytest rejects native TOML values that are not strings, for example numbers: the option's parser checks them.
        refusal = error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pytest deprecates `inicfg`, the only access to the raw values
        values: Mapping[str, Any] = config.inicfg
    if name not in values:
        raise OptionError(f"{name}: {refusal} (source: ini file)")
    return values[name]


def _seed(config: pytest.Config, *, for_reference_plane: bool) -> Path | None:
    from pytest_plexdev.session.hook_paths import seed_of

    return seed_of(config, for_reference_plane=for_reference_plane)


def _overlay(config: pytest.Config) -> Path | None:
    from pytest_plexdev.session.hook_paths import overlay_of

    return overlay_of(config)


def _unused_directory() -> Path:
    # It is created with the first request for a stack. Only that test must fail if it cannot be created.
    from pytest_plexdev.core.temporary import find_temporary_directory

    try:
        temporary = find_temporary_directory()
    except FileNotFoundError:
        temporary = None
    return (temporary or _NEVER_CREATED) / f"plexdev-{os.urandom(4).hex()}"
