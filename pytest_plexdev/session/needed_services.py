"""The marker ``plexdev_needs``: it skips a test on a stack without the named services."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

from pytest_plexdev.core.left_out_service import service_left_out
from pytest_plexdev.core.lookup import unknown_name
from pytest_plexdev.core.profiles import SERVICES, smallest_with
from pytest_plexdev.session.item_checks import FIXTURE_NEEDS, NEEDS

if TYPE_CHECKING:
    from pytest_plexdev.core.model import Profile, StackInfo


def profile_for(items: Iterable[pytest.Item]) -> Profile:
    """Return the smallest profile with the services that *items* need, by the marker or by their fixtures.

    Raises:
        pytest.UsageError: A marker names no service, or an unknown one.
    """
    return smallest_with({service for item in items for service in _checked(item)})


def skip_without(item: pytest.Item, info: StackInfo) -> None:
    """Skip the test if the stack lacks a service that it needs."""
    present = {service.name for service in info.services}
    missing = [name for name in _services(item) if name not in present]
    if not missing:
        return
    error = service_left_out(info, missing)
    pytest.skip(f"{error.headline}; {error.fix}")


def _services(item: pytest.Item) -> list[str]:
    marked = [name for marker in item.iter_markers(NEEDS) for name in marker.args]
    requested = [name for each in getattr(item, "fixturenames", ()) for name in FIXTURE_NEEDS.get(each, ())]
    return [*dict.fromkeys([*marked, *requested])]


def _checked(item: pytest.Item) -> list[str]:
    services = _services(item)
    if not services:
        raise pytest.UsageError(f"{item.nodeid}: the marker {NEEDS} names no service, for example {NEEDS}('mimir')")
    for name in services:
        if name not in SERVICES:
            raise pytest.UsageError(f"{item.nodeid}: {unknown_name('a stack', 'service', name, SERVICES)}")
    return services
