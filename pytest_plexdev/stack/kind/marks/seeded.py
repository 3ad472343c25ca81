"""The seeded tenants of a stack in a cluster, read from Postgres as the runbook does."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.command import run
from pytest_plexdev.kube import Access
from pytest_plexdev.seed import RUNBOOK_SQL, seeded_of
from pytest_plexdev.stack.kind.names import NAMESPACE
from pytest_plexdev.stack.model import SeededTenant

_PSQL: Final = ("env", "PGPASSWORD=plexsphere", "psql", "-U", "plexsphere", "-d", "plexsphere", "-tAc", RUNBOOK_SQL)
_PATIENCE: Final = 30.0


def read_tenants(access: Access) -> tuple[SeededTenant, ...]:
    """The Domains that the bootstrap seeded, by slug.

    Raises:
        PlexdevError: ``command-failed``: Postgres cannot be asked.
    """
    argv = [*access.kubectl, "-n", NAMESPACE, "exec", "statefulset/postgres", "-c", "postgres", "--", *_PSQL]
    said = run(argv, timeout=_PATIENCE, purpose="the ids of the seeded Domains are read from Postgres")
    rows = (line.split("|") for line in said.stdout.splitlines() if line.count("|") == 2)
    return seeded_of((slug, domain, binding) for slug, domain, binding in rows)
