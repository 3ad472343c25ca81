"""The ``kubernetes`` package's client, for tests: bound to one stack's context, whatever a shell says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_plexdev.core.extras import CLUSTER_EXTRA
from pytest_plexdev.errors import EXTRA_MISSING, PlexdevError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

    from pytest_plexdev.core.model import Cluster


def api_client(cluster: Cluster) -> ApiClient:
    """A client of that cluster, from our own kubeconfig; ``KUBECONFIG`` and the user's file are not read.

    Raises:
        PlexdevError: ``extra-missing``.
    """
    try:
        from kubernetes import client, config  # 340 to 580 ms: only a test that asks for it pays them
    except ModuleNotFoundError as error:
        raise PlexdevError(EXTRA_MISSING, extra=CLUSTER_EXTRA, package=error.name) from None
    configuration = client.Configuration()
    config.load_kube_config(  # type: ignore[no-untyped-call]  # it has no types
        str(cluster.kubeconfig), cluster.context, client_configuration=configuration, persist_config=False
    )
    # A proxy of the environment does not know this machine's own addresses.
    configuration.proxy = None
    return client.ApiClient(configuration)
