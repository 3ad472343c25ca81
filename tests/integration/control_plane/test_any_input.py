"""No body, path or query of any shape breaks an operation."""

from __future__ import annotations

import json
from typing import Final

import httpx
import pytest

from plexsphere_reference.http.operation import Operation
from tests.support.actors import refusal
from tests.support.control_plane import Plane, ula, unique
from tests.support.hostile_values import BODIES, PATH_VALUES, QUERY_VALUES, VALUES
from tests.support.operations import (
    OPERATIONS,
    WITH_BODY,
    WRITES,
    name_of,
    reachable,
    target,
)

# ---- bodies ----------------------------------------------------------------------------


@pytest.mark.parametrize("operation", WITH_BODY, ids=name_of)
def test_a_body_above_the_cap_is_refused_before_it_is_decoded(acme: httpx.Client, operation: Operation) -> None:
    path, size = target(operation), operation.body_cap + 1

    whole = acme.request(operation.method, path, content=b"{" * size)
    in_chunks = acme.request(operation.method, path, content=iter([b"{" * (size - 1), b"{"]))

    assert refusal(whole) == refusal(in_chunks) == (413, "request_body_too_large")


def test_a_body_at_the_cap_is_read(acme: httpx.Client) -> None:
    body = json.dumps({"name": "Nova", "slug": unique(), "mesh_cidr": ula()}).encode()

    assert acme.post("/v1/domains", content=body.ljust(8 * 1024)).status_code == 201


@pytest.mark.parametrize("operation", WITH_BODY, ids=name_of)
def test_no_body_breaks_an_operation(acme: httpx.Client, ids: dict[str, str], operation: Operation) -> None:
    path = reachable(operation, ids)
    for body in BODIES:
        answer = acme.request(operation.method, path, content=body)
        assert answer.status_code < 500, (body[:60], answer.text)


@pytest.mark.parametrize(
    ("method", "path", "member"),
    [
        ("POST", "/v1/label-definitions", "default_value"),
        ("PATCH", "/v1/domains/{id}", "slug"),
        ("POST", "/v1/projects/{project_id}/resources", "parameters"),
    ],
)
def test_a_member_of_any_shape_is_not_nested_without_end(
    acme: httpx.Client, ids: dict[str, str], method: str, path: str, member: str
) -> None:
    operation = next(each for each in OPERATIONS if (each.method, each.path) == (method, path))
    for opening, closing in ((b'{"a":', b"}"), (b"[", b"]")):
        deep = opening * 1300 + b"1" + closing * 1300
        answer = acme.request(method, reachable(operation, ids), content=b'{"%s": %s}' % (member.encode(), deep))
        assert refusal(answer)[0] == 400


def test_every_operation_with_a_body_is_among_the_writes() -> None:
    assert {name_of(each) for each in WITH_BODY} == set(WRITES)


@pytest.mark.parametrize("operation", WITH_BODY, ids=name_of)
def test_no_value_breaks_an_operation(
    plane: Plane, acme: httpx.Client, ids: dict[str, str], operation: Operation
) -> None:
    path, domain = reachable(operation, ids), ids["/v1/domains"]
    right = {name: domain if value == "DOMAIN" else value for name, value in WRITES[name_of(operation)].items()}
    for name in right:
        for value in VALUES:
            answer = acme.request(operation.method, path, json={**right, name: value})
            assert answer.status_code < 500, (name, repr(value)[:60], answer.text)
            assert "x-injected" not in answer.headers
    assert plane.sql("SELECT count(*) FROM plexsphere.domains WHERE slug = 'acme-corp'") == [(1,)]


# ---- targets ---------------------------------------------------------------------------


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if "{" in each.path], ids=name_of)
def test_no_path_breaks_an_operation(acme: httpx.Client, operation: Operation) -> None:
    for value in PATH_VALUES:
        answer = acme.request(operation.method, target(operation, value), json={})
        assert 400 <= answer.status_code < 500, (value[:40], answer.text)
        assert "x-injected" not in answer.headers


QUERIES: Final[dict[str, tuple[str, ...]]] = {
    "/v1/domains": ("limit", "cursor"),
    "/v1/projects": ("limit", "cursor", "domain_id"),
    "/v1/nodes": ("limit", "cursor", "domain_id"),
    "/v1/projects/{project_id}/resources": ("limit", "cursor"),
    "/v1/projects/{project_id}/bootstrap-tokens": ("limit", "cursor"),
    "/v1/domains/{id}/identities": ("limit", "cursor", "kind"),
    "/v1/domains/{id}/invitations": ("limit", "cursor", "status"),
    "/v1/domains/{domain_id}/audit/entries": (
        *("limit", "cursor", "subject", "relation", "object_type", "object_id"),
        *("reason", "from", "to", "correlation_id"),
    ),
    "/v1/artifacts/plexd": ("limit", "cursor"),
    "/v1/admin/idp": ("domain_id",),
    "/v1/admin/groups": ("domain_id", "limit", "cursor"),
    "/v1/label-definitions": ("scope", "limit", "cursor"),
    "/v1/auth/idp-bindings": ("domain_id", "scope"),
    "/v1/auth/callback": ("state", "code", "error", "error_description"),
    "/v1/device": ("user_code",),
}


@pytest.mark.parametrize("path", QUERIES)
def test_no_query_breaks_an_operation(acme: httpx.Client, ids: dict[str, str], path: str) -> None:
    operation = next(each for each in OPERATIONS if (each.method, each.path) == ("GET", path))
    for name in QUERIES[path]:
        for value in QUERY_VALUES:
            answer = acme.get(f"{reachable(operation, ids)}?{name}={value}")
            assert answer.status_code < 500, (name, value[:40], answer.text)
            assert "x-injected" not in answer.headers


def test_a_member_may_come_more_than_once(acme: httpx.Client) -> None:
    assert acme.get("/v1/domains?limit=1&limit=x").status_code in (200, 400)
