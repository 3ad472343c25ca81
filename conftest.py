"""The project's own tests run pytest within pytest; and ``-m golden`` reads no file that has no golden test."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

_TESTS = Path(__file__).parent / "tests"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    # A newcomer's first command: importing a thousand other tests would be half of its time.
    only_golden = config.option.markexpr in ("golden", "golden and slow")
    return True if only_golden and _TESTS in collection_path.parents else None
