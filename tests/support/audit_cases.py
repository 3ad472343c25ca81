"""One case for every operation that leaves an audit row."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final

import httpx

from tests.support.actors import binding_of, new_domain, new_user
from tests.support.control_plane import Plane, ula, unique
from tests.support.enrolment import Site

PLATFORM_CHAIN: Final = str(uuid.UUID(int=0))
DEFINITION: Final = {"value_schema": {"kind": "boolean"}, "applicable_kinds": ["node"]}


@dataclass(frozen=True)
class Case:
    """A request of an operation, and its audit row.

    Attributes:
        path: The path, with the names of ids in braces.
        action: The relation of the row.
        object: The object of the row, such as ``project:{project}``; an object has no id before its creation.
        chain: The chain of the row if the request is allowed.
        refused: The chain of the row if it is refused; ``None`` for a list, which is never refused.
        unknown: The answer to a caller with all permissions if none of the ids exists: the status, and whether there
            is a row, which is always in the platform's chain.
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
    "POST /v1/domains/{id}/invitations": Case("/v1/domains/{domain}/invitations", "invitation.create", ONE_DOMAIN,
                                              {"external_subject": "SLUG"}),
    "GET /v1/domains/{id}/invitations": Case("/v1/domains/{domain}/invitations", "invitation.list", ONE_DOMAIN),
    "GET /v1/domains/{id}/invitations/{invitation_id}": Case("/v1/domains/{domain}/invitations/{invitation}",
                                                             "invitation.read", ONE_DOMAIN),
    "DELETE /v1/domains/{id}/invitations/{invitation_id}": Case("/v1/domains/{domain}/invitations/{invitation}",
                                                                "invitation.revoke", ONE_DOMAIN),
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
    "GET /v1/artifacts/plexd": Case("/v1/artifacts/plexd", "artifact.list", "platform:plexsphere",
                                    chain="platform", refused="platform", unknown=None),
    "GET /v1/artifacts/plexd/{version}": Case("/v1/artifacts/plexd/0.1.0", "artifact.read", "platform:plexsphere",
                                              chain="platform", refused="platform", unknown=None),
    "GET /v1/artifacts/plexd/{version}/sigstore": Case("/v1/artifacts/plexd/0.1.0/sigstore", "artifact_signature.read",
                                                       "platform:plexsphere", chain="platform", refused="platform",
                                                       unknown=None),
}  # fmt: skip


@dataclass(frozen=True)
class Objects:
    """The ids in paths and bodies, and the answers of an operation on them."""

    plane: Plane
    ids: dict[str, str]

    def send(self, client: httpx.Client, name: str) -> httpx.Response:
        case = CASES[name]
        path = case.path.format(**self.ids)
        return client.request(name.partition(" ")[0], path, json=self._filled(case.body))

    def rows(self, answer: httpx.Response) -> list[tuple[str, str, str, str]]:
        """The chain, relation, reason and object of each audit row of a request."""
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


def something_of_everything(site: Site) -> Objects:
    """Create one object of each kind as their admin."""

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
        "invitation": made(f"/v1/domains/{domain}/invitations", {"external_subject": unique()}),
        "label": made("/v1/label-definitions", label),
        "token": made(
            f"/v1/projects/{project}/bootstrap-tokens", {"kind": "node", "env_prefix": "dev", "ttl_seconds": 300}
        ),
    }
    return Objects(site.plane, ids)
