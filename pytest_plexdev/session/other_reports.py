"""Register the plugins that report to other programs, each only where its program is."""

from __future__ import annotations

import os

import pytest


def register(config: pytest.Config) -> None:
    """Register them. Nothing is imported for a program that is not there."""
    if getattr(config.option, "xmlpath", None):
        from pytest_plexdev.session import attachments

        attachments.register(config)
    if "GITHUB_ACTIONS" in os.environ or "GITLAB_CI" in os.environ:
        from pytest_plexdev.session import job_log

        job_log.register(config)
