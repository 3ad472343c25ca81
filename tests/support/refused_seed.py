"""A seed manifest with which a bring-up fails late: valid YAML that the database rejects."""

from __future__ import annotations

from typing import Final

REFUSED_SEED: Final = r"""
version: 1
platform_operators: []
domains:
  - id: 01985a00-0000-7000-8000-00000000ac01
    slug: acme-corp
    name: "Acme\0Corp"
    mesh_cidr: 10.64.0.0/16
    domain_admins: []
    idp_bindings: []
"""
"""Text in Postgres cannot contain NUL."""
HOOK: Final = "def pytest_plexdev_seed(config):\n    return config.rootpath / 'seed.yaml'\n"
"""A conftest that seeds a run's stack from ``seed.yaml`` beside it."""
