"""``/v1/projects/{id}/resources``: the machines on which Nodes register."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pytest_plexdev.api.problems import hides_its_frames
from pytest_plexdev.api.timestamp import Timestamp
from pytest_plexdev.api.transport import Transport

__tracebackhide__ = hides_its_frames


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """A Resource. A Node registers with the ``external_ref`` of an adopted one as its ``resource_handle``."""

    id: str
    project_id: str
    domain_id: str
    kind: str
    origin: str
    created_at: Timestamp
    updated_at: Timestamp
    external_ref: str = ""


class Resources:
    """The Resources of Projects."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def adopt(self, project_id: str, *, external_ref: str, kind: str = "kubernetes-node") -> Resource:
        """Adopt an existing machine."""
        body = {"origin": "adopted", "kind": kind, "external_ref": external_ref}
        return self._transport.request("POST", f"/v1/projects/{project_id}/resources", Resource, body=body)

    def list(self, project_id: str) -> Iterator[Resource]:
        """Iterate over the Resources of a Project, oldest first."""
        return self._transport.pages(f"/v1/projects/{project_id}/resources", Resource)

    def get(self, resource_id: str) -> Resource:
        """Read a Resource."""
        return self._transport.request("GET", f"/v1/resources/{resource_id}", Resource)

    def delete(self, resource_id: str) -> None:
        """Release an adopted Resource."""
        self._transport.run("DELETE", f"/v1/resources/{resource_id}")
