"""The catalogue's errors for errors of the operating system."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pytest_plexdev.cli import main
from pytest_plexdev.core.paths import cache_directory, home_directory, mount_point, state_directory
from pytest_plexdev.core.system_errors import refusal_of, system_errors
from pytest_plexdev.errors import PlexdevError


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A directory, in which the cache and state directories are."""
    for name in ("cache", "state"):
        monkeypatch.setenv(f"PLEXDEV_{name.upper()}_DIR", str(tmp_path / name))
    return tmp_path


def refused(number: int, path: Path | None = None) -> OSError:
    return OSError(number, os.strerror(number), None if path is None else str(path))


@pytest.mark.parametrize(
    ("number", "path", "tag", "says"),
    [
        (errno.ENOSPC, "cache/postgres", "disk-full", "df -h "),
        (errno.EACCES, "cache/postgres", "cache-unwritable", "PLEXDEV_CACHE_DIR="),
        (errno.EROFS, "cache", "cache-unwritable", "PLEXDEV_CACHE_DIR="),
        (errno.EIO, "cache/postgres/x", "cache-unwritable", "Input/output error: "),
        (errno.EACCES, "state/warm/stack.json", "state-unwritable", "PLEXDEV_STATE_DIR="),
        (errno.EMFILE, "cache/postgres", "system-refused", "ulimit -n"),
        (errno.EACCES, "elsewhere", "system-refused", "Permission denied: "),
        (errno.EAGAIN, None, "system-refused", "ulimit -u"),
        (errno.ENOMEM, None, "system-refused", "memory"),
        (errno.EPERM, None, "system-refused", "Operation not permitted"),
        (errno.ENOEXEC, "nats-server", "system-refused", "Exec format error: "),
    ],
)
def test_an_error_in_words(places: Path, number: int, path: str | None, tag: str, says: str) -> None:
    error = refusal_of(refused(number, places / path if path else None), doing="start the embedded stack", near=places)

    assert error is not None
    assert (error.tag, says in str(error)) == (tag, True), str(error)


def test_one_of_a_group_and_of_a_thread_that_could_not_start(places: Path) -> None:
    group = BaseExceptionGroup("tasks", [ExceptionGroup("", [ValueError(), refused(errno.ENOSPC)])])

    errors = [
        refusal_of(error, doing="start", near=places)
        for error in (group, RuntimeError("can't start new thread"), MemoryError())
    ]

    assert [error.tag if error else None for error in errors] == ["disk-full", "system-refused", "system-refused"]


def test_what_the_operating_system_has_no_part_in_goes_through(places: Path) -> None:
    with pytest.raises(KeyError), system_errors("start", near=places):
        raise KeyError


@pytest.mark.parametrize(("directory", "tag"), [(cache_directory, "cache"), (state_directory, "state")])
def test_an_id_without_a_home(monkeypatch: pytest.MonkeyPatch, directory: object, tag: str) -> None:
    assert callable(directory)
    monkeypatch.setattr(Path, "home", _no_home)

    with pytest.raises(PlexdevError, match=f"HOME is not set.*\n.*\n.*PLEXDEV_{tag.upper()}_DIR=") as caught:
        directory({"XDG_CACHE_HOME": "relative", "XDG_STATE_HOME": ""})

    assert caught.value.tag == f"{tag}-unwritable"
    assert home_directory() is None


def _no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_a_command_that_is_refused_something_has_no_traceback(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # A directory: no command that looks for the warm stack can read it.
    (places / "state" / "warm" / "supervisor.json").mkdir(parents=True)
    (places / "state" / "kind").write_text("")
    (places / "state" / "warm.lock").mkdir()

    status = main.main(["up", "--timeout", "1"])

    output = capsys.readouterr().err
    assert (status, output.splitlines()[0].partition(":")[0]) == (1, "plexdev[state-unwritable]"), output


def test_the_mount_point_of_what_is_gone() -> None:
    assert mount_point(Path("/proc/no/such/file")) == Path("/proc")
