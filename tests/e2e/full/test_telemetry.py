"""Telemetry of a cluster: what a Node sends while Mimir, Loki or NATS is away."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_plexdev import AuditEvent, MetricSample, ProblemError
from pytest_plexdev.core.poll import poll
from pytest_plexdev.testkit.ingest_buffer import describe_backlog
from pytest_plexdev.testkit.logs import Logs
from pytest_plexdev.testkit.metrics import Metrics
from pytest_plexdev.testkit.node_agent import NodeAgent
from pytest_plexdev.testkit.stack import Stack
from pytest_plexdev.testkit.telemetry import keeps_domains_apart, telemetry_of
from pytest_plexdev.testkit.tenancy import FreshTenant

TIMEOUT_S = 90.0
Kubectl = Callable[..., str]


@pytest.fixture
def metrics(full_stack: Stack, tenant: FreshTenant) -> Metrics:
    return telemetry_of(tenant, full_stack, Metrics)


@pytest.fixture
def logs(full_stack: Stack, tenant: FreshTenant) -> Logs:
    return telemetry_of(tenant, full_stack, Logs)


def scale(kubectl: Kubectl, workload: str, replicas: int) -> None:
    """Scale, and wait until that many Pods are there."""
    kubectl("scale", workload, f"--replicas={replicas}")
    if replicas:
        kubectl("rollout", "status", workload, "--timeout=90s")
    else:
        kubectl(
            "wait", "--for=delete", "pod", "-l", f"app.kubernetes.io/name={workload.partition('/')[2]}", "--timeout=60s"
        )


def refused_with(send: Callable[[], object]) -> tuple[int, str]:
    """The status and code of a refusal; ``(0, "")`` if there is none."""
    try:
        send()
    except ProblemError as problem:
        return problem.status, problem.code
    return 0, ""


def test_what_a_node_sends_is_queried(node: NodeAgent, metrics: Metrics, logs: Logs) -> None:
    node.send_metrics(MetricSample(name="e2e_sent", value=1.5))
    node.send_logs("tunnel established")
    node.send_audit(AuditEvent(action="execve"))

    assert metrics.wait_for("e2e_sent", timeout=TIMEOUT_S).value == 1.5
    assert logs.wait_for('{signal="logs"}', timeout=TIMEOUT_S).line == "tunnel established"
    assert logs.wait_for('{signal="audit"}', timeout=TIMEOUT_S).labels["node_id"] == node.id


def test_domains_are_kept_apart(full_stack: Stack) -> None:
    assert keeps_domains_apart(full_stack, "mimir")
    assert keeps_domains_apart(full_stack, "loki")


def test_without_mimir_samples_wait_in_the_buffer(
    full_stack: Stack, tenant: FreshTenant, node: NodeAgent, metrics: Metrics, kubectl: Kubectl
) -> None:
    scale(kubectl, "deployment/mimir", 0)
    try:
        receipts = [
            node.send_metrics(MetricSample(name="e2e_waited", value=n, labels={"n": str(n)})) for n in range(50)
        ]
        refused = refused_with(lambda: metrics.query("e2e_waited"))
        waiting = describe_backlog(full_stack, tenant.domain_id)
        states = {verdict.name.partition("/")[2]: verdict.state for verdict in full_stack.verdicts()}
    finally:
        scale(kubectl, "deployment/mimir", 1)

    assert [each.records for each in receipts] == [1] * 50
    assert refused in {(502, "query_upstream_unavailable"), (504, "query_upstream_timeout")}
    assert waiting == "batches that wait in the ingest buffer: 50 of metrics"
    assert states["plexsphere"] == "ready"
    metrics.wait_for("count(e2e_waited)", where=lambda series: series.value == 50, timeout=TIMEOUT_S)
    emptied = poll(
        lambda: describe_backlog(full_stack, tenant.domain_id).startswith("no batch"), every_s=0.5, timeout_s=TIMEOUT_S
    )
    assert emptied


def test_without_loki_lines_wait_in_the_buffer(node: NodeAgent, logs: Logs, kubectl: Kubectl) -> None:
    scale(kubectl, "deployment/loki", 0)
    try:
        for number in range(50):
            node.send_logs(f"waited {number}")
        refused = refused_with(logs.query)
    finally:
        scale(kubectl, "deployment/loki", 1)

    assert refused in {(502, "query_upstream_unavailable"), (504, "query_upstream_timeout")}

    def stored() -> int:
        try:
            return len({entry.line for entry in logs.query('{signal="logs"} |= "waited"')})
        except ProblemError:
            return 0

    assert poll(stored, until=lambda count: count == 50, every_s=0.5, timeout_s=TIMEOUT_S) == 50


def test_without_nats_no_batch_is_acknowledged(node: NodeAgent, logs: Logs, kubectl: Kubectl) -> None:
    scale(kubectl, "statefulset/nats", 0)
    try:
        refused = refused_with(lambda: node.send_logs("not acknowledged"))
    finally:
        scale(kubectl, "statefulset/nats", 1)

    accepted = poll(
        lambda: refused_with(lambda: node.send_logs("acknowledged again")),
        until=lambda refusal: refusal == (0, ""),
        every_s=0.5,
        timeout_s=TIMEOUT_S,
    )
    assert refused == (503, "ingest_buffer_unavailable")
    assert accepted == (0, "")
    assert logs.wait_for('{signal="logs"} |= "acknowledged again"', timeout=TIMEOUT_S)
