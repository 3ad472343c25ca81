"""The cached template: copied only if it is unchanged and private to this user; removed only if it is marked."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_plexdev.core.ownership.lock import seize
from pytest_plexdev.core.paths import cache_room, ensure_writable
from pytest_plexdev.core.private_files import make_private_directory
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.embedded.servers.postgres_template import Template
from pytest_plexdev.stack.embedded.servers.template_content import CONFIGURATION

SOMEBODY = 12345
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")


def put(template: Template) -> Template:
    cache_room("postgres", template.cache)
    with template.begin() as built:
        data = built.directory / "data"
        make_private_directory(data / "base")
        for name in (*CONFIGURATION, "base/1"):
            (data / name).touch(mode=0o600)
            (data / name).write_text("12345")
        template.put(built)
    return template


@pytest.fixture
def template(tmp_path: Path) -> Template:
    return put(Template(tmp_path / "cache", "key"))


def test_a_template_is_there_once_it_was_put(template: Template) -> None:
    assert template.exists()
    assert template.flaw() is None


def test_a_template_that_lost_a_byte_is_flawed(template: Template) -> None:
    (template.data / "base" / "1").write_bytes(b"1234")
    assert template.flaw() == "not the bytes that were put there"


@pytest.mark.parametrize("name", CONFIGURATION)
def test_a_template_whose_configuration_was_edited_is_flawed(template: Template, name: str) -> None:
    (template.data / name).write_text("54321")
    assert template.flaw() == "not the configuration that were put there"


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_template_without_its_content_is_flawed(template: Template, text: str) -> None:
    (template.data.parent / "template.json").write_text(text)
    assert template.flaw()


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def _socket(path: Path) -> None:
    path.unlink()
    # By a descriptor, because the path of a socket is limited to 107 bytes.
    directory = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/fd/{directory}/{path.name}")
    os.close(directory)
    path.chmod(0o600)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda path: path.chmod(0o602), "others may write to it"),
        pytest.param(lambda path: os.chown(path, SOMEBODY, SOMEBODY), "it belongs to the user with id", marks=as_root),
        (_link, "it is a symbolic link"),
        (_pipe, "it is not a regular file"),
        (_socket, "it is not a regular file"),
    ],
)
@pytest.mark.parametrize("name", ["base/1", "postgresql.auto.conf"])
def test_a_template_with_something_of_others_is_refused_by_name(
    template: Template, change: Callable[[Path], None], reason: str, name: str
) -> None:
    change(template.data / name)

    with pytest.raises(PlexdevError) as caught:
        template.flaw()
    assert caught.value.tag == "untrusted-path"
    assert f"{template.data / name} is not trusted: {reason}" in str(caught.value)


@pytest.mark.parametrize("directory", [".", "..", "../..", "base"])
def test_a_template_in_a_directory_that_others_write_is_refused(template: Template, directory: str) -> None:
    opened = (template.data / directory).resolve()
    opened.chmod(0o770)

    with pytest.raises(PlexdevError, match="others may write to it"):
        template.flaw()


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory that all users can write, like ``/tmp``."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o1777)
        yield Path(name)


@as_root
def test_a_cache_of_another_user_is_refused_before_use(shared: Path) -> None:
    prepares = "mkdir -p $0/postgres/key/data && touch $0/postgres/key.lock && chmod -R a+rwX $0"
    user = ["setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups"]
    subprocess.run([*user, "sh", "-c", prepares, str(shared / "cache")], check=True)

    for use in (Template(shared / "cache", "key").try_lock_shared, lambda: ensure_writable(shared / "cache")):
        with pytest.raises(PlexdevError, match=f"belongs to the user with id {SOMEBODY}") as caught:
            use()
        assert caught.value.tag == "untrusted-path"


@as_root
def test_a_link_of_another_user_is_not_followed(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    for name, owner in (("theirs", SOMEBODY), ("ours", 0)):
        (shared / name).symlink_to(tmp_path / "elsewhere")
        os.chown(shared / name, owner, owner, follow_symlinks=False)

    ensure_writable(shared / "ours")
    with pytest.raises(PlexdevError, match="it is a symbolic link"):
        ensure_writable(shared / "theirs")


def test_everything_in_the_cache_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        template = put(Template(tmp_path / "cache", "key"))
        with template.begin():
            for path in (template.cache, *template.cache.rglob("*")):
                assert path.stat().st_mode & 0o077 == 0, path
    finally:
        os.umask(before)


def test_old_and_unfinished_templates_are_removed(template: Template) -> None:
    room = template.cache / "postgres"
    for project in ("backups", ".hidden"):
        (room / project / "data").mkdir(parents=True)
        (room / project / "template.json").write_text("a letter")
        os.utime(room / project, (0, 0))
    os.utime(template.data.parent, (0, 0))
    abandoned = template.begin()
    abandoned.release()  # as the kernel does if the builder is killed

    with Template(template.cache, "third").begin() as building:
        newer = put(Template(template.cache, "newer"))
        assert building.directory.exists()

    assert newer.exists()
    assert not template.exists()
    assert not abandoned.directory.exists()
    assert [(room / project / "template.json").read_text() for project in ("backups", ".hidden")] == ["a letter"] * 2


def test_a_directory_in_the_place_of_a_template_is_not_replaced(tmp_path: Path) -> None:
    letter = tmp_path / "cache" / "postgres" / "key" / "data" / "letter.txt"
    cache_room("postgres", tmp_path / "cache")
    letter.parent.mkdir(parents=True)
    letter.write_text("a letter")

    with pytest.raises(PlexdevError) as caught:
        put(Template(tmp_path / "cache", "key"))

    assert caught.value.tag == "cache-unwritable"
    assert letter.read_text() == "a letter"


def test_whoever_copies_a_template_holds_its_lock(template: Template) -> None:
    (template.cache / "postgres" / "key.lock").touch(mode=0o600)
    held = template.try_lock_shared()
    assert held is not None
    with (template.cache / "postgres" / "key.lock").open() as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(held)
    assert seize(template.data.parent, "archive") is None
