"""Create, recognise and delete a kind cluster on this machine, never by its name alone.

A note in our own directory says that a cluster is being made, by whom and since when: a process that was killed in the
middle of it is known by that. kind writes the owner's label into the node before the control plane starts, so a
cluster without an API server still says whose it is.
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
from pytest_plexdev.stack.kind.cluster.docker_engine import kind_environment
from pytest_plexdev.stack.kind.cluster.files import ClusterFiles, Creation
from pytest_plexdev.stack.kind.cluster.node_container import (
    CONFIGURATION,
    Container,
    file_of,
    wait_for_node,
    wait_until_gone,
)
from pytest_plexdev.stack.kind.constants import API_NODE_PORT, HOME_LABEL, OWNER, OWNER_LABEL

Mark: TypeAlias = Literal["ours", "elsewhere", "none", "not yet", "unreadable"]
"""What a node says of who made it (*elsewhere*: plexdev with another state directory, or somebody with our kind.yaml);
kind writes that a moment after the container is there."""

_DELETION: Final = 120.0
_LATE: Final = 5.0
"""Seconds in which Docker has made the container of an ended `kind create`, if it is making one."""
_POLL_S: Final = 0.1
_NODE_NEEDS: Final = 30.0
"""Seconds from the note to the node's container, at most: kind may pull its image in between."""
_INOTIFY: Final = "sudo sysctl fs.inotify.max_user_instances=1024; or delete a cluster of: kind get clusters"
"""kind's best known trap on a machine with several clusters: a node's init or its kubelet found no instance left."""
_CREATION_FIXES: Final = (
    ("could not find a log line", _INOTIFY),
    ("kubelet is not healthy", _INOTIFY),
    ("address already in use", "run it again: another program took the port between the choice and the creation"),
    ("no space left on device", "docker builder prune -f && docker image prune -f"),
    ("No such container", "run it again: somebody removed the node while kind made the cluster"),
    ("is not running", "run it again: somebody stopped the node while kind made the cluster"),
    ("is already in use by container", "run it again: it says what has the name of the node"),
)
_TAKEN: Final = re.compile(r"node\(s\) already exist|is already in use by container")
"""kind's words, and Docker's, where somebody else has a cluster of that name by now."""
_LABEL: Final = f"{OWNER_LABEL}={OWNER}"
_LAST_PART: Final = "KubeProxyConfiguration"
"""kind writes this part of the node's configuration last, behind those that have the labels."""


def create(place: ClusterFiles, config: bytes, *, image: str | None, timeout: float) -> Access:
    """Make the cluster. A creation that fails or is interrupted leaves nothing behind, and takes nobody else's away.

    Raises:
        PlexdevError: ``cluster-not-made`` or ``command-unfinished``, with what kind said.
    """
    argv = ["kind", "create", "cluster", "--name", place.name, "--kubeconfig", str(place.kubeconfig), "--config", "-"]
    # Without the last one kind itself deletes by the name, whoever made a cluster of that name meanwhile.
    argv += [*(["--image", image] if image else []), "--retain"]
    checkpoint()
    with place.creating():
        try:
            run(
                argv,
                timeout=timeout,
                purpose="kind makes the cluster of the stack",
                stdin=config,
                environment=kind_environment(),
            )
        except BaseException as error:
            with shield(), contextlib.suppress(PlexdevError):
                _take_back(place, error)
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


def _take_back(place: ClusterFiles, error: BaseException) -> None:
    """Delete what an ended ``kind create`` of ours left, if what is there by that name is its."""
    note = place.creation()
    is_over = isinstance(error, PlexdevError) and error.failure is COMMAND_FAILED
    if not (is_over and _TAKEN.search(str(error))):
        _end_creators(place)
        container = wait_for_node(place.name, within=0.0 if is_over else _LATE)
        if container is not None and note is not None and _was_begun(place, note, container):
            delete(place)
    place.forget_creation()


def delete(place: ClusterFiles) -> None:
    """Delete the cluster and what it left in *place*; one that is gone already is fine. Whose it is, the caller knows.

    A ``kind create`` that outlived its process is ended first: it would go on making what is deleted here.
    """
    argv = ["kind", "delete", "cluster", "--name", place.name, "--kubeconfig", str(place.kubeconfig)]
    purpose = "the cluster is not needed any more"
    with shield():
        were_at_work = _end_creators(place)
        # Somebody else may delete it at the same moment.
        with contextlib.suppress(PlexdevError):
            run(argv, timeout=_DELETION, purpose=purpose, environment=kind_environment())
        if wait_for_node(place.name, within=_LATE if were_at_work else 0.0) is not None:
            _delete_again(place, argv, purpose)
    place.forget_creation()
    place.kubeconfig.unlink(missing_ok=True)


def _delete_again(place: ClusterFiles, argv: list[str], purpose: str) -> None:
    try:
        run(argv, timeout=_DELETION, purpose=purpose, environment=kind_environment())
    except PlexdevError:
        # Docker refuses what it is removing already, for somebody else.
        if not wait_until_gone(place.name):
            raise


def remove(place: ClusterFiles) -> None:
    """Delete a run's own cluster however far it was made, and end who still makes it; somebody else's is left alone.

    Raises:
        PlexdevError: ``node-unreadable``: the node does not say whose it is, so it is still there.
    """
    with shield():
        were_at_work = _end_creators(place)
        container = wait_for_node(place.name, within=_LATE if were_at_work else 0.0)
        if container is None:
            return
        mark = mark_of(place, container)
        if mark == "ours" or is_half_made(place, container):
            delete(place)
        elif mark in {"not yet", "unreadable"}:
            raise PlexdevError(NODE_UNREADABLE, node=container.name, name=place.name, file=CONFIGURATION)


def remove_half_made(place: ClusterFiles) -> bool:
    """Take away what a killed process had begun: its ``kind create``, which goes on without it, and its node.

    Returns:
        Whether there was anything.
    """
    note = place.creation()
    if note is None or note.cluster != place.name or note.creator.is_alive:
        return False
    were_at_work = _end_creators(place)
    container = wait_for_node(place.name, within=_LATE if were_at_work else 0.0)
    if container is None or not is_half_made(place, container):
        return were_at_work
    delete(place)
    return True


def mark_of(place: ClusterFiles, container: Container) -> Mark:
    """Whose the node says that it is, running or not."""
    try:
        said = file_of(container, CONFIGURATION)
        if _LABEL in said and f"{HOME_LABEL}={place.home}" in said:
            return "ours"
        if _LAST_PART not in said:
            # Empty, or half of it: a label that is missing may still come.
            return "not yet"
        return "elsewhere" if _LABEL in said else "none"
    except FileNotFoundError:
        return "not yet"
    except (PlexdevError, tarfile.TarError, IndexError):
        return "unreadable"


def settled_mark(place: ClusterFiles, container: Container) -> Mark:
    """What :func:`mark_of` gives; a node that is being made at this moment gets the time to say whose it is."""
    return poll(
        lambda: mark_of(place, container), until=lambda mark: mark != "not yet", every_s=_POLL_S, timeout_s=_LATE
    )


def is_ours(place: ClusterFiles, container: Container) -> bool:
    """Whether the node carries our labels since its creation, running or not. What cannot be read is not ours."""
    return mark_of(place, container) == "ours"


def is_half_made(place: ClusterFiles, container: Container) -> bool:
    """Whether our own note says that its creation was begun by a process that is gone, and never ended."""
    note = place.creation()
    if note is None or note.cluster != place.name or note.creator.is_alive:
        return False
    # Nobody else made a node like it within the same moment.
    return is_ours(place, container) or (
        container.created - note.began <= _NODE_NEEDS and _was_begun(place, note, container)
    )


def _was_begun(place: ClusterFiles, note: Creation, container: Container) -> bool:
    """Whether that creation made the node: after the note, with our label or, before kind wrote that, our port."""
    if container.created < note.began:
        return False
    mark = mark_of(place, container)
    return mark == "ours" or (mark == "not yet" and f"{API_NODE_PORT}/tcp" in container.ports)


def _end_creators(place: ClusterFiles) -> bool:
    """End every ``kind create`` for this very cluster; whether there was one."""
    creators = _creators(place)
    for creator in creators:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(creator, signal.SIGKILL)
    return bool(creators)


def _creators(place: ClusterFiles) -> list[int]:
    """Processes of ``kind create`` for this very cluster; the path of our own kubeconfig tells them."""
    words = ["create", "cluster", "--name", place.name, "--kubeconfig", str(place.kubeconfig), ""]
    wanted = b"\0".join(map(os.fsencode, words))
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            # What other programs are called with need not be text.
            if entry.name.isdigit() and wanted in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found
