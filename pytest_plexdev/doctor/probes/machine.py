"""This machine: who has its ports, how much room its disks have, which commands run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pytest_plexdev.command import run
from pytest_plexdev.doctor.symptoms import Disk, PortUse, RunningCommand
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.names import API_PORT, IDP_PORT, WARM_CLUSTER, node_of
from pytest_plexdev.stack.ports import reserve

DOCKER_TIMEOUT: Final = 5.0
PORTS: Final[Mapping[int, str]] = {API_PORT: "the API", IDP_PORT: "Dex"}


def ports() -> Sequence[PortUse]:
    """Who listens on the warm stack's ports; a container by its name, where Docker can be asked."""
    processes = {port: _holder(port, purpose) for port, purpose in PORTS.items()}
    containers = _publishers() if any(map(_may_be_dockers, processes.values())) else {}
    return [_use(port, purpose, processes[port], containers.get(port)) for port, purpose in PORTS.items()]


def _holder(port: int, purpose: str) -> str | None:
    try:
        reserve(port, purpose=purpose).release()
    except PlexdevError as error:
        return str(error.facts["holder"])
    return None


def _may_be_dockers(process: str | None) -> bool:
    """Docker publishes a port by a proxy of its own, which only root sees by name."""
    return process is not None and ("docker" in process or "pid" not in process)


def _use(port: int, purpose: str, process: str | None, container: str | None) -> PortUse:
    if process is None:
        return PortUse(port=port, purpose=purpose)
    pid = re.search(r"pid (\d+)\)$", process)
    return PortUse(
        port=port,
        purpose=purpose,
        holder=f"the container {container}" if container else process,
        container=container,
        pid=int(pid[1]) if pid and not container else None,
        is_warm_cluster=container == node_of(WARM_CLUSTER),
        is_embedded=container is None and "plexdev stack" in process,
    )


def _publishers() -> dict[int, str]:
    """Containers by the host ports that they publish; none where Docker does not answer."""
    argv = ["docker", "ps", "--format", "{{.Names}}\t{{.Ports}}"]
    try:
        listing = run(argv, timeout=DOCKER_TIMEOUT, purpose="who publishes the ports").stdout
    except PlexdevError:
        return {}
    return dict(_published(listing))


def _published(listing: str) -> Iterator[tuple[int, str]]:
    """Host ports and names from lines like ``name<TAB>127.0.0.1:8080->30080/tcp, 9000/tcp``."""
    for line in listing.splitlines():
        name, _, mappings = line.partition("\t")
        for mapping in mappings.split(", "):
            host, arrow, _ = mapping.partition("->")
            port = host.rpartition(":")[2]
            if arrow and port.isdigit():
                yield int(port), name


def docker_disk() -> Disk:
    """Where Docker keeps images; the home directory's disk where that is in a virtual machine.

    Raises:
        PlexdevError: Docker does not answer.
    """
    argv = ["docker", "info", "--format", "{{.DockerRootDir}}"]
    root = Path(run(argv, timeout=DOCKER_TIMEOUT, purpose="where Docker keeps images").stdout.strip())
    place = root if root.is_dir() else Path.home()
    usage = shutil.disk_usage(place)
    return Disk(place=str(place), free=usage.free, total=usage.total)


def waiting_commands(proc: Path = Path("/proc")) -> Sequence[RunningCommand]:
    """Every ``kubectl wait`` of this machine that this user may see."""
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
