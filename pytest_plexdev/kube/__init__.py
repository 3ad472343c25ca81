"""A small Kubernetes client: it reads one context of a kubeconfig, and sends the requests that a stack needs.

It replaces the ``kubernetes`` package, whose import alone takes 340 to 580 ms: attaching to a warm stack must take less
than 300 ms. Readiness rules also work on the JSON of objects, which its models do not expose. Tests get its client from
``plexdev_kube``.

The names are imported on first use, because reading a kubeconfig does not need the HTTP client, whose import takes
100 ms.
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
