"""What a reset and a restart do to a cluster, and what they refuse."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_plexdev import readiness
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.progress import no_progress
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.stack.kind.state import restart
from pytest_plexdev.stack.kind.warm.changes import KindChanges
from tests.support.api_server import Answers
from tests.support.api_server_stack import stack_of

NAMESPACES = ("default", "envoy-gateway-system")
APPS = "/apis/apps/v1/namespaces"
KILL = ("ctr", "--namespace", "k8s.io", "tasks", "kill", "--signal", "SIGINT")
POD = "/api/v1/namespaces/default/pods"


def workload(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default", "labels": {"app.kubernetes.io/name": name}}}


def pod(container: str, *, running: bool = True) -> dict[str, Any]:
    state = {"running": {}} if running else {"waiting": {"reason": "CrashLoopBackOff"}}
    meta = {"name": "postgres-0", "namespace": "default", "creationTimestamp": "2026-01-01T00:00:00Z"}
    statuses = [{"containerID": f"containerd://{container}", "state": state}]
    return {"metadata": meta, "spec": {"containers": [{}]}, "status": {"containerStatuses": statuses}}


@pytest.fixture
def info(answers: Answers, tmp_path: Path) -> StackInfo:
    """The stack of a cluster with a StatefulSet, a Deployment and a Job."""
    for namespace in NAMESPACES:
        for kind in ("statefulsets", "deployments"):
            answers.say("GET", f"{APPS}/{namespace}/{kind}", {"items": []})
    answers.say("GET", f"{APPS}/default/statefulsets", {"items": [workload("postgres")]})
    answers.say("GET", f"{APPS}/default/deployments", {"items": [workload("plexsphere"), workload("dex")]})
    answers.say(
        "GET", "/apis/apps/v1", {"resources": [{"kind": "Deployment", "name": "deployments", "namespaced": True}]}
    )
    return replace(stack_of(answers, tmp_path), capabilities=frozenset({"age-heartbeat"}))


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The objects that are waited for; tests/readiness covers the wait."""
    found: list[str] = []

    def wait(_client: object, wanted: Sequence[ObjectRef], **_: object) -> None:
        found.extend(map(str, wanted))

    monkeypatch.setattr(readiness, "wait_ready", wait)
    return found


def changes(info: StackInfo, *, owned: bool = True, timeout: float = 30.0) -> KindChanges:
    assert info.cluster is not None
    own = replace(info, cluster=replace(info.cluster, owned=owned))
    return KindChanges(own, KindSettings(name="c", timeout=timeout))


def test_deployments_and_stateful_sets_can_be_restarted(info: StackInfo) -> None:
    assert changes(info).services() == ["dex", "plexsphere", "postgres"]


@pytest.mark.parametrize("change", ["reset", "restart"])
def test_a_stack_of_somebody_else_is_left_alone(info: StackInfo, answers: Answers, change: str) -> None:
    foreign = changes(info, owned=False)

    with pytest.raises(PlexdevError) as caught:
        foreign.reset(no_progress) if change == "reset" else foreign.restart(["dex"], no_progress)

    lines = str(caught.value).splitlines()
    named = "reset" if change == "reset" else "restart of dex"
    assert lines[0] == (
        f"plexdev[not-ours]: the running kind stack was not created by plexdev, so it was not changed: no {named}"
    )
    assert "rollout restart deployment/NAME" in lines[2]
    assert {each.method for each in answers.requests} <= {"GET"}


def test_the_pods_of_a_deployment_are_replaced(info: StackInfo, answers: Answers, waited: list[str]) -> None:
    answers.say("PATCH", f"{APPS}/default/deployments/plexsphere", {"metadata": {}})

    changes(info).restart(["plexsphere"], no_progress)

    (patch,) = [each for each in answers.requests if each.method == "PATCH"]
    assert "fieldManager=plexdev-restart" in patch.query
    (annotation,) = json.loads(patch.body)["spec"]["template"]["metadata"]["annotations"]
    assert annotation == "kubectl.kubernetes.io/restartedAt"
    assert waited == ["deployment/plexsphere"]


def test_a_former_pod_that_is_ending_is_waited_for(info: StackInfo, answers: Answers, waited: list[str]) -> None:
    ending = pod("before")
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:01Z"
    answers.say("PATCH", f"{APPS}/default/deployments/plexsphere", {"metadata": {}})
    answers.say("GET", POD, {"items": [ending]})
    ended = threading.Event()

    def end() -> None:
        ended.set()
        answers.say("GET", POD, {"items": []})

    threading.Timer(0.3, end).start()
    changes(info).restart(["plexsphere"], no_progress)

    assert ended.is_set()
    assert waited == ["deployment/plexsphere"]


def test_the_container_of_a_stateful_set_is_ended_in_place(
    info: StackInfo, answers: Answers, waited: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers.say("GET", POD, {"items": [pod("before")]})
    asked: list[tuple[str, ...]] = []

    def docker(*words: str, purpose: str) -> None:
        asked.append(words)
        answers.say("GET", f"{POD}/postgres-0", pod("after"))

    monkeypatch.setattr(restart, "docker", docker)

    changes(info).restart(["postgres"], no_progress)

    assert asked == [("exec", "c-control-plane", *KILL, "before")]
    assert waited == ["statefulset/postgres"]
    assert {each.method for each in answers.requests} == {"GET"}


def test_a_container_that_does_not_start_again_is_named(
    info: StackInfo, answers: Answers, waited: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers.say("GET", POD, {"items": [pod("before")]})
    answers.say("GET", f"{POD}/postgres-0", pod("before", running=False))
    monkeypatch.setattr(restart, "docker", lambda *_, **__: None)

    with pytest.raises(PlexdevError) as caught:
        changes(info, timeout=0.3).restart(["postgres"], no_progress)

    lines = str(caught.value).splitlines()
    assert lines[0].startswith("plexdev[restart-failed]: postgres is not ready ")
    assert lines[0].endswith("after its restart: the kubelet did not start its container")
    assert lines[-1].endswith("describe pod postgres-0 --namespace default")
    assert waited == []


def test_a_reset_without_a_copy_says_what_to_type(
    info: StackInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(
        "#!/bin/sh\ncase $* in *psql*) cat > /dev/null;"
        " echo 'psql:<stdin>:60: ERROR:  plexdev-reset: no bring-up has kept a copy of it' >&2;"
        " echo 'CONTEXT:  PL/pgSQL function' >&2; exit 3;; esac\n"
    )
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    with pytest.raises(PlexdevError) as caught:
        changes(info).reset(no_progress)

    first, why, fix = str(caught.value).splitlines()
    assert first == (
        "plexdev[no-seeded-copy]: the seeded state of the kind cluster c cannot be brought back: "
        "no bring-up has kept a copy of it"
    )
    assert why.endswith("nothing was changed")
    assert fix.endswith(" delete pod postgres-0 && plexdev up --stack kind")
    assert "--context kind-c delete pod" in fix
