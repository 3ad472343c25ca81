"""Helpers of the tests of a cluster's creation and deletion."""

from __future__ import annotations

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.cluster import create as cluster
from tests.support.fake_kind import FakeKind


def create(fake_kind: FakeKind, *, timeout: float = 30.0) -> PlexdevError:
    with pytest.raises(PlexdevError) as error:
        cluster.create(fake_kind.files, b"", image=None, timeout=timeout)
    assert fake_kind.files.creation() is None
    return error.value
