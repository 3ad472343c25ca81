"""Requests to one API server. Objects are the JSON that it speaks; a refusal is a tagged error with the field named."""

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
"""Owner of every field that we set."""
_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
_NOT_ASKED: Final = frozenset({401, 403, 404})


class KubeClient:
    """Connections to the API server of *access*; threads may share it."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._resources: dict[tuple[str, str], Resource] = {}
        self._http = httpx.Client(
            base_url=access.server,
            verify=access.tls(),
            headers=_headers(access),
            timeout=_TIMEOUT,
            # A proxy of the environment does not know this machine's own addresses.
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def stream(self) -> httpx.AsyncClient:
        """A client for watches: they end when the server ends them, so nothing but connecting has a time limit."""
        return httpx.AsyncClient(
            base_url=self.access.server,
            verify=self.access.tls(),
            headers=_headers(self.access),
            timeout=httpx.Timeout(None, connect=5.0),
            limits=httpx.Limits(max_connections=None),
            trust_env=False,
        )

    def get(self, resource: Resource, name: str, namespace: str | None = None) -> KubeObject | None:
        """One object; ``None`` where there is none, or no such kind."""
        response = self._send(
            "get", f"{resource.kind} {name}", "GET", resource.path(namespace, name), absent_is_fine=True
        )
        return self._object(response) if response is not None else None

    def list(
        self, resource: Resource, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> KubeObject:
        """All objects of a kind, with the list's own ``metadata``; an empty one where the kind is not known.

        Args:
            labels, fields: Selectors.
        """
        query = {name: text for name, text in (("labelSelector", labels), ("fieldSelector", fields)) if text}
        path = resource.path(namespace)
        response = self._send("list", resource.plural, "GET", path, params=query, absent_is_fine=True)
        listing = self._object(response) if response is not None else {"metadata": {}}
        listing["items"] = listing.get("items") or []  # null where there is none
        for item in listing["items"]:
            # A list leaves out of its items what they have in common.
            item.setdefault("kind", resource.kind)
            item.setdefault("apiVersion", resource.api_version)
        return listing

    def apply(self, wanted: Mapping[str, Any], *, manager: str = FIELD_MANAGER, dry_run: bool = False) -> KubeObject:
        """Server-side apply: our fields become what *wanted* says. An unknown field is refused by name.

        Args:
            manager: Whose these fields are.
            dry_run: Ask whether it would be taken, and change nothing.

        Raises:
            PlexdevError: ``kube-refused``.
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
        """Delete an object; ``False`` where there was none. What it made goes after it."""
        path = resource.path(namespace, name)
        body = json.dumps({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}).encode()
        headers = {"content-type": "application/json"}
        what = f"{resource.kind} {name}"
        return (
            self._send("delete", what, "DELETE", path, content=body, headers=headers, absent_is_fine=True) is not None
        )

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
        """What a container wrote; empty where it has not started.

        Args:
            lines: Only so many, from the end.
            seconds: Only what is younger than that.
            previous: Of its run before this one.
        """
        query = {"container": container, "previous": str(previous).lower()}
        if lines is not None:
            query["tailLines"] = str(lines)
        if seconds is not None:
            query["sinceSeconds"] = str(max(1, round(seconds)))
        try:
            response = self._http.get(POD.path(namespace, pod) + "/log", params=query)
        except httpx.HTTPError:
            return ""
        return response.text if response.status_code == httpx.codes.OK else ""

    def proxied(self, target: str, path: str, *, seconds: float, most: int) -> bytes:
        """What a Pod answers to a GET by way of the API server; empty where it could not be asked.

        Args:
            target: The path of the Pod, with the port behind its name: ``…/pods/NAME:PORT``.
            seconds: What the whole answer may take.
            most: Bytes that are read of it.
        """
        deadline, body = time.monotonic() + seconds, b""
        try:
            with self._http.stream("GET", f"{target}/proxy/{path.lstrip('/')}", timeout=seconds) as response:
                # Refused: it is the server's own answer then, as it is of a Pod that it does not reach.
                if response.status_code in _NOT_ASKED:
                    return b""
                for part in response.iter_raw():
                    body += part
                    if len(body) >= most or time.monotonic() > deadline:
                        break
        except (httpx.HTTPError, httpx.InvalidURL):
            return b""
        return body[:most]

    def resource_of(self, api_version: str, kind: str) -> Resource:
        """What the server calls a kind; asked once for each group and version.

        Raises:
            PlexdevError: ``kube-refused`` where it knows no such kind.
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
        """The object with the namespace that the server keeps it in: none where its kind has none, whatever it says.

        Raises:
            PlexdevError: ``kube-refused`` where the server knows no such kind.
        """
        meta = {name: value for name, value in wanted["metadata"].items() if name != "namespace"}
        if self.resource_of(wanted["apiVersion"], wanted["kind"]).namespaced:
            meta["namespace"] = wanted["metadata"].get("namespace") or self.access.namespace
        return {**wanted, "metadata": meta}

    def command(self, *words: str) -> str:
        """A kubectl command that a person can paste."""
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
            raise self.unreachable("who answers there is no API server")
        return answer

    def unreachable(self, reason: str) -> PlexdevError:
        """The error for a server that gave no answer."""
        server, context = self.access.server, self.access.context
        fix = self.command("get", "--raw", "/readyz")
        return PlexdevError(CLUSTER_UNREACHABLE, context=context, server=server, reason=reason, fix=fix)


def _headers(access: Access) -> dict[str, str]:
    bearer = {"authorization": f"Bearer {access.token}"} if access.token else {}
    return {"accept": "application/json", **bearer}
