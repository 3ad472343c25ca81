"""Locate the dev stack's data: ``deploy/local`` of a checkout, or its copy inside the installed package."""

from __future__ import annotations

from pathlib import Path


def deploy_directory() -> Path:
    """Return the directory ``deploy/local``."""
    package = Path(__file__).parents[1]
    # The package's own copy first: next to an installed package, `deploy` may belong to another distribution.
    installed = package / "_deploy"
    return (installed if installed.is_dir() else package.parent / "deploy") / "local"


def seed_file() -> Path:
    """Return the built-in seed manifest, in which ``${ISSUER}`` stands for a stack's issuer."""
    return deploy_directory() / "seed" / "tenants.yaml"
