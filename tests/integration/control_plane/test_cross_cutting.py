"""What holds for every operation, whichever surface it belongs to."""

from __future__ import annotations

import json
import re
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from plexsphere_reference.http.app import operations
from plexsphere_reference.http.operation import Operation
from tests.integration.control_plane.actors import binding_of, new_domain, new_project, refusal
from tests.integration.control_plane.conftest import UNKNOWN_ID, Plane, discovery_url, ula, unique
from tests.integration.control_plane.contract import contract
from tests.integration.control_plane.hostile import AUTHORIZATIONS, BODIES, PATH_VALUES, QUERY_VALUES, VALUES
from tests.integration.control_plane.second import second_api

OPERATIONS: Final = tuple(each for each in operations() if each.path.startswith("/v1/"))
WITH_BODY: Final = tuple(
    each
    for each in OPERATIONS
    if each.method in ("POST", "PATCH")
    and not each.path.endswith(("/rotate", "/sign-out/global", "/device/approve", "/heartbeat", "/v1/device"))
)
PAGED: Final = ("/v1/domains", "/v1/projects", "/v1/nodes")


def name_of(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def target(operation: Operation, value: str | None = None) -> str:
    """The operation's path with a value for each of its parameters; None: ids that nothing has."""
    return re.sub(
        r"\{(\w+)\}", lambda match: value or ("1" if match[1] == "seq" else str(uuid.uuid4())), operation.path
    )


@pytest.fixture
def ids(plane: Plane, acme: httpx.Client) -> dict[str, str]:
    """A path prefix, and the id of something there that the caller may write."""
    domain = new_domain(acme)
    project = new_project(acme, domain["id"])
    resource = acme.post(f"/v1/projects/{project['id']}/resources", json={"origin": "adopted", "kind": "vm"}).json()
    known = {
        "issuer": plane.issuer,
        "discovery_url": discovery_url(plane.issuer),
        "client_secret_ref": "env:PLEXSPHERE_DEX_CLIENT_SECRET",
    }
    binding = acme.post("/v1/admin/idp", json={**binding_of(domain["id"]), **known}).json()
    return {
        "/v1/domains": domain["id"],
        "/v1/projects": project["id"],
        "/v1/resources": resource["id"],
        "/v1/admin/idp": binding["id"],
    }


def reachable(operation: Operation, ids: dict[str, str]) -> str:
    """Like :func:`target`, with the ids of what is there."""
    own = next((id_ for prefix, id_ in ids.items() if operation.path.startswith(f"{prefix}/")), None)
    return target(operation, own) if operation.path.count("{") == 1 else target(operation)


# ---- every answer ----------------------------------------------------------------------


def test_every_answer_has_a_correlation_id_of_its_own(acme: httpx.Client) -> None:
    answers = [acme.get("/v1/domains"), acme.get("/v1/health"), acme.get("/v1/domains/x"), acme.get("/nowhere")]

    found = {answer.headers["x-correlation-id"] for answer in answers}

    assert len(found) == len(answers)


def test_a_correlation_id_is_not_the_callers_to_choose(acme: httpx.Client) -> None:
    answer = acme.get("/v1/domains/x", headers={"X-Correlation-Id": "mine"})

    assert answer.headers["x-correlation-id"] != "mine"


def test_a_path_that_is_nowhere(acme: httpx.Client) -> None:
    for path in ("/v1/nothing", "/nothing", "/v1/domains/", "/v1//domains", "/v1/domains/a/b/c/d"):
        assert refusal(acme.get(path)) == (404, "not_found")


def test_a_method_that_a_path_has_not(acme: httpx.Client) -> None:
    answer = acme.put("/v1/domains", json={})

    assert refusal(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, POST"


def test_head_is_get_without_a_body(acme: httpx.Client) -> None:
    answer = acme.head("/v1/domains")

    assert (answer.status_code, answer.content) == (200, b"")


# ---- what is not built -----------------------------------------------------------------


def undone() -> list[tuple[str, str]]:
    """The operations of the contract's document that no surface has."""
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


@pytest.mark.skipif(contract() is None, reason="the contract's document is not beside the checkout")
def test_what_is_not_built_says_so(acme: httpx.Client) -> None:
    missing = undone()
    answers = {
        f"{method} {path}": acme.request(method, re.sub(r"\{\w+\}", lambda _: str(uuid.uuid4()), path))
        for method, path in missing
    }

    assert len(missing) > 100
    assert {name: answer.status_code for name, answer in answers.items() if answer.status_code != 501} == {}
    assert all(answer.json()["code"].endswith("_not_provisioned") for answer in answers.values())


# ---- who may ---------------------------------------------------------------------------


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.access != "public"], ids=name_of)
def test_without_a_credential_nothing_is_told(nobody: httpx.Client, operation: Operation) -> None:
    known = {"operator": "unauthenticated", "node": "unauthorized", "operator_or_node": "unauthenticated"}
    for path in (target(operation), target(operation, "x")):
        answer = nobody.request(operation.method, path, content=b"{")
        assert refusal(answer) == (401, known[operation.access])


@pytest.mark.parametrize("authorization", AUTHORIZATIONS, ids=lambda value: value[:30])
def test_a_credential_that_is_none(plane: Plane, nobody: httpx.Client, authorization: bytes) -> None:
    answer = nobody.get("/v1/domains", headers={b"Authorization": authorization})

    assert refusal(answer) == (401, "unauthenticated")


@pytest.mark.parametrize("ended", ["expires_at = now()", "revoked_at = now()"])
def test_a_token_that_has_ended(plane: Plane, ended: str) -> None:
    with plane.client() as client:
        assert client.get("/v1/domains").status_code == 200
        plane.sql(
            f"UPDATE plexsphere.api_tokens SET {ended} WHERE secret_hash = sha256(%s::bytea)",
            client.headers["Authorization"].removeprefix("Bearer ").encode(),
        )
        assert refusal(client.get("/v1/domains")) == (401, "unauthenticated")


@pytest.mark.parametrize("cookie", ["", "x", "psk_dev_x", "' OR 1=1--", "a" * 4000])
def test_a_cookie_that_is_none(nobody: httpx.Client, cookie: str) -> None:
    answer = nobody.get("/v1/domains", headers={"Cookie": f"plexsphere_session={cookie}"})

    assert refusal(answer) == (401, "unauthenticated")


# ---- cookies and their writes ----------------------------------------------------------


@pytest.fixture
def session(plane: Plane) -> Iterator[httpx.Client]:
    """A browser that is signed in as the seeded admin of acme-corp."""
    secret, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    plane.sql(
        "INSERT INTO plexsphere.token_sessions (id, user_id, secret_hash, expires_at)"
        " SELECT %s, u.id, sha256(%s::bytea), now() + interval '1 hour' FROM plexsphere.users u"
        " JOIN plexsphere.domains d ON d.id = u.domain_id"
        " WHERE d.slug = 'acme-corp' AND u.email = 'admin@example.com'",
        uuid.uuid4(),
        secret.encode(),
    )
    with plane.client(None) as client:
        client.headers["Cookie"] = f"plexsphere_session={secret}; plexsphere_csrf={csrf}"
        client.headers["X-Plexsphere-CSRF"] = csrf
        client.headers["Origin"] = plane.url
        yield client


def create(client: httpx.Client, **headers: str) -> httpx.Response:
    body = {"name": "By cookie", "slug": unique(), "mesh_cidr": ula()}
    request = client.build_request("POST", "/v1/domains", json=body, headers=headers)
    for name in [name for name, value in headers.items() if not value]:
        del request.headers[name]
    return client.send(request)


def test_a_session_reads_and_writes(session: httpx.Client) -> None:
    assert session.get("/v1/domains", headers={"X-Plexsphere-CSRF": ""}).status_code == 200
    assert create(session).status_code == 201
    assert create(session, Origin="", **{"Sec-Fetch-Site": "same-origin"}).status_code == 201


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X-Plexsphere-CSRF": ""}, "csrf_token_mismatch"),
        ({"X-Plexsphere-CSRF": "other"}, "csrf_token_mismatch"),
        ({"Origin": "https://evil.example"}, "csrf_origin_mismatch"),
        ({"Origin": "null"}, "csrf_origin_mismatch"),
        ({"Origin": ""}, "csrf_origin_mismatch"),
        ({"Origin": "", "Sec-Fetch-Site": "same-site"}, "csrf_origin_mismatch"),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, "csrf_origin_mismatch"),
    ],
    ids=str,
)
def test_a_write_that_another_page_could_have_sent(session: httpx.Client, headers: dict[str, str], code: str) -> None:
    assert refusal(create(session, **headers)) == (403, code)


def test_a_write_without_the_csrf_cookie(session: httpx.Client) -> None:
    session.headers["Cookie"] = session.headers["Cookie"].partition(";")[0]

    assert refusal(create(session)) == (403, "csrf_token_mismatch")


@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if each.access == "operator" and each.method != "GET"], ids=name_of
)
def test_every_write_by_cookie_is_held_to_csrf(session: httpx.Client, operation: Operation) -> None:
    answer = session.request(operation.method, target(operation), headers={"X-Plexsphere-CSRF": "other"})

    assert refusal(answer) == (403, "csrf_token_mismatch")


def test_a_bearer_needs_no_csrf(acme: httpx.Client) -> None:
    assert create(acme, Origin="https://elsewhere.example").status_code == 201


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
    "/v1/domains/{domain_id}/audit/entries": (
        *("limit", "cursor", "subject", "relation", "object_type", "object_id"),
        *("reason", "from", "to", "correlation_id"),
    ),
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


def lists(ids: dict[str, str]) -> list[str]:
    return [
        *PAGED,
        f"/v1/projects/{ids['/v1/projects']}/resources",
        f"/v1/projects/{ids['/v1/projects']}/bootstrap-tokens",
        f"/v1/domains/{ids['/v1/domains']}/identities",
        f"/v1/domains/{ids['/v1/domains']}/audit/entries",
        f"/v1/admin/groups?domain_id={ids['/v1/domains']}",
        "/v1/label-definitions?scope=platform",
    ]


def test_limits_of_every_list(acme: httpx.Client, ids: dict[str, str]) -> None:
    for path in lists(ids):
        mark = "&" if "?" in path else "?"
        for limit in ("0", "-1", "201", "1000", "x", "", "1.0", "%2B1", "%201", "%D9%A3"):
            answer = acme.get(f"{path}{mark}limit={limit}")
            assert refusal(answer) == (400, "invalid_limit"), (path, limit)
        for limit in ("1", "200"):
            assert acme.get(f"{path}{mark}limit={limit}").status_code == 200, (path, limit)


# ---- below what is gone ----------------------------------------------------------------


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


# ---- what a write leaves ---------------------------------------------------------------


def test_a_write_is_one_event_and_one_audit_row_and_a_refused_one_no_event(
    plane: Plane, acme: httpx.Client, beta: httpx.Client
) -> None:
    domain = new_domain(acme)
    project = new_project(acme, domain["id"])
    resource = acme.post(f"/v1/projects/{project['id']}/resources", json={"origin": "adopted", "kind": "vm"}).json()
    binding = acme.post("/v1/admin/idp", json=binding_of(domain["id"])).json()
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


def footprint(plane: Plane, answer: httpx.Response) -> tuple[int, int]:
    """How many events and audit rows a request left."""
    ((found,),) = plane.sql(
        "SELECT ((SELECT count(*) FROM plexsphere.outbox_events WHERE payload->>'correlation_id' = %s),"
        " (SELECT count(*) FROM plexsphere.audit_entries WHERE correlation_id = %s))::text",
        answer.headers["x-correlation-id"],
        answer.headers["x-correlation-id"],
    )
    events, rows = found.strip("()").split(",")
    return int(events), int(rows)


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
