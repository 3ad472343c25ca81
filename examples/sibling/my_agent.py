"""What this repository makes too: a node agent that registers once and sends heartbeats, over httpx."""

from __future__ import annotations

import base64
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

VERSION = "0.1.0"
CHECKSUM = base64.b64encode(bytes(range(32))).decode()


@dataclass(frozen=True)
class Agent:
    """A registered Node."""

    node_id: str
    bearer: str

    @classmethod
    def register(cls, api: httpx.Client, *, project: str, resource_handle: str, bootstrap_token: str) -> Agent:
        """Register a Node on the Resource, which consumes the token.

        Raises:
            httpx.HTTPStatusError: The API refused.
        """
        body = {
            "project_id": project,
            "resource_handle": resource_handle,
            "bootstrap_token": bootstrap_token,
            "nonce": str(uuid.uuid4()),
            "public_key": base64.b64encode(secrets.token_bytes(32)).decode(),
        }
        answer = api.post("/v1/register", json=body).raise_for_status().json()
        envelope = uuid.UUID(answer["node_id"]).bytes + base64.b64decode(answer["nsk"])
        return cls(answer["node_id"], f"nsk_plexd_{base64.urlsafe_b64encode(envelope).rstrip(b'=').decode()}")

    def heartbeat(self, api: httpx.Client) -> None:
        """Send a heartbeat.

        Raises:
            httpx.HTTPStatusError: The API refused.
        """
        api.post(
            f"/v1/nodes/{self.node_id}/heartbeat",
            headers={"Authorization": f"Bearer {self.bearer}"},
            json={
                "client_now": datetime.now(UTC).isoformat(),
                "binary_checksum": CHECKSUM,
                "binary_version": VERSION,
                "nat_summary": {},
            },
        ).raise_for_status()
