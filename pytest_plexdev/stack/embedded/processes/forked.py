"""Run a Python program of the stack in a fork of this process, which has imported its modules already.

Importing is most of the start of such a program. A process that has not imported them (:func:`can_fork`) starts
programs in a new interpreter instead.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pkgutil
import runpy
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Final, NoReturn

from pytest_plexdev.core.interpreter import split_module_command
from pytest_plexdev.stack.embedded.processes.descriptors import close_all_but

_PRELOADED: Final[Mapping[str, Sequence[str]]] = {
    "plexsphere_reference": (
        "plexsphere_reference.http.server",
        "plexsphere_reference.signer.server",
        "plexsphere_reference.signer.client",
        "plexsphere_reference.bootstrap",
        "plexsphere_reference.idp_client",
        "plexsphere_reference.password_hash",
        # Of its lazy imports, those that the API needs at each start.
        "httpx",
        "nats.js",
    ),
    "pytest_plexdev.stack.embedded.dex_standin": (
        "pytest_plexdev.stack.embedded.dex_standin.app",
        "pytest_plexdev.stack.embedded.dex_standin.users_api",
        "uvicorn.protocols.http.httptools_impl",
        "uvicorn.lifespan.off",
    ),
}
"""What the programs import at their start, by the module that is run. By name: the harness does not know the plane."""
_PACKAGES: Final = ("plexsphere_reference.http.surfaces",)
"""All modules of these packages are imported too."""
_OPTIONAL: Final = ("uvloop",)


def preload() -> None:
    """Import what all programs import, so that :func:`can_fork` is true of them."""
    for name in (each for names in _PRELOADED.values() for each in names):
        importlib.import_module(name)
    for package in map(importlib.import_module, _PACKAGES):
        for each in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(each.name)
    for name in _OPTIONAL:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    # What exists now is shared with all forks: the collector would copy its pages.
    gc.collect()
    gc.freeze()


def can_fork(argv: Sequence[str]) -> bool:
    """Whether a command runs a program whose modules this process has imported."""
    command = split_module_command(argv)
    return command is not None and all(name in sys.modules for name in _PRELOADED.get(command[0], ("",)))


class ForkedProcess:
    """A child that runs a Python program without a new interpreter, with what is used of ``subprocess.Popen``.

    Args:
        bind: Called in the child first.
        inherit: The descriptors that it keeps besides its log.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: IO[bytes],
        inherit: Sequence[int],
        bind: Callable[[], None],
    ) -> None:
        self._status: int | None = None
        self.pid = os.fork()
        if not self.pid:
            _become(argv, environment, log.fileno(), inherit, bind)

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal; ``None`` while it runs."""
        return self._wait(os.WNOHANG)

    def wait(self) -> int:
        """Wait for its end and return the exit status."""
        status = self._wait(0)
        assert status is not None
        return status

    def send_signal(self, number: int) -> None:
        """Send it a signal. Its pid is not reused before its status is read."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _wait(self, options: int) -> int | None:
        if self._status is None:
            pid, status = os.waitpid(self.pid, options)
            self._status = os.waitstatus_to_exitcode(status) if pid else None
        return self._status


def _become(
    argv: Sequence[str], environment: Mapping[str, str], log: int, inherit: Sequence[int], bind: Callable[[], None]
) -> NoReturn:
    """Make this fork what a new interpreter with this command line would be. It never returns to its caller."""
    status = 1
    try:
        # The objects of the caller own descriptors that are closed here: none of them may be finalized.
        gc.freeze()
        bind()
        _reset_signals()
        _keep_descriptors(log, inherit)
        os.environ.clear()
        os.environ.update(environment)
        command = split_module_command(argv)
        assert command is not None
        sys.argv = [command[0], *command[1]]
        status = _status_of(command[0])
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _status_of(module: str) -> int:
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)  # noqa: T201 - as the interpreter does
        return 1
    return 0


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _keep_descriptors(log: int, inherit: Sequence[int]) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    close_all_but(inherit)
