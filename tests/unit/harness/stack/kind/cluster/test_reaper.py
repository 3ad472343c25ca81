"""The reaper of a run's cluster, with an engine that does not answer for a while."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from pytest_plexdev.core.ownership.mark import MARK
from pytest_plexdev.core.port_reservation import hold_beside, hold_beside_all, reserve
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.cluster import reaper
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from tests.support.engine import serving


def test_it_tries_again_and_reaches_docker_as_the_run_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "run" / "stack"
    directory.mkdir(parents=True)
    # The user's docker may need any variable: of an ssh agent, a credential helper, a proxy.
    monkeypatch.setenv("SSH_AUTH_SOCK", "/agent")
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "docker")
    owner = subprocess.Popen(["sleep", "600"])
    with serving(tmp_path) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        engine.away_for = 1
        reaper.watch_over("plexdev-nowhere", directory, ProcessId.of(owner.pid), tmp_path / "run")
        handle = reaper.REAPER.find(directory)
        assert handle is not None
        environment = Path(f"/proc/{handle.process.pid}/environ").read_bytes().split(b"\0")

        owner.kill()
        owner.wait()
        with handle:
            assert handle.wait(60)

        assert (engine.away_for, engine.requests) == (0, ["inspect", "list"])
    assert {b"SSH_AUTH_SOCK=/agent", b"KIND_EXPERIMENTAL_PROVIDER=docker"} <= set(environment)
    assert not (tmp_path / "run").exists()


def test_a_run_without_a_watch_over_it_makes_no_cluster(tmp_path: Path) -> None:
    # A directory in the place of its lock file.
    (tmp_path / MARK).mkdir()

    with pytest.raises(PlexdevError) as error:
        reaper.watch_over("plexdev-nowhere", tmp_path, ProcessId.of(os.getpid()), None)

    assert error.value.tag == "command-failed"
    assert "reaper` ended with exit status 1" in str(error.value)
    assert str(tmp_path / MARK) in str(error.value)


def test_the_other_localhost_is_held_for_as_long_as_it_watches(tmp_path: Path) -> None:
    published = reserve(purpose="a test")
    published.release()
    held = hold_beside_all([published.number])
    if not held:
        pytest.skip("this machine has no ::1")
    reaper.watch_over("plexdev-nowhere", tmp_path, ProcessId.of(os.getpid()), None, beside=held)
    held[0].close()
    try:
        with pytest.raises(OSError, match="Address already in use"):
            hold_beside(published.number)
        # Docker publishes on 127.0.0.1, which is still free.
        socket.create_server(("127.0.0.1", published.number)).close()
    finally:
        reaper.dismiss(tmp_path)
    hold_beside(published.number).close()


def test_no_process_is_ended_because_a_file_names_it(tmp_path: Path) -> None:
    victim = subprocess.Popen(["sleep", "600"])
    try:
        named = ProcessId.of(victim.pid)
        mark = {"kind": "cluster", "name": "c", "pid": named.pid, "started": named.started}
        (tmp_path / MARK).write_text(json.dumps(mark))
        (tmp_path / "reaper.json").write_text(json.dumps(mark))

        reaper.dismiss(tmp_path)

        assert not reaper.watches_over(tmp_path)
        assert victim.poll() is None
    finally:
        victim.kill()
        victim.wait()


def test_what_somebody_put_beside_a_cluster_s_files_stays(tmp_path: Path) -> None:
    place = ClusterFiles("c", tmp_path / "cluster")
    place.mark()
    for name in ("kubeconfig", "stack.json", "mine.txt"):
        (place.directory / name).write_text(name)

    assert place.remove() == ["mine.txt"]

    assert not place.kubeconfig.exists()
    assert (place.directory / "mine.txt").read_text() == "mine.txt"


def test_a_directory_that_was_never_a_cluster_s_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text("mine")

    assert ClusterFiles("c", tmp_path).remove() == []

    assert (tmp_path / "kubeconfig").read_text() == "mine"


def test_files_that_a_reaper_looks_after_are_not_removed(tmp_path: Path) -> None:
    place = ClusterFiles("c", tmp_path / "cluster")
    place.mark()
    place.kubeconfig.write_text("needed")
    reaper.watch_over("c", place.directory, ProcessId.of(os.getpid()), None)
    try:
        assert place.remove() == []
        assert place.kubeconfig.read_text() == "needed"
    finally:
        reaper.dismiss(place.directory)
    place.remove()
    assert not place.directory.exists()
