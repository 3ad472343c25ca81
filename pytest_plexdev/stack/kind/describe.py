"""A stack in a kind cluster as data."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.client import Object
from pytest_plexdev.kube.resources import DEPLOYMENT, JOB, STATEFUL_SET
from pytest_plexdev.stack.kind.answers import REFERENCE_COMMIT
from pytest_plexdev.stack.kind.names import NAMESPACE, WARM_CLUSTER
from pytest_plexdev.stack.kind.settings import Addresses
from pytest_plexdev.stack.model import Cluster, Endpoints, Phase, SeededTenant, Service, StackInfo

LEFT_OUT: Final = ("OpenBao", "SeaweedFS", "Mimir", "Loki", "Crossplane", "External Secrets", "plexd")
"""Services of the product's dev stack that ours has no manifests for."""
_WORKLOADS: Final = frozenset({"Deployment", "StatefulSet", "Job"})
_NAME_LABEL: Final = "app.kubernetes.io/name"


def stack_info(
    access: Access,
    addresses: Addresses,
    *,
    name: str,
    directory: Path,
    owned: bool,
    version: Any,
    tenants: Sequence[SeededTenant] = (),
    services: Sequence[Service] = (),
    phases: Sequence[Phase] = (),
    started_at: float | None = None,
) -> StackInfo:
    """Put together what is known of a stack.

    Args:
        version: What its API says of itself.
    """
    reference = version.get("commit") == REFERENCE_COMMIT
    return StackInfo(
        provider="kind",
        id="warm" if name == WARM_CLUSTER else name,
        directory=directory,
        endpoints=Endpoints(api=addresses.api, issuer=addresses.issuer),
        started_at=time.time() if started_at is None else started_at,
        services=tuple(services),
        left_out=LEFT_OUT if owned else (),
        phases=tuple(phases),
        tenants=tuple(tenants),
        # What looks behind the contract knows the reference plane's tables, and no other's.
        capabilities=frozenset({"age-heartbeat"} if reference else ()),
        cluster=Cluster(
            name=name, context=access.context, kubeconfig=access.kubeconfig, namespace=NAMESPACE, owned=owned
        ),
    )


def services_of(objects: Iterable[Object]) -> tuple[Service, ...]:
    """The services that manifests run, each with its image's reference for a version."""
    return tuple(_service(each) for each in objects if each["kind"] in _WORKLOADS)


def services_in(client: KubeClient) -> tuple[Service, ...]:
    """The services of a cluster that somebody else filled."""
    listings = (client.list(resource, NAMESPACE)["items"] for resource in (STATEFUL_SET, DEPLOYMENT, JOB))
    return tuple(_service(each) for listing in listings for each in listing)


def _service(workload: Object) -> Service:
    meta = workload["metadata"]
    name = (meta.get("labels") or {}).get(_NAME_LABEL, meta["name"])
    return Service(name=name, version=workload["spec"]["template"]["spec"]["containers"][0]["image"])
