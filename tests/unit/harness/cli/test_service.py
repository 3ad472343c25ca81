"""``plexdev up plexd`` and ``down plexd`` where there is no image or no cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_plexdev.cli.main import main
from pytest_plexdev.core.deployment import deploy_directory

DEFERRED = f"plexdev[plexd-deferred]: plexd is declared in {deploy_directory() / 'base' / 'plexd'} but has no image: "


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Neither a stack nor a program: what needs one fails."""
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / "state"


def test_without_an_image_it_has_an_exit_code_of_its_own(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "plexd"]) == 69

    error = capsys.readouterr().err
    version = (Path(__file__).parents[4] / "PLEXD_VERSION").read_text().strip()
    assert error.startswith(f"{DEFERRED}the Docker engine has no plexd:{version}\n")
    assert "plexdev up plexd --image plexd=REF" in error
    assert not state.exists()


def test_without_an_image_json_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "plexd", "--json"]) == 69

    printed = json.loads(capsys.readouterr().out)
    assert (printed["exit_code"], printed["error"]["tag"]) == (69, "plexd-deferred")


@pytest.mark.parametrize("image", [["--image", "plexd=plexd:mine"], []], ids=["option", "variable"])
def test_with_an_image_a_stack_is_looked_for(
    image: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLEXDEV_IMAGES", "plexd=plexd:theirs")

    assert main(["up", "plexd", *image]) == 1

    error = capsys.readouterr().err
    assert error.startswith("plexdev[stack-missing]: no stack is running")
    assert "a kind cluster with the context kind-plexsphere" in error
    assert "fix: plexdev up --stack kind" in error


def test_without_a_stack_there_is_nothing_to_remove(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["down", "plexd"]) == 0

    assert capsys.readouterr().out == "plexdev: nothing to remove: no stack runs on a cluster\n"
    assert not state.exists()
