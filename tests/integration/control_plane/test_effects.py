"""Lists, deleted parents, events and audit rows of every operation, and a plane without its variables."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from plexsphere_reference.http.operation import Operation
from tests.support.actors import binding_of, new_domain, new_project, refusal
from tests.support.control_plane import Plane, ula, unique
from tests.support.operations import (
    OPERATIONS,
    PAGED,
    WRITES,
    create,
    footprint,
    lists,
    name_of,
    target,
)
from tests.support.second_api import second_api


def test_limits_of_every_list(acme: httpx.Client, ids: dict[str, str]) -> None:
    for path in lists(ids):
        mark = "&" if "?" in path else "?"
        for limit in ("0", "-1", "201", "1000", "x", "", "1.0", "%2B1", "%201", "%D9%A3"):
            answer = acme.get(f"{path}{mark}limit={limit}")
            assert refusal(answer) == (400, "invalid_limit"), (path, limit)
        for limit in ("1", "200"):
            assert acme.get(f"{path}{mark}limit={limit}").status_code == 200, (path, limit)


# ---- below deleted parents -------------------------------------------------------------


@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if re.match(r"/v1/(domains|projects)/\{\w+\}/", each.path)], ids=name_of
)
def test_below_a_parent_that_is_gone(acme: httpx.Client, operation: Operation) -> None:
    parent = operation.path.split("/")[2]
    domain = new_domain(acme)
    gone = domain["id"] if parent == "domains" else new_project(acme, domain["id"])["id"]
    acme.delete(f"/v1/{parent}/{gone}").raise_for_status()
    path = re.sub(r"\{\w+\}", gone, operation.path, count=1)
    body = WRITES.get(name_of(operation))

    answer = acme.request(operation.method, target(replace(operation, path=path)), json=body)

    assert refusal(answer) == (404, f"{parent.removesuffix('s')}_not_found")


# ---- events and audit rows of a write --------------------------------------------------


def test_a_write_leaves_one_event_and_a_refused_write_none(
    plane: Plane, acme: httpx.Client, beta: httpx.Client
) -> None:
    domain = new_domain(acme)
    project = new_project(acme, domain["id"])
    resource = acme.post(f"/v1/projects/{project['id']}/resources", json={"origin": "adopted", "kind": "vm"}).json()
    binding = acme.post("/v1/admin/idp", json=binding_of(domain["id"])).json()
    invitation = acme.post(f"/v1/domains/{domain['id']}/invitations", json={"external_subject": "ada"}).json()
    key = {"local_key": "k", "value_schema": {"kind": "boolean"}, "applicable_kinds": ["node"]}
    group = {"domain_id": domain["id"], "slug": "g", "display_name": "G", "source": "manual"}
    writes: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/v1/domains", {"name": "N", "slug": unique(), "mesh_cidr": ula()}),
        ("PATCH", f"/v1/domains/{domain['id']}", {"name": "New"}),
        ("POST", "/v1/projects", {"domain_id": domain["id"], "name": "N", "slug": unique()}),
        ("PATCH", f"/v1/projects/{project['id']}", {"name": "New"}),
        ("POST", f"/v1/projects/{project['id']}/resources", {"origin": "adopted", "kind": "vm"}),
        ("POST", "/v1/label-definitions", {"scope": "domain", "scope_id": domain["id"], **key}),
        ("POST", "/v1/admin/groups", group),
        ("POST", f"/v1/domains/{domain['id']}/invitations", {"external_subject": "new"}),
        ("DELETE", f"/v1/domains/{domain['id']}/invitations/{invitation['id']}", {}),
        ("PATCH", f"/v1/admin/idp/{binding['id']}", {"primary": True}),
        ("PATCH", f"/v1/admin/idp/{binding['id']}/status", {"status": "active"}),
        ("DELETE", f"/v1/admin/idp/{binding['id']}", {}),
        ("DELETE", f"/v1/resources/{resource['id']}", {}),
        ("DELETE", f"/v1/projects/{new_project(acme, domain['id'])['id']}", {}),
        ("DELETE", f"/v1/domains/{new_domain(acme)['id']}", {}),
    ]
    for method, path, body in writes:
        assert footprint(plane, beta.request(method, path, json=body)) == (0, 1), (method, path)
    for method, path, body in writes:
        answer = acme.request(method, path, json=body)
        assert answer.status_code < 300, answer.text
        assert footprint(plane, answer) == (1, 1), (method, path)


# ---- missing variables -----------------------------------------------------------------


def test_without_the_key_of_cursors_no_list_is_served(plane: Plane, acme: httpx.Client, tmp_path: Path) -> None:
    authorization = {"Authorization": acme.headers["Authorization"]}
    with second_api(plane, tmp_path, PLEXSPHERE_CURSOR_KEY="") as client:
        surfaces = {path: client.get(path, headers=authorization) for path in (*PAGED, "/v1/label-definitions")}
        unaffected = client.get("/v1/admin/idp", headers=authorization)

    assert {path: refusal(answer) for path, answer in surfaces.items()} == {
        "/v1/domains": (501, "domains_not_provisioned"),
        "/v1/projects": (501, "projects_not_provisioned"),
        "/v1/nodes": (501, "nodes_not_provisioned"),
        "/v1/label-definitions": (501, "labels_not_provisioned"),
    }
    assert "PLEXSPHERE_CURSOR_KEY" in surfaces["/v1/domains"].json()["detail"]
    assert unaffected.status_code == 200


def test_without_other_variables(plane: Plane, session: httpx.Client, acme: httpx.Client, tmp_path: Path) -> None:
    domain = new_domain(acme)["id"]
    missing = ("PLEXSPHERE_PSEUDONYM_KEY", "PLEXSPHERE_PUBLIC_URL", "PLEXSPHERE_CSRF_ALLOWED_ORIGINS")
    with second_api(plane, tmp_path, **dict.fromkeys(missing, "")) as client:
        client.headers.update({name: session.headers[name] for name in ("Cookie", "X-Plexsphere-CSRF", "Origin")})
        answers = [
            client.get(f"/v1/domains/{domain}/identities"),
            client.get(f"/v1/domains/{domain}/audit/entries"),
            client.get("/v1/auth/whoami"),
            create(client),
        ]

    assert [refusal(answer) for answer in answers] == [
        (501, "identities_not_provisioned"),
        (501, "audit_not_provisioned"),
        (501, "auth_not_provisioned"),
        (403, "csrf_origin_not_configured"),
    ]
