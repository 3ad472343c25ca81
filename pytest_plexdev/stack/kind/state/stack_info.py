"""Build the :class:`StackInfo` of a stack on a kind cluster."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pytest_plexdev.core.model import Cluster, Endpoints, Phase, Service, StackInfo
from pytest_plexdev.core.profiles import ON_REQUEST, left_out
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.pods import NAME_LABEL
from pytest_plexdev.kube.resources import DEPLOYMENT, JOB, STATEFUL_SET, KubeObject
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.constants import GATEWAY_NAMESPACE, NAMESPACE, WARM_CLUSTER
from pytest_plexdev.stack.kind.state.endpoints import REFERENCE_COMMIT
from pytest_plexdev.stack.kind.state.ownership import Ready

_WORKLOADS: Final = frozenset({"Deployment", "StatefulSet", "Job"})


def stack_info(
    files: ClusterFiles,
    access: Access,
    ready: Ready,
    *,
    owned: bool,
    version: Mapping[str, Any],
    phases: Sequence[Phase] = (),
) -> StackInfo:
    """Build the description of a stack.

    Args:
        owned: Whether plexdev created the cluster.
        version: The answer of ``/v1/version``.
    """
    reference = version.get("commit") == REFERENCE_COMMIT
    return StackInfo(
        provider="kind",
        id="warm" if files.name == WARM_CLUSTER else files.name,
        directory=files.directory,
        endpoints=Endpoints(api=ready.addresses.api, issuer=ready.addresses.issuer),
        started_at=ready.at,
        services=ready.services,
        profile=ready.profile if owned else None,
        left_out=left_out(ready.profile, {each.name for each in ready.services}) if owned else (),
        phases=tuple(phases),
        tenants=ready.tenants,
        # Tests that bypass the contract know the tables of the reference plane only.
        capabilities=frozenset({"age-heartbeat"} if reference else ()),
        cluster=Cluster(
            name=files.name, context=access.context, kubeconfig=access.kubeconfig, namespace=NAMESPACE, owned=owned
        ),
    )


def services_of(objects: Iterable[KubeObject]) -> tuple[Service, ...]:
    """The services in rendered manifests. A service's version is its image reference."""
    return tuple(_service(each) for each in objects if each["kind"] in _WORKLOADS)


def services_on_request(client: KubeClient) -> tuple[Service, ...]:
    """The services that ``plexdev up SERVICE`` added, which no manifest of a profile has."""
    found = (client.get(DEPLOYMENT, name, NAMESPACE) for name in ON_REQUEST)
    return tuple(_service(each) for each in found if each is not None)


def services_in(client: KubeClient) -> tuple[Service, ...]:
    """The services found in a cluster without a ready mark: one that is not ours, or whose bring-up failed."""
    places = itertools.product((NAMESPACE, GATEWAY_NAMESPACE), (STATEFUL_SET, DEPLOYMENT, JOB))
    listings = (client.list(resource, namespace)["items"] for namespace, resource in places)
    return tuple(_service(each) for listing in listings for each in listing)


def _service(workload: KubeObject) -> Service:
    meta = workload["metadata"]
    name = (meta.get("labels") or {}).get(NAME_LABEL, meta["name"])
    return Service(name=name, version=workload["spec"]["template"]["spec"]["containers"][0]["image"])
