"""Private files and directories: created for this user alone, and refused if another user can have written them."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_plexdev.core.private_files import (
    READ_LIMIT,
    check_private,
    make_private_directory,
    make_temporary_directory,
    open_private,
    open_private_directory,
    read_private,
    write_private,
)
from pytest_plexdev.errors import PlexdevError

SOMEBODY = 12345
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777], ids="{:03o}".format)
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_umask")
def test_directories_and_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "b"

    make_private_directory(directory)
    write_private(directory / "file", b"content")

    assert [mode_of(path) for path in (directory.parent, directory, directory / "file")] == [0o700, 0o700, 0o600]
    assert read_private(directory / "file") == b"content"
    assert [path.name for path in directory.iterdir()] == ["file"]


@pytest.mark.usefixtures("_umask")
def test_new_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    directory = make_temporary_directory(tmp_path)
    os.close(open_private(tmp_path / "lock", os.O_RDWR | os.O_CREAT | os.O_EXCL))

    assert (mode_of(directory), mode_of(tmp_path / "lock")) == (0o700, 0o600)


def test_a_directory_of_ours_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours").chmod(0o755)

    make_private_directory(tmp_path / "ours")

    assert mode_of(tmp_path / "ours") == 0o755


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_a_directory_that_others_may_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(mode)

    for use in (make_private_directory, check_private, _enter):
        assert _refusal(use, tmp_path / "open") == f"others may write to it (mode {mode:04o})"


@as_root
def test_what_belongs_to_another_user_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(mode=0o700)
    (tmp_path / "file").write_text("{}")
    for path in (tmp_path / "theirs", tmp_path / "file"):
        os.chown(path, SOMEBODY, SOMEBODY)

    reason = f"it belongs to the user with id {SOMEBODY}, and this is {os.geteuid()}"
    for use in (make_private_directory, _enter):
        assert _refusal(use, tmp_path / "theirs") == reason
    assert _refusal(read_private, tmp_path / "file") == reason


def test_a_link_is_refused_wherever_it_leads(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir(mode=0o700)
    write_private(tmp_path / "file", b"{}")
    for name, target in (("to-directory", "directory"), ("to-file", "file"), ("to-nothing", "nothing")):
        (tmp_path / name).symlink_to(target)

    for use in (make_private_directory, _enter):
        assert _refusal(use, tmp_path / "to-directory") == "it is a symbolic link"
    for name in ("to-file", "to-nothing"):
        assert _refusal(read_private, tmp_path / name) == "it is a symbolic link"


def test_a_file_that_is_none_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    write_private(tmp_path / "long", b" " * (READ_LIMIT + 1))

    assert _refusal(read_private, tmp_path / "pipe") == "it is not a regular file"
    assert _refusal(read_private, tmp_path / "long") == f"it has {READ_LIMIT + 1} bytes"


def test_the_refusal_says_what_to_type(tmp_path: Path) -> None:
    path = tmp_path / "a file"
    path.write_text("{}")
    path.chmod(0o666)

    with pytest.raises(PlexdevError) as caught:
        read_private(path)

    assert str(caught.value).splitlines() == [
        f"plexdev[untrusted-path]: {path} is not trusted: others may write to it (mode 0666)",
        "  why: another user may have written it, and plexdev would act on its content as you",
        f"  fix: check it: ls -ld '{path}'; then if nothing in it was changed: chmod go-w '{path}'",
    ]


@pytest.mark.parametrize(
    ("mode", "mend"),
    [
        (0o777, "if nothing in it was changed: chmod go-w {path}"),
        (0o1777, "name another directory: this one is shared by all users"),
    ],
)
def test_the_fix_of_an_open_directory_changes_nothing_else(tmp_path: Path, mode: int, mend: str) -> None:
    tmp_path.chmod(mode)

    with pytest.raises(PlexdevError) as caught:
        check_private(tmp_path)

    assert caught.value.fix == f"check it: ls -ld {tmp_path}; then {mend.format(path=tmp_path)}"


def test_what_is_not_there_is_no_fault_of_ours(tmp_path: Path) -> None:
    for use in (read_private, check_private, _enter):
        with pytest.raises(FileNotFoundError):
            use(tmp_path / "missing")


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()

    with pytest.raises(OSError, match="directory"):
        write_private(tmp_path / "taken", b"content")

    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def _enter(directory: Path) -> None:
    with open_private_directory(directory):
        pass


def _refusal(use: Callable[[Path], object], path: Path) -> object:
    with pytest.raises(PlexdevError) as caught:
        use(path)
    assert caught.value.tag == "untrusted-path"
    return caught.value.facts["reason"]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
