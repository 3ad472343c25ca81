"""Sweeping scratch directories of killed stacks. Files of other users are neither changed nor followed as links."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from stat import S_ISREG
from typing import TypeAlias

import pytest

from pytest_plexdev.core.ownership.lock import own
from pytest_plexdev.core.ownership.mark import MARK, Mark
from pytest_plexdev.stack.embedded import EmbeddedSettings
from pytest_plexdev.stack.embedded.removal import sweep
from tests.support.embedded import Bench, TracesOf, pid_of

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root, with setpriv, becomes another user"
)
SOMEBODY = 12345
AS_SOMEBODY = ("setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups", "--")
NOBODY = 65534
Tree: TypeAlias = Mapping[str, tuple[int, int, int, bytes]]


@pytest.fixture
def temporary(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory that all users can write, instead of ``/tmp``, with a short path for sockets.

    It is not sticky, because the kernel does not follow other users' links in a sticky directory.
    """
    directory = Path(tempfile.mkdtemp(prefix="sweep-", dir="/tmp"))
    directory.chmod(0o777)
    monkeypatch.setattr("tempfile.tempdir", str(directory))
    monkeypatch.setenv("TMPDIR", str(directory))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def as_somebody(temporary: Path) -> Callable[[str], None]:
    def run(script: str) -> None:
        mark = json.dumps({"kind": "scratch", "name": "warm", "pid": 1, "started": 1, "counterpart": "/nowhere"})
        subprocess.run([*AS_SOMEBODY, "sh", "-euc", script, "sh", MARK, mark], cwd=temporary, check=True)

    return run


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A scratch directory of this user without an owner, outside of the directory that is swept."""
    place = tmp_path / "plexdev-ours"
    (place / "postgres").mkdir(parents=True)
    place.chmod(0o700)
    (place / "postgres" / "PG_VERSION").touch()
    own(place, Mark.of_this_process("scratch", "warm")).release()
    return place


def tree_of(place: Path) -> Tree:
    return {
        str(path): (status.st_ino, status.st_uid, status.st_mode, path.read_bytes() if S_ISREG(status.st_mode) else b"")
        for path in (place, *place.rglob("*"))
        for status in (path.lstat(),)
    }


def test_a_sweep_keeps_look_alikes_of_another_user(temporary: Path, as_somebody: Callable[[str], None]) -> None:
    as_somebody("umask 077; for d in plexdev-1 plexdev-2; do mkdir -p $d/postgres; touch $d/postgres/thesis; done")
    as_somebody(
        'umask 077; echo "$2" > plexdev-1/$1; mkdir plexdev-run; echo "$2" | sed s/scratch/run/ > plexdev-run/$1'
    )
    # A directory that belongs to this user now, but its mark belongs to the other user, who can still change it.
    as_somebody('umask 022; mkdir -m 700 plexdev-given; echo "$2" > plexdev-given/$1; touch plexdev-given/postgres')
    os.chown(temporary / "plexdev-given", 0, 0)
    before = tree_of(temporary)

    sweep()

    assert tree_of(temporary) == before


def test_a_link_of_another_user_to_what_is_ours_is_not_followed(
    temporary: Path, as_somebody: Callable[[str], None], scratch: Path
) -> None:
    scratch.parent.chmod(0o755)
    as_somebody(f"ln -s {scratch} plexdev-link; mkfifo plexdev-fifo; touch plexdev-file; ln -s nothing plexdev-nothing")
    before = {**tree_of(scratch.parent), **tree_of(temporary)}

    sweep()

    assert {**tree_of(scratch.parent), **tree_of(temporary)} == before
    scratch.rename(temporary / "plexdev-ours")  # the same one, in the directory that is swept
    sweep()
    assert not (temporary / "plexdev-ours").exists()


def test_a_sweep_removes_files_of_the_servers_user(
    temporary: Path, bench: Bench, settings: EmbeddedSettings, tmp_path: Path, traces_of: TracesOf
) -> None:
    info = bench.up(replace(settings, cache=tmp_path / "cache", postgres_user="nobody"))
    traces = traces_of(bench.directory)
    mark = json.loads((bench.directory / MARK).read_text())
    data = Path(mark["counterpart"]) / "postgres"
    assert data.stat().st_uid == NOBODY
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "thesis.txt").touch()
    for place, name in ((data, "out"), (data / "base", "out")):
        (place / name).symlink_to(victim)
        os.chown(place / name, NOBODY, NOBODY, follow_symlinks=False)
    # Before the supervisor is killed: the kernel then sends the servers their stop signals, and some are gone.
    os.kill(pid_of(info, "postgres"), signal.SIGKILL)
    for process in traces.processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    left_at_first = set(traces.left_after(2))

    sweep()

    assert traces.segments
    assert traces.segments <= left_at_first
    assert traces.left() == [bench.directory]
    assert (victim / "thesis.txt").exists()
