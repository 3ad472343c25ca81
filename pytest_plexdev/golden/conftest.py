"""The fixture through which the golden steps share what earlier steps created, and which of them failed."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Generator, Iterator
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
def golden(
    pytestconfig: pytest.Config,
    tmp_path_factory: pytest.TempPathFactory,
    plexdev_stack: Stack,
    plexdev_tenants: Tenants,
    plexdev_login: Logins,
) -> Iterator[Golden]:
    """The golden flow. It is lazy: requesting the Node first creates the Domain, the Project and the token."""
    from pytest_plexdev.golden.failures import Failures
    from pytest_plexdev.golden.flow import Golden

    with contextlib.ExitStack() as at_end:
        if hasattr(pytestconfig, "workerinput"):
            # The workers of pytest-xdist share pytest's directory. Alone, it would be made only for this, and stay.
            directory = tmp_path_factory.getbasetemp().parent / "plexdev-golden"
            directory.mkdir(exist_ok=True)
        else:
            directory = Path(at_end.enter_context(tempfile.TemporaryDirectory(prefix="plexdev-golden-")))
        yield Golden(plexdev_stack, plexdev_tenants, plexdev_login, Failures(directory))


@pytest.fixture(autouse=True)
def _skip_after_a_failed_step(request: pytest.FixtureRequest, golden: Golden) -> None:
    golden.failures.skip_after_failed_step(request.node.name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    golden: Golden | None = getattr(item, "funcargs", {}).get("golden")
    if golden is not None and report.when == "call":
        if report.failed and call.excinfo is not None:
            golden.failures.record_test(item.name, call.excinfo.value, secrets=golden.stack.secrets)
        elif report.passed:
            golden.failures.forget_test(item.name)
    return report


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
