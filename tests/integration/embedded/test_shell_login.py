"""Damaged credentials of ``plexdev login``: refused by name or ignored, and replaced by the next login."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pytest_plexdev.cli import main
from pytest_plexdev.stack.embedded import EmbeddedSettings
from pytest_plexdev.stack.embedded.launch import end
from pytest_plexdev.stack.embedded.warm import bring_up_warm, warm_directory
from tests.support.damage import DAMAGES

NOT_SIGNED_IN = 3
LOGIN = ("login", "--auto")


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state directory of a warm stack with the reference plane."""
    directory = tmp_path_factory.mktemp("login") / "state"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLEXDEV_STATE_DIR", str(directory))
        # Hides the developer's own cluster.
        patch.setenv("KUBECONFIG", str(directory / "no-kubeconfig"))
        patch.setenv("DOCKER_HOST", f"unix://{directory}/no-docker.sock")
        settings = EmbeddedSettings(id="warm", prefer="stand-in", cache=directory.with_name("cache"), timeout=60)
        bring_up_warm(settings, lambda event: None)
        yield directory
        end(warm_directory())


@pytest.fixture
def kept(state: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Path]:
    """The file of a saved login."""
    assert main.main(LOGIN) == 0, capsys.readouterr()
    (file,) = (state / "credentials").iterdir()
    capsys.readouterr()
    yield file
    remove(file.parent)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("words", [("whoami",), ("node", "list")])
def test_a_damaged_login_is_none_or_refused_by_name(
    kept: Path, capsys: pytest.CaptureFixture[str], words: Sequence[str], damage: str
) -> None:
    DAMAGES[damage](kept)

    code = main.main(words)

    captured = capsys.readouterr()
    if "plexdev[untrusted-path]" in captured.err:
        assert code == 1
        assert f"{kept} is not trusted" in captured.err
    else:
        assert code == NOT_SIGNED_IN
        assert "plexdev[not-signed-in]" in captured.err
        assert "fix: plexdev login --domain acme-corp" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_printed_mends_a_damaged_login(kept: Path, capsys: pytest.CaptureFixture[str], damage: str) -> None:
    DAMAGES[damage](kept)

    if main.main(LOGIN) != 0:
        fix = capsys.readouterr().err
        assert f"rm {kept}" in fix or f"rm -r {kept}" in fix
        remove(kept)
        assert main.main(LOGIN) == 0

    assert main.main(["whoami"]) == 0
    assert "admin@example.com" in capsys.readouterr().out
    assert (kept.stat().st_mode & 0o777, kept.is_symlink()) == (0o600, False)


@pytest.mark.parametrize("damage", ["half", "fifo", "link", "link to nothing"])
def test_a_replaced_credentials_directory_is_a_tagged_error(
    kept: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    DAMAGES[damage](kept.parent)

    for words in (("whoami",), LOGIN):
        assert main.main(words) in (1, NOT_SIGNED_IN)
        output = capsys.readouterr().err
        assert output.startswith("plexdev["), output
        assert str(kept.parent) in output


def test_a_login_of_another_user_is_not_used(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
    os.chown(kept, 12345, 12345)

    for words in (("whoami",), LOGIN):
        assert main.main(words) == 1
        assert f"plexdev[untrusted-path]: {kept} is not trusted" in capsys.readouterr().err
    assert kept.stat().st_uid == 12345


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
