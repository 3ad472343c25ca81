"""One kind cluster on this machine: made, recognised, started again, deleted. Never by its name alone.

A note in our own directory says that a cluster is being made, by whom and since when: a process that was killed in the
middle of it is known by that. kind writes the owner's label into the node before the control plane starts, so a
cluster without an API server still says whose it is.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import tarfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pytest_plexdev.command import run
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import CLUSTER_NOT_MADE, COMMAND_FAILED
from pytest_plexdev.kube import Access
from pytest_plexdev.stack.kind.engine import docker
from pytest_plexdev.stack.kind.names import OWNER, OWNER_LABEL, node_of
from pytest_plexdev.stack.kind.place import Place as Place

_QUICK: Final = 30.0
_DELETION: Final = 120.0
_LATE: Final = 5.0
"""Seconds in which Docker has made the container of an ended `kind create`, if it is making one."""
_NODE_NEEDS: Final = 30.0
"""Seconds from the note to the node's container, at most: kind may pull its image in between."""
_INOTIFY: Final = "sudo sysctl fs.inotify.max_user_instances=1024; or delete a cluster of: kind get clusters"
"""kind's best known trap on a machine with several clusters: a node's init or its kubelet found no instance left."""
_CREATION_FIXES: Final = (
    ("could not find a log line", _INOTIFY),
    ("kubelet is not healthy", _INOTIFY),
    ("address already in use", "run it again: another program took the port between the choice and the creation"),
    ("no space left on device", "docker system prune -f"),
)
_KIND_LABEL: Final = "io.x-k8s.kind.cluster"
_LABEL: Final = f"{OWNER_LABEL}={OWNER}"


@dataclass(frozen=True)
class Container:
    """The container that is a cluster's node."""

    name: str
    created: float
    running: bool
    ports: dict[str, int]
    """Host port by the container's own, ``30080/tcp``."""


def create(place: Place, config: bytes, *, image: str | None, timeout: float) -> Access:
    """Make the cluster. A creation that fails or is interrupted leaves nothing behind.

    Raises:
        PlexdevError: ``cluster-not-made`` or ``command-unfinished``, with what kind said.
    """
    argv = ["kind", "create", "cluster", "--name", place.name, "--kubeconfig", str(place.kubeconfig), "--config", "-"]
    argv += ["--image", image] if image else []
    with place.creating():
        try:
            run(argv, timeout=timeout, purpose="kind makes the cluster of the stack", stdin=config)
        except BaseException as error:
            delete(place)
            raise _creation_error(error) from None
    access = place.access()
    assert access is not None
    return access


def _creation_error(error: BaseException) -> BaseException:
    if not isinstance(error, PlexdevError) or error.failure is not COMMAND_FAILED:
        return error
    fix = next((fix for said, fix in _CREATION_FIXES if said in error.detail), "plexdev doctor")
    facts = {name: error.facts[name] for name in ("command", "status")}
    return PlexdevError(CLUSTER_NOT_MADE, detail=error.detail, fix=fix, **facts)


def delete(place: Place) -> None:
    """Delete the cluster and what it left in *place*; one that is gone already is fine. Whose it is, the caller knows.

    A ``kind create`` that outlived its process is ended first: it would go on making what is deleted here.
    """
    creators = _creators(place)
    for creator in creators:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(creator, signal.SIGKILL)
    argv = ["kind", "delete", "cluster", "--name", place.name, "--kubeconfig", str(place.kubeconfig)]
    purpose = "the cluster is not needed any more"
    # Somebody else may delete it at the same moment.
    with contextlib.suppress(PlexdevError):
        run(argv, timeout=_DELETION, purpose=purpose)
    if _appears(place.name, within=_LATE if creators else 0.0):
        run(argv, timeout=_DELETION, purpose=purpose)
    place.forget_creation()
    place.kubeconfig.unlink(missing_ok=True)


def find(name: str) -> Container | None:
    """The node of the cluster with that name, whoever made it."""
    deadline = time.monotonic() + _LATE
    while (said := _inspect(node_of(name))) is None:
        # Docker lists a container that is being made before it can be looked at.
        if not _is_listed(name) or time.monotonic() > deadline:
            return None
        time.sleep(0.1)
    raw = json.loads(said)[0]
    if _KIND_LABEL not in (raw["Config"].get("Labels") or {}):
        return None
    return Container(
        name=node_of(name),
        created=_moment(raw["Created"]),
        running=bool(raw["State"]["Running"]),
        ports=_host_ports(raw["HostConfig"].get("PortBindings") or {}),
    )


def _inspect(node: str) -> str | None:
    try:
        return docker("inspect", "--type", "container", node, purpose="is the cluster there?").stdout
    except PlexdevError as error:
        if error.failure is COMMAND_FAILED and "no such" in error.detail.lower():
            return None
        raise


def _is_listed(name: str) -> bool:
    said = docker("ps", "-aq", "--filter", f"label={_KIND_LABEL}={name}", purpose="is a cluster being made?")
    return bool(said.stdout.strip())


def is_labelled_ours(container: Container) -> bool:
    """Whether the node carries our label since its creation, running or not. What cannot be read is not ours."""
    configuration = _file_of(container, "/kind/kubeadm.conf")
    return configuration is not None and _LABEL in configuration


def is_half_made(place: Place, container: Container) -> bool:
    """Whether our own note says that its creation was begun by a process that is gone, and never ended."""
    note = place.creation()
    if note is None or note.cluster != place.name or note.creator.is_alive:
        return False
    return is_labelled_ours(container) or (
        # Before kind has written the label: nobody else made a node of that name within the same moment.
        _file_of(container, "/kind/kubeadm.conf") is None and 0 <= container.created - note.began <= _NODE_NEEDS
    )


def has_moved(container: Container) -> bool:
    """Whether the node has another address than the one that its control plane was made with."""
    template = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
    said = docker("inspect", "--format", template, container.name, purpose="where is the node?").stdout.split()
    configuration = _file_of(container, "/kind/kubeadm.conf") or ""
    made_with = re.findall(r"advertiseAddress: (\S+)", configuration)
    return bool(made_with) and made_with[0] not in said


def start(container: Container) -> None:
    """Start a node that was stopped. kind's node finds its way with a new address by itself."""
    docker("start", container.name, purpose="the cluster's node was stopped")


def _appears(name: str, *, within: float) -> bool:
    """Whether there is a node: Docker finishes what an ended `kind create` had asked it for, unseen until then."""
    deadline = time.monotonic() + within
    while find(name) is None:
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.1)
    return True


def _creators(place: Place) -> list[int]:
    """Processes of ``kind create`` for this very cluster; the path of our own kubeconfig tells them."""
    wanted = "\0".join(["create", "cluster", "--name", place.name, "--kubeconfig", str(place.kubeconfig), ""])
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and wanted in (entry / "cmdline").read_text():
                found.append(int(entry.name))
    return found


def _file_of(container: Container, path: str) -> str | None:
    try:
        said = docker("cp", f"{container.name}:{path}", "-", purpose="whose node is it?")
        with tarfile.open(fileobj=io.BytesIO(said.stdout.encode())) as archive:
            member = archive.extractfile(archive.getmembers()[0])
            return member.read().decode() if member is not None else None
    except (PlexdevError, tarfile.TarError, IndexError):
        return None


def _moment(text: str) -> float:
    # Docker writes nanoseconds, which datetime does not read, and leaves zeros out.
    seconds, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{seconds}+00:00").timestamp() + float(f"0.{fraction or 0}")


def _host_ports(bindings: dict[str, Any]) -> dict[str, int]:
    return {
        port: int(hosts[0]["HostPort"])
        for port, hosts in bindings.items()
        if hosts and str(hosts[0].get("HostPort", "")).isdigit()
    }
