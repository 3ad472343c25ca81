"""``/v1/admin/groups``."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pytest_plexdev.api.problems import hides_its_frames
from pytest_plexdev.api.timestamp import Timestamp
from pytest_plexdev.api.transport import Transport

__tracebackhide__ = hides_its_frames


class Group(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    domain_id: str
    slug: str
    display_name: str
    source: str
    created_at: Timestamp
    updated_at: Timestamp
    idp_binding_id: str | None = None
    idp_claim_value: str | None = None


class Groups:
    """The groups of Domains."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, *, domain_id: str, slug: str, display_name: str) -> Group:
        """Create a group with the source ``manual``: its members are maintained through the API."""
        body = {"domain_id": domain_id, "slug": slug, "display_name": display_name, "source": "manual"}
        return self._transport.request("POST", "/v1/admin/groups", Group, body=body)

    def list(self, *, domain_id: str) -> Iterator[Group]:
        """Iterate over the groups of a Domain."""
        return self._transport.pages("/v1/admin/groups", Group, parameters={"domain_id": domain_id})

    def get(self, group_id: str) -> Group:
        """Read a group."""
        return self._transport.request("GET", f"/v1/admin/groups/{group_id}", Group)
