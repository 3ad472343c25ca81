"""An archive of images outlives nobody."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pytest_plexdev.stack.kind.host.archives import archive, remove_left

WRITES = """
import sys
from pytest_plexdev.stack.kind.host.archives import archive
with archive() as path:
    path.write_bytes(b"x")
    print(path, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> subprocess.Popen[str]:
    monkeypatch.setenv("PLEXDEV_CACHE_DIR", str(tmp_path))
    return subprocess.Popen([sys.executable, "-c", WRITES], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_one_that_is_in_use_stays_and_one_of_a_killed_process_goes(writer: subprocess.Popen[str]) -> None:
    assert writer.stdout is not None
    theirs = Path(writer.stdout.readline().strip())
    with archive() as ours:
        ours.write_bytes(b"y")
        remove_left()
        assert theirs.exists()
        assert ours.exists()
    assert not ours.parent.exists()

    writer.kill()
    writer.communicate()
    assert theirs.exists()
    remove_left()
    assert not theirs.parent.exists()


def test_none_is_left_by_one_that_ends(writer: subprocess.Popen[str]) -> None:
    assert writer.stdout is not None
    theirs = Path(writer.stdout.readline().strip())

    writer.communicate("\n")
    assert not theirs.parent.exists()
