"""Where the dev stack's data lies: ``deploy/local`` of a checkout, or its copy inside the installed package."""

from __future__ import annotations

from pathlib import Path


def deploy_directory() -> Path:
    """The directory ``deploy/local``."""
    package = Path(__file__).parent
    checkout = package.parent / "deploy"
    return (checkout if checkout.is_dir() else package / "_deploy") / "local"
