"""Hooks by which a sibling changes what a stack is made of, and what a failing test leaves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_plexdev.testkit.stack import Stack


@pytest.hookspec(firstresult=True)
def pytest_plexdev_seed(config: pytest.Config) -> Path | None:
    """Return the seed manifest (YAML) in place of ours; ``${ISSUER}`` in it becomes the stack's issuer.

    A binding that refers to the stack's own secret, ``env:PLEXSPHERE_DEX_CLIENT_SECRET``, has the ``discovery_url``
    ``${ISSUER}/.well-known/openid-configuration``: the control plane sends that secret nowhere else.

    A hook rather than a fixture: whichever test asks first brings the stack up, so there must be one answer.
    """


@pytest.hookspec(firstresult=True)
def pytest_plexdev_overlay(config: pytest.Config) -> Path | None:
    """Return the kustomize overlay in place of ours, for stacks in a cluster; ``--plexdev-overlay`` goes before it."""


@pytest.hookspec
def pytest_plexdev_diagnostics(stack: Stack, item: pytest.Item) -> list[tuple[str, str]] | None:
    """Return sections, title and text, that belong to the evidence of a failing test."""
