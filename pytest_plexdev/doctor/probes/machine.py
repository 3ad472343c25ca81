"""Probes of this machine: who holds its ports, free disk space, running commands."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pytest_plexdev.core.paths import home_directory
from pytest_plexdev.core.port_reservation import reserve
from pytest_plexdev.doctor.facts import Disk, PortUse, RunningCommand
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.cluster.docker_engine import ask
from pytest_plexdev.stack.kind.cluster.port_publisher import find_port_holder
from pytest_plexdev.stack.kind.constants import API_PORT, IDP_PORT

DOCKER_TIMEOUT: Final = 5.0
PORTS: Final[Mapping[int, str]] = {API_PORT: "the API", IDP_PORT: "Dex"}


def ports() -> Sequence[PortUse]:
    """Find who uses the warm stack's ports; containers are identified by labels if Docker answers."""
    return [_use(port, purpose) for port, purpose in _ports().items()]


def _ports() -> Mapping[int, str]:
    """Return the ports of the running warm embedded stack, which may differ from the defaults; else the defaults."""
    from pytest_plexdev.stack.embedded.warm import find_warm

    info = find_warm()
    if info is None:
        return PORTS
    origins = (info.endpoints.api, info.endpoints.issuer)
    return {urlsplit(origin).port or 0: purpose for origin, purpose in zip(origins, PORTS.values(), strict=False)}


def _use(port: int, purpose: str) -> PortUse:
    try:
        reserve(port, purpose=purpose).release()
    except PlexdevError:
        holder = find_port_holder(port)
        return PortUse(
            port=port,
            purpose=purpose,
            holder=holder.words,
            stop=holder.stop,
            cluster=holder.cluster,
            is_warm_cluster=holder.is_warm_cluster,
            is_embedded=holder.is_warm_stack,
        )
    return PortUse(port=port, purpose=purpose)


def docker_disk() -> Disk:
    """Measure the disk on which Docker stores images; the home directory's if Docker runs in a virtual machine.

    Raises:
        PlexdevError: Docker does not answer.
    """
    info = ask("docker info", lambda engine: engine.info(), timeout=DOCKER_TIMEOUT)
    root = Path(info["DockerRootDir"])
    place = root if root.is_dir() else home_directory() or Path("/")
    usage = shutil.disk_usage(place)
    return Disk(place=str(place), free=usage.free, total=usage.total)


def waiting_commands(proc: Path = Path("/proc")) -> Sequence[RunningCommand]:
    """Find every ``kubectl wait`` on this machine that is visible to this user."""
    return [command for command in _commands(proc) if _is_a_wait(command.words)]


def _commands(proc: Path) -> Iterator[RunningCommand]:
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:  # It has just ended.
            continue
        yield RunningCommand(pid=int(entry.name), words=tuple(text.rstrip("\0").split("\0")))


def _is_a_wait(words: Sequence[str]) -> bool:
    return Path(words[0]).name == "kubectl" and "wait" in words
