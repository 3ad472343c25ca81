"""The fake engine of the tests without Docker answers like the real engine, wherever the harness reads an answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_plexdev.doctor.probes.machine import docker_disk
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access
from pytest_plexdev.stack.kind.cluster.docker_engine import ask, has_container
from pytest_plexdev.stack.kind.cluster.node_container import (
    API_SERVER,
    CONFIGURATION,
    KIND_LABEL,
    NodeContainer,
    file_of,
    find_node,
    has_moved,
)
from pytest_plexdev.stack.kind.cluster.port_publisher import publisher_of
from pytest_plexdev.stack.kind.cluster.prerequisites import _TOOLS, numbers
from pytest_plexdev.stack.kind.constants import node_of
from pytest_plexdev.stack.kind.images.local import local_images
from tests.support.engine import container, serving

if TYPE_CHECKING:
    from docker import APIClient

PORT: Final = "45911"
MADE_WITH: Final = "advertiseAddress: 172.18.0.2\n---\nkind: KubeProxyConfiguration\n"


@pytest.fixture
def cluster(bare_cluster: Access) -> str:
    return bare_cluster.context.removeprefix("kind-")


@pytest.fixture
def stand_in(cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Use the fake engine as Docker, with a node of that cluster."""
    bindings = {API_SERVER: [{"HostIp": "127.0.0.1", "HostPort": PORT}]}
    (tmp_path / "docker").write_text("#!/bin/sh\n")
    (tmp_path / "docker").chmod(0o755)
    with serving(tmp_path) as engine:
        engine.node = container(node_of(cluster), cluster=cluster, bindings=bindings)
        engine.images = {"a:1": "sha256:1"}
        engine.write_file(MADE_WITH)
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        yield


def read(engine: APIClient, cluster: str) -> Any:
    """Every answer that the harness reads, undecoded."""
    images = [image for image in engine.images() if image["RepoTags"] and not image["RepoDigests"]]
    return {
        "inspect": engine.inspect_container(node_of(cluster)),
        "list": engine.containers(all=True, filters={"label": f"{KIND_LABEL}={cluster}"}),
        "images": images[:1],
        "version": engine.version(),
        "info": engine.info(),
    }


def differences(like: Any, real: Any, at: str = "") -> list[str]:
    """The members of *like* that *real* lacks or has with another type. Of a list, the first element is compared."""
    if isinstance(like, dict) and isinstance(real, dict):
        there = [(name, value) for name, value in like.items() if name in real]
        missing = [f"{at}/{name} is not there" for name in like if name not in real]
        return missing + [each for name, value in there for each in differences(value, real[name], f"{at}/{name}")]
    if isinstance(like, list) and isinstance(real, list) and like and real:
        return differences(like[0], real[0], f"{at}/0")
    return [] if type(like) is type(real) else [f"{at} is {type(real).__name__}, and not {type(like).__name__}"]


def test_an_answer_has_the_keys_and_types_of_the_stand_ins(cluster: str, request: pytest.FixtureRequest) -> None:
    real = ask("a test", lambda engine: read(engine, cluster))
    request.getfixturevalue("stand_in")
    like = ask("a test", lambda engine: read(engine, cluster))

    assert json.dumps(like) != json.dumps(real), "the stand-in was not asked"
    assert differences(like, real) == []


def seen(cluster: str) -> dict[str, Any]:
    """The harness's own results from the answers."""
    node = find_node(cluster)
    assert node is not None
    gone = NodeContainer(name=node_of("plexdev-no-such"), created=0.0, running=True, ports={})
    return {
        "node": (node.name, node.cluster, node.running, node.paused, len(node.local_ports), len(node.bridges)),
        "times": node.started >= node.created > 0,
        "publisher": publisher_of(node.ports[API_SERVER]),
        "no publisher": publisher_of(1),
        "file": "kind: KubeProxyConfiguration" in file_of(node, CONFIGURATION),
        "file of no container": tag_of(gone),
        "no node": find_node("plexdev-no-such"),
        "moved": has_moved(node),
        "images": {identity.partition(":")[0] for identity in local_images().ids.values()},
        "version": len(numbers(_TOOLS[0].version(_TOOLS[0].command))),
        "disk": docker_disk().place,
    }


def tag_of(gone: NodeContainer) -> str:
    try:
        return file_of(gone, CONFIGURATION)
    except PlexdevError as error:
        return error.tag


def test_the_harness_makes_the_same_of_both(cluster: str, request: pytest.FixtureRequest) -> None:
    real = seen(cluster)
    request.getfixturevalue("stand_in")

    assert seen(cluster) == real
    assert real["file of no container"] == "docker-refused"


def test_a_missing_file_of_the_node_raises_file_not_found(cluster: str) -> None:
    node = find_node(cluster)
    assert node is not None

    with pytest.raises(FileNotFoundError):
        file_of(node, "/no/such/file")


def test_the_command_lists_what_the_engine_has_by_its_whole_name(cluster: str) -> None:
    assert has_container(node_of(cluster), timeout=30)
    assert not has_container(node_of(cluster)[:-1], timeout=30)
    assert not has_container(node_of(cluster)[1:], timeout=30)
