"""A cache that another user created or can write is refused by name, and nothing in it is used or changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.embedded import EmbeddedSettings
from tests.support.embedded import Bench

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root, with setpriv, becomes another user"
)
SOMEBODY = 12345
AS_SOMEBODY = ("setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups", "--")
LIBRARY = "shared_preload_libraries = '/tmp/theirs.so'\n"


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory that all users can write, like ``/tmp``, but in which the kernel follows other users' links."""
    with tempfile.TemporaryDirectory(prefix="prepared-", dir="/tmp") as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.fixture
def filled(bench: Bench, settings: EmbeddedSettings, cache: Path, shared: Path) -> Path:
    """A cache that a bring-up of this user created in a public directory; it is not in use."""
    bench.up(settings)
    bench.provider(settings).down(None)
    shutil.copytree(cache, shared / "cache", copy_function=shutil.copy2)
    (shared / "cache").chmod(0o700)
    (shared / "cache" / "postgres").chmod(0o700)
    return shared / "cache"


def as_somebody(script: str, cache: Path) -> None:
    subprocess.run([*AS_SOMEBODY, "sh", "-euc", script, "sh"], cwd=cache, check=True)


def a_whole_cache(cache: Path) -> None:
    theirs = cache.with_name("theirs")
    cache.rename(theirs)
    for path in (theirs, *theirs.rglob("*")):
        os.chown(path, SOMEBODY, SOMEBODY, follow_symlinks=False)
    theirs.rename(cache)
    as_somebody(f'for each in postgres/*/data; do echo "{LIBRARY}" >> $each/postgresql.auto.conf; done', cache)


def a_cache_that_others_write_to(cache: Path) -> None:
    cache.chmod(0o777)
    as_somebody("mkdir letters && touch letters/thesis.txt", cache)


def templates_that_others_write_to(cache: Path) -> None:
    cache.chmod(0o755)
    (cache / "postgres").chmod(0o777)
    as_somebody("mkdir postgres/theirs", cache)


def a_template_that_others_write_to(cache: Path) -> None:
    for path in (cache, cache / "postgres", *(cache / "postgres").glob("*"), *(cache / "postgres").glob("*/data")):
        path.chmod(0o755)
    for file in (cache / "postgres").glob("*/data/postgresql.auto.conf"):
        file.chmod(0o666)
    as_somebody(f'for each in postgres/*/data; do echo "{LIBRARY}" >> $each/postgresql.auto.conf; done', cache)


def a_signing_key(cache: Path) -> None:
    cache.chmod(0o777)
    as_somebody(f"echo theirs > idp-signing-key-{os.geteuid()}.pem", cache)
    cache.chmod(0o700)


def a_link_to_a_cache(cache: Path) -> None:
    cache.rename(cache.with_name("elsewhere"))
    as_somebody(f"ln -s elsewhere {cache.name}", cache.parent)


@pytest.mark.parametrize(
    ("prepare", "named"),
    [
        (a_whole_cache, "cache is not trusted: it belongs to the user with id 12345"),
        (a_cache_that_others_write_to, "cache is not trusted: others may write to it (mode 0777)"),
        (templates_that_others_write_to, "cache/postgres is not trusted: others may write to it (mode 0777)"),
        (a_template_that_others_write_to, "postgresql.auto.conf is not trusted: others may write to it (mode 0666)"),
        (a_signing_key, "idp-signing-key-0.pem is not trusted: it belongs to the user with id 12345"),
        (a_link_to_a_cache, "cache is not trusted: it is a symbolic link"),
    ],
)
def test_a_bring_up_on_what_another_user_prepared_is_refused(
    filled: Path,
    settings: EmbeddedSettings,
    tmp_path: Path,
    prepare: Callable[[Path], None],
    named: str,
) -> None:
    prepare(filled)
    before = content_of(filled.parent)
    second = Bench(tmp_path / "second", [])

    with pytest.raises(PlexdevError) as refusal:
        second.up(replace(settings, cache=filled))

    assert refusal.value.tag == "untrusted-path"
    assert named in str(refusal.value)
    assert content_of(filled.parent) == before
    assert "template is damaged" not in second.notes()
    assert not (second.directory / "stack.json").exists()


def content_of(top: Path) -> Mapping[str, tuple[int, int, bytes | str]]:
    """Owner, mode and content of each entry, without modification times."""
    found: dict[str, tuple[int, int, bytes | str]] = {}
    for path in top.rglob("*"):
        status = path.lstat()
        content = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(top))] = (status.st_uid, status.st_mode, content)
    return found
