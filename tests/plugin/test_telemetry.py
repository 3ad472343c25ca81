"""The fixtures plexdev_metrics and plexdev_logs, with the real Mimir and Loki on an embedded stack."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

from tests.support.servers import FULL, leave_out
from tests.support.telemetry_servers import on_path

pytestmark = pytest.mark.real
LOGS = """
from pytest_plexdev import AuditEvent, LogLine

def test_arrives(plexdev_node, plexdev_logs, plexdev_tenants):
    plexdev_node.send_logs("tunnel established", LogLine(message="lost", severity="err", unit="plexd.service"))
    plexdev_node.send_audit(AuditEvent(action="execve", source="k8s"))
    assert plexdev_logs.wait_for('{severity="err"} | unit="plexd.service"').line == "lost"
    assert plexdev_logs.wait_for('{signal="audit"}').labels["source"] == "k8s"
    assert plexdev_logs.wait_for(where=lambda entry: "tunnel" in entry.line).labels["node_id"] == plexdev_node.id
    assert plexdev_logs.of(plexdev_tenants["beta-llc"]).query() == []

def test_missing(plexdev_node, plexdev_logs):
    plexdev_node.send_logs("one")
    plexdev_logs.wait_for()
    plexdev_logs.wait_for('{severity="err"}', timeout=0.5)

def test_nothing(plexdev_logs):
    plexdev_logs.wait_for(timeout=0.5)

def test_wrong(plexdev_logs):
    plexdev_logs.wait_for("{", timeout=60)
"""
METRICS = """
from pytest_plexdev import MetricSample

def test_arrives(plexdev_node, plexdev_metrics, plexdev_tenants):
    plexdev_node.send_metrics(*(MetricSample(name="peers", value=n, labels={"zone": str(n)}) for n in (1, 2)))
    assert plexdev_metrics.wait_for('peers{zone="2"}').labels["node_id"] == plexdev_node.id
    plexdev_metrics.wait_for("sum(peers)", where=lambda series: series.value == 3)
    assert plexdev_metrics.query("scalar(sum(peers))")[0].value == 3
    assert plexdev_metrics.of(plexdev_tenants["beta-llc"]).query("peers") == []

def test_missing(plexdev_node, plexdev_metrics):
    plexdev_node.send_metrics(MetricSample(name="peers", value=1))
    plexdev_metrics.wait_for("peers")
    plexdev_metrics.wait_for("pears", timeout=0.5)
"""


def test_logs_arrive_or_the_error_says_what_is_there(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    if not on_path("loki", project.path, monkeypatch):
        leave_out("no loki on PATH, nor in $TESTBED_CACHE/bin", required_by=FULL)
    project.makepyfile(test_logs=LOGS)

    result = project.runpytest_subprocess("-k", "test_logs")

    result.assert_outcomes(passed=1, failed=3)
    result.stdout.fnmatch_lines(
        [
            'plexdev[[]no-telemetry[]]: no log line of {severity="err"} was there within 0.5 s',
            '*why: the Domain * has {*severity="info",signal="logs"}; no batch*in the ingest buffer',
            "*why: the Domain * has none at all; no batch of this Domain waits in the ingest buffer",
            "E*400 query_invalid: *parse error*",
        ]
    )
    result.stdout.no_fnmatch_line("*does not keep Domains apart*")


def test_metrics_arrive_or_the_error_says_what_is_there(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not on_path("mimir", project.path, monkeypatch):
        leave_out("no mimir on PATH, nor in $TESTBED_CACHE/bin", required_by=FULL)
    project.makepyfile(test_metrics=METRICS)

    result = project.runpytest_subprocess("-k", "test_metrics")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "plexdev[[]no-telemetry[]]: no series of pears was there within 0.5 s",
            '*why: the Domain * has peers{group="node_resources",node_id="*"}; no batch*in the ingest buffer',
        ]
    )


def test_a_stack_without_the_backend_skips_with_the_command(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    project.makepyfile(test_metrics=METRICS)

    result = project.runpytest_subprocess("-k", "test_metrics", "-rs", "--plexdev-profile=lean")

    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(["SKIPPED*mimir*"])


def test_mimir_needs_no_interface_but_the_loopback(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    if not on_path("mimir", project.path, monkeypatch):
        leave_out("no mimir on PATH, nor in $TESTBED_CACHE/bin", required_by=FULL)
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("root, unshare and ip are needed for a network without an interface")
    project.makepyfile(test_metrics=METRICS)

    alone = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    result = project.run(*alone, sys.executable, "-m", "pytest", "-k", "test_arrives")

    result.assert_outcomes(passed=1)
