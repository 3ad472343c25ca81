"""A failure of a bring-up is told with what else is known of it, by whoever asked for the bring-up."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import DRIFTED, FOREIGN_CLUSTER, NOT_LOOPBACK
from pytest_plexdev.stack.kind.host.place import Place
from pytest_plexdev.stack.kind.settings import KindSettings

_REFUSALS: Final = (DRIFTED, FOREIGN_CLUSTER, NOT_LOOPBACK)
"""Nothing failed: a look at a cluster that is not ours to look at would explain nothing."""


@contextlib.contextmanager
def explained(settings: KindSettings, place: Place) -> Iterator[None]:
    """While the cluster is as the failure left it, have the caller's ``settings.explain`` make its error of it."""
    try:
        yield
    except PlexdevError as error:
        if error.failure in _REFUSALS:
            raise
        raise settings.explain(error, place.access()) from None
