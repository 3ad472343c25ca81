"""Helpers for the tests of bootstrap tokens, registration and Nodes: a Domain with a Project for Nodes."""

from __future__ import annotations

import base64
import os
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.support.control_plane import Plane, ula, unique

CHECKSUM = base64.b64encode(bytes(range(32))).decode()


@dataclass(frozen=True)
class Agent:
    """A registered Node that sends its own requests."""

    id: str
    mesh_ip: str
    bearer: str
    client: httpx.Client

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.bearer}"}

    def heartbeat(
        self, *, node_id: str | None = None, skew: timedelta = timedelta(0), **members: Any
    ) -> httpx.Response:
        """Send a heartbeat; a member with the value ``...`` is omitted."""
        body = {
            "client_now": (datetime.now(UTC) + skew).isoformat(),
            "binary_checksum": CHECKSUM,
            "binary_version": "plexd-v0.4.2",
            "nat_summary": {},
            **members,
        }
        body = {name: value for name, value in body.items() if value is not ...}
        return self.client.post(f"/v1/nodes/{node_id or self.id}/heartbeat", json=body, headers=self.headers)

    def reachability(self, *, node_id: str | None = None) -> httpx.Response:
        return self.client.get(f"/v1/nodes/{node_id or self.id}/reachability", headers=self.headers)


@dataclass(frozen=True)
class Site:
    """A fresh Domain and a Project in it, seen by their creator."""

    plane: Plane
    admin: httpx.Client
    nobody: httpx.Client
    domain_id: str
    project_id: str
    mesh_cidr: str

    @property
    def tokens_url(self) -> str:
        return f"/v1/projects/{self.project_id}/bootstrap-tokens"

    def project(self, **members: Any) -> Site:
        """Another Project of the Domain."""
        return Site(
            self.plane, self.admin, self.nobody, self.domain_id, _project(self.admin, self.domain_id, **members),
            self.mesh_cidr,
        )  # fmt: skip

    def issue(self, *, kind: str = "node") -> dict[str, Any]:
        body = {"kind": kind, "env_prefix": "dev", "ttl_seconds": 3600}
        return _made(self.admin.post(self.tokens_url, json=body))

    def metadata(self, token_id: str) -> dict[str, Any]:
        response = self.admin.get(f"{self.tokens_url}/{token_id}")
        assert response.status_code == 200, response.text
        metadata: dict[str, Any] = response.json()
        return metadata

    def resource(self, handle: str | None = None) -> str:
        """An adopted Resource; its handle."""
        body = {"origin": "adopted", "kind": "kubernetes-node", "external_ref": handle or unique("edge")}
        created = _made(self.admin.post(f"/v1/projects/{self.project_id}/resources", json=body))
        return str(created["external_ref"])

    def register(self, token: str, handle: str, **members: Any) -> httpx.Response:
        """Register; a member with the value ``...`` is omitted."""
        body = {
            "project_id": self.project_id,
            "resource_handle": handle,
            "bootstrap_token": token,
            "nonce": str(uuid.uuid4()),
            "public_key": public_key(),
            **members,
        }
        return self.nobody.post("/v1/register", json={name: each for name, each in body.items() if each is not ...})

    def node(self) -> Agent:
        """A Node on a Resource of its own."""
        registered = _made(self.register(self.issue()["token"], self.resource()))
        return Agent(registered["node_id"], registered["mesh_ip"], bearer(registered), self.nobody)

    def read_reachability(self, node_id: str) -> dict[str, Any]:
        """Return the reachability that an operator reads."""
        response = self.admin.get(f"/v1/nodes/{node_id}/reachability")
        assert response.status_code == 200, response.text
        reachability: dict[str, Any] = response.json()
        return reachability

    def age(self, node_id: str, seconds: float) -> None:
        """Set the age of the last heartbeat."""
        self.plane.sql(
            "UPDATE plexsphere.nodes SET last_heartbeat_at = now() - %s WHERE id = %s",
            timedelta(seconds=seconds),
            node_id,
        )

    def events(self, event_type: str) -> list[dict[str, Any]]:
        rows = self.plane.sql(
            "SELECT payload FROM plexsphere.outbox_events WHERE domain_id = %s AND event_type = %s ORDER BY seq",
            self.domain_id,
            event_type,
        )
        return [row[0] for row in rows]

    def audit(self, relation: str) -> list[dict[str, Any]]:
        response = self.admin.get(f"/v1/domains/{self.domain_id}/audit/entries", params={"relation": relation})
        assert response.status_code == 200, response.text
        items: list[dict[str, Any]] = response.json()["items"]
        return items


def new_site(plane: Plane, admin: httpx.Client, nobody: httpx.Client, **domain: Any) -> Site:
    """Make a Domain (members of its creation may be given) and a Project in it."""
    body = {"name": "Enrolment", "slug": unique(), "mesh_cidr": ula(), **domain}
    created = _made(admin.post("/v1/domains", json=body))
    return Site(plane, admin, nobody, created["id"], _project(admin, created["id"]), created["mesh_cidr"])


def public_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def bearer(registered: dict[str, Any], *, env: str = "plexd") -> str:
    """The NSK envelope that plexd assembles."""
    payload = uuid.UUID(registered["node_id"]).bytes + base64.b64decode(registered["nsk"])
    return f"nsk_{env}_{base64.urlsafe_b64encode(payload).decode().rstrip('=')}"


def _project(admin: httpx.Client, domain_id: str, **members: Any) -> str:
    body = {"domain_id": domain_id, "name": "Edge", "slug": unique(), **members}
    return str(_made(admin.post("/v1/projects", json=body))["id"])


def _made(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made
