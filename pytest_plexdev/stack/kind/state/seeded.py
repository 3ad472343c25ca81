"""Read the seeded tenants of a cluster's stack from Postgres, as the runbook does."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pytest_plexdev.core.deployment import seed_file
from pytest_plexdev.core.model import SeededTenant
from pytest_plexdev.core.seeded_domains import RUNBOOK_SQL, seeded_of, with_people_of
from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.core.yaml_text import load_yaml
from pytest_plexdev.kube import Access
from pytest_plexdev.stack.kind.constants import NAMESPACE

_PSQL: Final = ("env", "PGPASSWORD=plexsphere", "psql", "-U", "plexsphere", "-d", "plexsphere", "-tAc", RUNBOOK_SQL)
_TIMEOUT_S: Final = 30.0


def read_tenants(access: Access, seed: Path | None) -> tuple[SeededTenant, ...]:
    """The seeded Domains, with their identity provider bindings and people.

    Args:
        seed: The seed manifest that names the people; ``None`` for ours.

    Raises:
        PlexdevError: ``command-failed``: Postgres cannot be queried.
    """
    argv = [*access.kubectl, "-n", NAMESPACE, "exec", "statefulset/postgres", "-c", "postgres", "--", *_PSQL]
    result = run(argv, timeout=_TIMEOUT_S, purpose="the ids of the seeded Domains are read from Postgres")
    rows = (line.split("|") for line in result.stdout.splitlines() if line.count("|") == 2)
    tenants = seeded_of((slug, domain, binding) for slug, domain, binding in rows)
    manifest = seed or seed_file()
    return with_people_of(tenants, load_yaml(manifest.read_text(encoding="utf-8")))
