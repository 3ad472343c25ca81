"""Create, recognise and delete a kind cluster on this machine, never by its name alone.

A note in the cluster's directory records which process creates it and since when, so that the remains of a killed
creation are recognised. kind writes the owner's label into the node before the control plane starts, so a cluster
without an API server can still be recognised.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import tarfile
from pathlib import Path
from typing import Final, Literal, TypeAlias

from pytest_plexdev.core.cancellation import checkpoint, shield
from pytest_plexdev.core.poll import poll
from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import CLUSTER_NOT_MADE, COMMAND_FAILED, NODE_UNREADABLE
from pytest_plexdev.kube import Access
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles, Creation
from pytest_plexdev.stack.kind.cluster.docker_engine import kind_environment
from pytest_plexdev.stack.kind.cluster.node_container import (
    CONFIGURATION,
    NodeContainer,
    file_of,
    wait_for_node,
    wait_until_gone,
)
from pytest_plexdev.stack.kind.constants import API_NODE_PORT, HOME_LABEL, OWNER, OWNER_LABEL

Mark: TypeAlias = Literal["ours", "elsewhere", "none", "not yet", "unreadable"]
"""Who created a node, by its labels (*elsewhere*: plexdev with another state directory, or by hand from our kind.yaml).
kind writes them a moment after the container exists."""

_DELETION: Final = 120.0
_LATE: Final = 5.0
"""Seconds within which Docker completes the container of a killed `kind create`, if it is creating one."""
_POLL_S: Final = 0.1
_NODE_NEEDS: Final = 30.0
"""Most seconds from the note to the node's container: kind may pull its image in between."""
_INOTIFY: Final = "sudo sysctl fs.inotify.max_user_instances=1024; or delete a cluster of: kind get clusters"
"""The usual failure on a machine with several clusters: no inotify instance is left for a node's init or kubelet."""
_TAKEN_MEANWHILE: Final = "stop what uses the port, and run it again: the port was free before the node was created"
_CREATION_FIXES: Final = (
    ("could not find a log line", _INOTIFY),
    ("kubelet is not healthy", _INOTIFY),
    ("address already in use", _TAKEN_MEANWHILE),
    ("port is already allocated", _TAKEN_MEANWHILE),
    ("no space left on device", "docker builder prune -f && docker image prune -f"),
    ("No such container", "run it again: the node was removed while kind created the cluster"),
    ("is not running", "run it again: the node was stopped while kind created the cluster"),
    ("is already in use by container", "run it again: the next error names the container that has the node's name"),
)
_TAKEN: Final = re.compile(r"node\(s\) already exist|is already in use by container")
"""Messages of kind and Docker if another process created a cluster of that name meanwhile."""
_LABEL: Final = f"{OWNER_LABEL}={OWNER}"
_LAST_PART: Final = "KubeProxyConfiguration"
"""The last part of the node's configuration that kind writes; the labels come before it."""


def create(files: ClusterFiles, config: bytes, *, image: str | None, timeout: float) -> Access:
    """Create the cluster. A creation that fails or is interrupted is removed; another creator's cluster stays.

    Raises:
        PlexdevError: ``cluster-not-made`` or ``command-unfinished``, with kind's output.
    """
    argv = ["kind", "create", "cluster", "--name", files.name, "--kubeconfig", str(files.kubeconfig), "--config", "-"]
    # Without --retain, kind would delete a failed cluster by its name, whoever created one of that name meanwhile.
    argv += [*(["--image", image] if image else []), "--retain"]
    checkpoint()
    with files.creating():
        try:
            run(
                argv,
                timeout=timeout,
                purpose="kind creates the cluster of the stack",
                stdin=config,
                environment=kind_environment(),
            )
        except BaseException as error:
            with shield(), contextlib.suppress(PlexdevError):
                _remove_own(files, error)
            raise _creation_error(error) from None
    access = files.access()
    assert access is not None
    return access


def _creation_error(error: BaseException) -> BaseException:
    if not isinstance(error, PlexdevError) or error.failure is not COMMAND_FAILED:
        return error
    fix = next((fix for message, fix in _CREATION_FIXES if message in error.detail), "plexdev doctor")
    facts = {name: error.facts[name] for name in ("command", "status")}
    return PlexdevError(CLUSTER_NOT_MADE, detail=error.detail, fix=fix, **facts)


def _remove_own(files: ClusterFiles, error: BaseException) -> None:
    """Delete what our ``kind create`` left, if the cluster of that name is the one it created."""
    note = files.creation()
    is_over = isinstance(error, PlexdevError) and error.failure is COMMAND_FAILED
    if not (is_over and _TAKEN.search(str(error))):
        _end_creators(files)
        container = wait_for_node(files.name, within=0.0 if is_over else _LATE)
        if container is not None and note is not None and _was_begun(files, note, container):
            delete(files)
    files.forget_creation()


def delete(files: ClusterFiles) -> None:
    """Delete the cluster, if it exists, and its files in *files*. The caller has checked the owner.

    A ``kind create`` that outlived its process is killed first, because it would continue to create the cluster.
    """
    argv = ["kind", "delete", "cluster", "--name", files.name, "--kubeconfig", str(files.kubeconfig)]
    purpose = "the cluster is no longer needed"
    with shield():
        was_creating = _end_creators(files)
        # Another process may delete it at the same moment.
        with contextlib.suppress(PlexdevError):
            run(argv, timeout=_DELETION, purpose=purpose, environment=kind_environment())
        if wait_for_node(files.name, within=_LATE if was_creating else 0.0) is not None:
            _delete_again(files, argv, purpose)
    files.forget_creation()
    files.kubeconfig.unlink(missing_ok=True)


def _delete_again(files: ClusterFiles, argv: list[str], purpose: str) -> None:
    try:
        run(argv, timeout=_DELETION, purpose=purpose, environment=kind_environment())
    except PlexdevError:
        # Docker refuses to remove a container that it is already removing.
        if not wait_until_gone(files.name):
            raise


def remove(files: ClusterFiles) -> None:
    """Delete a run's own cluster, complete or not, and kill its ``kind create``. Another creator's cluster stays.

    Raises:
        PlexdevError: ``node-unreadable``: the node's labels cannot be read, so the cluster was not deleted.
    """
    with shield():
        was_creating = _end_creators(files)
        container = wait_for_node(files.name, within=_LATE if was_creating else 0.0)
        if container is None:
            return
        mark = mark_of(files, container)
        if mark == "ours" or is_half_made(files, container):
            delete(files)
        elif mark in {"not yet", "unreadable"}:
            raise PlexdevError(NODE_UNREADABLE, node=container.name, name=files.name, file=CONFIGURATION)


def remove_half_made(files: ClusterFiles) -> bool:
    """Remove what a killed process had begun: its ``kind create``, which is still running, and its node.

    Returns:
        Whether anything was removed.
    """
    note = files.creation()
    if note is None or note.cluster != files.name or note.creator.is_alive:
        return False
    was_creating = _end_creators(files)
    container = wait_for_node(files.name, within=_LATE if was_creating else 0.0)
    if container is None or not is_half_made(files, container):
        return was_creating
    delete(files)
    return True


def mark_of(files: ClusterFiles, container: NodeContainer) -> Mark:
    """Return who created the node, by the labels in its configuration. It need not run."""
    try:
        text = file_of(container, CONFIGURATION)
        if _LABEL in text and f"{HOME_LABEL}={files.home}" in text:
            return "ours"
        if _LAST_PART not in text:
            # The file is empty or incomplete: a missing label may still be written.
            return "not yet"
        return "elsewhere" if _LABEL in text else "none"
    except FileNotFoundError:
        return "not yet"
    except (PlexdevError, tarfile.TarError, IndexError):
        return "unreadable"


def settled_mark(files: ClusterFiles, container: NodeContainer) -> Mark:
    """Like :func:`mark_of`, but wait for the labels of a node that is being created."""
    return poll(
        lambda: mark_of(files, container), until=lambda mark: mark != "not yet", every_s=_POLL_S, timeout_s=_LATE
    )


def has_our_labels(files: ClusterFiles, container: NodeContainer) -> bool:
    """Whether the node was created with our labels. If they cannot be read, it is treated as not ours."""
    return mark_of(files, container) == "ours"


def is_half_made(files: ClusterFiles, container: NodeContainer) -> bool:
    """Whether a process that is gone began its creation and did not complete it, by our own note."""
    note = files.creation()
    if note is None or note.cluster != files.name or note.creator.is_alive:
        return False
    # Within that time, no other process created such a node.
    return has_our_labels(files, container) or (
        container.created - note.began <= _NODE_NEEDS and _was_begun(files, note, container)
    )


def _was_begun(files: ClusterFiles, note: Creation, container: NodeContainer) -> bool:
    """Whether that creation made the node: later than the note, with our label or, before kind writes it, our port."""
    if container.created < note.began:
        return False
    mark = mark_of(files, container)
    return mark == "ours" or (mark == "not yet" and f"{API_NODE_PORT}/tcp" in container.ports)


def _end_creators(files: ClusterFiles) -> bool:
    """Kill every ``kind create`` of this cluster; return whether there was one."""
    creators = _creators(files)
    for creator in creators:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(creator, signal.SIGKILL)
    return bool(creators)


def _creators(files: ClusterFiles) -> list[int]:
    """Find the processes of ``kind create`` for this cluster, by the path of our own kubeconfig."""
    words = ["create", "cluster", "--name", files.name, "--kubeconfig", str(files.kubeconfig), ""]
    argv = b"\0".join(map(os.fsencode, words))
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            # Arguments of other programs need not be text.
            if entry.name.isdigit() and argv in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found
