"""Follow a log, as ``kubectl logs -f`` does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING

import httpx

from pytest_plexdev.errors import NO_SUCH_LOG, PlexdevError
from pytest_plexdev.kube.client import KubeClient
from pytest_plexdev.kube.kubeconfig import read_access
from pytest_plexdev.kube.pods import newest_pod
from pytest_plexdev.kube.resources import POD, KubeObject

if TYPE_CHECKING:
    from pytest_plexdev.core.model import Cluster


def follow(cluster: Cluster, service: str, to: IO[bytes], namespaces: Iterable[str]) -> None:
    """Copy the log of the main container of a service's newest Pod, from its start until it ends.

    Args:
        to: Receives the log.
        namespaces: The namespaces to search for the Pod, in order.

    Raises:
        PlexdevError: ``no-such-log``: the service has no Pod; ``cluster-unreachable``.
    """
    access = read_access(cluster.kubeconfig, cluster.context)
    assert access is not None, "our own file has our context"
    with KubeClient(access) as client:
        pod = newest_pod(client, service, namespaces)
        if pod is None:
            raise PlexdevError(NO_SUCH_LOG, service=service, known="no Pod of it", example="plexsphere")
        asyncio.run(_follow(client, pod, to))


async def _follow(client: KubeClient, pod: KubeObject, to: IO[bytes]) -> None:
    path = POD.path(pod["metadata"]["namespace"], pod["metadata"]["name"]) + "/log"
    query = {"container": pod["spec"]["containers"][0]["name"], "follow": "true"}
    try:
        async with client.stream() as http, http.stream("GET", path, params=query) as answer:
            answer.raise_for_status()
            async for chunk in answer.aiter_bytes():
                to.write(chunk)
                to.flush()
    except httpx.HTTPError as error:
        raise client.unreachable(str(error) or type(error).__name__) from None
