"""Check that the tools of a kind stack are installed, answer, and are recent enough."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from pytest_plexdev.core.model import Verdict
from pytest_plexdev.core.progress import Progress, VerdictChanged
from pytest_plexdev.core.subprocesses import MINIMUM, run
from pytest_plexdev.core.tool_output import json_of, line_of
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import TOOL_TOO_OLD
from pytest_plexdev.stack.kind.cluster.docker_engine import PROVIDER, ask

PINNED: Final[Mapping[str, str]] = {"docker": "24.0", "kind": "0.26.0", "kubectl": "1.32.0"}
"""The versions that the runbook requires. An older one is reported and used."""
_DOTTED: Final = re.compile(r"\d+(?:\.\d+)+")
_PATIENCE: Final = 20.0


@dataclass(frozen=True)
class _Tool:
    name: str
    command: str
    """The command that prints its version."""
    version: Callable[[str], str]
    """Reads its version, by that command or the request that it sends."""


def _docker_version(command: str) -> str:
    return str(ask(command, lambda engine: engine.version(), timeout=_PATIENCE).get("Version"))


def _kind_version(command: str) -> str:
    printed = _printed(command)
    return line_of(printed, r"kind v?\d+\..*") or printed.strip()


def _kubectl_version(command: str) -> str:
    try:
        return str(json_of(_printed(command))["clientVersion"]["gitVersion"])
    except (ValueError, KeyError, TypeError):
        return "of an unknown version"


_TOOLS: Final = (
    _Tool("docker", "docker version", _docker_version),
    _Tool("kind", "kind version", _kind_version),
    _Tool("kubectl", "kubectl version --client -o json", _kubectl_version),
)


def check(progress: Progress) -> None:
    """Check all tools at the same time. A version below the runbook's is reported as an event.

    Raises:
        PlexdevError: ``tool-missing``, ``tool-too-old``, ``docker-silent`` or ``docker-forbidden``.
    """
    with ThreadPoolExecutor(max_workers=len(_TOOLS)) as threads:
        versions = list(threads.map(lambda tool: tool.version(tool.command), _TOOLS))
    for tool, version in zip(_TOOLS, versions, strict=True):
        _judge(tool, version, progress)
    if (provider := os.environ.get(PROVIDER, "docker")) != "docker":
        reason = (
            f"creates the cluster in Docker: {PROVIDER}={provider} is ignored, because plexdev supports Docker only"
        )
        progress(VerdictChanged(verdict=Verdict(name="kind", state="ready", reason=reason)))


def numbers(version: str) -> tuple[int, ...]:
    """Parse the first dotted number of *version*: ``v1.32.4-x`` is ``(1, 32, 4)``; ``()`` without one."""
    found = _DOTTED.search(version)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def _printed(command: str) -> str:
    argv = command.split()
    return run(argv, timeout=_PATIENCE, purpose=f"the version of {argv[0]} is checked").stdout


def _judge(tool: _Tool, version: str, progress: Progress) -> None:
    found = numbers(version)
    if found and found < numbers(MINIMUM[tool.name]):
        number = _DOTTED.search(version)
        raise PlexdevError(
            TOOL_TOO_OLD,
            program=tool.name,
            version=number.group() if number else version,
            wanted=MINIMUM[tool.name],
            command=tool.command,
        )
    if found < numbers(PINNED[tool.name]):
        progress(VerdictChanged(verdict=Verdict(name=tool.name, state="ready", reason=_warning(tool.name, version))))


def _warning(name: str, version: str) -> str:
    return f"is {version}; the dev stack's runbook requires {PINNED[name]} or newer"
