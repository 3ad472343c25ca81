"""Read and write the marks of a cluster: its owner, and the ready mark of a completed bring-up.

kind labels the node with the owner at creation. Our ConfigMaps do not prove it, because applying the output of
``plexdev manifests`` creates them on any cluster. The ready mark is written last, with the fingerprint of what was
applied. If the owner cannot be read, the cluster is treated as not ours.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec

from pytest_plexdev.core.model import Profile, SeededTenant, Service
from pytest_plexdev.core.profiles import PROFILES, profile_named
from pytest_plexdev.core.untrusted_json import decode_as, decode_json
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import CLUSTER_UNREACHABLE
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import CONFIG_MAP, NODE, KubeObject
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.constants import (
    CREATION_MARK,
    HOME_LABEL,
    NAMESPACE,
    OWNER,
    OWNER_LABEL,
    READY,
    SENTINEL,
    node_of,
)
from pytest_plexdev.stack.kind.settings import Addresses
from pytest_plexdev.stack.kind.state.applied_objects import AppliedObjects


@dataclass(frozen=True, kw_only=True)
class Ready:
    """The content of the ready mark. For a stack without one, as much as is known.

    Attributes:
        profile: How much of the product's dev stack it has.
        fingerprint: SHA-256 of every input by its name.
        at: Unix time of the completion, seconds.
        objects: The objects that were applied; empty in marks of earlier versions.
    """

    addresses: Addresses
    services: tuple[Service, ...]
    profile: Profile = "lean"
    fingerprint: Mapping[str, str] = field(default_factory=dict)
    tenants: tuple[SeededTenant, ...] = ()
    at: float = field(default_factory=time.time)
    objects: tuple[AppliedObjects, ...] = ()


def has_our_labels(client: KubeClient, files: ClusterFiles) -> bool:
    """Whether the node's labels say that plexdev created it, with its files in *files*.

    :func:`~pytest_plexdev.stack.kind.cluster.create.has_our_labels` reads the same labels from Docker, which takes
    twenty times as long and needs no API server.

    Returns:
        ``False`` also if the API server refuses the request.

    Raises:
        PlexdevError: ``cluster-unreachable``.
    """
    try:
        node = client.get(NODE, node_of(files.name))
    except PlexdevError as error:
        if error.failure is CLUSTER_UNREACHABLE:
            raise
        return False
    labels = (node or {}).get("metadata", {}).get("labels") or {}
    return labels.get(OWNER_LABEL) == OWNER and labels.get(HOME_LABEL) == files.home


def read_ready(client: KubeClient) -> Ready | None:
    """Read the ready mark; ``None`` if it is missing or unreadable."""
    try:
        found = client.get(CONFIG_MAP, READY, NAMESPACE)
        data: Mapping[str, Any] = (found or {}).get("data") or {}
        return Ready(
            fingerprint=dict(decode_json(data["fingerprint"])),
            tenants=decode_as(data["tenants"], tuple[SeededTenant, ...]),
            services=decode_as(data["services"], tuple[Service, ...]),
            profile=_profile_in(data),
            addresses=Addresses(**decode_json(data["addresses"])),
            at=float(data["ready_at"]),
            objects=decode_as(data.get("objects", "[]"), tuple[AppliedObjects, ...]),
        )
    except (PlexdevError, KeyError, ValueError, TypeError, msgspec.MsgspecError):
        return None


def read_profile(client: KubeClient, ready: Ready | None) -> Profile | None:
    """Read the profile of a stack, from its sentinel if there is no ready mark; ``None`` if there is no stack.

    Raises:
        PlexdevError: ``kube-refused``, ``cluster-unreachable``.
    """
    if ready is not None:
        return ready.profile
    sentinel = client.get(CONFIG_MAP, SENTINEL, NAMESPACE)
    if sentinel is None:
        return None
    try:
        return _profile_in(sentinel.get("data") or {})
    except ValueError:
        # Edited by hand. With the larger profile nothing is removed.
        return PROFILES[-1]


def write_ready(client: KubeClient, ready: Ready) -> None:
    """Write the ready mark: the stack is complete. Call this last."""
    data = {
        "fingerprint": _json(ready.fingerprint),
        "tenants": msgspec.json.encode(ready.tenants).decode(),
        "services": msgspec.json.encode(ready.services, enc_hook=str).decode(),
        "profile": ready.profile,
        "addresses": json.dumps(asdict(ready.addresses)),
        "ready_at": str(ready.at),
        "objects": msgspec.json.encode(ready.objects).decode(),
    }
    client.apply(_mark(READY, data))


def withdraw_ready(client: KubeClient) -> None:
    """Delete the ready mark. Call this before changing the stack."""
    client.delete(CONFIG_MAP, READY, NAMESPACE)


def read_creation_inputs(client: KubeClient) -> Mapping[str, str]:
    """Read the inputs that the cluster was created with; empty if they are not recorded."""
    try:
        found = client.get(CONFIG_MAP, CREATION_MARK, NAMESPACE)
        return dict(decode_json(((found or {}).get("data") or {})["fingerprint"]))
    except (PlexdevError, KeyError, ValueError, TypeError):
        return {}


def write_creation_inputs(client: KubeClient, creation_inputs: Mapping[str, str]) -> None:
    """Record the inputs that the cluster was created with, in a ConfigMap that is never deleted."""
    client.apply(_mark(CREATION_MARK, {"fingerprint": _json(creation_inputs)}))


def _mark(name: str, data: Mapping[str, str]) -> KubeObject:
    meta = {"name": name, "namespace": NAMESPACE, "labels": {OWNER_LABEL: OWNER}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": dict(data)}


def _profile_in(data: Mapping[str, Any]) -> Profile:
    # Earlier versions, which had lean only, did not write it.
    return profile_named(data.get("profile", "lean"))


def _json(inputs: Mapping[str, str]) -> str:
    return json.dumps(dict(inputs), sort_keys=True, indent=1)
