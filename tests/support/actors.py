"""Users and clients, and assertions shared by tests of several surfaces."""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests.support.contract import check_contract
from tests.support.control_plane import SAMPLE_DISCOVERY_URL, Plane, ula, unique


def new_domain(client: httpx.Client, **members: object) -> dict[str, Any]:
    """Create a Domain with a unique slug and range, which the caller administers."""
    body = {"name": "A Domain", "slug": unique(), "mesh_cidr": ula(), **members}
    created = client.post("/v1/domains", json=body)
    assert created.status_code == 201, created.text
    domain: dict[str, Any] = created.json()
    return domain


def new_project(client: httpx.Client, domain_id: str, **members: object) -> dict[str, Any]:
    body = {"domain_id": domain_id, "name": "A Project", "slug": unique(), **members}
    created = client.post("/v1/projects", json=body)
    assert created.status_code == 201, created.text
    project: dict[str, Any] = created.json()
    return project


def new_node(plane: Plane, client: httpx.Client, project: dict[str, Any], mesh_ip: str) -> str:
    """Insert the row of a Node, as a registration would. Returns its id."""
    resource = client.post(f"/v1/projects/{project['id']}/resources", json={"origin": "adopted", "kind": "vm"}).json()
    node_id = str(uuid.uuid4())
    plane.sql(
        "INSERT INTO plexsphere.nodes (id, domain_id, project_id, resource_id, mesh_ip, public_key)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        node_id,
        project["domain_id"],
        project["id"],
        resource["id"],
        mesh_ip,
        base64.b64encode(os.urandom(32)).decode(),
    )
    return node_id


def binding_of(domain_id: str) -> dict[str, object]:
    return {
        "domain_id": domain_id,
        "issuer": "http://localhost:5556/dex",
        "client_id": "plexsphere-test",
        "client_secret_ref": "env:PLEXSPHERE_SAMPLE_CLIENT_SECRET",
        "discovery_url": SAMPLE_DISCOVERY_URL,
        "jit_policy": "allow",
    }


def new_user(plane: Plane, domain_id: str, *grants: tuple[str, str], email: str | None = None) -> str:
    """Create a user with these relations, such as ``("member", "domain:…")``. Returns the id."""
    user_id = str(uuid.uuid4())
    plane.sql(
        "INSERT INTO plexsphere.users (id, domain_id, external_subject, email, display_name)"
        " VALUES (%s, %s, %s, %s, 'Someone')",
        user_id,
        domain_id,
        f"sub-{user_id}",
        email,
    )
    for relation, resource in grants:
        plane.grant(user_id, relation, resource)
    return user_id


def client_of(plane: Plane, user_id: str) -> httpx.Client:
    """A client with a new API token of the user."""
    token = f"psk_dev_{uuid.uuid4().hex}{uuid.uuid4().hex}"
    plane.sql(
        "INSERT INTO plexsphere.api_tokens (id, user_id, env_prefix, secret_hash, expires_at)"
        " VALUES (%s, %s, 'dev', sha256(%s::bytea), now() + interval '1 hour')",
        uuid.uuid4(),
        user_id,
        token.encode(),
    )
    return httpx.Client(
        base_url=plane.url,
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
        event_hooks={"response": [check_contract]},
    )


def refusal(response: httpx.Response) -> tuple[int, str]:
    """The status and the code of a problem. Also checks the members that the contract requires of every problem."""
    problem = response.json()
    code, status = problem["code"], response.status_code
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert problem["type"] == f"https://plexsphere.com/errors/{code.replace('_', '-')}"
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"] == response.request.url.raw_path.decode().partition("?")[0]
    assert problem["correlation_id"] == response.headers["x-correlation-id"]
    return status, code


def events(plane: Plane, aggregate_id: str) -> list[str]:
    """The types of the events about an aggregate, in their order."""
    rows = plane.sql(
        "SELECT event_type FROM plexsphere.outbox_events WHERE aggregate_id = %s ORDER BY seq", aggregate_id
    )
    return [row[0] for row in rows]


def relations(plane: Plane, chain: str, *, object_id: str) -> list[tuple[str, str]]:
    """The relation and reason of each audit entry about an object in a chain, in their order."""
    rows = plane.sql(
        "SELECT relation, reason FROM plexsphere.audit_entries WHERE chain_id = %s AND object_id = %s ORDER BY seq",
        chain,
        object_id,
    )
    return [(row[0], row[1]) for row in rows]


def at_once(client: httpx.Client, requests: Sequence[tuple[str, str, object]]) -> list[httpx.Response]:
    """Send all requests at the same time: method, path, body. The answers are in the order of the requests."""
    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(lambda each: client.request(each[0], each[1], json=each[2]), requests))


def walk(client: httpx.Client, path: str, **params: Any) -> list[dict[str, Any]]:
    """Every item of a list, page by page."""
    items: list[dict[str, Any]] = []
    while True:
        page = client.get(path, params=params)
        assert page.status_code == 200, page.text
        items += page.json()["items"]
        if "next_cursor" not in page.json():
            return items
        params["cursor"] = page.json()["next_cursor"]
