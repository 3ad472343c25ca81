"""Run other programs: an argument list, a timeout, captured output, and an error that can be pasted.

What a library does as well is not run here: questions to Docker go to its engine by the SDK
(``stack/kind/cluster/docker_engine``). Work that takes minutes stays with its program, because that can be killed:
``kind``, ``kubectl kustomize``, and ``docker`` build, pull, save, commit, run and exec.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Final

from pytest_plexdev.core.cancellation import current_scope
from pytest_plexdev.core.program_log import log_start
from pytest_plexdev.core.signals import keep_exit_statuses
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import COMMAND_FAILED, COMMAND_UNFINISHED, TOOL_MISSING

_LINES: Final = 15
"""Last lines of a failed command's output that its error shows."""
_PIPE_TIMEOUT_S: Final = 1.0
"""Seconds to read the remaining output of a killed program."""
MINIMUM: Final[Mapping[str, str]] = {"docker": "20.10", "kind": "0.26", "kubectl": "1.32"}
"""The oldest supported versions."""


@dataclass(frozen=True, kw_only=True)
class Completed:
    """The output of a program that ended with exit status 0, and its duration in seconds."""

    stdout: str
    stderr: str
    seconds: float


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    purpose: str,
    fix: str = "run it by hand and read its output",
    stdin: bytes | BinaryIO | None = None,
    environment: Mapping[str, str] | None = None,
    all_output: bool = False,
) -> Completed:
    """Run a program to its end.

    It gets a session of its own: Ctrl-C reaches this process, which kills the program and everything that it started.
    Inside :func:`~pytest_plexdev.core.cancellation.fail_after` it is killed when the scope is cancelled. The logger
    ``plexdev`` logs the command line at level INFO: ``pytest --log-cli-level=INFO`` shows it.

    Args:
        timeout: Seconds until it is killed, or the scope's remaining time if that is less.
        purpose: Why it is run, as a sentence: the ``why`` of an error.
        fix: What to type next if it fails.
        stdin: Bytes, or an open file, read from its current position.
        environment: The whole environment; by default this process's own.
        all_output: Capture both streams in order, as ``stdout``.

    Raises:
        PlexdevError: ``tool-missing``, ``command-failed`` or ``command-unfinished``.
    """
    program = find_program(argv[0], environment)
    keep_exit_statuses()
    log_start(argv)
    began = time.monotonic()
    scope = current_scope()
    allowed = timeout if scope is None else min(timeout, scope.remaining_s)
    start = partial(
        _start, [program, *argv[1:]], stdin, environment, subprocess.STDOUT if all_output else subprocess.PIPE
    )
    with contextlib.nullcontext(start()) if scope is None else scope.process(start) as process:
        try:
            output = process.communicate(stdin if isinstance(stdin, bytes) else None, timeout=allowed)
        except subprocess.TimeoutExpired:
            raise PlexdevError(
                COMMAND_UNFINISHED,
                detail=_end(process),
                command=shlex.join(argv),
                seconds=round(allowed, 1),
                purpose=purpose,
            ) from None
        except BaseException:
            _end(process)
            raise
    stdout, stderr = ((part or b"").decode(errors="replace") for part in output)
    if process.returncode != 0:
        raise PlexdevError(
            COMMAND_FAILED,
            detail=_last_lines(stderr.strip() or stdout),
            command=shlex.join(argv),
            status=_status(process.returncode),
            purpose=purpose,
            fix=fix,
        )
    return Completed(stdout=stdout, stderr=stderr, seconds=time.monotonic() - began)


def find_program(name: str, environment: Mapping[str, str] | None = None) -> str:
    """The path of a program on PATH.

    Raises:
        PlexdevError: ``tool-missing``.
    """
    program = shutil.which(name, path=(environment or os.environ).get("PATH"))
    if program is None:
        raise PlexdevError(TOOL_MISSING, program=name, wanted=MINIMUM.get(name, "of any version"))
    return program


def _start(
    argv: Sequence[str], stdin: bytes | BinaryIO | None, environment: Mapping[str, str] | None, stderr: int
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv,
        stdin=subprocess.PIPE if isinstance(stdin, bytes) else (stdin or subprocess.DEVNULL),
        stdout=subprocess.PIPE,
        stderr=stderr,
        env=environment,
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes]) -> str:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    stdout: bytes | None
    stderr: bytes | None
    with process:
        try:
            stdout, stderr = process.communicate(timeout=_PIPE_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            # A grandchild in a session of its own keeps the pipes open.
            stdout, stderr = error.stdout, error.stderr
    return _last_lines(((stderr or b"").strip() or stdout or b"").decode(errors="replace"))


def _last_lines(text: str) -> str:
    return "\n".join(text.rstrip().splitlines()[-_LINES:])


def _status(returncode: int) -> str:
    return f"exit status {returncode}" if returncode >= 0 else signal.Signals(-returncode).name
