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
    from pytest_plexdev.testkit.secret_store import SecretStore
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


@pytest.fixture
def plexdev_secrets(_plexdev_services: None, plexdev_stack: Stack) -> Iterator[SecretStore]:
    """The secrets of the stack's OpenBao, below a path of the test's own.

    After the test all secrets that it wrote or deleted are what they were before. Their texts are masked in everything
    that is reported.

    Example::

        def test_a_secret_is_read_back(plexdev_secrets):
            plexdev_secrets.write("db", {"password": "correct-horse"})
            assert plexdev_secrets.read("db") == {"password": "correct-horse"}
    """
    from pytest_plexdev.testkit.secret_store import open_secret_store

    with open_secret_store(plexdev_stack) as secrets:
        yield secrets
