"""Attach to the warm cluster ``kind-plexsphere``, whoever created it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_plexdev.errors import PROFILE_DRIFTED, PlexdevError
from pytest_plexdev.errors.cluster import (
    API_SILENT,
    CLUSTER_UNREACHABLE,
    DRIFT_FIX,
    DRIFTED,
)
from pytest_plexdev.stack.kind.constants import NAMESPACE, WARM_CLUSTER
from pytest_plexdev.stack.kind.settings import Addresses, warm_directory
from pytest_plexdev.stack.kind.warm.kubeconfigs import candidates

if TYPE_CHECKING:
    from pytest_plexdev.core.model import StackInfo
    from pytest_plexdev.core.progress import Progress
    from pytest_plexdev.core.provider_parts import Found
    from pytest_plexdev.kube import Access, KubeClient
    from pytest_plexdev.stack.kind.settings import KindSettings

_ANSWERS: Final = 2.0
_FROZEN_S: Final = 0.5
"""Seconds without an answer after which the node may be paused, and Docker is asked."""


def find(state: Path | None = None, *, name: str = WARM_CLUSTER) -> StackInfo | None:
    """Find the stack of the warm cluster by files and sockets; ``None`` without one. Applies nothing.

    Raises:
        PlexdevError: ``not-loopback``: the context exists and its API server is not on this machine;
            ``api-silent``: the cluster exists and the stack's API does not answer.
    """
    return _first(state, name, _version)


def find_silent_too(state: Path | None = None, *, name: str = WARM_CLUSTER) -> StackInfo | None:
    """Like :func:`find`, but the stack's API need not answer.

    Raises:
        PlexdevError: ``not-loopback``; ``api-silent``: the cluster exists and contains no stack.
    """
    return _first(state, name, _skip_version)


def _first(state: Path | None, name: str, ask: Callable[[str], Mapping[str, Any]]) -> StackInfo | None:
    directory = warm_directory(state, name)
    found = (_look_at(access, name, directory, ask) for access in usable_accesses(directory, name))
    return next((info for info in found if info is not None), None)


def usable_accesses(directory: Path, name: str) -> Iterator[Access]:
    """Yield :func:`~pytest_plexdev.stack.kind.warm.kubeconfigs.candidates`, except those of a paused node.

    Raises:
        PlexdevError: ``kubeconfig-unusable``, ``not-loopback``.
    """
    return (access for access in candidates(directory, name) if not _is_paused(name, access))


def _is_paused(name: str, access: Access) -> bool:
    """Whether an API server that accepts connections does not answer because its node is paused.

    Docker is asked only if it does not answer: a healthy one answers sooner than Docker does.
    """
    from pytest_plexdev.stack.kind.state import endpoints

    if endpoints.probe_tls(access, patience=_FROZEN_S) != "silent":
        return False
    from pytest_plexdev.stack.kind.warm.node_status import container_is_paused

    return container_is_paused(name)


def _version(api: str) -> Mapping[str, Any]:
    from pytest_plexdev.stack.kind.state import endpoints

    return endpoints.version(api, patience=_ANSWERS)


def _skip_version(_: str) -> Mapping[str, Any]:
    return {}


def attach(settings: KindSettings, progress: Progress) -> StackInfo | None:
    """Find the stack and apply ``settings.on_drift`` if it is ours and its fingerprint differs.

    Waits for another process that brings the cluster up or deletes it.

    Raises:
        PlexdevError: ``drifted``, with ``on_drift="fail"``; ``profile-drifted``; ``service-not-ready``: its API
            answers, and its node, DNS or kube-proxy is not ready; ``cluster-busy``; what :func:`find` raises.
    """
    _wait_for_others(settings, progress)
    info = find(settings.state, name=settings.name)
    if info is None:
        return None
    from pytest_plexdev.core.cancellation import spawn
    from pytest_plexdev.stack.kind.warm.attach_preflight import health_error

    # In parallel to the drift, which reads files: attaching has 300 ms.
    unhealthy = spawn(partial(health_error, info))
    differ = drift(settings, info) if settings.on_drift != "ignore" else []
    if differ and not settings.keeps_profile:
        _refuse_other_profile(settings, info)
    if differ and settings.on_drift == "fail":
        raise PlexdevError(DRIFTED, name=settings.name, inputs=", ".join(differ), fix=DRIFT_FIX)
    if differ:
        from pytest_plexdev.stack.kind.warm.up import bring_up

        return bring_up(settings, progress)[0]
    if (error := unhealthy.result()) is not None:
        raise error
    return info


def _refuse_other_profile(settings: KindSettings, info: StackInfo) -> None:
    """Raise ``profile-drifted`` for a profile that was asked for and may not be applied, or cannot."""
    if settings.would_shrink(info.profile):
        why = "applying the smaller profile removes no service"
        fix = "plexdev up --stack kind --profile lean --prune"
    elif info.profile != settings.profile and settings.on_drift == "fail":
        why, fix = "--plexdev-on-drift=fail is set or the default", "add its services: --plexdev-on-drift=apply"
    else:
        return
    raise PlexdevError(
        PROFILE_DRIFTED, provider="kind", current=info.profile, wanted=settings.profile, why=why, fix=fix
    )


def find_and_resolve_drift(settings: KindSettings, progress: Progress) -> Found | None:
    """What :func:`attach` returns, with the drift that ``on_drift="ignore"`` leaves."""
    from pytest_plexdev.core.provider_parts import Found

    info = attach(settings, progress)
    if info is None:
        return None
    return Found(info=info, drift=tuple(drift(settings, info)) if settings.on_drift == "ignore" else ())


def _wait_for_others(settings: KindSettings, progress: Progress) -> None:
    from pytest_plexdev.stack.kind.cluster.lock import exclusive, is_held

    if is_held(settings.state):
        with exclusive(settings.state, timeout=settings.timeout, progress=progress):
            pass


def drift(settings: KindSettings, info: StackInfo) -> list[str]:
    """List the inputs that differ from what was applied; empty if the cluster is not ours."""
    from pytest_plexdev.kube import KubeClient, read_access
    from pytest_plexdev.stack.kind.state import ownership
    from pytest_plexdev.stack.kind.state.drift import differences

    assert info.cluster is not None
    access = read_access(info.cluster.kubeconfig, info.cluster.context) if info.cluster.owned else None
    if access is None:
        return []
    with KubeClient(access) as client:
        return differences(client, ownership.read_ready(client), settings)


def _look_at(access: Access, name: str, directory: Path, ask: Callable[[str], Mapping[str, Any]]) -> StackInfo | None:
    from pytest_plexdev.core.profiles import DEFAULT
    from pytest_plexdev.kube import KubeClient
    from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
    from pytest_plexdev.stack.kind.state import ownership
    from pytest_plexdev.stack.kind.state.stack_info import services_in, stack_info

    with KubeClient(access) as client:
        try:
            owned = ownership.has_our_labels(client, ClusterFiles(name, directory))
            ready = ownership.read_ready(client)
            known = ready or ownership.Ready(
                addresses=Addresses(),
                services=services_in(client),
                profile=ownership.read_profile(client, None) or DEFAULT,
            )
        except PlexdevError as error:
            if error.failure is CLUSTER_UNREACHABLE:
                # Another program listens at that port now, or the owner is unknown.
                return None
            raise
        try:
            if not known.services:
                # The stack that answers at that port is another one.
                raise ValueError(f"nothing runs in its namespace {NAMESPACE}")
            version = ask(known.addresses.api)
        except (OSError, ValueError) as error:
            detail, fix = _obstacle(client, owned=owned)
            fix = fix or ("plexdev up --stack kind" if owned else _manual_fix(client, known.addresses))
            facts = {"name": name, "url": known.addresses.api, "reason": str(error) or type(error).__name__}
            raise PlexdevError(API_SILENT, detail=detail, **facts, fix=fix) from None
    files = ClusterFiles(name, access.kubeconfig.parent)
    return stack_info(files, access, known, owned=owned, version=version)


def _obstacle(client: KubeClient, *, owned: bool) -> tuple[str, str]:
    """Find what prevents the stack's Pods from running and no bring-up repairs, with the command that does."""
    from pytest_plexdev.readiness.snapshot import bound, statuses_now
    from pytest_plexdev.stack.kind.manifests.inventory import objects_of_stack
    from pytest_plexdev.stack.kind.required_parts import health_of

    try:
        found = statuses_now(client, objects_of_stack(client, owned=owned), health=health_of(owned=owned))
    except PlexdevError:
        return "", ""
    first = next((each for each in found if each.state != "ready" and each.deepest.is_obstacle), None)
    if first is None:
        return "", ""
    verdict = bound(client, first.verdict(time.time()))
    return f"{verdict.name} is {verdict.state}: {verdict.reason}", verdict.hint


def _manual_fix(client: KubeClient, addresses: Addresses) -> str:
    """The command for a silent API on a cluster of somebody else, which `plexdev up` does not change."""
    from pytest_plexdev.stack.kind.cluster.node_ports import lost_node_ports
    from pytest_plexdev.stack.kind.state import endpoints
    from pytest_plexdev.stack.kind.warm.node_status import restart_fix

    try:
        wrong = lost_node_ports(client)
    except PlexdevError:
        wrong = []
    if wrong:
        return " && ".join(each.command(client) for each in wrong)
    return restart_fix(WARM_CLUSTER) if endpoints.refuses(addresses.api_port) else client.command("get", "pods")
