"""Bring the warm cluster up from any state, and take it down if it is ours."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pytest_plexdev.core.cancellation import fail_after
from pytest_plexdev.core.model import STACK_FILE, Progress, StackInfo
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import API_SILENT, CLUSTER_UNREACHABLE, DRIFTED, FOREIGN_CLUSTER, NOT_LOOPBACK
from pytest_plexdev.errors.node import ENGINE_ELSEWHERE, NODE_NAME_TAKEN, NODE_UNMARKED
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.stack.kind.bring_up.failure import with_diagnosis
from pytest_plexdev.stack.kind.bring_up.orchestrate import BringUp
from pytest_plexdev.stack.kind.cluster import create, prerequisites
from pytest_plexdev.stack.kind.cluster.files import ClusterFiles
from pytest_plexdev.stack.kind.cluster.lock import exclusive, is_held
from pytest_plexdev.stack.kind.cluster.node_container import (
    API_SERVER,
    CONFIGURATION,
    NodeContainer,
    find_container,
    find_node,
    start_kubelet,
)
from pytest_plexdev.stack.kind.cluster.node_ports import put_back_node_ports
from pytest_plexdev.stack.kind.settings import KindSettings, warm_directory
from pytest_plexdev.stack.kind.state import fingerprint, ownership
from pytest_plexdev.stack.kind.state.drift import differences
from pytest_plexdev.stack.kind.warm import node_restart
from pytest_plexdev.stack.kind.warm.edited import edits_in_the_way
from pytest_plexdev.stack.kind.warm.node_status import ANEW, node_problem
from pytest_plexdev.stack.kind.warm.start_node import wake

_PRUNE: Final = "disk space that images took comes back with: docker builder prune -f && docker image prune -f"
_LEAST: Final = 1.0
"""Minimum seconds of a bring-up that waited for another process, which may have done all the work."""


def bring_up(settings: KindSettings, progress: Progress) -> tuple[StackInfo, list[str]]:
    """See :func:`warm.bring_up`."""
    place = _place(settings)
    prerequisites.check(progress)
    began = time.monotonic()
    with exclusive(settings.state, timeout=settings.timeout, progress=progress):
        settings = replace(settings, timeout=max(_LEAST, settings.timeout - (time.monotonic() - began)))
        return _held(settings, place, progress)


def _held(settings: KindSettings, place: ClusterFiles, progress: Progress) -> tuple[StackInfo, list[str]]:
    place.mark()
    with with_diagnosis(settings, place), fail_after(settings.timeout):
        work = BringUp(settings, place, progress)
        if create.remove_half_made(place):
            work.did.append(f"cluster {settings.name}: an incomplete one that a killed process left was removed")
        container = find_node(settings.name)
        if container is None:
            _refuse_where_kind_would_fail(place)
            info = work.on_a_new_cluster()
        else:
            with _silence_explained():
                info = _on_whatever_start(container, place, settings, work)
        info.write(place.directory / STACK_FILE)
    return info, work.did


def _refuse_where_kind_would_fail(place: ClusterFiles) -> None:
    """Refuse before anything is created: the node's name is taken, or the node belongs to another engine.

    Raises:
        PlexdevError: ``node-name-taken``, ``engine-elsewhere``.
    """
    problem = node_problem(place)
    if problem is not None and problem.failure in {NODE_NAME_TAKEN, ENGINE_ELSEWHERE}:
        raise problem.error


@contextlib.contextmanager
def _silence_explained() -> Iterator[None]:
    """Name the next step in the error of a stack that stays silent after `up` repaired what it can."""
    try:
        yield
    except PlexdevError as error:
        if error.failure is not API_SILENT:
            raise
        fix = f"plexdev up --stack kind --reapply; if the error persists: {ANEW}"
        raise error.changed(fix=fix) from None


def take_down(settings: KindSettings, *, force: bool, progress: Progress) -> list[str]:
    """See :func:`warm.take_down`."""
    place = _place(settings)
    if is_held(settings.state):
        # Report an engine that does not answer before waiting for another process.
        find_container(settings.name)
    with exclusive(settings.state, timeout=settings.timeout, progress=progress):
        was_half_made = create.remove_half_made(place)
        container = find_node(settings.name)
        if container is None and not was_half_made:
            _remove_files(place)
            return [f"plexdev: nothing to delete: there is no kind cluster {settings.name}", _PRUNE]
        if container is not None:
            # The ConfigMap is no proof: piping `plexdev manifests` into any cluster creates it.
            if not force and (whose := _whose(place, container)):
                return [_preserved(settings.name, whose), _PRUNE]
            create.delete(place)
        _remove_files(place)
    return [f"plexdev: the kind cluster {settings.name} is deleted", _PRUNE]


def _remove_files(place: ClusterFiles) -> None:
    if place.directory.is_dir():
        # Its place proves that it is this user's. An earlier version wrote no mark, or the mark is damaged.
        place.mark()
        place.remove()


def _on_whatever_start(
    container: NodeContainer, place: ClusterFiles, settings: KindSettings, work: BringUp
) -> StackInfo:
    """Like :func:`_on`, but try again if the node was restarted meanwhile."""
    try:
        return _on(container, place, settings, work)
    except PlexdevError as error:
        now = find_node(settings.name) if error.failure is CLUSTER_UNREACHABLE else None
        if now is None or (now.running and now.started == container.started):
            raise
    return _on(now, place, settings, work)


def _on(container: NodeContainer, place: ClusterFiles, settings: KindSettings, work: BringUp) -> StackInfo:
    if whose := _whose(place, container):
        raise PlexdevError(FOREIGN_CLUSTER, name=settings.name, whose=whose, use=_used_as_it_is(container))
    woken = wake(container)
    work.did.extend(f"cluster {settings.name}: {what}" for what in woken)
    access = _access(place, container)
    with KubeClient(access) as client:
        comes_back = _recover(container, client, work, woken=bool(woken))
        if start_kubelet(container):
            work.did.append(f"cluster {settings.name}: the kubelet of {container.name} did not run, started")
            comes_back = True
        # Before waiting for Pods: nothing would report why they do not start on a node that is not ready.
        work.context.wait_until_ready(client, [ObjectRef("Node", container.name)])
        work.did.extend(put_back_node_ports(client))
        ready = ownership.read_ready(client)
        addresses = container.addresses
        if comes_back and ready is not None:
            # Until the kubelet reports, the status of Pods is from before the stop.
            work.context.wait_until_answering(addresses)
        differ = differences(client, ready, settings)
        edits = edits_in_the_way(client) if ready is not None else []
        work.did.extend(f"{each.name}: {each.verdict.reason}" for each in edits)
        if ready is not None and not (_must_apply(differ, settings, work) or edits):
            return work.verify(client, ready)
        if not woken:
            work.did.append(f"cluster {settings.name}: exists already")
        return work.on_an_existing_cluster(client, addresses, ready)


def _recover(container: NodeContainer, client: KubeClient, work: BringUp, *, woken: bool) -> bool:
    """Wait for a node that was started recently, by us or somebody else; return whether it was.

    Raises:
        PlexdevError: ``node-not-back``.
    """
    context, cluster_name = work.context, f"cluster {work.context.files.name}"
    if woken or not node_restart.answers(client):
        context.report_wait(cluster_name, f"waiting for the API server of {container.name}, which is starting")
        node_restart.wait_for_api_server(client, container, timeout=context.remaining_s())
    elif not node_restart.was_restarted_lately(container):
        return False
    now = find_node(context.files.name) or container
    if node_restart.was_restarted_lately(now):
        context.report_wait(cluster_name, "its node was started again: waiting for its network and its Pods")
        if replaced := node_restart.replace_early_pods(client, now, timeout=context.remaining_s()):
            work.did.append(f"{cluster_name}: replaced, because they started before its network: {', '.join(replaced)}")
    return True


def _must_apply(differ: list[str], settings: KindSettings, work: BringUp) -> bool:
    """Whether something has to be applied. Adds to the work's log what differs.

    Raises:
        PlexdevError: ``drifted``.
    """
    if differ:
        work.did.append(f"differs from what was applied: {', '.join(differ)}")
    if kept := [name for name in differ if name in fingerprint.CREATION_INPUTS]:
        unchanged = f"{' and '.join(kept)}: a cluster keeps what it was created with"
        work.did.append(f"{unchanged}; for another one: plexdev down --stack kind && plexdev up --stack kind")
    if differ and settings.on_drift == "fail":
        raise PlexdevError(DRIFTED, name=settings.name, inputs=", ".join(differ))
    applicable = [name for name in differ if name not in fingerprint.CREATION_INPUTS]
    return settings.reapply or bool(applicable and settings.on_drift == "apply")


def _access(place: ClusterFiles, container: NodeContainer) -> Access:
    access = place.usable_access()
    if access is None or access.port != container.ports.get(API_SERVER):
        access = place.fetch_access()
    if not access.is_loopback:
        raise PlexdevError(NOT_LOOPBACK, context=access.context, path=access.kubeconfig, server=access.server)
    return access


def _place(settings: KindSettings) -> ClusterFiles:
    return ClusterFiles(settings.name, warm_directory(settings.state, settings.name))


def _whose(place: ClusterFiles, container: NodeContainer) -> str:
    """Describe who created the cluster; empty if it is ours.

    Raises:
        PlexdevError: ``node-unmarked``: that is unknown, which does not mean somebody else.
    """
    mark = create.settled_mark(place, container)
    if mark == "ours":
        return ""
    if mark == "elsewhere":
        return "was created by hand, or by plexdev with another state directory (PLEXDEV_STATE_DIR)"
    if mark == "none":
        return "was not created by plexdev"
    if mark == "not yet":
        reason = "kind has not written its labels: the cluster is being created, or its creation was killed"
        fix = f"run it again; if the creation was killed: kind delete cluster --name {place.name}"
    else:
        reason = "its labels name the owner, but Docker could not read them"
        fix = f"run it again; docker cp {container.name}:{CONFIGURATION} - shows why they cannot be read"
    raise PlexdevError(NODE_UNMARKED, node=container.name, name=place.name, reason=reason, fix=fix)


def _used_as_it_is(container: NodeContainer) -> str:
    if container.paused:
        return f"docker unpause {container.name} && pytest --dev-stack"
    if not container.running:
        return f"docker start {container.name} && pytest --dev-stack"
    return "pytest --dev-stack"


def _preserved(name: str, whose: str) -> str:
    return (
        f"plexdev[{FOREIGN_CLUSTER.tag}]: the kind cluster {name} {whose}, so it is preserved\n"
        "  fix: DEV_FORCE_DOWN=1 plexdev down --stack kind deletes it anyway"
    )
