"""A Kubernetes API server as data over HTTP: one context of a kubeconfig, and the requests that a stack needs.

Why not the ``kubernetes`` package: attaching to a warm stack has 300 ms and its import alone takes 340-580 ms
(design §13, embedded.md §10); readiness rules are functions of an object's JSON, which its models are not.
Tests get that package's client from ``plexdev_kube``.

The names are imported when they are used: to read a kubeconfig, and to say that nobody listens there, takes no HTTP
client, which is 100 ms.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pytest_plexdev.kube.client import KubeClient
    from pytest_plexdev.kube.kubeconfig import Access, read_access
    from pytest_plexdev.kube.resources import Resource

_HOMES: Final = {"Access": "kubeconfig", "KubeClient": "client", "Resource": "resources", "read_access": "kubeconfig"}

__all__ = ["Access", "KubeClient", "Resource", "read_access"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
