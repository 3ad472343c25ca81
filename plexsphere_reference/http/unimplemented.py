"""The operations of the contract that are not implemented; they answer 501 instead of 404.

One line per path, methods first; ``{}`` is one segment. A test compares the table with the contract's document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

_UNBUILT: Final[Mapping[str, str]] = {
    "auth": """
        POST /v1/auth/service/token
    """,
    "authz": """
        POST /v1/authz/check
        GET POST /v1/authz/relation-tuples
        PATCH DELETE /v1/authz/relation-tuples/{}
        POST /v1/authz/lookup-resources
        POST /v1/authz/lookup-subjects
    """,
    "admin": """
        POST GET /v1/admin/platform-idp
        PATCH DELETE /v1/admin/groups/{}
        POST GET /v1/admin/groups/{}/members
        DELETE /v1/admin/groups/{}/members/{}
        POST GET /v1/admin/tokens
        DELETE /v1/admin/tokens/{}
        POST /v1/admin/tokens/{}/rotate
    """,
    "labels": """
        PATCH DELETE /v1/label-definitions/{}
        POST /v1/labels/selectors/preview
        GET PUT DELETE /v1/objects/{}/{}/labels
        POST /v1/objects/search
    """,
    "mesh": """
        POST /v1/keys/rotate
        GET /v1/nodes/{}/events
        GET /v1/nodes/{}/state
        PUT /v1/nodes/{}/endpoint
        PUT DELETE /v1/nodes/{}/state/reports/{}
        PUT /v1/nodes/{}/capabilities
        POST /v1/nodes/{}/integrity-violations
        POST /v1/nodes/{}/keys/rotate
        GET /v1/nodes/{}/keys/rotate/preview
    """,
    "cloud": """
        POST GET /v1/clouds
        GET PATCH DELETE /v1/clouds/{}
        GET POST /v1/clouds/{}/cloud-credentials
        GET /v1/cloud-credentials/{}
        POST /v1/cloud-credentials/{}/revoke
        GET POST /v1/cloud-credentials/{}/clouds
        DELETE /v1/cloud-credentials/{}/clouds/{}
        POST GET /v1/projects/{}/credential-assignments
        POST /v1/credential-assignments/{}/approve
        POST /v1/credential-assignments/{}/reject
        POST /v1/credential-assignments/{}/revoke
        POST GET /v1/projects/{}/cloud-assignments
        POST /v1/clouds/{}/cloud-assignments
        POST /v1/cloud-assignments/{}/approve
        POST /v1/cloud-assignments/{}/reject
        POST /v1/cloud-assignments/{}/revoke
    """,
    "approvals": """
        GET /v1/approvals
        GET /v1/approvals/{}
        POST /v1/approvals/{}/approve
        POST /v1/approvals/{}/reject
        POST /v1/approvals/{}/break-glass
    """,
    "provisioning_credentials": """
        GET /v1/projects/{}/credentials
        GET /v1/credentials/{}
        POST /v1/credentials/{}/revoke
        POST /v1/credentials/{}/rotate
    """,
    "blueprint": """
        POST GET /v1/blueprints
        GET /v1/blueprints/{}
        POST /v1/blueprints/{}/versions
    """,
    "blueprint_catalog": """
        POST GET /v1/blueprint-catalogs
        GET DELETE /v1/blueprint-catalogs/{}
        GET /v1/blueprint-catalogs/{}/blueprints
        POST /v1/blueprint-catalogs/{}/import
    """,
    "management_fleet": """
        GET POST /v1/management-clusters
        GET /v1/management-clusters/{}
        GET /v1/management-clusters/{}/assignments
        GET /v1/projects/{}/management-cluster-assignment
        POST /v1/projects/{}/management-cluster-assignment/terminate
    """,
    "tenancy": """
        POST /v1/domains/{}/service-identities
    """,
    "audit": """
        POST /v1/domains/{}/audit/erase-identity
        POST /v1/platform/audit/erase-identity
    """,
    "capacity": """
        GET /v1/domains/{}/capacity
    """,
    "managed_push": """
        GET PUT DELETE /v1/domains/{}/managed-push
        POST /v1/domains/{}/managed-push/hooks
        GET /v1/domains/{}/managed-push/hooks/{}
        POST /v1/domains/{}/managed-push/hooks/{}/rollback
    """,
    "policy": """
        GET POST /v1/projects/{}/policies
        GET PATCH DELETE /v1/projects/{}/policies/{}
        GET /v1/projects/{}/policies/{}/revisions
        GET /v1/projects/{}/policies/{}/revisions/{}
        POST /v1/projects/{}/policies/{}/dry-run
        GET /v1/projects/{}/policies/{}/diff
    """,
    "capabilities": """
        GET /v1/projects/{}/capabilities
    """,
    "integrity": """
        GET /v1/integrity-violations
        POST /v1/integrity-violations/{}/acknowledge
    """,
    "hooks": """
        GET /v1/hooks
    """,
    "bridge": """
        GET PUT /v1/projects/{}/resources/{}/bridge/relay
        POST GET /v1/projects/{}/resources/{}/bridge/user-access
        GET PATCH DELETE /v1/projects/{}/resources/{}/bridge/user-access/{}
        POST GET /v1/projects/{}/resources/{}/bridge/ingress
        GET PATCH DELETE /v1/projects/{}/resources/{}/bridge/ingress/{}
        POST GET /v1/projects/{}/resources/{}/bridge/site-to-site
        GET PATCH DELETE /v1/projects/{}/resources/{}/bridge/site-to-site/{}
    """,
    "actions": """
        POST /v1/projects/{}/executions/dispatch
        GET /v1/projects/{}/executions
        GET /v1/projects/{}/executions/{}
        POST /v1/nodes/{}/executions/{}
    """,
    "secrets": """
        GET /v1/projects/{}/secrets
    """,
    "access": """
        POST GET /v1/projects/{}/sessions
        GET /v1/projects/{}/sessions/{}
        GET /v1/projects/{}/sessions/{}/attach
        POST /v1/projects/{}/sessions/{}/revoke
        POST /v1/nodes/{}/sessions/{}
    """,
    "observability": """
        GET POST /v1/domains/{}/alert-rules
        GET PATCH DELETE /v1/domains/{}/alert-rules/{}
        GET POST /v1/domains/{}/incidents
        GET /v1/domains/{}/incidents/{}
        POST /v1/domains/{}/incidents/{}/events
        POST /v1/domains/{}/incidents/{}/resolve
    """,
    "backup": """
        GET /v1/platform/backup/catalog
        GET /v1/platform/backup/restore-plan
    """,
}


class Unbuilt(NamedTuple):
    """An operation of the contract that answers 501; the parameters of its path are ``{}``."""

    surface: str
    method: str
    path: str


def unbuilt() -> Iterator[Unbuilt]:
    """Return all of them."""
    return (Unbuilt(surface, method, f"/{'/'.join(path)}") for (method, path), surface in _TEMPLATES.items())


def surfaces_at(path: str) -> Mapping[str, str]:
    """Return the unimplemented methods of a path, each with its surface; empty for any other path."""
    segments = path.removeprefix("/").split("/")
    return {method: surface for (method, template), surface in _TEMPLATES.items() if _matches(template, segments)}


def _matches(template: tuple[str, ...], segments: list[str]) -> bool:
    return len(template) == len(segments) and all(
        (known == "{}" and actual != "") or known == actual for known, actual in zip(template, segments, strict=True)
    )


def _templates() -> dict[tuple[str, tuple[str, ...]], str]:
    templates: dict[tuple[str, tuple[str, ...]], str] = {}
    for surface, lines in _UNBUILT.items():
        for line in lines.split("\n"):
            *methods, path = line.split() or [""]
            templates |= {(method, tuple(path.removeprefix("/").split("/"))): surface for method in methods}
    return templates


_TEMPLATES: Final = _templates()
