"""The public fixtures of the services that the profile ``full`` adds.

A test that requests one needs its service, as if it had the marker ``plexdev_needs``
(:data:`pytest_plexdev.session.item_checks.FIXTURE_NEEDS`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_plexdev.testkit.bucket import Bucket
    from pytest_plexdev.testkit.stack import Stack


@pytest.fixture
def _plexdev_services(request: pytest.FixtureRequest, plexdev_stack: Stack) -> None:
    """Skip the test if the stack lacks a service that it needs: before the fixture of the service, also if this test
    started the stack."""
    from pytest_plexdev.session import needed_services

    needed_services.skip_without(request.node, plexdev_stack.info)


@pytest.fixture
def plexdev_bucket(_plexdev_services: None, plexdev_stack: Stack) -> Iterator[Bucket]:
    """An S3 bucket of the test's own in the stack's SeaweedFS.

    After the test it is removed with everything in it.

    Example::

        def test_an_object_is_read_back(plexdev_bucket):
            plexdev_bucket.put("reports/june", b"all is well")
            assert plexdev_bucket.get("reports/june") == b"all is well"
    """
    from pytest_plexdev.testkit.bucket import open_bucket

    with open_bucket(plexdev_stack) as bucket:
        yield bucket
