"""The node's labels prove who owns a cluster. Our manifests in it do not, and nothing is changed because of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_plexdev.doctor import Finding
from pytest_plexdev.doctor.fixes import apply_fix, kubelet
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, read_access
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.constants import HOME_LABEL, OWNER, OWNER_LABEL, node_of
from pytest_plexdev.stack.kind.settings import KindSettings, warm_directory
from pytest_plexdev.stack.kind.state import endpoints as of_host_ports
from pytest_plexdev.stack.kind.warm import attach as warm
from tests.support.api_server import Answers

NAME = "handmade"
NODE = f"/api/v1/nodes/{node_of(NAME)}"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
TENANT = {"slug": "acme-corp", "domain_id": "1", "binding_id": "2"}
FOUND = Finding(mode="serial-pulls", state="found", title="", evidence="", explanation="", command="by hand")


@pytest.fixture
def settings(tmp_path: Path) -> KindSettings:
    return KindSettings(name=NAME, state=tmp_path / "state")


@pytest.fixture
def home(settings: KindSettings) -> ClusterFiles:
    """The files of the warm cluster of that name."""
    return ClusterFiles(NAME, warm_directory(settings.state, NAME))


@pytest.fixture
def cluster(answers: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Answers:
    """A cluster created with kind by hand, into which ``plexdev manifests | kubectl apply`` put our manifests."""
    document = {
        "contexts": [{"name": f"kind-{NAME}", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": answers.origin}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(document))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    # A stack of the developer may be running at these ports.
    monkeypatch.setattr(of_host_ports, "version", lambda *_, **__: {"version": "1", "commit": "reference"})
    answers.say("GET", NODE, {"metadata": {"labels": {"kubernetes.io/os": "linux"}}})
    answers.say("GET", f"{CONFIG_MAPS}/plexdev-sentinel", {"metadata": {"labels": {OWNER_LABEL: OWNER}}})
    for namespace in ("default", "envoy-gateway-system"):
        for path in ("apps/v1/namespaces/{}/statefulsets", "apps/v1/namespaces/{}/deployments"):
            answers.say("GET", f"/apis/{path.format(namespace)}", {"items": [deployment()]})
    return answers


def deployment() -> dict[str, Any]:
    template = {"spec": {"containers": [{"image": "plexsphere:dev"}]}}
    return {"metadata": {"name": "plexsphere"}, "spec": {"template": template}}


def made_by_plexdev(cluster: Answers, place: ClusterFiles) -> None:
    cluster.say("GET", NODE, {"metadata": {"labels": {OWNER_LABEL: OWNER, HOME_LABEL: place.home}}})


def brought_up(cluster: Answers) -> None:
    """The ready mark of a stack from a checkout with other inputs."""
    data = {
        "fingerprint": json.dumps({"kind.yaml": "another"}),
        "tenants": json.dumps([TENANT]),
        "services": json.dumps([{"name": "plexsphere", "version": "1"}]),
        "addresses": json.dumps({"api_port": 8080, "idp_port": 5556}),
        "ready_at": "0",
    }
    cluster.say("GET", f"{CONFIG_MAPS}/plexdev-ready", {"data": data})


def attach(settings: KindSettings) -> Any:
    return warm.attach(settings, lambda _: None)


def way_to(cluster: Answers, directory: Path) -> Access:
    kubeconfig = directory / "kubeconfig"
    Access(context=f"kind-{NAME}", kubeconfig=kubeconfig, server=cluster.origin, token="t").write_private(kubeconfig)
    access = read_access(kubeconfig, f"kind-{NAME}")
    assert access is not None
    return access


def test_a_cluster_made_by_hand_is_attached_to_unchanged(cluster: Answers, settings: KindSettings) -> None:
    info = attach(settings)

    assert info.cluster is not None
    assert not info.cluster.owned
    assert warm.drift(settings, info) == []
    assert {request.method for request in cluster.requests} == {"GET"}


def test_attach_reads_the_mark_of_another_state_directory(
    cluster: Answers, settings: KindSettings, tmp_path: Path
) -> None:
    made_by_plexdev(cluster, ClusterFiles(NAME, warm_directory(tmp_path / "another", NAME)))
    brought_up(cluster)

    info = attach(settings)

    assert info.cluster is not None
    assert not info.cluster.owned
    assert [tenant.slug for tenant in info.tenants] == ["acme-corp"]


def test_an_incomplete_cluster_of_ours_is_drifted(cluster: Answers, settings: KindSettings, home: ClusterFiles) -> None:
    """The inputs may come from pytest's command line, ini file or a hook, none of which ``plexdev up`` reads."""
    made_by_plexdev(cluster, home)

    with pytest.raises(PlexdevError) as refusal:
        attach(settings)

    assert refusal.value.tag == "drifted"
    assert "its bring-up was never completed" in str(refusal.value)
    assert "fix: apply the difference: pytest --dev-stack --plexdev-on-drift=apply; or" in str(refusal.value)


def test_an_unreadable_node_is_not_taken_for_foreign(cluster: Answers, settings: KindSettings) -> None:
    cluster.say("GET", NODE, "who answers here is busy")
    brought_up(cluster)

    assert attach(settings) is None


def test_one_of_ours_with_other_inputs_names_them(cluster: Answers, settings: KindSettings, home: ClusterFiles) -> None:
    made_by_plexdev(cluster, home)
    brought_up(cluster)

    with pytest.raises(PlexdevError, match=r"plexdev\[drifted\].* kind\.yaml, "):
        attach(settings)


def test_a_node_that_cannot_be_asked_is_not_ours(cluster: Answers, settings: KindSettings) -> None:
    cluster.refuse("GET", NODE, 403, "Forbidden", "nodes are not yours to read")

    info = attach(settings)

    assert info.cluster is not None
    assert not info.cluster.owned


def test_the_doctor_changes_nothing_where_only_our_manifests_are(
    cluster: Answers, settings: KindSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubelet, "apply_fix", lambda *_: pytest.fail("it was mended"))

    with pytest.raises(PlexdevError) as refusal:
        apply_fix(FOUND, way_to(cluster, tmp_path / "files"), settings, lambda _: None)

    assert refusal.value.tag == "hands-off"
    assert "the labels of its node do not show that plexdev created it" in str(refusal.value)
    assert "fix: by hand" in str(refusal.value)
    assert {request.method for request in cluster.requests} == {"GET"}


@pytest.mark.parametrize("is_warm", [True, False], ids=["the warm cluster", "a run's own"])
def test_the_doctor_mends_what_its_node_says_is_ours(
    cluster: Answers,
    settings: KindSettings,
    home: ClusterFiles,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_warm: bool,
) -> None:
    monkeypatch.setattr(kubelet, "apply_fix", lambda *_: ["mended"])
    made_by_plexdev(cluster, home if is_warm else ClusterFiles(NAME, tmp_path / "files"))

    assert apply_fix(FOUND, way_to(cluster, tmp_path / "files"), settings, lambda _: None) == ["mended"]
