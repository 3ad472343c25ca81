"""Locate the dev stack's data: ``deploy/local`` of a checkout, or its copy inside the installed package."""

from __future__ import annotations

from pathlib import Path


def deploy_directory() -> Path:
    """The directory ``deploy/local``."""
    package = Path(__file__).parents[1]
    # The package's own first: beside an installed one, `deploy` is whoever's put it into site-packages.
    installed = package / "_deploy"
    return (installed if installed.is_dir() else package.parent / "deploy") / "local"


def seed_file() -> Path:
    """The seed manifest of the runbook, with ``${ISSUER}`` where a stack's issuer goes."""
    return deploy_directory() / "seed" / "tenants.yaml"
