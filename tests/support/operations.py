"""The operations of the plane, and requests to each of them."""

from __future__ import annotations

import re
import uuid
from typing import Any, Final

import httpx

from plexsphere_reference.http.app import operations
from plexsphere_reference.http.operation import Operation
from tests.support.actors import binding_of
from tests.support.contract import contract
from tests.support.control_plane import UNKNOWN_ID, Plane, ula, unique

OPERATIONS: Final = tuple(each for each in operations() if each.path.startswith("/v1/"))
INGEST: Final = tuple(each for each in OPERATIONS if each.surface == "observability_ingest")
"""Their bodies have rules of their own: tests/integration/observability."""
WITH_BODY: Final = tuple(
    each
    for each in OPERATIONS
    if each.method in ("POST", "PATCH")
    and each not in INGEST
    and not each.path.endswith(("/rotate", "/sign-out/global", "/device/approve", "/heartbeat", "/v1/device"))
)
PAGED: Final = ("/v1/domains", "/v1/projects", "/v1/nodes")


def name_of(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def target(operation: Operation, value: str | None = None) -> str:
    """The operation's path with *value* for each parameter; by default with unknown ids."""
    return re.sub(
        r"\{(\w+)\}", lambda match: value or ("1" if match[1] == "seq" else str(uuid.uuid4())), operation.path
    )


def reachable(operation: Operation, ids: dict[str, str]) -> str:
    """Like :func:`target`, with ids of existing objects."""
    own = next((id_ for prefix, id_ in ids.items() if operation.path.startswith(f"{prefix}/")), None)
    return target(operation, own) if operation.path.count("{") == 1 else target(operation)


# ---- operations that are not implemented ------------------------------------------------


def undone() -> list[tuple[str, str]]:
    """The operations of the contract's document that no surface implements."""
    document = contract()
    if document is None:
        return []
    built = {(each.method, re.sub(r"\{\w+\}", "{}", each.path)) for each in operations()}
    return [
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method in item
        if method in ("get", "put", "post", "patch", "delete")
        and (method.upper(), re.sub(r"\{\w+\}", "{}", path)) not in built
    ]


def create(client: httpx.Client, **headers: str) -> httpx.Response:
    body = {"name": "By cookie", "slug": unique(), "mesh_cidr": ula()}
    request = client.build_request("POST", "/v1/domains", json=body, headers=headers)
    for name in [name for name, value in headers.items() if not value]:
        del request.headers[name]
    return client.send(request)


WRITES: Final[dict[str, dict[str, Any]]] = {
    "POST /v1/domains": {
        "name": "N",
        "slug": "s",
        "mesh_cidr": "fd00::/48",
        "description": "d",
        "region": "eu",
        "reachability": {"heartbeat_interval": "10s", "stale_after": "30s", "unreachable_after": "60s"},
    },
    "PATCH /v1/domains/{id}": {"name": "N", "description": "d", "region": "eu", "mesh_cidr": "fd00::/48", "slug": "s"},
    "POST /v1/projects": {
        "domain_id": "DOMAIN",
        "name": "N",
        "slug": "s",
        "description": "d",
        "sub_range_cidr": "::/0",
    },
    "PATCH /v1/projects/{id}": {"name": "N", "description": "d", "sub_range_cidr": "::/0", "release_sub_range": False},
    "POST /v1/projects/{project_id}/resources": {
        "origin": "adopted",
        "kind": "vm",
        "external_ref": "e",
        "parameters": {},
    },
    "POST /v1/projects/{project_id}/bootstrap-tokens": {"kind": "node", "env_prefix": "dev", "ttl_seconds": 300},
    "POST /v1/admin/idp": {
        **binding_of("DOMAIN"),
        "claim_mappings": {},
        "required_acr": [],
        "required_amr": [],
        "alias": "a",
        "primary": False,
    },
    "PATCH /v1/admin/idp/{id}": {
        "discovery_url": "https://example.com",
        "claim_mappings": {},
        "required_acr": [],
        "required_amr": [],
        "jit_policy": "deny",
        "alias": "a",
        "primary": False,
    },
    "PATCH /v1/admin/idp/{id}/status": {"status": "active"},
    "POST /v1/admin/groups": {
        "domain_id": "DOMAIN",
        "slug": "s",
        "display_name": "d",
        "source": "idp",
        "idp_binding_id": UNKNOWN_ID,
        "idp_claim_value": "v",
    },
    "POST /v1/domains/{id}/invitations": {
        "external_subject": "ada@example.com",
        "ttl_seconds": 60,
        "initial_tuples": [{"relation": "member", "object": "domain:DOMAIN"}],
    },
    "POST /v1/label-definitions": {
        "scope": "domain",
        "scope_id": "DOMAIN",
        "local_key": "k",
        "description": "d",
        "value_schema": {"kind": "string"},
        "applicable_kinds": ["node"],
        "required": True,
        "default_value": "d",
        "on_delete": "block",
        "cardinality": 1,
    },
    "POST /v1/auth/tokens": {"identity_ref": f"user:{UNKNOWN_ID}", "env_prefix": "dev", "ttl_seconds": 60},
    "POST /v1/auth/sign-in": {"domain_id": "DOMAIN", "idp_binding_id": UNKNOWN_ID, "return_to": "/"},
    "POST /v1/auth/device-code": {"domain_id": "DOMAIN", "idp_binding_alias": "a", "client_id": "c"},
    "POST /v1/auth/device-token": {"device_code": "d", "client_id": "c"},
    "POST /v1/register": {
        "project_id": UNKNOWN_ID,
        "resource_handle": "h",
        "bootstrap_token": "t",
        "nonce": "n",
        "public_key": "A" * 43 + "=",
        "requested_resource_id": UNKNOWN_ID,
    },
    "POST /v1/domains/{domain_id}/audit/verify": {"from_seq": 1, "to_seq": 2},
    "POST /v1/platform/audit/verify": {"from_seq": 1, "to_seq": 2},
}


def lists(ids: dict[str, str]) -> list[str]:
    return [
        *PAGED,
        f"/v1/projects/{ids['/v1/projects']}/resources",
        f"/v1/projects/{ids['/v1/projects']}/bootstrap-tokens",
        f"/v1/domains/{ids['/v1/domains']}/identities",
        f"/v1/domains/{ids['/v1/domains']}/invitations",
        f"/v1/domains/{ids['/v1/domains']}/audit/entries",
        f"/v1/admin/groups?domain_id={ids['/v1/domains']}",
        "/v1/label-definitions?scope=platform",
        "/v1/artifacts/plexd",
    ]


def footprint(plane: Plane, answer: httpx.Response) -> tuple[int, int]:
    """The number of events and audit rows of a request."""
    ((found,),) = plane.sql(
        "SELECT ((SELECT count(*) FROM plexsphere.outbox_events WHERE payload->>'correlation_id' = %s),"
        " (SELECT count(*) FROM plexsphere.audit_entries WHERE correlation_id = %s))::text",
        answer.headers["x-correlation-id"],
        answer.headers["x-correlation-id"],
    )
    events, rows = found.strip("()").split(",")
    return int(events), int(rows)
