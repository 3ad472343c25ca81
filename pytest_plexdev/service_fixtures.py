"""The public fixtures of the services that the profile ``full`` adds.

A test that requests one needs its service, as if it had the marker ``plexdev_needs``
(:data:`pytest_plexdev.session.item_checks.FIXTURE_NEEDS`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_plexdev.testkit.stack import Stack


@pytest.fixture
def _plexdev_services(request: pytest.FixtureRequest, plexdev_stack: Stack) -> None:
    """Skip the test if the stack lacks a service that it needs: before the fixture of the service, also if this test
    started the stack."""
    from pytest_plexdev.session import needed_services

    needed_services.skip_without(request.node, plexdev_stack.info)
