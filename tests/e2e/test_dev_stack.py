"""Runs on the warm cluster: unchanged, with drift, and on a cluster that is not ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_plexdev.cli import main
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.kube import KubeClient, read_access
from pytest_plexdev.kube.resources import CONFIG_MAP, DEPLOYMENT, JOB, SERVICE, STATEFUL_SET
from pytest_plexdev.stack.kind.constants import HOME_LABEL, NAMESPACE, OWNER_LABEL, READY, WARM_CLUSTER, node_of
from pytest_plexdev.stack.kind.state import endpoints
from tests.support.kind_stacks import relabelled
from tests.support.waiting import until

KINDS = (CONFIG_MAP, DEPLOYMENT, JOB, SERVICE, STATEFUL_SET)
ASKS = "def test_stack(plexdev_stack):\n    assert plexdev_stack.anonymous.meta.health().status == 'ok'\n"


@pytest.fixture
def client(warm_stack: StackInfo) -> Iterator[KubeClient]:
    assert warm_stack.cluster is not None
    access = read_access(warm_stack.cluster.kubeconfig, warm_stack.cluster.context)
    assert access is not None
    with KubeClient(access) as client:
        yield client


@pytest.fixture
def foreign(client: KubeClient) -> Iterator[None]:
    """Make the cluster look as if it had been created by hand and our manifests applied; undone after the test."""
    mark = client.get(CONFIG_MAP, READY, NAMESPACE)
    assert mark is not None
    client.delete(CONFIG_MAP, READY, NAMESPACE)
    with relabelled(client, node_of(WARM_CLUSTER), {OWNER_LABEL: "", HOME_LABEL: ""}):
        yield
    meta = {name: mark["metadata"][name] for name in ("name", "namespace", "labels")}
    client.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": mark["data"]})


@pytest.mark.parametrize("workers", [[], ["-n", "4"]])
def test_the_golden_flow_passes_and_the_cluster_is_left(
    project: pytest.Pytester, warm_stack: StackInfo, client: KubeClient, workers: list[str]
) -> None:
    before = _versions(client)
    result = project.runpytest_subprocess("--dev-stack", "-v", "--pyargs", "pytest_plexdev.golden", *workers)

    result.assert_outcomes(passed=9)
    attached = "" if workers else ", attached in * ms"
    result.stdout.fnmatch_lines(
        [
            f"kind stack warm at {warm_stack.endpoints.api}{attached}",
            "  cluster kind-plexsphere, namespace default",
            "  ran: *dex ghcr.io/dexidp/dex:v2.41.1*spicedb authzed/spicedb:v1.39.0*",
            "  control plane: plexsphere_reference, *",
            f"  left out: {', '.join(warm_stack.left_out)}",
            "  the stack is left running; stop it with: plexdev down --stack kind",
        ]
    )
    result.stdout.no_fnmatch_line("  stand-ins: *")
    assert _versions(client) == before


def test_other_inputs_are_refused_let_pass_or_applied(project: pytest.Pytester, warm_stack: StackInfo) -> None:
    project.makepyfile(test_stack=ASKS)
    other = ("--dev-stack", "--plexdev-image=nats=nats:2.10.20")

    refused = project.runpytest_subprocess(*other)
    refused.assert_outcomes(errors=1)
    refused.stdout.fnmatch_lines(["plexdev[[]drifted[]]: * differs from *: --plexdev-image"])

    passed = project.runpytest_subprocess(*other, "--plexdev-on-drift=ignore", "-n", "2")
    passed.assert_outcomes(passed=1)
    passed.stdout.fnmatch_lines(["  drift (ignored): --plexdev-image"])

    project.runpytest_subprocess(*other, "--plexdev-on-drift=apply").assert_outcomes(passed=1)
    project.runpytest_subprocess(*other).assert_outcomes(passed=1)
    project.runpytest_subprocess("--dev-stack", "--plexdev-on-drift=apply").assert_outcomes(passed=1)


def test_a_foreign_cluster_is_used_and_not_changed(project: pytest.Pytester, foreign: None, client: KubeClient) -> None:
    project.makepyfile(
        test_stack="""
        def test_tenants(plexdev_stack, plexdev_tenants):
            assert plexdev_stack.info.tenants == ()
            assert sorted(plexdev_tenants) == ["acme-corp", "beta-llc", "gamma-coop"]
            assert plexdev_tenants["acme-corp"].login.whoami().email == "admin@example.com"
        """
    )
    before = _versions(client)
    result = project.runpytest_subprocess("--dev-stack", "-v", "--plexdev-on-drift=apply")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["  cluster kind-plexsphere, *: not created by plexdev, so nothing was applied to it"])
    assert _versions(client) == before


def test_a_failing_test_leaves_what_the_cluster_knows(project: pytest.Pytester, warm_stack: StackInfo) -> None:
    project.makepyfile(
        test_fails="""
        def test_fails(plexdev_stack, plexdev_tenants):
            plexdev_tenants["acme-corp"].login
            assert False
        """
    )
    result = project.runpytest_subprocess("--dev-stack", "--plexdev-output=kept")

    result.assert_outcomes(failed=1)
    (directory,) = (each for each in (project.path / "kept").iterdir() if each.is_dir())
    kept = {file.name: file.read_text() for file in directory.glob("[!.]*")}
    page = kept["index.md"]
    assert re.search(r"\nall ready: .*deployment/plexsphere", page)
    assert "POST /v1/auth/device-code -> 200 in " in page
    assert "GET /v1/auth/callback -> 303 in " in page  # the browser's, from the Pod's log
    assert "login successful" in page
    assert 'msg="request"' in kept["plexsphere.log"]
    assert "login successful" in kept["dex.log"]
    assert max(map(len, kept.values())) < 100_000


def test_the_commands_speak_of_the_cluster(warm_stack: StackInfo, capfd: pytest.CaptureFixture[str]) -> None:
    assert warm_stack.cluster is not None
    assert main.main(["wait", "--stack", "kind"]) == main.main(["status", "--stack", "kind"]) == 0
    assert re.search("^deployment/plexsphere +ready", capfd.readouterr().out, re.MULTILINE)

    assert main.main(["env", "--stack", "kind"]) == 0
    assert f"export KUBECONFIG={warm_stack.cluster.kubeconfig}\n" in capfd.readouterr().out
    assert warm_stack.cluster.kubeconfig != Path.home() / ".kube" / "config"

    assert main.main(["logs", "plexsphere-signer"]) == 0
    assert "signer-listening" in capfd.readouterr().out
    assert main.main(["logs", "nginx"]) == 1
    assert f"it has {', '.join(sorted(each.name for each in warm_stack.services))}\n" in capfd.readouterr().err


def test_a_stack_whose_api_is_silent_is_shown_and_waited_for(
    warm_stack: StackInfo, client: KubeClient, capsys: pytest.CaptureFixture[str]
) -> None:
    _scale(client, "plexsphere", 0)
    try:
        until(lambda: _is_silent(warm_stack), every_s=0.1)
        assert main.main(["status", "--stack", "kind"]) == 1
        assert re.search("^api +waiting", capsys.readouterr().out, re.MULTILINE)
        assert main.main(["wait", "--stack", "kind", "--timeout", "5"]) == 124
        assert "/v1" in capsys.readouterr().err
        assert main.main(["env", "--stack", "kind"]) == main.main(["logs", "nats", "--stack", "kind"]) == 0
        output = capsys.readouterr().out
        assert f"export PLEXDEV_API_URL={warm_stack.endpoints.api}\n" in output
        assert "Server is ready" in output
    finally:
        _scale(client, "plexsphere", 1)
    assert main.main(["wait", "--stack", "kind", "--timeout", "60"]) == 0
    assert main.main(["status", "--stack", "kind"]) == 0


def _is_silent(stack: StackInfo) -> bool:
    try:
        endpoints.version(stack.endpoints.api, patience=2.0)
    except (OSError, ValueError):
        return True
    return False


def _scale(client: KubeClient, deployment: str, replicas: int) -> None:
    found = client.get(DEPLOYMENT, deployment, NAMESPACE)
    assert found is not None
    meta = {"name": deployment, "namespace": NAMESPACE}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"replicas": replicas}}
    spec = {**body["spec"], "selector": found["spec"]["selector"], "template": found["spec"]["template"]}  # type: ignore[dict-item]
    client.apply({**body, "spec": spec})


def _versions(client: KubeClient) -> dict[tuple[str, str], Any]:
    """The generation or the content of each object of the stack, which an apply would change."""
    return {
        (kind.kind, item["metadata"]["name"]): item["metadata"].get("generation") or item.get("data")
        for kind in KINDS
        for item in client.list(kind, NAMESPACE)["items"]
    }
