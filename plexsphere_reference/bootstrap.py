"""``bootstrap``: seed the tenants of a manifest. Idempotent.

Three passes for each Domain (runbook, seeding): the Domain, its IdP bindings, its admins with their tuples. The
authorisation schema is applied before any tuple.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg

from plexsphere_reference.authz.connect import connect
from plexsphere_reference.authz.model import Authorizer, AuthzUnavailable, Relationship
from plexsphere_reference.log import dev_warning, log
from plexsphere_reference.rules.tenancy import PLATFORM
from plexsphere_reference.seed_manifest import (
    Admin,
    Binding,
    DomainSeed,
    Manifest,
    Operator,
    Profile,
    UnusableManifest,
    read_manifest,
)
from plexsphere_reference.settings import Settings
from plexsphere_reference.store import outbox
from plexsphere_reference.store.database import Connection, Database

_WRONG_MANIFEST: Final = 2
_UNAVAILABLE: Final = 1
_PATIENCE: Final = 60.0
"""Seconds to wait for SpiceDB, which may need longer than a call's deadline just after its start."""
_PAUSE: Final = 0.2


def main(settings: Settings, *, manifest: Path, profile: Profile | None) -> int:
    """Seed the manifest, and log for each object whether it was created or existed.

    Args:
        profile: The profile of the stack, whose client secret references the bindings get.

    Returns:
        0 on success, 1 if SpiceDB does not answer, 2 if the manifest cannot be used.
    """
    dev_warning(
        dependency="plexsphere-bootstrap",
        prod_delta="seeds fixed tenants and a static admin; production enrols tenants through the API",
        env=settings.env,
    )
    try:
        seed = read_manifest(manifest, profile=profile)
    except UnusableManifest as error:
        log("ERROR", "manifest cannot be used", path=manifest, reason=error)
        return _WRONG_MANIFEST
    try:
        asyncio.run(_seed(settings, seed))
    except (LookupError, psycopg.IntegrityError, psycopg.DataError) as error:
        # A valid manifest can conflict with objects that an earlier run has seeded.
        log("ERROR", "manifest cannot be used", path=manifest, reason=error)
        return _WRONG_MANIFEST
    except AuthzUnavailable as error:
        log("ERROR", "authorisation service does not answer", seconds=_PATIENCE, reason=error)
        return _UNAVAILABLE
    return 0


async def _seed(settings: Settings, manifest: Manifest) -> None:
    database = Database(settings.database_url)
    await database.open()
    try:
        await database.opened()
        await _until_it_answers(connect(settings, database), database, manifest)
        log("INFO", "bootstrap-complete", domains=len(manifest.domains))
    finally:
        await database.close()


async def _until_it_answers(authorizer: Authorizer, database: Database, manifest: Manifest) -> None:
    # Repeat all passes: uncommitted work was rolled back, and writing a tuple twice is harmless.
    deadline = time.monotonic() + _PATIENCE
    last_reason = ""
    while True:
        try:
            return await _passes(authorizer, database, manifest)
        except AuthzUnavailable as error:
            if time.monotonic() > deadline:
                raise
            if str(error) != last_reason:
                log("WARN", "waiting for the authorisation service", reason=error)
                last_reason = str(error)
        await asyncio.sleep(_PAUSE)


async def _passes(authorizer: Authorizer, database: Database, manifest: Manifest) -> None:
    await authorizer.apply_schema()
    async with database.transaction() as connection:
        for domain in manifest.domains:
            await _domain(connection, domain)
            for binding in domain.idp_bindings:
                await _binding(connection, domain, binding)
            for admin in domain.domain_admins:
                await _admin(connection, authorizer, domain, admin)
        for operator in manifest.platform_operators:
            await _operator(connection, authorizer, operator)


async def _domain(connection: Connection, domain: DomainSeed) -> None:
    cursor = await connection.execute(
        "INSERT INTO plexsphere.domains (id, slug, name, mesh_cidr) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (slug) DO NOTHING",
        [domain.id, domain.slug, domain.name, domain.mesh_cidr],
    )
    if cursor.rowcount == 0:
        log("INFO", "domain-skipped", slug=domain.slug, reason="already-exists")
        return
    event = outbox.DomainEvent(
        type="DomainCreated",
        aggregate_type="domain",
        aggregate_id=domain.id,
        domain_id=domain.id,
        payload={"id": domain.id, "slug": domain.slug},
    )
    await outbox.append(connection, event)
    log("INFO", "domain-created", slug=domain.slug, id=domain.id)


async def _binding(connection: Connection, domain: DomainSeed, binding: Binding) -> None:
    cursor = await connection.execute(
        "INSERT INTO plexsphere.idp_bindings (id, domain_id, issuer, discovery_url, client_id, client_secret_ref,"
        " jit_policy, alias, is_primary)"
        " SELECT %s, d.id, %s, %s, %s, %s, %s, %s, %s FROM plexsphere.domains d WHERE d.slug = %s"
        " ON CONFLICT DO NOTHING",
        [
            binding.id,
            binding.issuer,
            binding.discovery_url,
            binding.client_id,
            binding.client_secret_ref,
            binding.jit_policy,
            binding.alias,
            binding.primary,
            domain.slug,
        ],
    )
    if cursor.rowcount:
        log("INFO", "binding-created", slug=domain.slug, issuer=binding.issuer, id=binding.id)
    elif not await _repoint(connection, domain, binding):
        log("INFO", "binding-skipped", slug=domain.slug, issuer=binding.issuer, reason="already-exists")


async def _repoint(connection: Connection, domain: DomainSeed, binding: Binding) -> bool:
    """Give the seeded binding the manifest's ``client_secret_ref``, which a change of profile changes.

    Returns:
        Whether it had another. A binding of the same issuer that has another id is not the seeded one, and is kept.
    """
    cursor = await connection.execute(
        "UPDATE plexsphere.idp_bindings b SET client_secret_ref = %s, version = b.version + 1, updated_at = now()"
        " FROM plexsphere.domains d WHERE b.id = %s AND d.id = b.domain_id AND d.slug = %s"
        " AND b.client_secret_ref <> %s RETURNING b.domain_id, b.issuer",
        [binding.client_secret_ref, binding.id, domain.slug, binding.client_secret_ref],
    )
    row = await cursor.fetchone()
    if row is None:
        return False
    domain_id, issuer = row
    event = outbox.DomainEvent(
        type="IdPBindingUpdated",
        aggregate_type="idp_binding",
        aggregate_id=binding.id,
        domain_id=domain_id,
        payload={"id": binding.id, "issuer": issuer},
    )
    await outbox.append(connection, event)
    log("INFO", "binding-updated", slug=domain.slug, id=binding.id, client_secret_ref=binding.client_secret_ref)
    return True


async def _admin(connection: Connection, authorizer: Authorizer, domain: DomainSeed, admin: Admin) -> None:
    cursor = await connection.execute(
        "INSERT INTO plexsphere.users (id, domain_id, external_subject, email, display_name)"
        " SELECT %s, d.id, %s, %s, %s FROM plexsphere.domains d WHERE d.slug = %s ON CONFLICT DO NOTHING",
        [admin.id, admin.external_subject, admin.email, admin.display_name, domain.slug],
    )
    outcome = "admin-created" if cursor.rowcount else "admin-adopted"
    user_id, domain_id = await _user(connection, domain.slug, admin.external_subject)
    await authorizer.write(
        [
            Relationship(f"domain:{domain_id}", "admin", f"user:{user_id}"),
            Relationship(f"domain:{domain_id}", "auditor", f"user:{user_id}"),
        ],
        connection=connection,
    )
    log("INFO", outcome, slug=domain.slug, user=user_id)


async def _operator(connection: Connection, authorizer: Authorizer, operator: Operator) -> None:
    user_id, _ = await _user(connection, operator.domain, operator.external_subject)
    await authorizer.write(
        [
            Relationship(PLATFORM, "admin", f"user:{user_id}"),
            Relationship(PLATFORM, "auditor", f"user:{user_id}"),
        ],
        connection=connection,
    )
    log("INFO", "platform-operator", user=user_id)


async def _user(connection: Connection, slug: str, external_subject: str) -> tuple[UUID, UUID]:
    cursor = await connection.execute(
        "SELECT u.id, u.domain_id FROM plexsphere.users u JOIN plexsphere.domains d ON d.id = u.domain_id"
        " WHERE d.slug = %s AND u.external_subject = %s",
        [slug, external_subject],
    )
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(f"it names {external_subject} of {slug} and does not seed that user")
    return row[0], row[1]
