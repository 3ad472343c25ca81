"""A fixture for files that cannot be deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.immutable import immutable_files


@pytest.fixture
def immutable() -> Iterator[Callable[[Path], None]]:
    """Make a file undeletable until the end of the test."""
    with immutable_files() as make_immutable:
        yield make_immutable
