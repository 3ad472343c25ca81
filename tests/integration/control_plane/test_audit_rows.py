"""Which row each operation leaves in which chain: granted, refused, and about what does not exist."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from plexsphere_reference.http.app import operations
from tests.integration.control_plane.actors import binding_of, new_domain, new_user, refusal
from tests.integration.control_plane.conftest import Plane, ula, unique
from tests.integration.control_plane.enrolment import Site, new_site
from tests.integration.control_plane.second import second_api

PLATFORM_CHAIN: Final = str(uuid.UUID(int=0))
DEFINITION: Final = {"value_schema": {"kind": "boolean"}, "applicable_kinds": ["node"]}


@dataclass(frozen=True)
class Case:
    """How an operation is called, and what is audited.

    Attributes:
        path: With the names of ids in braces.
        action: The row's relation.
        object: What the row is about, ``project:{project}`` for example; a created object has no id before.
        chain: Whose chain gets the row of a grant.
        refused: Whose gets the one of a refusal; None for a list that refuses nobody.
        unknown: What a caller who may do everything else gets when none of the ids exists: the status, and whether
            there is a row, which is always the platform's.
    """

    path: str
    action: str
    object: str
    body: dict[str, Any] | None = None
    chain: str = "domain"
    refused: str | None = "domain"
    unknown: tuple[int, bool] | None = (403, True)


ONE_DOMAIN, ONE_PROJECT = "domain:{domain}", "project:{project}"
CASES: Final[dict[str, Case]] = {
    "POST /v1/domains": Case(
        "/v1/domains", "domain.create", "platform:plexsphere", {"name": "N", "slug": "SLUG", "mesh_cidr": "ULA"},
        chain="platform", refused="platform", unknown=None,
    ),
    "GET /v1/domains": Case(
        "/v1/domains", "domain.list", "platform:plexsphere", chain="platform", refused=None, unknown=None
    ),
    "GET /v1/domains/{id}": Case("/v1/domains/{domain}", "domain.read", ONE_DOMAIN),
    "PATCH /v1/domains/{id}": Case("/v1/domains/{domain}", "domain.update", ONE_DOMAIN, {"name": "New"}),
    "DELETE /v1/domains/{id}": Case("/v1/domains/{empty}", "domain.delete", "domain:{empty}", chain="platform",
                                    refused="empty"),
    "POST /v1/projects": Case("/v1/projects", "project.create", ONE_DOMAIN,
                              {"domain_id": "{domain}", "name": "N", "slug": "SLUG"}),
    "GET /v1/projects": Case("/v1/projects?domain_id={domain}", "project.list", "platform:plexsphere",
                             chain="platform", refused=None, unknown=(200, True)),
    "GET /v1/projects/{id}": Case("/v1/projects/{project}", "project.read", ONE_PROJECT),
    "PATCH /v1/projects/{id}": Case("/v1/projects/{project}", "project.update", ONE_PROJECT, {"name": "New"}),
    "DELETE /v1/projects/{id}": Case("/v1/projects/{project}", "project.delete", ONE_PROJECT),
    "GET /v1/nodes": Case("/v1/nodes?domain_id={domain}", "node.list", "platform:plexsphere",
                          chain="platform", refused=None, unknown=(200, True)),
    "GET /v1/nodes/{id}/reachability": Case("/v1/nodes/{node}/reachability", "node_reachability.read", "node:{node}"),
    "GET /v1/domains/{domain_id}/mesh/topology": Case("/v1/domains/{domain}/mesh/topology", "mesh_topology.read",
                                                      ONE_DOMAIN),
    "GET /v1/projects/{project_id}/resources": Case("/v1/projects/{project}/resources", "resource.list", ONE_PROJECT),
    "POST /v1/projects/{project_id}/resources": Case("/v1/projects/{project}/resources", "resource.create",
                                                     ONE_PROJECT, {"origin": "adopted", "kind": "vm"}),
    "GET /v1/resources/{id}": Case("/v1/resources/{resource}", "resource.read", "resource:{resource}"),
    "DELETE /v1/resources/{id}": Case("/v1/resources/{resource}", "resource.delete", "resource:{resource}"),
    "GET /v1/admin/idp": Case("/v1/admin/idp?domain_id={domain}", "idp_binding.list", ONE_DOMAIN),
    "POST /v1/admin/idp": Case("/v1/admin/idp", "idp_binding.create", ONE_DOMAIN,
                               {**binding_of("{domain}"), "client_secret_ref": "none:x"}),
    "GET /v1/admin/idp/{id}": Case("/v1/admin/idp/{binding}", "idp_binding.read", ONE_DOMAIN, unknown=(404, False)),
    "PATCH /v1/admin/idp/{id}": Case("/v1/admin/idp/{binding}", "idp_binding.update", ONE_DOMAIN, {"primary": True},
                                     unknown=(404, False)),
    "DELETE /v1/admin/idp/{id}": Case("/v1/admin/idp/{binding}", "idp_binding.delete", ONE_DOMAIN,
                                      unknown=(404, False)),
    "PATCH /v1/admin/idp/{id}/status": Case("/v1/admin/idp/{binding}/status", "idp_binding.status", ONE_DOMAIN,
                                            {"status": "active"}, unknown=(404, False)),
    "GET /v1/admin/groups": Case("/v1/admin/groups?domain_id={domain}", "group.list", ONE_DOMAIN),
    "POST /v1/admin/groups": Case("/v1/admin/groups", "group.create", ONE_DOMAIN,
                                  {"domain_id": "{domain}", "slug": "SLUG", "display_name": "G", "source": "manual"}),
    "GET /v1/admin/groups/{id}": Case("/v1/admin/groups/{group}", "group.read", "group:{group}"),
    "GET /v1/label-definitions": Case("/v1/label-definitions?scope=project:{project}", "label_definition.list",
                                      ONE_PROJECT),
    "POST /v1/label-definitions": Case("/v1/label-definitions", "label_definition.create", ONE_DOMAIN,
                                       {"scope": "domain", "scope_id": "{domain}", "local_key": "SLUG", **DEFINITION}),
    "GET /v1/label-definitions/{id}": Case("/v1/label-definitions/{label}", "label_definition.read",
                                           "label_definition:{label}", unknown=(404, False)),
    "GET /v1/domains/{id}/identities": Case("/v1/domains/{domain}/identities", "identity.list", ONE_DOMAIN),
    "GET /v1/domains/{id}/identities/{principal_id}": Case("/v1/domains/{domain}/identities/{user}", "identity.read",
                                                           ONE_DOMAIN),
    "GET /v1/projects/{project_id}/bootstrap-tokens": Case("/v1/projects/{project}/bootstrap-tokens",
                                                           "bootstrap_token.list", ONE_PROJECT),
    "POST /v1/projects/{project_id}/bootstrap-tokens": Case(
        "/v1/projects/{project}/bootstrap-tokens", "bootstrap_token.issue", ONE_PROJECT,
        {"kind": "node", "env_prefix": "dev", "ttl_seconds": 300},
    ),
    "GET /v1/projects/{project_id}/bootstrap-tokens/{id}": Case("/v1/projects/{project}/bootstrap-tokens/{token}",
                                                                "bootstrap_token.read", ONE_PROJECT),
    "DELETE /v1/projects/{project_id}/bootstrap-tokens/{id}": Case("/v1/projects/{project}/bootstrap-tokens/{token}",
                                                                   "bootstrap_token.revoke", ONE_PROJECT),
    "GET /v1/domains/{domain_id}/audit/entries": Case("/v1/domains/{domain}/audit/entries", "audit.list", ONE_DOMAIN),
    "GET /v1/domains/{domain_id}/audit/entries/{seq}": Case("/v1/domains/{domain}/audit/entries/1", "audit.read",
                                                            ONE_DOMAIN, unknown=(404, True)),
    "POST /v1/domains/{domain_id}/audit/verify": Case("/v1/domains/{domain}/audit/verify", "audit.verify", ONE_DOMAIN,
                                                      {}),
    "GET /v1/platform/audit/entries": Case("/v1/platform/audit/entries", "audit.list", "platform:plexsphere",
                                           chain="platform", refused="platform", unknown=None),
    "GET /v1/platform/audit/entries/{seq}": Case("/v1/platform/audit/entries/1", "audit.read", "platform:plexsphere",
                                                 chain="platform", refused="platform", unknown=None),
    "POST /v1/platform/audit/verify": Case("/v1/platform/audit/verify", "audit.verify", "platform:plexsphere", {},
                                           chain="platform", refused="platform", unknown=None),
}  # fmt: skip
ELSEWHERE: Final = (
    "/v1/auth/",  # test_auth, test_device and test_tokens: what concerns one's own credentials has no gate
    "/v1/device",
    "/v1/register",  # below
    "/v1/nodes/{id}/heartbeat",  # test_reachability: a Node's own, audited where it changes the Node's state
    "/v1/health",
    "/v1/version",
    "/v1/openapi.json",
    "/v1/docs",
)


def test_every_operation_is_here_or_named_elsewhere() -> None:
    names = {f"{each.method} {each.path}" for each in operations() if each.path.startswith("/v1/")}

    assert {name for name in names if not name.partition(" ")[2].startswith(ELSEWHERE)} == set(CASES)


@dataclass(frozen=True)
class Objects:
    """The ids that paths and bodies name, and the answers of an operation on them."""

    plane: Plane
    ids: dict[str, str]

    def send(self, client: httpx.Client, name: str) -> httpx.Response:
        case = CASES[name]
        path = case.path.format(**self.ids)
        return client.request(name.partition(" ")[0], path, json=self._filled(case.body))

    def rows(self, answer: httpx.Response) -> list[tuple[str, str, str, str]]:
        """Chain, relation, reason and object of each row that a request left."""
        found = self.plane.sql(
            "SELECT chain_id::text, relation, reason, object_type || ':' || object_id FROM plexsphere.audit_entries"
            " WHERE correlation_id = %s",
            answer.headers["x-correlation-id"],
        )
        labels = {PLATFORM_CHAIN: "platform"} | {self.ids[name]: name for name in ("domain", "empty")}
        return [(labels.get(chain, chain), relation, reason, about) for chain, relation, reason, about in found]

    def about(self, name: str) -> str:
        return CASES[name].object.format(**self.ids)

    def _filled(self, body: dict[str, Any] | None) -> dict[str, Any] | None:
        words = {"SLUG": unique(), "ULA": ula()}
        return body and {
            name: words.get(value, value.format(**self.ids)) if isinstance(value, str) else value
            for name, value in body.items()
        }


@pytest.fixture
def site(plane: Plane, acme: httpx.Client, nobody: httpx.Client) -> Site:
    return new_site(plane, acme, nobody)


def something_of_everything(site: Site) -> Objects:
    """One object of each kind, as its admin sees it."""

    def made(path: str, body: dict[str, Any]) -> str:
        answer = site.admin.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json().get("id") or answer.json()["token_id"])

    domain, project = site.domain_id, site.project().project_id
    group = {"domain_id": domain, "slug": unique(), "display_name": "G", "source": "manual"}
    label = {"scope": "domain", "scope_id": domain, "local_key": unique(), **DEFINITION}
    binding = {**binding_of(domain), "issuer": "http://localhost:1/dex", "client_secret_ref": "none:x"}
    ids = {
        "domain": domain,
        "project": project,
        "empty": str(new_domain(site.admin)["id"]),
        "node": site.node().id,
        "user": new_user(site.plane, domain),
        "resource": made(f"/v1/projects/{site.project_id}/resources", {"origin": "adopted", "kind": "vm"}),
        "binding": made("/v1/admin/idp", binding),
        "group": made("/v1/admin/groups", group),
        "label": made("/v1/label-definitions", label),
        "token": made(
            f"/v1/projects/{project}/bootstrap-tokens", {"kind": "node", "env_prefix": "dev", "ttl_seconds": 300}
        ),
    }
    return Objects(site.plane, ids)


@pytest.fixture
def known(site: Site) -> Objects:
    return something_of_everything(site)


@pytest.fixture(scope="module")
def untouched(plane: Plane) -> Iterator[Objects]:
    """The same for tests that change nothing of it."""
    with plane.client() as admin, plane.client(None) as nobody:
        yield something_of_everything(new_site(plane, admin, nobody))


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
    names = ("domain", "project", "empty", "node", "user", "resource", "binding", "group", "label", "token")
    unknown = Objects(plane, {each: str(uuid.uuid4()) for each in names})
    assert case.unknown is not None
    status, audited = case.unknown

    answer = unknown.send(acme, name)

    assert answer.status_code == status, answer.text
    reason = "granted" if status == 200 else "insufficient_relation"
    assert unknown.rows(answer) == ([("platform", case.action, reason, unknown.about(name))] if audited else [])
    assert plane.sql("SELECT 1 FROM plexsphere.audit_chains WHERE chain_id = ANY(%s)", list(unknown.ids.values())) == []


# ---- a Domain's end -----------------------------------------------------------------------


def rows_about(plane: Plane, domain_id: str) -> list[tuple[str, str, str, dict[str, list[str]]]]:
    found = plane.sql(
        "SELECT chain_id::text, relation, reason, caveat_context FROM plexsphere.audit_entries"
        " WHERE object_id = %s ORDER BY occurred_at",
        domain_id,
    )
    labels = {PLATFORM_CHAIN: "platform", domain_id: "domain"}
    return [(labels[chain], relation, reason, context) for chain, relation, reason, context in found]


def test_a_domain_s_chain_ends_with_it(plane: Plane, acme: httpx.Client, beta: httpx.Client) -> None:
    domain = new_domain(acme)["id"]
    path = f"/v1/domains/{domain}"

    answers = [
        acme.get(path),
        beta.delete(path),
        acme.delete(path),
        acme.delete(path),
        acme.get(path),
        beta.get(path),
        acme.get(f"{path}/audit/entries"),
        acme.post("/v1/projects", json={"domain_id": domain, "name": "N", "slug": "s"}),
    ]

    assert [answer.status_code for answer in answers] == [200, 403, 204, 404, 404, 403, 404, 409]
    assert rows_about(plane, domain) == [
        ("domain", "domain.read", "granted", {}),
        ("domain", "domain.delete", "insufficient_relation", {}),
        ("platform", "domain.delete", "granted", {}),
        ("platform", "domain.delete", "granted", {"refused": ["domain_not_found"]}),
        ("platform", "domain.read", "granted", {}),
        ("platform", "domain.read", "insufficient_relation", {}),
        ("platform", "audit.list", "granted", {}),
        ("platform", "project.create", "granted", {"refused": ["parent_domain_missing"]}),
    ]
    assert acme.post("/v1/platform/audit/verify").json()["ok"] is True


def test_a_deletion_that_the_domain_s_content_refuses_is_the_domain_s(plane: Plane, site: Site) -> None:
    refused = site.admin.delete(f"/v1/domains/{site.domain_id}")

    assert refusal(refused) == (409, "domain_not_empty")
    assert rows_about(plane, site.domain_id)[-1] == (
        *("domain", "domain.delete", "granted"),
        {"refused": ["domain_not_empty"]},
    )
    assert site.admin.post(f"/v1/domains/{site.domain_id}/audit/verify").json()["ok"] is True


# ---- granted, and refused all the same ----------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"local_key": "plexsphere"}, 422, "reserved_key"),
        ({"value_schema": {"kind": "enum", "values": []}}, 422, "invalid_value_schema"),
        ({}, 409, "label_definition_conflict"),
    ],
    ids=["reserved", "schema", "duplicate"],
)
def test_a_label_that_is_refused_leaves_its_row(
    known: Objects, site: Site, changed: dict[str, Any], status: int, code: str
) -> None:
    body = {"scope": "domain", "scope_id": site.domain_id, "local_key": "twice", **DEFINITION}
    assert site.admin.post("/v1/label-definitions", json=body).status_code == 201

    answer = site.admin.post("/v1/label-definitions", json={**body, **changed})

    assert refusal(answer) == (status, code)
    assert known.rows(answer) == [("domain", "label_definition.create", "granted", f"domain:{site.domain_id}")]
    [row] = site.audit("label_definition.create")[-1:]
    assert row["decision"]["caveat_context"] == {"refused": [code]}


def test_a_token_that_is_somebody_else_s_is_refused_in_the_caller_s_domain(
    untouched: Objects, acme: httpx.Client
) -> None:
    for method, path, action in (("DELETE", "", "revoke"), ("POST", "/rotate", "rotate")):
        token = str(uuid.uuid4())
        answer = acme.request(method, f"/v1/auth/tokens/{token}{path}")
        assert refusal(answer) == (404, "token_not_found")
        [(_, *row)] = untouched.rows(answer)
        assert row == [f"auth.token.{action}", "out_of_scope", f"api_token:{token}"]


# ---- registering --------------------------------------------------------------------------


def test_a_registration_that_is_refused_leaves_a_row_if_its_token_is_ours(known: Objects, site: Site) -> None:
    spent, handle = site.issue()["token"], site.resource()
    registered = site.register(spent, handle)
    again = site.register(spent, site.resource())
    nowhere = site.register(site.issue()["token"], "no-such-handle")
    forged = site.register(spent[:-1] + ("a" if spent[-1] != "a" else "b"), handle)

    node = f"node:{registered.json()['node_id']}"
    project = f"project:{site.project_id}"
    assert [answer.status_code for answer in (registered, again, nowhere, forged)] == [201, 403, 404, 422]
    assert known.rows(registered) == [("domain", "node.register", "granted", node)]
    assert known.rows(again) == [("domain", "node.register", "caveat_violation", project)]
    assert known.rows(nowhere) == [("domain", "node.register", "granted", project)]
    assert known.rows(forged) == []


# ---- from where ---------------------------------------------------------------------------


@pytest.fixture
def behind_a_proxy(plane: Plane, acme: httpx.Client, tmp_path: Path) -> Iterator[httpx.Client]:
    with second_api(plane, tmp_path, PLEXSPHERE_AUTH_TRUST_PROXY_HEADERS="true") as client:
        client.headers["Authorization"] = acme.headers["Authorization"]
        yield client


def address_of(plane: Plane, answer: httpx.Response) -> str:
    [(address,)] = plane.sql(
        "SELECT ip FROM plexsphere.audit_entries WHERE correlation_id = %s", answer.headers["x-correlation-id"]
    )
    return str(address)


def test_the_address_is_what_a_trusted_proxy_says(
    plane: Plane, acme: httpx.Client, behind_a_proxy: httpx.Client
) -> None:
    forwarded = {"X-Forwarded-For": "198.51.100.9, 203.0.113.7"}

    assert address_of(plane, behind_a_proxy.get("/v1/domains", headers=forwarded)) == "203.0.113.7"
    assert address_of(plane, behind_a_proxy.get("/v1/domains")) == "127.0.0.1"
    assert address_of(plane, acme.get("/v1/domains", headers=forwarded)) == "127.0.0.1"
