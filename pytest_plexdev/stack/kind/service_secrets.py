"""Read what the clients of a service authenticate with from its Secret."""

from __future__ import annotations

import base64
from typing import Final, NamedTuple

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.service_credentials import ServiceCredentials
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import KUBE_REFUSED
from pytest_plexdev.kube import KubeClient, read_access
from pytest_plexdev.kube.resources import SECRET


class _Keys(NamedTuple):
    """The name of a Secret, and its keys; a service without users has no key for the user."""

    secret_name: str
    secret: str
    user: str | None = None


_SECRETS: Final = {
    "openbao": _Keys("openbao-credentials", "BAO_DEV_ROOT_TOKEN_ID"),
    "seaweedfs": _Keys("seaweedfs-credentials", "S3_SECRET_KEY", "S3_ACCESS_KEY"),
    "spicedb": _Keys("spicedb-credentials", "SPICEDB_GRPC_PRESHARED_KEY"),
}


def read_credentials(info: StackInfo, service: str) -> ServiceCredentials:
    """Return the credentials in the Secret of ``openbao``, ``seaweedfs`` or ``spicedb``.

    Raises:
        PlexdevError: ``kube-refused``, also if the Secret or one of its keys does not exist; ``cluster-unreachable``.
    """
    cluster, keys = info.cluster, _SECRETS[service]
    assert cluster is not None
    access = read_access(cluster.kubeconfig, cluster.context)
    assert access is not None, "our own file has our context"
    with KubeClient(access) as client:
        secret = client.get(SECRET, keys.secret_name, cluster.namespace)
        data = (secret or {}).get("data") or {}
        missing = [key for key in (keys.user, keys.secret) if key is not None and key not in data]
        if missing:
            raise PlexdevError(
                KUBE_REFUSED,
                verb=f"read the credentials of {service} from",
                object=f"Secret {keys.secret_name}",
                reason=f"it has no {' and no '.join(missing)}" if secret else "it does not exist",
                message="the dev stack keeps them there",
                fix=client.command("get", "secret", keys.secret_name, "--namespace", cluster.namespace),
            )
    user = _text(data[keys.user]) if keys.user is not None else ""
    return ServiceCredentials(user=user, secret=_text(data[keys.secret]))


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode()
