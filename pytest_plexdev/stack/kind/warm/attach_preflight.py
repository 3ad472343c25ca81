"""Check before attaching that the cluster is healthy; a healthy one costs a few milliseconds."""

from __future__ import annotations

import contextlib

from pytest_plexdev.core.model import StackInfo, Verdict
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import SERVICE_NOT_READY
from pytest_plexdev.kube import KubeClient, read_access
from pytest_plexdev.readiness.health_fast_path import is_plainly_healthy


def health_error(info: StackInfo) -> PlexdevError | None:
    """The error of a cluster that is unhealthy though the stack's API answers; ``None`` if healthy or unknown.

    A state that may end by itself is no error.
    """
    doomed = [each for each in _verdicts(info) if each.state == "doomed"]
    if not doomed:
        return None
    first, *others = doomed
    return PlexdevError(
        SERVICE_NOT_READY,
        detail="\n".join(f"{each.name} is {each.state}: {each.reason}" for each in others),
        service=first.name,
        state=first.state,
        reason=first.headline,
        fix=first.hint,
    )


def _verdicts(info: StackInfo) -> list[Verdict]:
    assert info.cluster is not None
    # If the check is impossible, the run itself reports the cause.
    with contextlib.suppress(PlexdevError):
        access = read_access(info.cluster.kubeconfig, info.cluster.context)
        if access is not None:
            with KubeClient(access) as client:
                return [] if is_plainly_healthy(client) else _all_verdicts(client, owned=info.cluster.owned)
    return []


def _all_verdicts(client: KubeClient, *, owned: bool) -> list[Verdict]:
    from pytest_plexdev.readiness.snapshot import verdicts_now
    from pytest_plexdev.stack.kind.required_parts import health_of

    return verdicts_now(client, (), health=health_of(owned=owned))
