"""Identify an object by kind, namespace and name, and the kinds that have a readiness of their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pytest_plexdev.kube import Resource
from pytest_plexdev.kube import resources as known
from pytest_plexdev.kube.resources import KubeObject

DAEMON_SET: Final = Resource("apps/v1", "DaemonSet", "daemonsets")
RESOURCES: Final = {
    each.kind: each for each in (DAEMON_SET, *(one for one in vars(known).values() if isinstance(one, Resource)))
}
"""The kinds that readiness reads: those with a readiness of their own, and those that explain others."""
WITH_READINESS: Final = (
    "Node",
    "Namespace",
    "CustomResourceDefinition",
    "PersistentVolumeClaim",
    "StatefulSet",
    "Deployment",
    "DaemonSet",
    "Pod",
    "Job",
    "Service",
    "GatewayClass",
    "Gateway",
    "HTTPRoute",
    "SecretStore",
    "ExternalSecret",
)
"""The kinds with a readiness of their own, dependencies first; tables use this order."""
_OF_A_FOREIGN_STACK: Final = (
    *("StatefulSet", "Deployment", "Job"),
    *("Gateway", "HTTPRoute", "SecretStore", "ExternalSecret"),
)


@dataclass(frozen=True, order=True)
class ObjectRef:
    """The kind, name and namespace of an object. Its text is ``deployment/plexsphere``."""

    kind: str
    name: str
    namespace: str | None = None

    def __str__(self) -> str:
        return f"{self.kind.lower()}/{self.name}"

    @property
    def resource(self) -> Resource:
        """The API resource of its kind."""
        return RESOURCES[self.kind]

    @property
    def words(self) -> str:
        """The object as arguments of kubectl: ``-n default deployment/plexsphere``."""
        kind = self.kind.lower()
        if "." in self.resource.api_version:
            kind = f"{self.resource.plural}.{self.resource.api_version.partition('/')[0]}"
        return (f"-n {self.namespace} " if self.namespace else "") + f"{kind}/{self.name}"

    @classmethod
    def of(cls, item: KubeObject, kind: str | None = None) -> ObjectRef:
        """Return the reference of an object from the API server or of a manifest.

        Args:
            kind: The kind of an item of a list, which does not contain it.
        """
        kind = kind or item["kind"]
        meta = item["metadata"]
        resource = RESOURCES.get(kind)
        namespaced = resource.namespaced if resource is not None else "namespace" in meta
        return cls(kind, meta["name"], meta.get("namespace", "default") if namespaced else None)


def refs_of(objects: Iterable[KubeObject]) -> list[ObjectRef]:
    """Return references to the applied objects that have a readiness, dependencies first."""
    return in_order(ObjectRef.of(item) for item in objects if item.get("kind") in WITH_READINESS)


def in_order(refs: Iterable[ObjectRef]) -> list[ObjectRef]:
    """Sort distinct references, dependencies first."""
    return sorted(set(refs), key=lambda ref: (WITH_READINESS.index(ref.kind), ref.namespace or "", ref.name))


def kinds_of_a_foreign_stack() -> tuple[Resource, ...]:
    """Return the kinds that make up a stack that plexdev did not apply."""
    return tuple(RESOURCES[kind] for kind in _OF_A_FOREIGN_STACK)
