"""Probes of a cluster: objects, health, kubelet configuration, the API server's clock, logs."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import httpx

from pytest_plexdev.core.http_date import server_time
from pytest_plexdev.doctor.facts import ClusterPart, LogLine
from pytest_plexdev.doctor.target import has_our_labels
from pytest_plexdev.kube import Access, KubeClient, Resource
from pytest_plexdev.kube.resources import CUSTOM_RESOURCE_DEFINITION, NODE, POD, KubeObject
from pytest_plexdev.masking.rule import mask
from pytest_plexdev.readiness.object_status import ObjectStatus
from pytest_plexdev.readiness.snapshot import bound, statuses_now
from pytest_plexdev.stack.kind.required_parts import health_of

_RECENT: Final = 600.0
"""Seconds after which a complaint about a token's time is ignored."""
_LINES: Final = 500
_LOGGERS: Final = ("plexsphere", "dex")
_COMPLAINT: Final = re.compile(
    r"id[_ ]token\S* (has expired|is expired|is not yet valid|issued in the future)|id_token_expired"
)


def objects(client: KubeClient, resource: Resource) -> Sequence[KubeObject]:
    """List all objects of a kind, in all namespaces; empty if the kind does not exist."""
    items: Sequence[KubeObject] = client.list(resource)["items"]
    return items


def definitions(client: KubeClient) -> Sequence[KubeObject]:
    """List the CustomResourceDefinitions without their schemas."""
    return [
        {part: each[part] for part in ("kind", "metadata", "status") if part in each}
        for each in objects(client, CUSTOM_RESOURCE_DEFINITION)
    ]


def kubelets(client: KubeClient) -> Mapping[str, KubeObject]:
    """Read the configuration of each node's kubelet."""
    names = [node["metadata"]["name"] for node in client.list(NODE)["items"]]
    # The API server proxies the kubelet's configz page; the suffix is part of the path.
    pages = {name: client.get(NODE, f"{name}/proxy/configz") for name in names}
    return {name: page["kubeletconfig"] for name, page in pages.items() if page is not None}


def health(client: KubeClient, now: Callable[[], float] = time.time) -> Sequence[ClusterPart]:
    """Read the state of the cluster's own parts that a stack needs."""
    found = statuses_now(client, (), health=health_of(owned=has_our_labels(client)), now=now)
    # NodePorts have a finding of their own.
    return [_part(client, each, now()) for each in found if each.ref.kind != "NodePort"]


def _part(client: KubeClient, status: ObjectStatus, now: float) -> ClusterPart:
    verdict = bound(client, status.verdict(now))
    return ClusterPart(
        kind=status.ref.kind,
        name=verdict.name,
        state=verdict.state,
        reason=status.reason if status.is_unseen else verdict.reason,
        command=verdict.hint,
        is_unseen=status.is_unseen,
    )


def clock(access: Access, now: Callable[[], float] = time.time) -> Mapping[str, float]:
    """Measure by how many seconds the API server's clock is ahead of this machine's. Its header has whole seconds.

    Args:
        now: Unix time of this machine, seconds.
    """
    began = now()
    # Every answer has the time, also an error.
    answer = httpx.get(f"{access.server}/version", verify=access.tls(), trust_env=False, timeout=5.0)
    theirs = server_time(answer.headers)
    if theirs is None:
        raise ValueError("the API server's answer has no Date")
    return {f"API server {access.context}": theirs + 0.5 - (began + now()) / 2}


def complaints(client: KubeClient) -> Sequence[LogLine]:
    """Find recent log lines of the API and Dex about an expired or not yet valid token."""
    return [line for pod in client.list(POD)["items"] for line in _complaints(client, pod)]


def _complaints(client: KubeClient, pod: KubeObject) -> Iterator[LogLine]:
    meta = pod["metadata"]
    for container in pod["spec"]["containers"]:
        if container["name"] not in _LOGGERS:
            continue
        log = client.log(meta["name"], container["name"], meta["namespace"], lines=_LINES, seconds=_RECENT)
        for line in log.splitlines():
            if _COMPLAINT.search(line):
                yield LogLine(pod=meta["name"], container=container["name"], text=mask(line.strip()))
