"""A Domain that signs in through the rogue identity provider."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.actors import new_domain
from tests.support.browsing import SESSION, problem
from tests.support.control_plane import Plane
from tests.support.rogue_idp import CLIENT, SECRET_REF, RogueIdp


@dataclass
class Tenant:
    """A Domain that is bound to the rogue identity provider."""

    plane: Plane
    client: httpx.Client
    idp: RogueIdp
    domain_id: str
    binding_id: str

    def set(self, **columns: object) -> None:
        for name, value in columns.items():
            self.plane.sql(f"UPDATE plexsphere.idp_bindings SET {name} = %s WHERE id = %s", value, self.binding_id)

    def start(self, **body: str) -> httpx.Response:
        return self.client.post("/v1/auth/sign-in", json={"domain_id": self.domain_id, **body})

    def sign_in(self) -> httpx.Response:
        """Start a sign-in and call the callback with a code, as a program that accepts JSON."""
        started = self.start()
        assert started.status_code == 200, started.text
        self.idp.nonce = started.json()["nonce"]
        return self.client.get(
            "/v1/auth/callback",
            params={"code": "a+code/of=the rogue", "state": started.json()["state"]},
            headers={"Accept": "application/json"},
        )

    def whoami(self) -> dict[str, Any]:
        response = self.sign_in()
        assert response.status_code == 303, response.text
        cookie = {"Cookie": f"{SESSION}={response.cookies[SESSION]}"}
        answer: dict[str, Any] = self.client.get("/v1/auth/whoami", headers=cookie).json()
        return answer

    def refused(self) -> tuple[int, str]:
        response = self.sign_in()
        assert "set-cookie" not in response.headers
        return problem(response)


def bound_to(idp: RogueIdp, plane: Plane, *, operator: httpx.Client, client: httpx.Client) -> Tenant:
    """Create a Domain with a binding to *idp*, which is inserted into the database directly.

    Args:
        operator: The client that creates the Domain.
        client: The client that signs in; it has no credential.
    """
    tenant = Tenant(plane, client, idp, new_domain(operator)["id"], str(uuid.uuid4()))
    plane.sql(
        "INSERT INTO plexsphere.idp_bindings (id, domain_id, issuer, discovery_url, client_id, client_secret_ref,"
        " jit_policy) VALUES (%s, %s, %s, %s, %s, %s, 'allow')",
        tenant.binding_id,
        tenant.domain_id,
        idp.issuer,
        idp.discovery_url,
        CLIENT,
        SECRET_REF,
    )
    return tenant
