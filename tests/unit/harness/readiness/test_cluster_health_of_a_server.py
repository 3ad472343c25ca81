"""The health of a cluster, read from an API server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.readiness import cluster_health, verdicts_now, wait_ready
from pytest_plexdev.readiness.cluster_health import ClusterHealth
from pytest_plexdev.readiness.health_fast_path import is_plainly_healthy
from tests.support.cluster_health import API, WELL, endpoints, node, proxy
from tests.support.recordings import lines, subject
from tests.support.watch_server import Server

NOW = 1_800_000_000.0
NODE = "plexsphere-control-plane"
OURS = ClusterHealth(node_ports=(API,), is_ours=True)
THEIRS = ClusterHealth()


class TestAgainstAServer:
    @pytest.fixture
    def server(self) -> Iterator[Server]:
        with Server() as server:
            server.put([*lines("becomes-ready"), *WELL.values()])
            yield server

    @pytest.fixture
    def client(self, server: Server) -> Iterator[KubeClient]:
        with KubeClient(server.api.access) as client:
            yield client

    def test_verdicts_list_each_kind_once_and_the_cluster_first(self, server: Server, client: KubeClient) -> None:
        verdicts = verdicts_now(client, [subject("becomes-ready")], health=OURS)

        assert (verdicts[0].name, verdicts[-1].name) == (f"node/{NODE}", "deployment/good")
        assert {each.state for each in verdicts} == {"ready"}
        assert set(server.api.lists.values()) == {1}
        assert not any("/kube-system/deployments" in path for path in server.api.lists)

    @pytest.mark.parametrize(
        "broken",
        [
            node("Unknown"),
            node(DiskPressure="True"),
            endpoints("kube-dns", ready=False),
            proxy(there=0),
            proxy(wanted=0, there=0),
        ],
        ids=lambda item: str(item["kind"]),
    )
    def test_a_quick_look_knows_what_is_plainly_healthy(
        self, server: Server, client: KubeClient, broken: KubeObject
    ) -> None:
        assert is_plainly_healthy(client)

        server.put([broken])
        assert not is_plainly_healthy(client)

    def test_a_wait_fails_by_the_cluster_and_not_by_who_needs_it(self, server: Server, client: KubeClient) -> None:
        server.put([*lines("fails-its-probe"), proxy(wanted=0)])

        with pytest.raises(PlexdevError) as raised:
            wait_ready(client, [subject("fails-its-probe")], timeout=5, health=OURS)

        assert raised.value.tag == "doomed-object"
        assert raised.value.what.startswith("daemonset/kube-proxy will not become ready (after ")
        assert " patch -n kube-system daemonset/kube-proxy " in raised.value.fix
        assert "deployment/unwell" in str(raised.value)

    def test_a_wait_returns_once_both_are_ready(self, server: Server, client: KubeClient) -> None:
        server.put([proxy(there=0)])

        verdicts = wait_ready(
            client, [subject("becomes-ready")], timeout=5, health=OURS, progress=lambda _: server.put([proxy()])
        )

        assert {each.state for each in verdicts} == {"ready"}
        assert {count for path, count in server.api.lists.items()} == {1}

    def test_an_unserved_port_ends_a_wait_for_ready_objects(
        self, server: Server, client: KubeClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cluster_health, "_UNSERVED_GRACE", 0.1)
        server.remove(WELL["api"])

        with pytest.raises(PlexdevError) as raised:
            wait_ready(client, [subject("becomes-ready")], timeout=20, health=OURS)

        assert raised.value.what.startswith("nodeport/30080 will not become ready")
        assert "rollout restart x" in raised.value.fix

    def test_who_may_not_list_is_told_and_waits_for_the_rest(self, server: Server, client: KubeClient) -> None:
        server.api.refused |= {"/api/v1/nodes", "/api/v1/namespaces/kube-system/services"}

        waited = wait_ready(client, [subject("becomes-ready")], timeout=5, health=THEIRS)
        looked = verdicts_now(client, [subject("becomes-ready")], health=THEIRS)

        for verdicts in (waited, looked):
            assert {each.state for each in verdicts} == {"ready"}
            assert [each.name for each in verdicts if "not looked at" in each.reason] == ["node/*", "service/kube-dns"]
