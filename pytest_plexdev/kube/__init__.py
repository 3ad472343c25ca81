"""A Kubernetes API server as data over HTTP: one context of a kubeconfig, and the requests that a stack needs.

Why not the ``kubernetes`` package: attaching to a warm stack has 300 ms, and importing that package alone takes 340 to
580 ms; readiness rules are functions of an object's JSON, which its models are not. Tests get its client from
``plexdev_kube``.

The names are imported on first use: reading a kubeconfig, and finding that nothing listens there, needs no HTTP client,
whose import takes 100 ms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_plexdev.core.lazy import lazy_exports

if TYPE_CHECKING:
    from pytest_plexdev.kube.client import KubeClient
    from pytest_plexdev.kube.kubeconfig import Access, read_access
    from pytest_plexdev.kube.resources import Resource


__all__ = ["Access", "KubeClient", "Resource", "read_access"]

__getattr__ = lazy_exports(
    __name__, {"Access": "kubeconfig", "KubeClient": "client", "Resource": "resources", "read_access": "kubeconfig"}
)
