"""The audit row of each operation and its chain: granted, refused, and for objects that do not exist."""

from __future__ import annotations

import uuid
from typing import Final

import httpx
import pytest

from plexsphere_reference.http.app import operations
from tests.support.audit_cases import CASES, Objects
from tests.support.control_plane import Plane

PLATFORM_CHAIN: Final = str(uuid.UUID(int=0))
DEFINITION: Final = {"value_schema": {"kind": "boolean"}, "applicable_kinds": ["node"]}


ONE_DOMAIN, ONE_PROJECT = "domain:{domain}", "project:{project}"
ELSEWHERE: Final = (
    "/v1/auth/",  # test_auth, test_device and test_tokens: what concerns one's own credentials has no gate
    "/v1/device",
    "/v1/register",  # below
    "/v1/nodes/{id}/metrics",  # tests/integration/observability: a Node's own, and neither a read nor a change
    "/v1/nodes/{id}/logs",
    "/v1/nodes/{id}/audit",
    "/v1/domains/{domain_id}/metrics/query",  # tests/integration/observability: they need their backends
    "/v1/domains/{domain_id}/logs/query",
    "/v1/nodes/{id}/secrets/",  # test_node_secrets: a Node's own
    "/v1/nodes/{id}/heartbeat",  # test_reachability: a Node's own, audited where it changes the Node's state
    "/v1/health",
    "/v1/version",
    "/v1/openapi.json",
    "/v1/docs",
)


def test_every_operation_is_here_or_named_elsewhere() -> None:
    names = {f"{each.method} {each.path}" for each in operations() if each.path.startswith("/v1/")}

    assert {name for name in names if not name.partition(" ")[2].startswith(ELSEWHERE)} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_grant_is_one_row(request: pytest.FixtureRequest, acme: httpx.Client, name: str) -> None:
    objects: Objects = request.getfixturevalue("untouched" if name.startswith("GET") else "known")
    case, about = CASES[name], objects.about(name)

    answer = objects.send(acme, name)

    assert answer.status_code < 300, answer.text
    assert objects.rows(answer) == [(case.chain, case.action, "granted", about)]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.refused])
def test_a_refusal_is_one_row(untouched: Objects, beta: httpx.Client, name: str) -> None:
    case = CASES[name]

    answer = untouched.send(beta, name)

    assert answer.status_code in (403, 404), answer.text
    assert untouched.rows(answer) == [(case.refused, case.action, "insufficient_relation", untouched.about(name))]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.unknown])
def test_what_does_not_exist_has_no_chain(plane: Plane, acme: httpx.Client, name: str) -> None:
    case = CASES[name]
    names = [
        "domain",
        "project",
        "empty",
        "node",
        "user",
        "resource",
        "binding",
        "group",
        "label",
        "token",
        "invitation",
    ]
    unknown = Objects(plane, {each: str(uuid.uuid4()) for each in names})
    assert case.unknown is not None
    status, audited = case.unknown

    answer = unknown.send(acme, name)

    assert answer.status_code == status, answer.text
    reason = "granted" if status == 200 else "insufficient_relation"
    assert unknown.rows(answer) == ([("platform", case.action, reason, unknown.about(name))] if audited else [])
    assert plane.sql("SELECT 1 FROM plexsphere.audit_chains WHERE chain_id = ANY(%s)", list(unknown.ids.values())) == []
