"""Kubeconfigs of the tests."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, read_access


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def kubeconfig(**changes: Any) -> dict[str, Any]:
    """A typical user's file with two clusters, of which ours is not the current one."""
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "work",
        "clusters": [
            {"name": "work", "cluster": {"server": "https://k8s.example.com"}},
            {
                "name": "kind-plexsphere",
                "cluster": {"server": "https://127.0.0.1:6443/", "certificate-authority-data": encoded("the CA")},
            },
        ],
        "users": [
            {"name": "work", "user": {"exec": {"command": "aws"}}},
            {"name": "dev", "user": {"client-certificate-data": encoded("cert"), "client-key-data": encoded("key")}},
        ],
        "contexts": [
            {"name": "work", "context": {"cluster": "work", "user": "work"}},
            {"name": "kind-plexsphere", "context": {"cluster": "kind-plexsphere", "user": "dev", "namespace": "ns"}},
        ],
    }
    return document | changes


def written(path: Path, document: object) -> Path:
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return path


def access_to(server: str) -> Access:
    return Access(context="c", kubeconfig=Path("k"), server=server)


def refused(path: Path, context: str = "kind-plexsphere") -> str:
    with pytest.raises(PlexdevError) as refusal:
        read_access(path, context)
    assert refusal.value.tag == "kubeconfig-unusable"
    return str(refusal.value)


def with_server(server: object, **cluster: str) -> dict[str, Any]:
    return kubeconfig(
        clusters=[{"name": "kind-plexsphere", "cluster": {"server": server, **cluster}}],
        users=[{"name": "dev", "user": {"token": "t"}}],
    )


def old_context(path: Path, server: str) -> Path:
    """A kubeconfig with a context of the warm cluster's name, for another server."""
    path.write_text(
        f"""
contexts: [{{name: kind-plexsphere, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: "{server}"}}}}]
users: [{{name: u, user: {{token: t}}}}]
"""
    )
    return path
