"""The mark that says who made a cluster, and the one that says it was brought to its end.

The first is part of the overlay; the second is written last, with the fingerprint of what was applied. A mark that
cannot be read is none: absence or failure means "not ours".
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import CONFIG_MAP
from pytest_plexdev.stack.kind.names import NAMESPACE, OWNER, OWNER_LABEL, READY, SENTINEL
from pytest_plexdev.stack.kind.settings import Addresses
from pytest_plexdev.stack.model import SeededTenant, Service


@dataclass(frozen=True, kw_only=True)
class Ready:
    """What the second mark says.

    Attributes:
        fingerprint: SHA-256 of every input, by its name.
        at: Unix time, seconds.
    """

    fingerprint: Mapping[str, str]
    tenants: tuple[SeededTenant, ...]
    services: tuple[Service, ...]
    addresses: Addresses
    at: float


def is_ours(client: KubeClient) -> bool:
    """Whether the cluster carries our mark."""
    try:
        found = client.get(CONFIG_MAP, SENTINEL, NAMESPACE)
    except PlexdevError:
        return False
    return found is not None and (found["metadata"].get("labels") or {}).get(OWNER_LABEL) == OWNER


def read_ready(client: KubeClient) -> Ready | None:
    """The second mark; ``None`` where there is none that can be read."""
    try:
        found = client.get(CONFIG_MAP, READY, NAMESPACE)
        data: Mapping[str, Any] = (found or {}).get("data") or {}
        return Ready(
            fingerprint=dict(json.loads(data["fingerprint"])),
            tenants=msgspec.json.decode(data["tenants"], type=tuple[SeededTenant, ...]),
            services=msgspec.json.decode(data["services"], type=tuple[Service, ...]),
            addresses=Addresses(**json.loads(data["addresses"])),
            at=float(data["ready_at"]),
        )
    except (PlexdevError, KeyError, ValueError, TypeError, msgspec.MsgspecError):
        return None


def write_ready(
    client: KubeClient,
    *,
    fingerprint: Mapping[str, str],
    tenants: Sequence[SeededTenant],
    services: Sequence[Service],
    addresses: Addresses,
) -> None:
    """Say that the stack is whole. To be done last."""
    data = {
        "fingerprint": json.dumps(dict(fingerprint), sort_keys=True, indent=1),
        "tenants": msgspec.json.encode(tenants).decode(),
        "services": msgspec.json.encode(services, enc_hook=str).decode(),
        "addresses": json.dumps(asdict(addresses)),
        "ready_at": str(time.time()),
    }
    meta = {"name": READY, "namespace": NAMESPACE, "labels": {OWNER_LABEL: OWNER}}
    client.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data})


def withdraw_ready(client: KubeClient) -> None:
    """Take the second mark away, before anything of the stack is changed."""
    client.delete(CONFIG_MAP, READY, NAMESPACE)
