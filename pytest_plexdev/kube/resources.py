"""Kubernetes objects as JSON, and the API path of each kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

KubeObject: TypeAlias = dict[str, Any]
"""An object as the API server sends it: decoded JSON."""


@dataclass(frozen=True)
class Resource:
    """A kind and its REST resource, such as ``Deployment`` and ``deployments`` of ``apps/v1``."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """The API path of one object, or of the list; without a *namespace*, of all namespaces."""
        prefix = f"/api/{self.api_version}" if "/" not in self.api_version else f"/apis/{self.api_version}"
        middle = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{prefix}{middle}/{self.plural}" + (f"/{name}" if name else "")


POD: Final = Resource("v1", "Pod", "pods")
CONFIG_MAP: Final = Resource("v1", "ConfigMap", "configmaps")
SECRET: Final = Resource("v1", "Secret", "secrets")
SERVICE: Final = Resource("v1", "Service", "services")
SERVICE_ACCOUNT: Final = Resource("v1", "ServiceAccount", "serviceaccounts")
NAMESPACE: Final = Resource("v1", "Namespace", "namespaces", namespaced=False)
NODE: Final = Resource("v1", "Node", "nodes", namespaced=False)
PERSISTENT_VOLUME_CLAIM: Final = Resource("v1", "PersistentVolumeClaim", "persistentvolumeclaims")
EVENT: Final = Resource("v1", "Event", "events")
DEPLOYMENT: Final = Resource("apps/v1", "Deployment", "deployments")
STATEFUL_SET: Final = Resource("apps/v1", "StatefulSet", "statefulsets")
REPLICA_SET: Final = Resource("apps/v1", "ReplicaSet", "replicasets")
JOB: Final = Resource("batch/v1", "Job", "jobs")
ENDPOINT_SLICE: Final = Resource("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
CUSTOM_RESOURCE_DEFINITION: Final = Resource(
    "apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False
)
GATEWAY_CLASS: Final = Resource("gateway.networking.k8s.io/v1", "GatewayClass", "gatewayclasses", namespaced=False)
GATEWAY: Final = Resource("gateway.networking.k8s.io/v1", "Gateway", "gateways")
HTTP_ROUTE: Final = Resource("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes")
SECRET_STORE: Final = Resource("external-secrets.io/v1", "SecretStore", "secretstores")
EXTERNAL_SECRET: Final = Resource("external-secrets.io/v1", "ExternalSecret", "externalsecrets")
RESOURCE_QUOTA: Final = Resource("v1", "ResourceQuota", "resourcequotas")
VALIDATING_WEBHOOKS: Final = Resource(
    "admissionregistration.k8s.io/v1",
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
    namespaced=False,
)
MUTATING_WEBHOOKS: Final = Resource(
    "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", namespaced=False
)
