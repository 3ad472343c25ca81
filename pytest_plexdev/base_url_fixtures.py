"""The fixtures that override those of pytest-base-url; :mod:`pytest_plexdev.session.base_url` registers them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_plexdev.testkit.stack import Stack


@pytest.fixture(scope="session")
def base_url(plexdev_stack: Stack) -> str:
    """The origin of the stack's API, for pytest-playwright and other users of pytest-base-url.

    ``--base-url``, the ini option ``base_url``, or a fixture of a ``conftest.py`` with this name takes its place.
    """
    return plexdev_stack.api_url


@pytest.fixture(scope="session", autouse=True)
def _verify_url(request: pytest.FixtureRequest) -> None:
    """Request the base URL only to verify it: the fixture of pytest-base-url does so for every test, which would
    start the stack."""
    if request.config.getoption("verify_base_url"):
        request.getfixturevalue("_verify_url")
