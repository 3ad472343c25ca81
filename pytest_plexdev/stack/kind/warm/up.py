"""Bring the warm cluster up from any state."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace

from pytest_plexdev.core.cancellation import MINIMUM_S, fail_after, remaining_s
from pytest_plexdev.core.model import STACK_FILE, Profile, StackInfo
from pytest_plexdev.core.profiles import FURTHER_SERVICES
from pytest_plexdev.core.progress import Progress
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import (
    API_SILENT,
    CLUSTER_UNREACHABLE,
    DRIFT_FIX,
    DRIFTED,
    FOREIGN_CLUSTER,
    NOT_LOOPBACK,
)
from pytest_plexdev.errors.node import ENGINE_ELSEWHERE, NODE_NAME_TAKEN
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.stack.kind.bring_up.failure import with_diagnosis
from pytest_plexdev.stack.kind.bring_up.orchestrate import BringUp
from pytest_plexdev.stack.kind.cluster import create, prerequisites
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.cluster.lock import exclusive
from pytest_plexdev.stack.kind.cluster.node_container import (
    API_SERVER,
    NodeContainer,
    find_node,
    start_kubelet,
)
from pytest_plexdev.stack.kind.cluster.node_ports import restore_node_ports
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.stack.kind.state import fingerprint, ownership
from pytest_plexdev.stack.kind.state.drift import differences
from pytest_plexdev.stack.kind.warm import node_restart
from pytest_plexdev.stack.kind.warm.manual_changes import changes_to_revert
from pytest_plexdev.stack.kind.warm.node_status import ANEW, node_problem
from pytest_plexdev.stack.kind.warm.owner import describe_owner, files_of
from pytest_plexdev.stack.kind.warm.start_node import ensure_running


def bring_up(settings: KindSettings, progress: Progress) -> tuple[StackInfo, list[str]]:
    """Bring the warm cluster up. Returns the stack, and lines for the user: what was done and what was skipped.

    Raises:
        PlexdevError: ``foreign-cluster``: plexdev did not create it; any error of a bring-up.
    """
    files = files_of(settings)
    prerequisites.check(progress)
    began = time.monotonic()
    with exclusive(settings.state, timeout=settings.timeout, progress=progress):
        settings = replace(settings, timeout=max(MINIMUM_S, settings.timeout - (time.monotonic() - began)))
        return _bring_up_locked(settings, files, progress)


def _bring_up_locked(settings: KindSettings, files: ClusterFiles, progress: Progress) -> tuple[StackInfo, list[str]]:
    files.mark()
    with with_diagnosis(settings, files), fail_after(settings.timeout):
        work = BringUp(settings, files, progress)
        if create.remove_half_made(files):
            work.did.append(f"cluster {settings.name}: an incomplete one that a killed process left was removed")
        container = find_node(settings.name)
        if container is None:
            _refuse_blocked_creation(files)
            info = work.on_a_new_cluster()
        else:
            with _with_next_step():
                info = _retry_after_restart(container, files, settings, work)
        info.write(files.directory / STACK_FILE)
    return info, work.did


def _refuse_blocked_creation(files: ClusterFiles) -> None:
    """Refuse before anything is created: the node's name is taken, or the node belongs to another engine.

    Raises:
        PlexdevError: ``node-name-taken``, ``engine-elsewhere``.
    """
    problem = node_problem(files)
    if problem is not None and problem.failure in {NODE_NAME_TAKEN, ENGINE_ELSEWHERE}:
        raise problem.error


@contextlib.contextmanager
def _with_next_step() -> Iterator[None]:
    """Name the next step in the error of a stack that stays silent after `up` repaired what it can."""
    try:
        yield
    except PlexdevError as error:
        if error.failure is not API_SILENT:
            raise
        fix = f"plexdev up --stack kind --reapply; if the error persists: {ANEW}"
        raise error.changed(fix=fix) from None


def _retry_after_restart(
    container: NodeContainer, files: ClusterFiles, settings: KindSettings, work: BringUp
) -> StackInfo:
    """Like :func:`_bring_up_node`, but try again if the node was restarted meanwhile."""
    try:
        return _bring_up_node(container, files, settings, work)
    except PlexdevError as error:
        now = find_node(settings.name) if error.failure is CLUSTER_UNREACHABLE else None
        if now is None or (now.running and now.started == container.started):
            raise
    return _bring_up_node(now, files, settings, work)


def _bring_up_node(container: NodeContainer, files: ClusterFiles, settings: KindSettings, work: BringUp) -> StackInfo:
    if whose := describe_owner(files, container):
        raise PlexdevError(FOREIGN_CLUSTER, name=settings.name, whose=whose, use=_attach_command(container))
    repairs = ensure_running(container)
    work.did.extend(f"cluster {settings.name}: {what}" for what in repairs)
    access = _access(files, container)
    with KubeClient(access) as client:
        was_started = _recover(container, client, work, was_repaired=bool(repairs))
        if start_kubelet(container):
            work.did.append(f"cluster {settings.name}: the kubelet of {container.name} did not run, started")
            was_started = True
        # Before waiting for Pods: nothing would report why they do not start on a node that is not ready.
        work.context.wait_until_ready(client, [ObjectRef("Node", container.name)])
        work.did.extend(restore_node_ports(client))
        ready = ownership.read_ready(client)
        settings = _settle_profile(settings, ownership.read_profile(client, ready), work)
        addresses = container.addresses
        if was_started and ready is not None:
            # Until the kubelet reports, the status of Pods is from before the stop.
            work.context.wait_until_answering(addresses)
        differ = differences(client, ready, settings)
        changes = changes_to_revert(client)
        work.did.extend(f"{each.name}: {each.reason}" for each in changes)
        if ready is not None and not (_must_apply(differ, settings, work) or changes):
            return work.verify(client, ready)
        if not repairs:
            work.did.append(f"cluster {settings.name}: exists already")
        return work.on_an_existing_cluster(client, addresses, ready)


def _settle_profile(settings: KindSettings, current: Profile | None, work: BringUp) -> KindSettings:
    """The settings with the profile that the stack will have: a smaller one than it has needs ``--prune``."""
    settings = settings if current is None else settings.for_running(current)
    if settings.would_shrink(current) and not settings.prune:
        names = ", ".join(FURTHER_SERVICES)
        work.did.append(f"profile: stays full; plexdev up --stack kind --profile lean --prune removes {names}")
        settings = replace(settings, profile="full")
    work.use(settings)
    return settings


def _recover(container: NodeContainer, client: KubeClient, work: BringUp, *, was_repaired: bool) -> bool:
    """Wait for a node that was started recently, by this command or otherwise; return whether it was.

    Raises:
        PlexdevError: ``node-not-back``.
    """
    context, cluster_name = work.context, f"cluster {work.context.files.name}"
    if was_repaired or not node_restart.answers(client):
        context.report_wait(cluster_name, f"waiting for the API server of {container.name}, which is starting")
        node_restart.wait_for_api_server(client, container, timeout=remaining_s())
    elif not node_restart.was_restarted_lately(container):
        return False
    now = find_node(context.files.name) or container
    if node_restart.was_restarted_lately(now):
        context.report_wait(cluster_name, "its node was started again: waiting for its network and its Pods")
        if replaced := node_restart.replace_early_pods(client, now, timeout=remaining_s()):
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
        raise PlexdevError(DRIFTED, name=settings.name, inputs=", ".join(differ), fix=DRIFT_FIX)
    applicable = [name for name in differ if name not in fingerprint.CREATION_INPUTS]
    return settings.reapply or bool(applicable and settings.on_drift == "apply")


def _access(files: ClusterFiles, container: NodeContainer) -> Access:
    access = files.usable_access()
    if access is None or access.port != container.ports.get(API_SERVER):
        access = files.fetch_access()
    if not access.is_loopback:
        raise PlexdevError(NOT_LOOPBACK, context=access.context, path=access.kubeconfig, server=access.server)
    return access


def _attach_command(container: NodeContainer) -> str:
    if container.paused:
        return f"docker unpause {container.name} && pytest --dev-stack"
    if not container.running:
        return f"docker start {container.name} && pytest --dev-stack"
    return "pytest --dev-stack"
