"""What a run asks for reaches the provider of the stack that it named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_plexdev.cli.kind import warm_settings
from pytest_plexdev.options import resolve
from pytest_plexdev.stack.providers import Wanted


def wanted(directory: Path, *, seed: Path | None = None, overlay: Path | None = None, **options: object) -> Wanted:
    return Wanted(
        settings=resolve({f"plexdev_{name}": value for name, value in options.items()}, {}, {}),
        directory=directory,
        controller_pid=os.getpid(),
        seed=lambda: seed,
        overlay=lambda: overlay,
        explain=lambda error, _: error,
    )


def test_a_fresh_cluster_is_made_of_what_options_and_plugins_say(tmp_path: Path) -> None:
    seed, images = tmp_path / "seed.yaml", ["plexsphere=plexsphere:mine"]
    run = wanted(tmp_path, seed=seed, overlay=tmp_path, stack="kind", images=images, timeout="9", kind_image="node:1")
    settings = run._fresh_cluster()

    assert (settings.seed, settings.overlay, settings.images) == (seed, tmp_path, {"plexsphere": "plexsphere:mine"})
    assert (settings.timeout, settings.kind_image, settings.run_directory) == (9.0, "node:1", tmp_path)
    assert settings.owner is not None
    assert settings.owner.pid == os.getpid()


def test_the_workers_of_a_run_mean_one_cluster_and_another_run_means_another(tmp_path: Path) -> None:
    names = {wanted(tmp_path / run, stack="kind")._fresh_cluster().name for run in ("a", "a", "b")}

    assert len(names) == 2
    assert {wanted(tmp_path, stack="kind")._fresh_cluster().api_port for _ in range(2)} == {0}


def test_an_overlay_of_the_command_line_goes_before_a_plugins(tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    mine.mkdir()
    run = wanted(tmp_path, overlay=theirs, dev_stack="1", stack="kind")
    assert run.warm_cluster().overlay == theirs

    settings = resolve(
        {"plexdev_overlay": str(mine), "plexdev_dev_stack": "1", "plexdev_on_drift": "ignore"},
        {"PLEXDEV_TIMEOUT": "7"},
        {},
    )
    named = Wanted(
        settings=settings,
        directory=tmp_path,
        controller_pid=1,
        seed=run.seed,
        overlay=run.overlay,
        explain=lambda error, _: error,
    )
    assert (named.warm_cluster().overlay, named.warm_cluster().on_drift) == (mine, "ignore")
    assert named.warm_cluster().timeout == 7.0


def test_a_bring_up_from_the_shell_has_the_time_that_it_is_given_or_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PLEXDEV_TIMEOUT", raising=False)
    assert warm_settings().timeout == 300.0

    monkeypatch.setenv("PLEXDEV_TIMEOUT", "9")
    assert warm_settings().timeout == 9.0
    assert warm_settings(timeout=5.0).timeout == 5.0
