"""Send requests to one API server. Objects are decoded JSON; a refusal raises a tagged error that names the field."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Self

import httpx

from pytest_plexdev.core.untrusted_json import decode_json
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import CLUSTER_UNREACHABLE, KUBE_REFUSED
from pytest_plexdev.kube.kubeconfig import Access
from pytest_plexdev.kube.refusals import refusal_error
from pytest_plexdev.kube.resources import POD, KubeObject, Resource

FIELD_MANAGER: Final = "plexdev"
"""The field manager of every field that plexdev applies."""
_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
_METADATA_ONLY: Final = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
_REFUSED_STATUSES: Final = frozenset({401, 403, 404})


class KubeClient:
    """A client of the API server of *access*. It is thread-safe.

    Requests raise :class:`PlexdevError`: ``cluster-unreachable``, or ``kube-refused``, ``webhook-refused`` or
    ``quota-exceeded`` for a refusal.
    """

    def __init__(self, access: Access) -> None:
        self.access = access
        self._resources: dict[tuple[str, str], Resource] = {}
        self._http = httpx.Client(
            base_url=access.server,
            verify=access.tls(),
            headers=access.headers,
            timeout=_TIMEOUT,
            # A proxy from the environment cannot reach this machine's own addresses.
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def stream(self) -> httpx.AsyncClient:
        """Create an HTTP client for watches. Only connecting has a timeout, because the server ends a watch."""
        return httpx.AsyncClient(
            base_url=self.access.server,
            verify=self.access.tls(),
            headers=self.access.headers,
            timeout=httpx.Timeout(None, connect=5.0),
            limits=httpx.Limits(max_connections=None),
            trust_env=False,
        )

    def get(self, resource: Resource, name: str, namespace: str | None = None) -> KubeObject | None:
        """Read an object; ``None`` if it or its kind does not exist."""
        response = self._send(
            "get", f"{resource.kind} {name}", "GET", resource.path(namespace, name), absent_is_fine=True
        )
        return self._object(response) if response is not None else None

    def list(
        self, resource: Resource, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> KubeObject:
        """List the objects of a kind, with the list's ``metadata``. ``items`` is empty if the kind does not exist.

        Args:
            namespace: By default all namespaces.
            labels, fields: Label and field selectors.
        """
        query = {name: text for name, text in (("labelSelector", labels), ("fieldSelector", fields)) if text}
        path = resource.path(namespace)
        response = self._send("list", resource.plural, "GET", path, params=query, absent_is_fine=True)
        listing = self._object(response) if response is not None else {"metadata": {}}
        listing["items"] = listing.get("items") or []  # null if there are none
        for item in listing["items"]:
            # The server omits these two members in the items of a list.
            item.setdefault("kind", resource.kind)
            item.setdefault("apiVersion", resource.api_version)
        return listing

    def names(self, resource: Resource, namespace: str | None = None) -> set[str]:
        """The names of the objects of a kind, by default in all namespaces. Only metadata is transferred."""
        path, headers = resource.path(namespace), {"accept": _METADATA_ONLY}
        response = self._send("list", resource.plural, "GET", path, headers=headers, absent_is_fine=True)
        items = self._object(response).get("items") if response is not None else None
        return {item["metadata"]["name"] for item in items or ()}

    def apply(self, wanted: Mapping[str, Any], *, manager: str = FIELD_MANAGER, dry_run: bool = False) -> KubeObject:
        """Apply an object server-side, with force. Unknown fields are refused. Returns the object after the apply.

        Args:
            manager: The field manager. Its fields that *wanted* lacks are removed.
            dry_run: Validate only, and change nothing.
        """
        meta = wanted["metadata"]
        resource = self.resource_of(wanted["apiVersion"], wanted["kind"])
        query = {"fieldManager": manager, "force": "true", "fieldValidation": "Strict"}
        response = self._send(
            "apply",
            f"{wanted['kind']} {meta['name']}",
            "PATCH",
            resource.path(meta.get("namespace") or self.access.namespace, meta["name"]),
            params={**query, **({"dryRun": "All"} if dry_run else {})},
            content=json.dumps(wanted).encode(),
            headers={"content-type": "application/apply-patch+yaml"},
        )
        assert response is not None
        return self._object(response)

    def delete(self, resource: Resource, name: str, namespace: str | None = None) -> bool:
        """Delete an object and, in the background, its dependents. Returns ``False`` if it does not exist."""
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        what, path = f"{resource.kind} {name}", resource.path(namespace, name)
        return self._send("delete", what, "DELETE", path, json=options, absent_is_fine=True) is not None

    def log(
        self,
        pod: str,
        container: str,
        namespace: str,
        *,
        lines: int | None = None,
        seconds: float | None = None,
        previous: bool = False,
    ) -> str:
        """Read the log of a container; empty if it has not started or the request fails.

        Args:
            lines: Only the last lines.
            seconds: Only lines of the last seconds.
            previous: The log of its previous run.
        """
        query = {"container": container, "previous": str(previous).lower()}
        if lines is not None:
            query["tailLines"] = str(lines)
        if seconds is not None:
            query["sinceSeconds"] = str(int(seconds) + 1)
        try:
            response = self._http.get(POD.path(namespace, pod) + "/log", params=query)
        except httpx.HTTPError:
            return ""
        return response.text if response.status_code == httpx.codes.OK else ""

    def proxied(self, target: str, path: str, *, seconds: float, most: int) -> bytes:
        """Send a GET to a Pod through the API server's proxy. The answer is empty if the Pod was not reached.

        Args:
            target: The API path of the Pod, with the port: ``…/pods/NAME:PORT``.
            seconds: Time limit for the whole answer.
            most: Maximum number of bytes to read.
        """
        deadline, body = time.monotonic() + seconds, b""
        try:
            with self._http.stream("GET", f"{target}/proxy/{path.lstrip('/')}", timeout=seconds) as response:
                # These are answers of the API server itself, which refused or did not reach the Pod.
                if response.status_code in _REFUSED_STATUSES:
                    return b""
                for part in response.iter_raw():
                    body += part
                    if len(body) >= most or time.monotonic() > deadline:
                        break
        except (httpx.HTTPError, httpx.InvalidURL):
            return b""
        return body[:most]

    def resource_of(self, api_version: str, kind: str) -> Resource:
        """Look up a kind. Discovery is cached per group and version.

        Raises:
            PlexdevError: ``kube-refused`` if the server does not serve the kind.
        """
        if (api_version, kind) not in self._resources:
            self._resources.update({(each.api_version, each.kind): each for each in self._discover(api_version)})
        if (api_version, kind) not in self._resources:
            raise PlexdevError(
                KUBE_REFUSED,
                verb="find the kind",
                object=f"{kind} ({api_version})",
                reason="no such kind",
                message="its CustomResourceDefinition is not installed, or not established yet",
                fix=self.command("get", "crd"),
            )
        return self._resources[api_version, kind]

    def placed(self, wanted: KubeObject) -> KubeObject:
        """Add the namespace to an object of a namespaced kind if it is missing, and remove it from any other.

        Raises:
            PlexdevError: ``kube-refused`` if the server does not serve the kind.
        """
        meta = {name: value for name, value in wanted["metadata"].items() if name != "namespace"}
        if self.resource_of(wanted["apiVersion"], wanted["kind"]).namespaced:
            meta["namespace"] = wanted["metadata"].get("namespace") or self.access.namespace
        return {**wanted, "metadata": meta}

    def command(self, *words: str) -> str:
        """A kubectl command for this cluster, quoted for a shell."""
        return shlex.join([*self.access.kubectl, *words])

    def _discover(self, api_version: str) -> Iterator[Resource]:
        path = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        response = self._send("list", f"the kinds of {api_version}", "GET", path, absent_is_fine=True)
        for each in self._object(response)["resources"] if response is not None else ():
            if "/" not in each["name"]:
                yield Resource(api_version, each["kind"], each["name"], each["namespaced"])

    def _send(
        self, verb: str, what: str, method: str, path: str, *, absent_is_fine: bool = False, **parts: Any
    ) -> httpx.Response | None:
        try:
            response = self._http.request(method, path, **parts)
        except httpx.HTTPError as error:
            raise self.unreachable(str(error) or type(error).__name__) from None
        if response.is_success:
            return response
        if absent_is_fine and response.status_code == httpx.codes.NOT_FOUND:
            return None
        raise refusal_error(self, response, verb=verb, target=what)

    def _object(self, response: httpx.Response) -> KubeObject:
        try:
            answer = decode_json(response.content)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self.unreachable("the server there is not a Kubernetes API server")
        return answer

    def unreachable(self, reason: str) -> PlexdevError:
        """Build ``cluster-unreachable``, the error for an API server that gave no answer."""
        server, context = self.access.server, self.access.context
        fix = self.command("get", "--raw", "/readyz")
        return PlexdevError(CLUSTER_UNREACHABLE, context=context, server=server, reason=reason, fix=fix)
