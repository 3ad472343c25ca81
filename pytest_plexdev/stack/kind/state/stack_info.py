"""A stack in a kind cluster as data."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pytest_plexdev.core.model import Cluster, Endpoints, Phase, Service, StackInfo
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.pods import NAME_LABEL
from pytest_plexdev.kube.resources import DEPLOYMENT, JOB, STATEFUL_SET, KubeObject
from pytest_plexdev.stack.kind.cluster.files import ClusterFiles
from pytest_plexdev.stack.kind.constants import GATEWAY_NAMESPACE, NAMESPACE, WARM_CLUSTER
from pytest_plexdev.stack.kind.state.endpoints import REFERENCE_COMMIT
from pytest_plexdev.stack.kind.state.ownership import Ready

LEFT_OUT: Final = ("OpenBao", "SeaweedFS", "Mimir", "Loki", "Crossplane", "External Secrets", "plexd")
"""Services of the product's dev stack that ours has no manifests for."""
_WORKLOADS: Final = frozenset({"Deployment", "StatefulSet", "Job"})


def stack_info(
    place: ClusterFiles,
    access: Access,
    ready: Ready,
    *,
    owned: bool,
    version: Mapping[str, Any],
    phases: Sequence[Phase] = (),
) -> StackInfo:
    """Put together what is known of a stack.

    Args:
        version: What its API says of itself.
    """
    reference = version.get("commit") == REFERENCE_COMMIT
    return StackInfo(
        provider="kind",
        id="warm" if place.name == WARM_CLUSTER else place.name,
        directory=place.directory,
        endpoints=Endpoints(api=ready.addresses.api, issuer=ready.addresses.issuer),
        started_at=ready.at,
        services=ready.services,
        left_out=LEFT_OUT if owned else (),
        phases=tuple(phases),
        tenants=ready.tenants,
        # What looks behind the contract knows the reference plane's tables, and no other's.
        capabilities=frozenset({"age-heartbeat"} if reference else ()),
        cluster=Cluster(
            name=place.name, context=access.context, kubeconfig=access.kubeconfig, namespace=NAMESPACE, owned=owned
        ),
    )


def services_of(objects: Iterable[KubeObject]) -> tuple[Service, ...]:
    """The services that manifests run, each with its image's reference for a version."""
    return tuple(_service(each) for each in objects if each["kind"] in _WORKLOADS)


def services_in(client: KubeClient) -> tuple[Service, ...]:
    """The services of a cluster that has no mark of a whole stack: somebody else filled it, or a bring-up failed."""
    places = itertools.product((NAMESPACE, GATEWAY_NAMESPACE), (STATEFUL_SET, DEPLOYMENT, JOB))
    listings = (client.list(resource, namespace)["items"] for namespace, resource in places)
    return tuple(_service(each) for listing in listings for each in listing)


def _service(workload: KubeObject) -> Service:
    meta = workload["metadata"]
    name = (meta.get("labels") or {}).get(NAME_LABEL, meta["name"])
    return Service(name=name, version=workload["spec"]["template"]["spec"]["containers"][0]["image"])
