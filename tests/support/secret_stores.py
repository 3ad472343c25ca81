"""SecretStores and ExternalSecrets, each of which reaches one state where External Secrets and OpenBao run."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_plexdev.kube.resources import KubeObject
from tests.support.workloads import container, deployment

OPENBAO = "http://openbao.default:8200"
PATH = "domains/01985a00-0000-7000-8000-00000000be01/dex"
TOKEN = "plexsphere"


def secret_store(*, server: str = OPENBAO, token: str = "token") -> KubeObject:
    vault = {
        "server": server,
        "path": "secret",
        "version": "v2",
        "auth": {"tokenSecretRef": {"name": token, "key": "t"}},
    }
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "store"},
        "spec": {"provider": {"vault": vault}},
    }


def external_secret(*, path: str = PATH, key: str = "client_secret") -> KubeObject:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "synced"},
        "spec": {
            "secretStoreRef": {"kind": "SecretStore", "name": "store"},
            "target": {"name": "made"},
            "data": [{"secretKey": "client_secret", "remoteRef": {"key": path, "property": key}}],
        },
    }


def token(value: str = TOKEN) -> KubeObject:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}, "stringData": {"t": value}}


_REFERENCE = {"name": "S", "valueFrom": {"secretKeyRef": {"name": "made", "key": "client_secret"}}}
_READER = deployment("reader", container(env=[_REFERENCE]))

CASES: dict[str, Sequence[KubeObject]] = {
    "secret-synced": [token(), secret_store(), external_secret(), _READER],
    "secret-path-missing": [token(), secret_store(), external_secret(path="domains/none"), _READER],
    "secret-key-missing": [token(), secret_store(), external_secret(key="no-such")],
    "store-unreachable": [token(), secret_store(server="http://localhost:1"), external_secret(), _READER],
    "store-token-wrong": [token("another"), secret_store(), external_secret()],
    "store-token-missing": [secret_store(token="no-such"), external_secret()],
}
"""The objects of each recording."""
