"""A cached signing key is used only if no other user can know it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.embedded.dex_standin.keys import signing_key

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "cache" / "key.pem"
    signing_key(path)
    return path


def number(key: rsa.RSAPrivateKey) -> int:
    return key.public_key().public_numbers().n


def test_it_is_kept_for_this_user_alone(key: Path) -> None:
    assert number(signing_key(key)) == number(signing_key(key))
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700


def _link(path: Path) -> None:
    path.rename(path.with_name("other"))
    path.symlink_to("other")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda path: path.chmod(0o620), "others may write to it"),
        pytest.param(lambda path: os.chown(path, 12345, 12345), "it belongs to the user with id 12345", marks=as_root),
        (_link, "it is a symbolic link"),
        (_pipe, "it is not a regular file"),
    ],
)
def test_one_that_another_user_may_have_made_is_refused(key: Path, change: Callable[[Path], None], reason: str) -> None:
    change(key)

    with pytest.raises(PlexdevError, match=reason) as caught:
        signing_key(key)
    assert caught.value.tag == "untrusted-path"


def test_one_that_others_could_read_is_made_anew(key: Path) -> None:
    before = number(signing_key(key))
    key.chmod(0o640)

    assert number(signing_key(key)) != before
    assert key.stat().st_mode & 0o777 == 0o600
