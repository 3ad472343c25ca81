"""The owner of a container that publishes a port is read from its labels, because its name proves nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pytest_plexdev.core.port_holder import PortHolder
from pytest_plexdev.errors import PORT_TAKEN, PlexdevError
from pytest_plexdev.stack.kind.cluster import port_publisher
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.cluster.port_publisher import publisher_of, with_container
from pytest_plexdev.stack.kind.settings import warm_directory
from tests.support.engine import container
from tests.support.fake_kind import OURS, OWNER, FakeKind

NODE = "plexsphere-control-plane"


@dataclass(frozen=True)
class Docker:
    """An engine with one container, which publishes port 8080."""

    fake_kind: FakeKind

    def publishes(self, name: str, cluster: str, *, labels: str | None) -> None:
        bindings = {"30080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]}
        self.fake_kind.engine.node = container(name, cluster=cluster, bindings=bindings)
        replace(self.fake_kind, files=ClusterFiles("plexsphere", warm_directory())).labels(labels)


@pytest.fixture
def docker(fake_kind: FakeKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(tmp_path / "our state"))
    return Docker(fake_kind)


def test_our_warm_cluster(docker: Docker) -> None:
    docker.publishes(NODE, "plexsphere", labels=OURS)

    assert publisher_of(8080) == PortHolder(
        words="your kind cluster plexsphere",
        stop="plexdev down --stack kind",
        cluster="plexsphere",
        is_warm_cluster=True,
    )


@pytest.mark.parametrize(
    ("labels", "whose"),
    [
        (OWNER, "which plexdev created with another state directory, or for a test run"),
        ("", "which plexdev did not create"),
        (None, "whose owner is unknown"),
    ],
)
def test_a_cluster_of_that_name_that_is_not_ours(docker: Docker, labels: str | None, whose: str) -> None:
    docker.publishes(NODE, "plexsphere", labels=labels)

    assert publisher_of(8080) == PortHolder(words=f"the kind cluster plexsphere, {whose}", cluster="plexsphere")


def test_a_container_that_only_has_the_nodes_name(docker: Docker) -> None:
    docker.publishes(NODE, "", labels=OURS)

    assert publisher_of(8080) == PortHolder(words=f"the container {NODE}")
    assert publisher_of(8081) is None


def test_the_error_names_the_container_and_ends_nothing(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    docker.publishes("web", "", labels="")
    monkeypatch.setattr(port_publisher, "holder_of", lambda _: PortHolder(words="docker-proxy (pid 7)", pid=7))
    error = PlexdevError(
        PORT_TAKEN, why="it is", port=8080, purpose="the API", holder="docker-proxy", stop="x", instead="wait"
    )

    output = str(with_container(error))

    assert output.startswith("plexdev[port-taken]: port 8080 for the API is taken by the container web\n")
    assert output.endswith("fix: wait")
    assert "docker stop" not in output


def test_without_docker_the_process_is_what_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert publisher_of(8080) is None
