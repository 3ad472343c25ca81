"""Helpers of the tests of a cluster's creation and deletion."""

from __future__ import annotations

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.cluster import create as cluster
from tests.support.kind_worlds import World


def create(world: World, *, timeout: float = 30.0) -> PlexdevError:
    with pytest.raises(PlexdevError) as error:
        cluster.create(world.place, b"", image=None, timeout=timeout)
    assert world.place.creation() is None
    return error.value
