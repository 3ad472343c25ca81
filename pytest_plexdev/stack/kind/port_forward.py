"""Port-forwards to the services that listen only inside the cluster. Each opens on first use."""

from __future__ import annotations

import base64
import shutil
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from pytest_plexdev.core.model import Cluster
from pytest_plexdev.core.profiles import SERVERS
from pytest_plexdev.core.subprocesses import MINIMUM
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import KUBE_REFUSED, TOOL_MISSING
from pytest_plexdev.kube.resources import ENDPOINT_SLICE, SECRET
from pytest_plexdev.stack.kind.constants import NATS_SECRET, NATS_URL, node_of
from pytest_plexdev.stack.kind.kubectl_port_forward import TIMEOUT_S, PortForward

if TYPE_CHECKING:
    from pytest_plexdev.kube import KubeClient
    from pytest_plexdev.kube.resources import KubeObject

DEX_API: Final = "dex-api"
"""The Service of Dex's gRPC API, which has its own because the Service ``dex`` is a NodePort."""
_PORTS: Final = {**SERVERS, DEX_API: 5557}
_GRPC: Final = frozenset({"spicedb", DEX_API})
"""The Services whose address is a gRPC target: ``host:port`` without a scheme."""
_WORKLOADS: Final = ("Deployment", "StatefulSet")
DATABASE_SECRET: Final = "postgres-credentials"  # noqa: S105 (its name)
DATABASE_KEY: Final = "DATABASE_URL"
_OPEN_NATS: Final = "nats://nats:4222"
"""The URL of a NATS that requires no password."""


class Forwards:
    """The port-forwards of this process into one cluster: one per service. They stop with this process."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._node = node_of(cluster.name)
        self._opened: dict[str, PortForward] = {}
        self._pods: dict[str, frozenset[str] | None] = {}
        self._outdated: list[PortForward] = []
        self._lock = threading.Lock()

    def url(self, service: str) -> str:
        """The address of a service on this machine; of ``postgres`` and ``nats`` with the password from its Secret.

        NATS of a warm cluster has no Secret and requires no password. In a cluster that is not ours, its Secret is not
        read.

        Raises:
            PlexdevError: What :meth:`open` raises; ``kube-refused`` or ``cluster-unreachable`` for the Secret.
        """
        address = self.open(service)
        if service == "postgres":
            return _with_address(self._database_url, address)
        if service == "nats":
            return _with_address(self._nats_url, address)
        return address if service in _GRPC else f"http://{address}"

    def open(self, service: str) -> str:
        """Open a port-forward to a service, or return the open one. Another one is opened once its Pod was replaced.

        Returns:
            ``127.0.0.1:port``.

        Raises:
            PlexdevError: ``doomed-object`` or ``objects-not-ready`` if no Pod serves and none does within ten seconds;
                ``command-failed``, ``command-unfinished`` or ``tool-missing``.
        """
        with self._lock:
            # kubectl itself notices that its Pod has gone only when somebody connects.
            pods = self._ready_pods(service)
            forward = self._opened.get(service)
            if forward is None or forward.has_ended or (pods and pods != self._pods[service]):
                if forward is not None:
                    # Connections through it may still be open: during a rollout both Pods serve.
                    self._outdated.append(forward)
                if pods == frozenset():
                    self._wait_until_ready(service)
                forward = self._opened[service] = PortForward(self._command(service), service, self._node)
                self._pods[service] = pods
            return forward.address()

    def close(self) -> None:
        """Close all port-forwards. They reopen on the next use."""
        with self._lock:
            for forward in (*self._opened.values(), *self._outdated):
                forward.stop()
            self._opened.clear()
            self._outdated.clear()

    def _command(self, service: str) -> Sequence[str]:
        if shutil.which("kubectl") is None:
            raise PlexdevError(TOOL_MISSING, program="kubectl", wanted=MINIMUM["kubectl"])
        at = self._cluster
        return (
            *("kubectl", "--kubeconfig", str(at.kubeconfig), "--context", at.context, "--namespace", at.namespace),
            *("port-forward", "--address", "127.0.0.1", f"--pod-running-timeout={TIMEOUT_S:g}s"),
            *(f"svc/{service}", f":{_PORTS[service]}"),
        )

    def _ready_pods(self, service: str) -> frozenset[str] | None:
        """The uids of the Pods that serve; ``None`` if they cannot be read, for kubectl's own error then says why."""
        from pytest_plexdev.kube import KubeClient, read_access

        access = read_access(self._cluster.kubeconfig, self._cluster.context)
        if access is None:
            return None
        labels = f"kubernetes.io/service-name={service}"
        try:
            with KubeClient(access) as client:
                slices = client.list(ENDPOINT_SLICE, self._cluster.namespace, labels=labels)["items"]
        except PlexdevError:
            return None
        endpoints = [each for one in slices for each in one["endpoints"] or () if each["conditions"].get("ready")]
        return frozenset(each["targetRef"]["uid"] for each in endpoints if "targetRef" in each)

    def _wait_until_ready(self, service: str) -> None:
        """Wait for the workload behind a service. kubectl would only say that no Pod runs, and not why."""
        from pytest_plexdev.readiness import wait_ready
        from pytest_plexdev.stack.kind.manifests.inventory import objects_of_stack

        with self._client() as client:
            objects = objects_of_stack(client, owned=self._cluster.owned)
            behind = [each for each in objects if each.name == service and each.kind in _WORKLOADS]
            wait_ready(client, behind, timeout=TIMEOUT_S)

    @property
    def _database_url(self) -> str:
        with self._client() as client:
            secret = client.get(SECRET, DATABASE_SECRET, self._cluster.namespace)
            url = _value(secret, DATABASE_KEY)
            if url is None:
                raise PlexdevError(
                    KUBE_REFUSED,
                    verb="read the user of Postgres from",
                    object=f"Secret {DATABASE_SECRET}",
                    reason=f"it has no {DATABASE_KEY}" if secret else "it does not exist",
                    message=f"the dev stack keeps Postgres' user and password there ({DATABASE_KEY})",
                    fix=client.command("get", "secret", DATABASE_SECRET, "--namespace", self._cluster.namespace),
                )
        return url

    @property
    def _nats_url(self) -> str:
        if not self._cluster.owned:
            return _OPEN_NATS
        with self._client() as client:
            return _value(client.get(SECRET, NATS_SECRET, self._cluster.namespace), NATS_URL) or _OPEN_NATS

    def _client(self) -> KubeClient:
        from pytest_plexdev.kube import KubeClient, read_access

        access = read_access(self._cluster.kubeconfig, self._cluster.context)
        assert access is not None, "our own file has our context"
        return KubeClient(access)


def _value(secret: KubeObject | None, key: str) -> str | None:
    encoded = ((secret or {}).get("data") or {}).get(key)
    return None if encoded is None else base64.b64decode(encoded).decode()


def _with_address(url: str, address: str) -> str:
    """Replace the host and port of a URL."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}{at}{address}"))
