"""Root changes the owner of a tree to the server's user and back, without following links."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.embedded.servers.postgres_user import RunAs

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the owner of files")
NOBODY = 65534
AS_NOBODY = RunAs(NOBODY, uid=NOBODY)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("of root")
    path.chmod(0o600)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    (path / "base" / "1").mkdir(parents=True)
    (path / "pg_hba.conf").write_text("old and longer than the new one")
    return path


def test_neither_giving_nor_taking_back_follows_a_link(data: Path, secret: Path, tmp_path: Path) -> None:
    (data / "base" / "link").symlink_to(secret)
    (data / "base" / "out").symlink_to(tmp_path)

    AS_NOBODY.chown(data)
    given = {path.lstat().st_uid for path in (data, *data.rglob("*"))}
    AS_NOBODY.chown_back(data)

    assert given == {NOBODY}
    assert {path.lstat().st_uid for path in (data, *data.rglob("*"))} == {0}
    assert secret.stat().st_uid == tmp_path.stat().st_uid == 0


def test_a_directory_that_became_a_link_is_not_given(secret: Path, tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(secret.parent)

    AS_NOBODY.chown(tmp_path / "data")

    assert secret.stat().st_uid == secret.parent.stat().st_uid == 0


def test_the_server_s_file_is_written_in_place(data: Path) -> None:
    AS_NOBODY.chown(data)
    AS_NOBODY.overwrite(data / "pg_hba.conf", b"new")

    assert (data / "pg_hba.conf").read_text() == "new"
    assert (data / "pg_hba.conf").stat().st_uid == NOBODY


def _link(file: Path, secret: Path) -> None:
    file.symlink_to(secret)


def _hard_link(file: Path, secret: Path) -> None:
    file.hardlink_to(secret)


def _other_name(file: Path, _secret: Path) -> None:
    file.write_text("")
    file.with_name("other").hardlink_to(file)
    os.chown(file, NOBODY, NOBODY)


@pytest.mark.parametrize("attack", [_link, _hard_link, _other_name, lambda file, _secret: os.mkfifo(file, 0o600)])
def test_nothing_is_written_where_the_file_became_another(
    data: Path, secret: Path, attack: Callable[[Path, Path], None]
) -> None:
    AS_NOBODY.chown(data)
    (data / "pg_hba.conf").unlink()
    attack(data / "pg_hba.conf", secret)

    with pytest.raises(PlexdevError) as caught:
        AS_NOBODY.overwrite(data / "pg_hba.conf", b"host all all 0.0.0.0/0 trust")
    assert caught.value.tag == "untrusted-path"
    assert secret.read_text() == "of root"


def test_the_way_to_the_server_s_directories_stays_ours(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir(mode=0o700)

    AS_NOBODY.make_reachable(Path("/usr/bin"), scratch)

    assert (scratch.stat().st_uid, scratch.stat().st_mode & 0o777) == (0, 0o711)
