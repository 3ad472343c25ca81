"""A Kubernetes API server as data over HTTP: one context of a kubeconfig, and the requests that a stack needs.

Why not the ``kubernetes`` package: attaching to a warm stack has 300 ms and its import alone takes 340-580 ms
(design §13, embedded.md §10); readiness rules are functions of an object's JSON, which its models are not.
Tests get that package's client from ``plexdev_kube``.
"""

from __future__ import annotations

from pytest_plexdev.kube.client import KubeClient
from pytest_plexdev.kube.kubeconfig import Access, read_access
from pytest_plexdev.kube.resources import Resource

__all__ = ["Access", "KubeClient", "Resource", "read_access"]
