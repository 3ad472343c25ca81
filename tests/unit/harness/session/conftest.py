"""Fixtures for the tests of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.leases import Diary


@pytest.fixture
def diary(tmp_path: Path) -> Diary:
    return Diary(tmp_path)
