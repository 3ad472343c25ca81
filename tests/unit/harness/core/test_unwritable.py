"""The reasons why a directory is not writable."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_plexdev.core.paths import why_unwritable


@pytest.mark.parametrize("mode", [0o555, 0o500, 0o600])
def test_the_mode_is_the_reason_where_the_directory_is_one_s_own(tmp_path: Path, mode: int) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(mode)

    assert why_unwritable(home) == f"{home} has mode {mode:04o}, which does not let its owner write there"
    home.chmod(0o700)


def test_neither_owner_nor_mode_is_blamed_where_both_allow_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    output = why_unwritable(tmp_path)

    assert output.startswith(f"the mode of {tmp_path}, 0755, allows it")
    assert "belongs to" not in output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a directory away")
def test_its_owner_is_the_reason_where_that_is_somebody_else(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)

    assert why_unwritable(tmp_path).startswith(f"{tmp_path} belongs to the user with id 12345, and this is user root")
