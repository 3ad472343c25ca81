"""Hooks that a project implements in a ``conftest.py``: what a stack is made of, and the evidence of a failing test.

They are hooks and not fixtures because the first test that requests a stack starts it for the whole run, so there must
be one answer.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_plexdev.testkit.stack import Stack


@pytest.hookspec(firstresult=True)
def pytest_plexdev_seed(config: pytest.Config) -> Path | None:
    """Return the seed manifest (YAML) that replaces the default one; ``None`` keeps that.

    ``${ISSUER}`` in it becomes the stack's issuer. A binding that refers to the stack's own secret,
    ``env:PLEXSPHERE_DEX_CLIENT_SECRET``, must have the ``discovery_url``
    ``${ISSUER}/.well-known/openid-configuration``: the control plane sends that secret nowhere else.

    Example::

        def pytest_plexdev_seed(config):
            return config.rootpath / "tests" / "tenants.yaml"
    """


@pytest.hookspec(firstresult=True)
def pytest_plexdev_overlay(config: pytest.Config) -> Path | None:
    """Return the directory of the kustomize overlay that replaces the default one; ``None`` keeps that.

    Only stacks on a cluster read it. ``--plexdev-overlay`` takes precedence.

    Example::

        def pytest_plexdev_overlay(config):
            return config.rootpath / "deploy" / "overlay"
    """


@pytest.hookspec
def pytest_plexdev_diagnostics(stack: Stack, item: pytest.Item) -> list[tuple[str, str]] | None:
    """Return sections, as pairs of title and text, to add to the evidence of a failing test.

    Secrets in them are masked.

    Example::

        def pytest_plexdev_diagnostics(stack, item):
            return [("agent", f"{item.name} ran against {stack.api_url}")]
    """
