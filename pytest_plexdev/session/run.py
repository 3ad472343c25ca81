"""One test run: its settings, its directory, and its stack, started on first use."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_plexdev.core.clock import unix_time
from pytest_plexdev.options import OPTIONS, OptionError, Settings, resolve
from pytest_plexdev.options.environment import DIRECTORIES

if TYPE_CHECKING:
    from pytest_plexdev.core.model import StackInfo
    from pytest_plexdev.core.ownership.lock import Ownership
    from pytest_plexdev.errors import PlexdevError
    from pytest_plexdev.session.output import Output
    from pytest_plexdev.session.run_notes import RunNotes
    from pytest_plexdev.stack.request import Seed
    from pytest_plexdev.testkit.stack import Stack

WORKER_INPUT: Final = "plexdev_run"
"""Key under which the controller tells its workers of the run."""
LOGINS: Final = "logins"
"""Directory of the run's tokens."""


@dataclass(frozen=True, eq=False, repr=False)  # each method made costs every start of pytest
class Moment:
    """When a test began: Unix time, and how long each log was that is a file of this machine."""

    time: float
    log_sizes: Mapping[Path, int]


@dataclass(kw_only=True, eq=False, repr=False)  # each method made costs every start of pytest
class Run:
    """One test run, in its controller or in one of its workers.

    Attributes:
        directory: What the processes of the run share; it comes into being with the first request for a stack.
        controller_pid: The process that owns the run: however it ends, a fresh stack ends with it.
        seed: Asks the project's plugins for a seed manifest in place of ours.
        overlay: Asks them for a kustomize overlay in place of ours.
        running: The stack, in a process that has asked for it.
        death: The server that died in the middle of the run, once a test of this process has failed for it.
        failed: Whether a test has failed.
        first: When this process got the stack.
        held: The run's directory, once this process has put something there.
        invocation_directory: Where pytest was started: messages show paths below it as relative ones.
    """

    settings: Settings
    directory: Path
    controller_pid: int
    is_controller: bool
    seed: Seed
    overlay: Callable[[], Path | None]
    running: Stack | None = None
    death: PlexdevError | None = None
    failed: bool = False
    first: Moment | None = None
    held: Ownership | None = None
    invocation_directory: Path | None = None

    @property
    def logins(self) -> Path:
        """Where the run keeps its tokens."""
        return self.directory / LOGINS

    @cached_property
    def output(self) -> Output:
        """Where failing tests and a failed bring-up leave their files."""
        from pytest_plexdev.session.output import Output

        return Output(self.settings.output, self.invocation_directory)

    @property
    def removes_stack(self) -> bool:
        """Whether the end of the run removes the stack with its logs, even after a failed test."""
        return not self.settings.dev_stack and self.settings.keep != "always"

    def remove_evidence(self, test: str) -> None:
        """Remove what a run before this one kept of *test*, which has passed."""
        if os.path.isdir(self.settings.output):  # noqa: PTH112 - for every test; a Path's takes three times as long
            from pytest_plexdev.session.output import folder_name

            self.output.remove(test, folder_name(test))

    @property
    def stack_file(self) -> Path:
        """Where the first process with the stack says which it is."""
        return self.directory / "ran.json"

    @property
    def notes(self) -> RunNotes:
        """What the first process with the stack says of it."""
        from pytest_plexdev.session.run_notes import RunNotes

        return RunNotes(self.directory, self.stack_file, self.running)

    def worker_input(self) -> dict[str, Any]:
        """What a worker needs to be part of the run."""
        return {
            "directory": str(self.directory),
            "controller_pid": self.controller_pid,
            "output": str(self.settings.output),
            "invocation_directory": str(self.invocation_directory),
        }

    def moment(self) -> Moment:
        """Now, as a failing test's evidence needs it."""
        return Moment(unix_time(), self.running.log_sizes() if self.running is not None else {})

    def what_ran(self) -> StackInfo | None:
        """The stack that this run used, whichever process used it."""
        return self.notes.info if self.running is not None or self.stack_file.is_file() else None

    def hold(self) -> Ownership:
        """Own the run's directory, together with the run's other processes, from now until this one ends."""
        if self.held is None:
            from pytest_plexdev.core.ownership.run_directory import hold

            self.held = hold(self.directory)
        return self.held

    def hold_if_made(self) -> None:
        """Own it if another process of the run has made it: the controller, for its workers end before it does."""
        if self.is_controller and os.path.isdir(self.directory):  # noqa: PTH112 - without pathlib's cost
            self.hold()

    def end(self) -> None:
        """Release what the run holds; in the controller, after every worker has ended."""
        if not self.is_controller or not self.directory.is_dir():
            self.release()
            return
        from pytest_plexdev.session.acquire import end

        end(self)

    def release(self) -> None:
        """Give up the ownership of the run's directory."""
        if self.held is not None:
            self.held.release()
            self.held = None

    @property
    def keeps(self) -> bool:
        """Whether a fresh stack outlives the run."""
        return self.settings.keep == "always" or (self.settings.keep == "on-failure" and self.failed)


_NEVER_MADE: Final = Path("/tmp")  # noqa: S108 # nosec B108 # where a run that cannot have a directory has none
_RUN: Final = pytest.StashKey[Run]()


def start_run(config: pytest.Config) -> Run:
    """Resolve the settings and know the run, in the controller and in a worker alike. Touches nothing.

    Raises:
        OptionError: A value is wrong, or options contradict each other.
    """
    _fix_directories(config.invocation_params.dir)
    settings = resolve(
        vars(config.option),
        os.environ,
        _ini(config),
        invocation_directory=config.invocation_params.dir,
        root_directory=config.rootpath,
    )
    told: Mapping[str, Any] | None = getattr(config, "workerinput", {}).get(WORKER_INPUT)
    if told is not None:
        settings = replace(settings, output=Path(told["output"]))
    run = Run(
        settings=settings,
        directory=Path(told["directory"]) if told else _unused_directory(),
        controller_pid=told["controller_pid"] if told else os.getpid(),
        is_controller=told is None,
        seed=partial(_seed, config),
        overlay=partial(_overlay, config),
        invocation_directory=Path(told["invocation_directory"]) if told else config.invocation_params.dir,
    )
    config.stash[_RUN] = run
    return run


def get_run(config: pytest.Config) -> Run:
    """The run that *config* belongs to."""
    return config.stash[_RUN]


def find_run(config: pytest.Config) -> Run | None:
    """The run that *config* belongs to; ``None`` where configuring ended before there was one."""
    return config.stash.get(_RUN, None)


def _ini(config: pytest.Config) -> dict[str, Any]:
    return {option.ini: _ini_value(config, option.ini) for option in OPTIONS}


def _ini_value(config: pytest.Config, name: str) -> Any:
    try:
        return config.getini(name)
    except (TypeError, ValueError, pytest.UsageError, Warning) as error:
        # pytest refuses a native TOML value that is no text, a number of seconds for one: the parser judges it.
        refusal = error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pytest deprecates the only access to values as they are written
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


def _fix_directories(invocation_directory: Path) -> None:
    # A test may change the working directory before the first request for a stack, which is when they are read.
    for name in DIRECTORIES:
        if chosen := os.environ.get(name):
            os.environ[name] = str(invocation_directory / chosen)


def _unused_directory() -> Path:
    # Made when it is needed, and only then. Only a test that asks for a stack needs to know that it cannot be made.
    from pytest_plexdev.core.temporary import find_temporary_directory

    try:
        temporary = find_temporary_directory()
    except FileNotFoundError:
        temporary = None
    return (temporary or _NEVER_MADE) / f"plexdev-{os.urandom(4).hex()}"
