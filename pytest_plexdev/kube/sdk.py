"""Create a client of the ``kubernetes`` package for tests, bound to the context of one stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_plexdev.core.extras import CLUSTER_EXTRA, extra_missing

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

    from pytest_plexdev.core.model import Cluster


def api_client(cluster: Cluster) -> ApiClient:
    """Create a client of the cluster from our own kubeconfig. ``KUBECONFIG`` and ``~/.kube/config`` are ignored.

    Raises:
        PlexdevError: ``extra-missing``.
    """
    try:
        from kubernetes import client, config  # takes 340 to 580 ms, so only on request
    except ModuleNotFoundError as error:
        raise extra_missing(CLUSTER_EXTRA, package=error.name) from None
    configuration = client.Configuration()
    config.load_kube_config(  # type: ignore[no-untyped-call]  # it has no types
        str(cluster.kubeconfig), cluster.context, client_configuration=configuration, persist_config=False
    )
    # A proxy from the environment cannot reach this machine's own addresses.
    configuration.proxy = None
    return client.ApiClient(configuration)
