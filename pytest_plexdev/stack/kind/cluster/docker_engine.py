"""The Docker engine behind the ``docker`` command, whatever context or ``DOCKER_HOST`` that uses."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import BinaryIO, Final

from pytest_plexdev.core.subprocesses import Completed, run
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import COMMAND_FAILED, DOCKER_ENDPOINT, DOCKER_FORBIDDEN, DOCKER_SILENT

PATIENCE: Final = 30.0
"""Seconds for an answer; an engine that is busy with a build takes a few."""
PROVIDER: Final = "KIND_EXPERIMENTAL_PROVIDER"
_FORBIDDEN: Final = re.compile(r"permission denied.*docker (daemon socket|api)", re.IGNORECASE)
_SILENT: Final = re.compile(
    r"cannot connect to the docker daemon|failed to connect to the docker api|error during connect", re.IGNORECASE
)
_ENDPOINT: Final = re.compile(
    r"unable to resolve docker endpoint|current context \S+ is not found on the file system", re.IGNORECASE
)
"""In the words of the clients 20.10 to 28."""
_HOST: Final = re.compile(r"\b(?:unix|tcp|ssh|https?|npipe)://[^\s\"';,]*[^\s\"';,.:]")


def kind_environment() -> dict[str, str]:
    """The environment of a ``kind`` that makes its nodes where ``docker`` looks for them.

    With KIND_EXPERIMENTAL_PROVIDER it would ask podman, of which nothing here knows.
    """
    return {name: value for name, value in os.environ.items() if name != PROVIDER}


def docker(
    *arguments: str,
    purpose: str,
    timeout: float = PATIENCE,
    fix: str = "run it by hand and read what it says",
    stdin: bytes | BinaryIO | None = None,
    environment: Mapping[str, str] | None = None,
    all_output: bool = False,
) -> Completed:
    """Run ``docker``, as :func:`pytest_plexdev.core.subprocesses.run` does.

    Raises:
        PlexdevError: ``docker-silent``, ``docker-forbidden`` or ``docker-endpoint`` where that is why; else what
            ``run`` raises.
    """
    try:
        return run(
            ["docker", *arguments],
            timeout=timeout,
            purpose=purpose,
            fix=fix,
            stdin=stdin,
            environment=environment,
            all_output=all_output,
        )
    except PlexdevError as error:
        raise engine_error(error) or error from None


def engine_error(error: PlexdevError) -> PlexdevError | None:
    """What is between us and the engine, where a failed command's last lines say that something is; else ``None``.

    It is ``docker-silent``, ``docker-forbidden`` or ``docker-endpoint``.
    """
    if error.failure is not COMMAND_FAILED:
        return None
    if _ENDPOINT.search(error.detail):
        return PlexdevError(DOCKER_ENDPOINT, reason=error.detail.splitlines()[-1].strip())
    if not (forbidden := _FORBIDDEN.search(error.detail)) and not _SILENT.search(error.detail):
        return None
    host = _HOST.search(error.detail)
    return PlexdevError(
        DOCKER_FORBIDDEN if forbidden else DOCKER_SILENT,
        host=host.group() if host else "its address",
        reason=error.detail.splitlines()[-1].strip(),
    )
