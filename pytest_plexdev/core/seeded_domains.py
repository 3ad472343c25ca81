"""Read the seeded Domains from Postgres as the runbook does, without those that tests created."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from pytest_plexdev.core.model import SeededTenant
from pytest_plexdev.core.unique_slugs import is_test_domain

RUNBOOK_SQL: Final = (
    "SELECT d.slug, d.id, b.id FROM plexsphere.domains d"
    " JOIN plexsphere.idp_bindings b ON b.domain_id = d.id AND b.status = 'active' ORDER BY d.slug"
)
"""Selects every Domain with an active IdP binding, including those of earlier tests."""


def seeded_of(rows: Iterable[tuple[object, object, object]]) -> tuple[SeededTenant, ...]:
    """Return the seeded tenants among the rows of :data:`RUNBOOK_SQL`."""
    return tuple(
        SeededTenant(slug=str(slug), domain_id=str(domain), binding_id=str(binding))
        for slug, domain, binding in rows
        if not is_test_domain(str(slug))
    )


def tenants_in(manifest: Mapping[str, Any]) -> tuple[SeededTenant, ...]:
    """Return the tenants of a seed manifest, in its order: the Domains with an IdP binding."""
    tenants = (
        SeededTenant(
            slug=str(domain["slug"]), domain_id=str(domain["id"]), binding_id=str(domain["idp_bindings"][0]["id"])
        )
        for domain in manifest["domains"]
        if domain.get("idp_bindings")
    )
    return with_people_of(tenants, manifest)


def with_people_of(tenants: Iterable[SeededTenant], manifest: Mapping[str, Any]) -> tuple[SeededTenant, ...]:
    """Return the tenants with the admins and operators that the manifest names for them.

    Args:
        manifest: The manifest of any control plane (``seed_manifest.check_seed``); the ids of its Domains are not read.
    """
    admins = {
        str(domain["slug"]): {
            each["external_subject"]: str(each["email"]) for each in domain.get("domain_admins") or ()
        }
        for domain in manifest["domains"]
    }
    operators = [(each["domain"], each["external_subject"]) for each in manifest.get("platform_operators") or ()]
    return tuple(
        _with_people(tenant, admins[tenant.slug], [subject for slug, subject in operators if slug == tenant.slug])
        if tenant.slug in admins
        else tenant
        for tenant in tenants
    )


def _with_people(tenant: SeededTenant, admins: Mapping[str, str], operators: Iterable[str]) -> SeededTenant:
    operator = next((admins[subject] for subject in operators if subject in admins), "")
    return replace(tenant, admin=next(iter(admins.values()), tenant.admin), operator=operator)
