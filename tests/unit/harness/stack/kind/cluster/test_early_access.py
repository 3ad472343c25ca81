"""A cluster that is being created is used as soon as Pods can be created there, and not earlier."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from pytest_plexdev.core.cancellation import Cancelled, cancel, fail_after, spawn
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import CLUSTER_NOT_MADE, COMMAND_FAILED
from pytest_plexdev.kube import Access
from pytest_plexdev.stack.kind.cluster import early_access
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.cluster.early_access import reach

ACCESS = Access(context="kind-c", server="https://127.0.0.1:1", kubeconfig=Path("kubeconfig"))
NO_KUBECONFIG = PlexdevError(COMMAND_FAILED, detail="no", command="kind get", purpose="x", status="1", fix="y")
NOT_MADE = PlexdevError(CLUSTER_NOT_MADE, detail="no", command="kind create", status="1", fix="y")


class FakeCluster:
    """Records the requests to a cluster that is being created, and answers each kind of request in turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kubeconfig: list[Access | PlexdevError] = []
        self.pods: list[bool | PlexdevError] = []
        monkeypatch.setattr(early_access, "_POLL_S", 0.01)
        monkeypatch.setattr(ClusterFiles, "fetch_access", lambda _: answer(self.kubeconfig))
        monkeypatch.setattr(early_access, "_accepts_pods", lambda _: answer(self.pods))


def answer(answers: list[Any]) -> Any:
    given = answers.pop(0)
    if isinstance(given, PlexdevError):
        raise given
    return given


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    return FakeCluster(monkeypatch)


def future(settle: Callable[[Future[Any]], None] = lambda _: None) -> Future[Any]:
    made: Future[Any] = Future()
    settle(made)
    return made


def test_it_is_reached_before_kind_is_done(tmp_path: Path, cluster: FakeCluster) -> None:
    cluster.kubeconfig = [NO_KUBECONFIG, ACCESS]
    cluster.pods = [NO_KUBECONFIG, False, True]

    assert reach(ClusterFiles("c", tmp_path), future(), future(lambda done: done.set_result(True))) is ACCESS
    assert (cluster.kubeconfig, cluster.pods) == ([], [])


def test_no_probe_is_sent_once_the_cluster_is_created(tmp_path: Path, cluster: FakeCluster) -> None:
    made = future(lambda done: done.set_result(ACCESS))

    assert reach(ClusterFiles("c", tmp_path), made, future()) is ACCESS


def test_one_that_was_not_made_is_not_reached(tmp_path: Path, cluster: FakeCluster) -> None:
    made = future()
    cluster.kubeconfig = [ACCESS]
    cluster.pods = [False] * 1000
    Timer(0.05, made.set_exception, [NOT_MADE]).start()

    with pytest.raises(PlexdevError, match="cluster-not-made"):
        reach(ClusterFiles("c", tmp_path), made, future(lambda done: done.set_result(True)))


def test_it_is_given_up_with_the_rest(tmp_path: Path, cluster: FakeCluster) -> None:
    cluster.kubeconfig = [NO_KUBECONFIG] * 6000

    with fail_after(60):
        reached = spawn(
            partial(reach, ClusterFiles("c", tmp_path), future(), future(lambda done: done.set_result(True)))
        )
        cancel()

    assert isinstance(reached.exception(timeout=0), Cancelled)
