"""The seeded tenants of a stack in a cluster, read from Postgres as the runbook does."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.command import run
from pytest_plexdev.kube import Access
from pytest_plexdev.stack.kind.names import NAMESPACE
from pytest_plexdev.stack.model import SeededTenant

_QUESTION: Final = (
    "SELECT d.slug, d.id, b.id FROM plexsphere.domains d JOIN plexsphere.idp_bindings b"
    " ON b.domain_id = d.id AND b.status = 'active' ORDER BY d.slug"
)
_PSQL: Final = ("env", "PGPASSWORD=plexsphere", "psql", "-U", "plexsphere", "-d", "plexsphere", "-tAc", _QUESTION)
_PATIENCE: Final = 30.0


def read_tenants(access: Access) -> tuple[SeededTenant, ...]:
    """Every Domain with an active IdP binding, by slug.

    Raises:
        PlexdevError: ``command-failed``: Postgres cannot be asked.
    """
    argv = [*access.kubectl, "-n", NAMESPACE, "exec", "statefulset/postgres", "-c", "postgres", "--", *_PSQL]
    said = run(argv, timeout=_PATIENCE, purpose="the ids of the seeded Domains are read from Postgres")
    rows = (line.split("|") for line in said.stdout.splitlines() if line.count("|") == 2)
    return tuple(SeededTenant(slug=slug, domain_id=domain, binding_id=binding) for slug, domain, binding in rows)
