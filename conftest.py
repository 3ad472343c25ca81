"""Settings of this project's own tests: markers by folder, signals, and only golden tests for ``-m golden``."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

_TESTS = Path(__file__).parent / "tests"
_MARKERS = {
    _TESTS / "e2e": ("e2e", "docker"),
    _TESTS / "environments": ("slow",),
    _TESTS / "plugin" / "fresh_stack": ("slow",),
    _TESTS / "integration" / "authz": ("real",),
    _TESTS / "integration" / "dex": ("real",),
}
"""The markers of every test in a folder."""


def pytest_configure() -> None:
    # gRPC's fork handlers close files under a child that a test starts while a channel of another test is open.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    # A shell starts background jobs with SIGINT ignored, and their children inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    # Usually a new user's first command: importing a thousand other tests would take half of its time.
    only_golden = config.option.markexpr in ("golden", "golden and slow")
    return True if only_golden and _TESTS in collection_path.parents else None


def pytest_itemcollected(item: pytest.Item) -> None:
    for folder, markers in _MARKERS.items():
        if folder in item.path.parents:
            for marker in markers:
                item.add_marker(marker)
