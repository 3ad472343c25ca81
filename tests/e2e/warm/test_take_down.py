"""The deletion of the warm cluster, complete or not."""

from __future__ import annotations

import signal

import pytest

from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.settings import KindSettings, warm_directory
from pytest_plexdev.stack.kind.warm import down
from tests.support.kind_stacks import ProgressRecorder, clusters
from tests.support.waiting import until
from tests.support.warm_cluster import another_up


def test_down_deletes_what_is_ours_and_says_what_else_helps(settings: KindSettings, made: list[str]) -> None:
    lines = down.take_down(settings, force=False, progress=ProgressRecorder())

    assert lines[0] == f"plexdev: the kind cluster {settings.name} is deleted"
    assert "docker builder prune -f && docker image prune -f" in lines[-1]
    assert settings.name not in clusters()
    assert not warm_directory(settings.state, settings.name).exists()
    assert "nothing to delete" in down.take_down(settings, force=False, progress=ProgressRecorder())[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_cluster_creation_leaves_nothing(settings: KindSettings, number: signal.Signals) -> None:
    process = another_up(settings)
    until(lambda: settings.name in clusters(), within_s=120, every_s=0.1, running=process)
    process.send_signal(number)
    process.communicate(timeout=120)

    assert settings.name not in clusters()
    assert ClusterFiles(settings.name, warm_directory(settings.state, settings.name)).creation() is None
