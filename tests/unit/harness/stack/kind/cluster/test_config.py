from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.cluster.config import choose_addresses, cluster_config
from pytest_plexdev.stack.kind.settings import Addresses, KindSettings


def test_a_fresh_cluster_differs_only_in_name_and_ports() -> None:
    warm = yaml.safe_load((deploy_directory() / "kind.yaml").read_text())
    fresh = yaml.safe_load(cluster_config(ClusterFiles("plexdev-0a1b2c3d", Path("here")), Addresses(41000, 41001)))

    assert fresh["name"] == "plexdev-0a1b2c3d"
    mappings = fresh["nodes"][0]["extraPortMappings"]
    assert {each["containerPort"]: each["hostPort"] for each in mappings} == {30080: 41000, 30556: 41001}
    assert {each["listenAddress"] for each in mappings} == {"127.0.0.1"}
    for document in (warm, fresh):
        del document["name"], document["nodes"][0]["extraPortMappings"]
    del fresh["nodes"][0]["labels"]["plexdev.plexsphere.com/home"]
    assert fresh == warm


def test_the_node_is_labelled_with_owner_and_state_directory(tmp_path: Path) -> None:
    here, again, elsewhere = (
        yaml.safe_load(cluster_config(ClusterFiles("plexsphere", directory), Addresses()))["nodes"][0]["labels"]
        for directory in (tmp_path, tmp_path / "x" / "..", tmp_path / "x")
    )

    assert here["plexdev.plexsphere.com/owner"] == "pytest-plexdev"
    assert here == again
    assert here != elsewhere


def test_free_ports_are_two_and_not_the_warm_ones() -> None:
    addresses = choose_addresses(KindSettings(name="plexdev-1", api_port=0, idp_port=0))

    assert addresses.api_port != addresses.idp_port
    assert not {addresses.api_port, addresses.idp_port} & {0, 8080, 5556}
    assert addresses.issuer == f"http://localhost:{addresses.idp_port}/dex"


def test_a_taken_port_is_refused_with_its_holder() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(PlexdevError) as refusal:
            choose_addresses(KindSettings(api_port=0, idp_port=port))

    assert refusal.value.tag == "port-taken"
    assert str(port) in str(refusal.value)
    assert "(pid " in str(refusal.value)
