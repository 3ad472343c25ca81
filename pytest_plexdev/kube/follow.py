"""Follow logs, as ``kubectl logs -f`` does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import httpx

from pytest_plexdev.errors import NO_SUCH_LOG, PlexdevError
from pytest_plexdev.kube.client import KubeClient
from pytest_plexdev.kube.kubeconfig import read_access
from pytest_plexdev.kube.pods import newest_pod
from pytest_plexdev.kube.resources import POD, KubeObject

if TYPE_CHECKING:
    from pytest_plexdev.core.model import Cluster
    from pytest_plexdev.core.provider_parts import LogWriter


def follow(
    cluster: Cluster,
    services: Sequence[str],
    write: LogWriter,
    namespaces: Iterable[str],
    *,
    seconds: float | None = None,
    lines: int | None = None,
) -> None:
    """Copy the logs of the main containers of services' newest Pods until all of them end.

    Args:
        write: Receives the logs.
        namespaces: The namespaces to search for the Pods, in order.
        seconds: Begin with the last seconds; by default with the start.
        lines: Begin with the last lines.

    Raises:
        PlexdevError: ``no-such-log``: none of the services has a Pod; ``cluster-unreachable``.
    """
    access = read_access(cluster.kubeconfig, cluster.context)
    assert access is not None, "our own file has our context"
    query = {} if seconds is None else {"sinceSeconds": str(int(seconds) + 1)}
    query |= {} if lines is None else {"tailLines": str(lines)}
    places = tuple(namespaces)
    with KubeClient(access) as client:
        pods = {service: newest_pod(client, service, places) for service in services}
        found = {service: pod for service, pod in pods.items() if pod is not None}
        if not found:
            raise PlexdevError(NO_SUCH_LOG, service=", ".join(services), known="no Pod of it", example="plexsphere")
        asyncio.run(_follow_all(client, found, write, query))


async def _follow_all(client: KubeClient, pods: dict[str, KubeObject], write: LogWriter, query: dict[str, str]) -> None:
    async with client.stream() as http:
        await asyncio.gather(*(_follow(client, http, name, pod, write, query) for name, pod in pods.items()))


async def _follow(
    client: KubeClient, http: httpx.AsyncClient, service: str, pod: KubeObject, write: LogWriter, query: dict[str, str]
) -> None:
    path = POD.path(pod["metadata"]["namespace"], pod["metadata"]["name"]) + "/log"
    query = {**query, "container": pod["spec"]["containers"][0]["name"], "follow": "true"}
    try:
        async with http.stream("GET", path, params=query) as answer:
            answer.raise_for_status()
            async for chunk in answer.aiter_bytes():
                write(service, chunk)
    except httpx.HTTPError as error:
        raise client.unreachable(str(error) or type(error).__name__) from None
