"""Each further service under load and killed, without its image, and with a wrong Secret: named, and recovering.

What OpenBao and SeaweedFS do with their content, and with a wrong Secret, is in their own modules.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from pytest_plexdev import MetricSample, ProblemError
from pytest_plexdev.api import Client
from pytest_plexdev.core.model import Verdict
from pytest_plexdev.core.poll import poll
from pytest_plexdev.core.profiles import FURTHER_SERVICES
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.resources import POD
from pytest_plexdev.readiness import wait_ready
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.stack.kind.constants import NAMESPACE
from pytest_plexdev.testkit.node_agent import NodeAgent
from pytest_plexdev.testkit.stack import Stack
from tests.support.cluster_doctor import finding
from tests.support.kind_stacks import replaced_secret

TIMEOUT_S = 90.0
PROGRAMS = {"openbao": "bao", "seaweedfs": "weed"}
"""The programs that are not called as their service is."""
SYNCING = (
    ObjectRef("SecretStore", "openbao", NAMESPACE),
    ObjectRef("ExternalSecret", "beta-llc-idp-client", NAMESPACE),
)
Kubectl = Callable[..., str]


@pytest.mark.parametrize("name", FURTHER_SERVICES)
def test_a_killed_service_is_named_and_recovers(
    full_stack: Stack,
    full_client: KubeClient,
    operator: Client,
    node: NodeAgent,
    kill_on_node: Callable[[str], None],
    name: str,
) -> None:
    load = Load(operator, node)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(load.run)
        try:
            before = restarts(full_client, name)
            kill_on_node(PROGRAMS.get(name, name))
            named = poll(
                lambda: verdict_of(full_stack, name),
                until=lambda verdict: verdict.state != "ready",
                every_s=0.02,
                timeout_s=TIMEOUT_S,
            )
            assert poll(lambda: restarts(full_client, name) > before, every_s=0.1, timeout_s=TIMEOUT_S)
            wait_ready(full_client, [workload(name)], timeout=TIMEOUT_S)
        finally:
            load.stopped = True
        running.result()

    assert named.state != "ready"
    assert named.reason
    assert load.answers > 20
    # It may be back before the next request for a release.
    assert set(load.refusals) <= ({("artifacts", 503, "artifact_store_unavailable")} if name == "seaweedfs" else set())


@pytest.mark.parametrize("name", FURTHER_SERVICES)
def test_a_missing_image_is_named(
    full_client: KubeClient, full_access: Access, operator: Client, kubectl: Kubectl, name: str
) -> None:
    reference = f"plexdev.invalid/{name}:missing"
    with replaced_image(kubectl, name, reference):
        with pytest.raises(PlexdevError) as doomed:
            wait_ready(full_client, [workload(name)], timeout=TIMEOUT_S)
        advice = finding(full_access, "image-not-pulled")
        domains = [each.slug for each in operator.domains.list()]
    wait_ready(full_client, [workload(name)], timeout=TIMEOUT_S)

    assert "acme-corp" in domains
    assert doomed.value.tag == "doomed-object"
    assert reference in str(doomed.value)
    assert advice.state == "found"
    assert reference in advice.evidence
    assert reference in advice.command


def test_a_token_that_external_secrets_lacks_is_named(full_client: KubeClient, kubectl: Kubectl) -> None:
    try:
        with replaced_secret(full_client, "openbao-credentials", "BAO_DEV_ROOT_TOKEN_ID", "another-root-token"):
            restart(kubectl, "external-secrets")
            # Its verdict of before stands until the new Pod has looked.
            kubectl("wait", "secretstore/openbao", "--for=condition=Ready=false", f"--timeout={TIMEOUT_S:g}s")
            with pytest.raises(PlexdevError) as doomed:
                wait_ready(full_client, SYNCING, timeout=TIMEOUT_S)
    finally:
        restart(kubectl, "external-secrets")
    wait_ready(full_client, [workload("external-secrets"), *SYNCING], timeout=TIMEOUT_S)

    assert doomed.value.tag == "doomed-object"
    assert "secretstore/openbao" in str(doomed.value)
    assert "permission denied" in str(doomed.value)


def test_a_certificate_that_crossplane_cannot_read_is_named(full_client: KubeClient, kubectl: Kubectl) -> None:
    try:
        with replaced_secret(full_client, "crossplane-tls-server", "tls.crt", "no certificate"):
            restart(kubectl, "crossplane")
            with pytest.raises(PlexdevError) as doomed:
                wait_ready(full_client, [workload("crossplane")], timeout=TIMEOUT_S)
    finally:
        restart(kubectl, "crossplane")
    wait_ready(full_client, [workload("crossplane")], timeout=TIMEOUT_S)

    assert doomed.value.tag == "doomed-object"
    assert "certificate" in str(doomed.value)


def test_an_address_waits_for_its_pod_or_says_why_there_is_none(full_stack: Stack, kubectl: Kubectl) -> None:
    kubectl("delete", "pod", "-l", "app.kubernetes.io/name=mimir")
    assert httpx.get(f"{full_stack.url('mimir')}/ready", trust_env=False).status_code == 200

    kubectl("scale", "deployment/openbao", "--replicas=0")
    kubectl("wait", "--for=delete", "pod", "-l", "app.kubernetes.io/name=openbao", f"--timeout={TIMEOUT_S:g}s")
    full_stack.provider.close()
    try:
        with pytest.raises(PlexdevError) as missing:
            full_stack.url("openbao")
    finally:
        kubectl("scale", "deployment/openbao", "--replicas=1")
        kubectl("rollout", "status", "deployment/openbao", f"--timeout={TIMEOUT_S:g}s")

    assert "deployment/openbao" in str(missing.value)
    assert "scaled to 0 replicas" in str(missing.value)
    assert missing.value.fix.endswith("scale -n default deployment/openbao --replicas=1")


class Load:
    """Reads Domains and releases and sends telemetry until it is stopped; the distinct refusals are counted once."""

    def __init__(self, client: Client, node: NodeAgent) -> None:
        self._requests: dict[str, Callable[[], object]] = {
            "domains": lambda: [*client.domains.list()],
            "artifacts": client.artifacts.list,
            "metrics": lambda: node.send_metrics(MetricSample(name="e2e_load", value=1.0)),
            "logs": lambda: node.send_logs("under load"),
        }
        self.stopped = False
        self.answers = 0
        self.refusals: list[tuple[str, int, str]] = []

    def run(self) -> None:
        while not self.stopped:
            for name, send in self._requests.items():
                try:
                    send()
                    self.answers += 1
                except ProblemError as problem:
                    if (refusal := (name, problem.status, problem.code)) not in self.refusals:
                        self.refusals.append(refusal)


@contextlib.contextmanager
def replaced_image(kubectl: Kubectl, name: str, reference: str) -> Iterator[None]:
    """Run the service from another image until the block ends."""
    path = f'{{.spec.template.spec.containers[?(@.name=="{name}")].image}}'
    right = kubectl("get", target(name), "-o", f"jsonpath={path}").strip()
    kubectl("set", "image", target(name), f"{name}={reference}")
    try:
        yield
    finally:
        kubectl("set", "image", target(name), f"{name}={right}")
        if kind_of(name) == "StatefulSet":
            # It does not replace a Pod that never became ready.
            kubectl("delete", "pod", "-l", f"app.kubernetes.io/name={name}", "--wait=false")


def restart(kubectl: Kubectl, name: str) -> None:
    kubectl("delete", "pod", "-l", f"app.kubernetes.io/name={name}")


def kind_of(name: str) -> str:
    return "StatefulSet" if name == "seaweedfs" else "Deployment"


def target(name: str) -> str:
    return f"{kind_of(name).lower()}/{name}"


def workload(name: str) -> ObjectRef:
    return ObjectRef(kind_of(name), name, NAMESPACE)


def verdict_of(stack: Stack, name: str) -> Verdict:
    return next(each for each in stack.verdicts() if each.name == target(name))


def restarts(client: KubeClient, name: str) -> int:
    (pod,) = client.list(POD, NAMESPACE, labels=f"app.kubernetes.io/name={name}")["items"]
    count: int = pod["status"]["containerStatuses"][0]["restartCount"]
    return count
