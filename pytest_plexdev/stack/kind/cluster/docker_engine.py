"""Query the Docker engine through its SDK, and run the ``docker`` command for work that must be killable.

Both use the same engine: the one of DOCKER_HOST, or else of the current docker context. The SDK takes 0.1 s to import,
so it is imported by the first question, and neither while attaching nor to find that no stack runs.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeVar

from pytest_plexdev.core.cancellation import call_within, checkpoint, remaining_s
from pytest_plexdev.core.extras import extra_missing
from pytest_plexdev.core.subprocesses import Completed, find_program, run
from pytest_plexdev.core.tool_output import line_of
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import (
    COMMAND_FAILED,
    DOCKER_ENDPOINT,
    DOCKER_FORBIDDEN,
    DOCKER_REFUSED,
    DOCKER_SILENT,
)

if TYPE_CHECKING:
    from docker import APIClient

T = TypeVar("T")

PATIENCE: Final = 30.0
"""Seconds for an answer; an engine that is busy with a build takes a few."""
PROVIDER: Final = "KIND_EXPERIMENTAL_PROVIDER"
_PING: Final = 5.0
"""Seconds to find whether a command failed because the engine does not answer."""
_OLDEST_API: Final = "1.41"
"""The version of Docker 20.10. The engine is asked for its own version first, and every engine answers that."""
_IMPORT: Final = threading.Lock()
"""Held during the first import: the SDK's modules import each other, so two threads would see half of them."""
_LOGGER: Final = logging.getLogger("plexdev")


def kind_environment() -> dict[str, str]:
    """The environment of a ``kind`` that creates its nodes where ``docker`` looks for them.

    With KIND_EXPERIMENTAL_PROVIDER it would use podman, which nothing else here does.
    """
    return {name: value for name, value in os.environ.items() if name != PROVIDER}


def ask(command: str, request: Callable[[APIClient], T], *, timeout: float = PATIENCE) -> T:
    """Send a request to the engine.

    Cancelling the scope ends the wait at once. The engine completes a request that it has received.

    Args:
        command: The ``docker`` command that does the same, for the log and the error.
        request: Gets a client, and returns what the engine answered.
        timeout: Seconds, or the scope's remaining time if that is less.

    Raises:
        PlexdevError: ``tool-missing``, ``extra-missing``, ``docker-endpoint``, ``docker-silent``,
            ``docker-forbidden``; ``docker-refused``: the engine answered with an error.
    """
    find_program("docker")
    try:
        with _IMPORT:
            from docker.errors import APIError, DockerException
    except ModuleNotFoundError as error:
        raise extra_missing("kind", package=error.name) from None
    _LOGGER.info("ask Docker: %s", command)
    allowed = min(timeout, remaining_s())
    endpoint = _endpoint()
    try:
        return call_within(allowed, partial(_send, request, endpoint, allowed))
    except APIError as error:
        raise PlexdevError(DOCKER_REFUSED, command=command, reason=error.explanation or str(error)) from None
    except (DockerException, OSError) as error:
        raise _no_answer(error, str(endpoint["base_url"]), allowed) from None


def docker(
    *arguments: str,
    purpose: str,
    timeout: float = PATIENCE,
    fix: str = "run it by hand and read its output",
    stdin: bytes | BinaryIO | None = None,
    environment: Mapping[str, str] | None = None,
    all_output: bool = False,
) -> Completed:
    """Run ``docker``, as :func:`pytest_plexdev.core.subprocesses.run` does.

    Raises:
        PlexdevError: ``docker-silent``, ``docker-forbidden`` or ``docker-endpoint`` if it failed and the engine does
            not answer; else what ``run`` raises.
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
        raise (_unreachable() if error.failure is COMMAND_FAILED else None) or error from None


def has_container(name: str, *, timeout: float) -> bool:
    """Whether the engine has a container of that name, without the SDK: its import would be most of the time.

    Raises:
        PlexdevError: ``tool-missing``, ``command-failed`` or ``command-unfinished``.
    """
    listed = run(
        ["docker", "ps", "--all", "--quiet", "--filter", f"name=^{name}$"],
        timeout=timeout,
        purpose="find a cluster that has no files",
    )
    return bool(line_of(listed.stdout, "[0-9a-f]{12,64}"))


def _endpoint() -> Mapping[str, Any]:
    """Address and certificates of the engine that the ``docker`` command uses, as arguments of the SDK's client.

    Raises:
        PlexdevError: ``docker-endpoint``.
    """
    from docker.context import ContextAPI
    from docker.utils import kwargs_from_env

    environment = dict(os.environ)
    if not environment.get("DOCKER_TLS_VERIFY"):
        # The command takes no certificates then; the SDK would take them and verify nothing.
        environment.pop("DOCKER_CERT_PATH", None)
    try:
        if environment.get("DOCKER_HOST"):
            return kwargs_from_env(environment)
        name = environment.get("DOCKER_CONTEXT") or None
        context = ContextAPI.get_context(name)
    except Exception as error:
        # The SDK raises a bare Exception for a damaged context.
        raise PlexdevError(DOCKER_ENDPOINT, reason=str(error)) from None
    if context is None or not context.Host:
        which = f'context "{name}"' if name else "the current context"
        reason = f"{which} is not found beside docker's config.json"
        raise PlexdevError(DOCKER_ENDPOINT, reason=reason)
    return {"base_url": context.Host, "tls": context.TLSConfig or False}


def _send(request: Callable[[APIClient], T], endpoint: Mapping[str, Any], timeout: float) -> T:
    deadline = time.monotonic() + timeout
    _require_socket(endpoint["base_url"], timeout)
    with closing(_client(endpoint, _OLDEST_API, timeout)) as client:
        version = client.version(api_version=False).get("ApiVersion")
    # The caller may have stopped waiting: the request is not sent then.
    checkpoint()
    if time.monotonic() >= deadline:
        raise TimeoutError
    with closing(_client(endpoint, version, timeout)) as client:
        return request(client)


def _require_socket(host: str, timeout: float) -> None:
    """Raise the OSError of a connection that fails: the SDK would leave its socket open, of which Python warns."""
    scheme, _, path = host.partition("://")
    if scheme == "unix":
        with closing(socket.socket(socket.AF_UNIX)) as probe:
            probe.settimeout(timeout)
            probe.connect(f"/{path.lstrip('/')}")


def _client(endpoint: Mapping[str, Any], version: str | None, timeout: float) -> APIClient:
    from docker import APIClient

    try:
        client = APIClient(**endpoint, version=version, timeout=math.ceil(timeout), use_ssh_client=True)
    except (AttributeError, TypeError):
        # The SDK takes any JSON for an object.
        raise PlexdevError(DOCKER_ENDPOINT, reason="docker's config.json is not a configuration") from None
    # A proxy variable would divert requests to an engine at a port of this machine.
    client.trust_env = False
    return client


def _no_answer(error: Exception, host: str, seconds: float) -> PlexdevError:
    """The catalogue's error for an exception of the SDK that is not the engine's own."""
    causes = list(_causes(error))
    if not any(isinstance(cause, OSError) for cause in causes):
        return PlexdevError(DOCKER_ENDPOINT, reason=str(error))
    if any(isinstance(cause, TimeoutError) for cause in causes):
        return PlexdevError(DOCKER_SILENT, host=host, reason=f"no answer within {seconds:g} s")
    failure = DOCKER_FORBIDDEN if any(isinstance(cause, PermissionError) for cause in causes) else DOCKER_SILENT
    return PlexdevError(failure, host=host, reason=getattr(causes[-1], "strerror", None) or str(causes[-1]))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _unreachable() -> PlexdevError | None:
    """The error of an engine that cannot be reached; ``None`` if it answers."""
    try:
        ask("docker version", lambda engine: engine.ping(), timeout=_PING)
    except PlexdevError as error:
        return error if error.failure in {DOCKER_ENDPOINT, DOCKER_FORBIDDEN, DOCKER_SILENT} else None
    return None
