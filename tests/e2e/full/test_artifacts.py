"""SeaweedFS and what the API serves from it: killed, its Pod deleted, its Secret wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from pytest_plexdev.api import Client
from pytest_plexdev.api.problems import ProblemError
from pytest_plexdev.core.model import Verdict
from pytest_plexdev.core.poll import poll
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import POD
from pytest_plexdev.readiness import wait_ready
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.stack.kind.constants import NAMESPACE
from pytest_plexdev.testkit.bucket import open_bucket
from pytest_plexdev.testkit.stack import Stack
from tests.support.kind_stacks import replaced_secret

TIMEOUT_S = 90.0
AWAY = (503, "artifact_store_unavailable")


def test_the_api_serves_what_lies_in_the_bucket(full_stack: Stack, operator: Client) -> None:
    with open_bucket(full_stack) as bucket:
        stored = bucket.client.get_object("plexsphere", "plexd/0.1.0/bundle.sigstore.json").data

    assert versions(operator) == ["0.0.8", "0.0.9", "0.1.0"]
    assert operator.artifacts.get("0.1.0").checksums.keys() == {"amd64", "arm64"}
    assert operator.artifacts.bundle("0.1.0") == stored


def test_a_deleted_pod_comes_back_with_its_content(
    full_stack: Stack, full_client: KubeClient, operator: Client
) -> None:
    before = [operator.artifacts.get(version) for version in versions(operator)]
    with ThreadPoolExecutor(1) as pool:
        load = Load(operator)
        running = pool.submit(load.run)
        full_client.delete(POD, "seaweedfs-0", NAMESPACE)
        until(lambda: load.refusals)
        status, readiness = readyz(full_stack)
        wait_ready(full_client, [ObjectRef("StatefulSet", "seaweedfs", NAMESPACE)], timeout=TIMEOUT_S)
        until(lambda: readyz(full_stack)[1]["status"] == "ready")
        load.stopped = True
        running.result()
    after = [operator.artifacts.get(version) for version in versions(operator)]

    assert set(load.refusals) == {AWAY}
    assert (status, readiness["status"]) == (200, "degraded")
    assert {each["name"] for each in readiness["probes"] if not each["ok"]} == {"blobstore"}
    assert after == before


def test_killed_it_keeps_its_volume(
    full_stack: Stack, full_client: KubeClient, operator: Client, kill_on_node: Callable[[str], None]
) -> None:
    with open_bucket(full_stack) as bucket:
        bucket.put("kept", b"x")
        restarts = restarts_of(full_client)
        kill_on_node("weed")
        until(lambda: restarts_of(full_client) > restarts)
        wait_ready(full_client, [ObjectRef("StatefulSet", "seaweedfs", NAMESPACE)], timeout=TIMEOUT_S)
        until(lambda: versions_or_refusal(operator) == ["0.0.8", "0.0.9", "0.1.0"])

        with open_bucket(full_stack) as another:
            assert another.client.get_object(bucket.name, "kept").data == b"x"


def test_a_wrong_secret_is_named_by_the_verdict(full_stack: Stack, full_client: KubeClient, operator: Client) -> None:
    try:
        with replaced_secret(full_client, "seaweedfs-credentials", "S3_SECRET_KEY", "another"):
            restart_api(full_client)
            named = poll(
                lambda: reasons(full_stack.verdicts()),
                until=lambda text: "blobstore" in text,
                every_s=0.5,
                timeout_s=TIMEOUT_S,
            )
    finally:
        restart_api(full_client)
        wait_ready(full_client, [ObjectRef("Deployment", "plexsphere", NAMESPACE)], timeout=TIMEOUT_S)
    until(lambda: versions_or_refusal(operator) == ["0.0.8", "0.0.9", "0.1.0"])

    assert "S3 answers" in named


class Load:
    """Reads the index until it is stopped, and counts the refusals."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.stopped = False
        self.refusals: list[tuple[int, str]] = []

    def run(self) -> None:
        while not self.stopped:
            answer = versions_or_refusal(self._client)
            if isinstance(answer, tuple):
                self.refusals.append(answer)


def versions(client: Client) -> list[str]:
    return [each.version for each in client.artifacts.list()]


def versions_or_refusal(client: Client) -> list[str] | tuple[int, str]:
    try:
        return versions(client)
    except ProblemError as problem:
        return problem.status, problem.code


def readyz(stack: Stack) -> tuple[int, dict[str, Any]]:
    answer = httpx.get(f"{stack.api_url}/readyz", trust_env=False)
    return answer.status_code, answer.json()


def reasons(verdicts: Sequence[Verdict]) -> str:
    return " ".join(each.reason or "" for each in verdicts)


def restarts_of(client: KubeClient) -> int:
    pod = client.get(POD, "seaweedfs-0", NAMESPACE)
    assert pod is not None
    restarts: int = pod["status"]["containerStatuses"][0]["restartCount"]
    return restarts


def restart_api(client: KubeClient) -> None:
    """Replace the API's Pod, which reads its variables at the start."""
    for pod in client.list(POD, NAMESPACE, labels="app.kubernetes.io/name=plexsphere")["items"]:
        client.delete(POD, pod["metadata"]["name"], NAMESPACE)


def until(condition: Callable[[], object]) -> None:
    assert poll(condition, every_s=0.1, timeout_s=TIMEOUT_S)
