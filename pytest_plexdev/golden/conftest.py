"""The object through which the golden steps share what earlier steps created."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_plexdev.golden.flow import Golden
    from pytest_plexdev.testkit.login import Logins
    from pytest_plexdev.testkit.stack import Stack
    from pytest_plexdev.testkit.tenancy import Tenants


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: waits out a policy of the product in real time")


@pytest.fixture(scope="session")
def golden(plexdev_stack: Stack, plexdev_tenants: Tenants, plexdev_login: Logins) -> Iterator[Golden]:
    """The golden flow, lazily: asking for the Node makes the Domain, the Project and the token before it."""
    from pytest_plexdev.golden.flow import Golden
    from pytest_plexdev.testkit.database import connect

    flow = Golden(plexdev_stack, plexdev_tenants, plexdev_login, partial(connect, plexdev_stack))
    yield flow
    flow.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Ninety seconds of waiting are for those who ask: `-m "golden and slow"`, or the test by its name.
    if "slow" in config.option.markexpr:
        return
    here = Path(__file__).parent
    named = " ".join(config.invocation_params.args)
    slow = [
        item
        for item in items
        if item.path.parent == here and item.get_closest_marker("slow") and item.name not in named
    ]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]
