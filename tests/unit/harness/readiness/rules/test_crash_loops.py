"""A container's past terminations, as kubelet and containerd report them.

The statuses are from a ``docker restart`` of a kind node with Kubernetes 1.34.
"""

from __future__ import annotations

from typing import Any

import pytest

from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.rules import status_of

REF = ObjectRef("Pod", "again", "default")
BACK_OFF = {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container=main pod=again"}


def run(began: str, ended: str, **how: Any) -> dict[str, Any]:
    started, finished = (f"2026-11-{each}Z" for each in (began, ended))
    return {"exitCode": 1, "reason": "Error", "startedAt": started, "finishedAt": finished, **how}


NOW = run("23T16:40:28", "23T16:40:29")
STOPPED = run("23T16:40:13", "23T16:40:28", exitCode=255, reason="Unknown")
LONG_AGO = run("20T10:00:00", "20T10:00:02")
LONG_LIFE = run("20T10:00:00", "23T16:40:20")
JUST_BEFORE = run("23T16:40:20", "23T16:40:21")


def state(
    status: dict[str, Any],
    created: str = "2026-11-23T16:40:12Z",
    sandbox: str = "2026-11-23T16:40:13Z",
) -> str:
    pod = {
        "kind": "Pod",
        "metadata": {"name": "again", "namespace": "default", "uid": "1", "creationTimestamp": created},
        "spec": {"containers": [{"name": "main", "image": "busybox"}]},
        "status": {
            "phase": "Running",
            "startTime": created,
            "conditions": [
                {"type": "PodScheduled", "status": "True", "lastTransitionTime": created},
                {"type": "PodReadyToStartContainers", "status": "True", "lastTransitionTime": sandbox},
            ],
            "containerStatuses": [{"name": "main", "ready": False, "restartCount": 1, **status}],
        },
    }
    return status_of(REF, ObjectCache([pod])).state


@pytest.mark.parametrize("past", [STOPPED, LONG_AGO, LONG_LIFE], ids=["node restarted", "long ago", "ran for days"])
def test_one_failure_is_one_whatever_the_pod_went_through(past: dict[str, Any]) -> None:
    assert state({"state": {"terminated": NOW}, "lastState": {"terminated": past}}) == "waiting"


def test_the_end_of_a_long_life_is_no_failed_start() -> None:
    assert state({"state": {"terminated": LONG_LIFE}, "lastState": {"terminated": LONG_AGO}}) == "waiting"


def test_two_failures_after_each_other_are_two() -> None:
    assert state({"state": {"terminated": NOW}, "lastState": {"terminated": JUST_BEFORE}}) == "doomed"


def test_a_first_back_off_after_a_node_s_restart_is_one_failure() -> None:
    status = {"state": {"waiting": BACK_OFF}, "lastState": {"terminated": NOW}}

    assert state(status, sandbox="2026-11-23T16:40:28Z") == "waiting"
    assert state(status, created="2026-11-20T10:00:00Z") == "waiting"
    assert state({**status, "restartCount": 3}) == "waiting"
    assert state(status) == "doomed"


def test_a_longer_back_off_is_of_failures_in_a_row() -> None:
    longer = {**BACK_OFF, "message": "back-off 20s restarting failed container=main pod=again"}
    status = {"restartCount": 2, "state": {"waiting": longer}, "lastState": {"terminated": NOW}}

    assert state(status, created="2026-11-20T10:00:00Z") == "doomed"
