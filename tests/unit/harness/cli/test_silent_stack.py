"""``plexdev logs`` and ``plexdev env`` work on a cluster whose stack does not answer."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import yaml

from pytest_plexdev.cli.main import main
from pytest_plexdev.stack.kind.state import endpoints as of_host_ports
from tests.support.api_server import Answers

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
PODS = {name: f"/api/v1/namespaces/{name}/pods" for name in ("default", "envoy-gateway-system")}
POD: dict[str, dict[str, object]] = {
    "metadata": {"name": "p-1", "namespace": "default", "creationTimestamp": "2026-01-01T00:00:00Z"},
    "spec": {"initContainers": [{"name": "wait"}], "containers": [{"name": "api"}]},
}


def listing(*items: object) -> dict[str, object]:
    return {"metadata": {"resourceVersion": "1"}, "items": list(items)}


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that is reserved and does not answer."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def cluster(answers: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Answers:
    """The warm cluster, which is empty."""
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(tmp_path / "state"))
    document = {
        "contexts": [{"name": "kind-plexsphere", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": answers.origin}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(document))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    for namespace in PODS:
        for path in (
            f"/apis/apps/v1/namespaces/{namespace}/statefulsets",
            f"/apis/apps/v1/namespaces/{namespace}/deployments",
            f"/apis/batch/v1/namespaces/{namespace}/jobs",
            PODS[namespace],
        ):
            answers.say("GET", path, listing())
    return answers


def whole_but_silent(cluster: Answers, api_port: int) -> None:
    """A stack was brought up, and then its API stopped answering."""
    ready = {
        "fingerprint": "{}",
        "tenants": "[]",
        "services": json.dumps([{"name": "plexsphere", "version": "1"}, {"name": "nats", "version": "2"}]),
        "addresses": json.dumps({"api_port": api_port, "idp_port": 5556}),
        "ready_at": "0",
    }
    cluster.say("GET", f"{CONFIG_MAPS}/plexdev-ready", {"data": ready})
    has_written(cluster, "last words\n")


def never_came_up(cluster: Answers, monkeypatch: pytest.MonkeyPatch, *, api: str = "plexsphere") -> None:
    """A bring-up failed halfway, so there is no record of the stack's services and addresses."""

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    # At the default address a stack of the developer of this machine may answer.
    monkeypatch.setattr(of_host_ports, "version", refuse)
    for namespace, name in (("default", api), ("envoy-gateway-system", "envoy-gateway")):
        workload = {
            "metadata": {"name": name, "labels": {"app.kubernetes.io/name": name}},
            "spec": {"template": {"spec": {"containers": [{"image": f"{name}:1"}]}}},
        }
        cluster.say("GET", f"/apis/apps/v1/namespaces/{namespace}/deployments", listing(workload))


def has_written(cluster: Answers, text: str, namespace: str = "default") -> None:
    pod = {**POD, "metadata": {**POD["metadata"], "namespace": namespace}}
    cluster.say("GET", PODS[namespace], listing(pod))
    cluster.say("GET", f"{PODS[namespace]}/p-1/log", text)


def test_logs_of_a_stack_whose_api_went_away(
    cluster: Answers, silent_port: int, capfd: pytest.CaptureFixture[str]
) -> None:
    whole_but_silent(cluster, silent_port)

    assert main(["logs", "plexsphere"]) == 0
    assert "last words" in capfd.readouterr().out

    assert main(["logs", "plexsphere", "--follow", "--stack", "kind"]) == 0
    assert "last words" in capfd.readouterr().out

    assert main(["logs", "nginx"]) == 1
    assert "it has nats, plexsphere" in capfd.readouterr().err


def test_logs_of_all_services_of_a_cluster_are_followed(
    cluster: Answers, silent_port: int, capfd: pytest.CaptureFixture[str]
) -> None:
    whole_but_silent(cluster, silent_port)

    assert main(["logs", "--follow", "--since", "5m", "--tail", "7"]) == 0

    assert sorted(capfd.readouterr().out.splitlines()) == ["nats       | last words", "plexsphere | last words"]
    queries = [parse_qs(each.query) for each in cluster.requests if each.path.endswith("/log")]
    assert [(each["container"], each["follow"], each["tailLines"]) for each in queries] == [
        (["api"], ["true"], ["7"])
    ] * 2
    assert {each["sinceSeconds"][0] for each in queries} <= {"300", "301"}


def test_logs_of_a_stack_that_never_came_up(
    cluster: Answers, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    never_came_up(cluster, monkeypatch)
    has_written(cluster, "no GatewayClass\n", "envoy-gateway-system")

    assert main(["logs", "envoy-gateway"]) == 0
    assert "no GatewayClass" in capfd.readouterr().out

    assert main(["logs", "nginx"]) == 1
    assert "it has envoy-gateway, plexsphere" in capfd.readouterr().err


def test_a_log_that_is_not_there_is_answered_with_one_that_is(
    cluster: Answers, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    never_came_up(cluster, monkeypatch, api="nats")

    assert main(["logs", "plexsphere"]) == 1
    assert "it has envoy-gateway, nats\n  fix: plexdev logs envoy-gateway\n" in capfd.readouterr().err


def test_env_of_a_stack_whose_api_went_away(
    cluster: Answers, silent_port: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole_but_silent(cluster, silent_port)

    assert main(["env"]) == 0

    output = capfd.readouterr().out
    assert f"export PLEXDEV_API_URL=http://localhost:{silent_port}\n" in output
    assert "export PLEXDEV_ISSUER=http://localhost:5556/dex\n" in output
    assert f"export KUBECONFIG={tmp_path}/state/kind/plexsphere/attached/kubeconfig\n" in output


@pytest.mark.parametrize("command", [["logs", "plexsphere"], ["env"]])
def test_a_cluster_of_something_else_is_not_answered_for(
    cluster: Answers, command: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 1

    captured = capfd.readouterr()
    assert captured.out == ""
    assert "plexdev[api-silent]: the cluster plexsphere exists" in captured.err
    assert "nothing runs in its namespace default" in captured.err


@pytest.mark.parametrize("command", ["whoami", "list domain", "login"])
def test_what_needs_the_api_still_says_that_it_is_silent(
    cluster: Answers, silent_port: int, command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    whole_but_silent(cluster, silent_port)

    assert main(command.split()) == 1

    assert f"plexdev[api-silent]: the cluster plexsphere exists, but http://localhost:{silent_port}" in (
        capfd.readouterr().err
    )


@pytest.mark.parametrize("command", ["status", "whoami"])
def test_a_silent_stack_names_its_broken_node_and_the_fix(
    cluster: Answers, silent_port: int, command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """It used to print `plexdev up --stack kind`, which does not fix all problems of a node."""
    whole_but_silent(cluster, silent_port)
    silent = {"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "it stopped"}
    node = {"metadata": {"name": "n"}, "spec": {"providerID": "kind://docker/plexsphere/n"}}
    cluster.say("GET", "/api/v1/nodes", listing({**node, "status": {"conditions": [silent]}}))

    assert main([command, "--stack", "kind"]) == 1

    output = "".join(capfd.readouterr())
    assert "node/n " in output
    assert "NotReady: NodeStatusUnknown: it stopped" in output
    assert output.rstrip().endswith("fix: docker exec n systemctl restart kubelet")
