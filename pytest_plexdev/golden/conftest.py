"""The fixture through which the golden steps share what earlier steps created."""

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
    config.addinivalue_line("markers", "slow: waits in real time for a timeout of the product")


@pytest.fixture(scope="session")
def golden(plexdev_stack: Stack, plexdev_tenants: Tenants, plexdev_login: Logins) -> Iterator[Golden]:
    """The golden flow. It is lazy: requesting the Node first creates the Domain, the Project and the token."""
    from pytest_plexdev.golden.flow import Golden
    from pytest_plexdev.testkit.database import connect

    flow = Golden(plexdev_stack, plexdev_tenants, plexdev_login, partial(connect, plexdev_stack))
    yield flow
    flow.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # The slow test waits for 90 s, so it runs only if selected: by `-m "golden and slow"`, or by its name.
    if "slow" in config.option.markexpr:
        return
    directory = Path(__file__).parent
    arguments = " ".join(config.invocation_params.args)
    slow = [
        item
        for item in items
        if item.path.parent == directory and item.get_closest_marker("slow") and item.name not in arguments
    ]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]
