"""The client on a real API server, for behaviour that a fake server cannot confirm."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient, read_access
from pytest_plexdev.kube.resources import CONFIG_MAP, DEPLOYMENT, NAMESPACE, NODE, POD, Resource


def config_map(namespace: str, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "words", "namespace": namespace, "labels": {"app": "words"}},
        "data": data,
    }


def deployment(namespace: str, **container: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "api", "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": {"app": "api"}},
            "template": {
                "metadata": {"labels": {"app": "api"}},
                "spec": {"containers": [{"name": "api", "image": "api:dev", **container}]},
            },
        },
    }


def test_a_second_apply_changes_nothing_and_drops_omitted_fields(kube: KubeClient, namespace: str) -> None:
    first = kube.apply(config_map(namespace, a="1", b="2"))
    again = kube.apply(config_map(namespace, a="1", b="2"))
    kube.apply(config_map(namespace, a="3"))

    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    found = kube.get(CONFIG_MAP, "words", namespace)
    assert found is not None
    assert found["data"] == {"a": "3"}
    assert [each["manager"] for each in found["metadata"]["managedFields"]] == ["plexdev"]


def test_fields_of_others_stay(kube: KubeClient, namespace: str) -> None:
    kube.apply(config_map(namespace, a="1"))
    theirs = [*kube.access.kubectl, "apply", "--server-side", "--field-manager=somebody", "-f", "-"]
    stdin = json.dumps(config_map(namespace, theirs="2")).encode()
    run(theirs, timeout=30, purpose="somebody else applies", stdin=stdin)
    kube.apply(config_map(namespace, a="3"))

    found = kube.get(CONFIG_MAP, "words", namespace)
    assert found is not None
    assert found["data"] == {"a": "3", "theirs": "2"}


def test_a_dry_run_changes_nothing(kube: KubeClient, namespace: str) -> None:
    assert kube.apply(config_map(namespace, a="1"), dry_run=True)["metadata"]["uid"]
    assert kube.get(CONFIG_MAP, "words", namespace) is None


@pytest.mark.parametrize(
    ("container", "named"),
    [
        ({"imagePulPolicy": "Never"}, "imagePulPolicy"),
        ({"imagePullPolicy": "Sometimes"}, "imagePullPolicy"),
        ({"ports": [{"containerPort": 70000}]}, "containerPort"),
    ],
)
def test_a_wrong_field_is_refused_by_name(
    kube: KubeClient, namespace: str, container: dict[str, Any], named: str
) -> None:
    with pytest.raises(PlexdevError) as refusal:
        kube.apply(deployment(namespace, **container))

    assert refusal.value.tag == "kube-refused"
    assert "refused to apply Deployment api" in str(refusal.value)
    assert named in str(refusal.value)
    assert "explain deployment" in str(refusal.value)
    assert kube.get(DEPLOYMENT, "api", namespace) is None


def test_a_namespace_that_is_not_there_is_said(kube: KubeClient) -> None:
    with pytest.raises(PlexdevError) as refusal:
        kube.apply(config_map("nowhere", a="1"))

    assert '404 NotFound\n  why: namespaces "nowhere" not found' in str(refusal.value)


def test_a_kind_whose_definition_is_not_installed(kube: KubeClient, namespace: str) -> None:
    absent = Resource("gateway.example.com/v1", "Gateway", "gateways")
    metadata = {"name": "g", "namespace": namespace}

    assert kube.list(absent)["items"] == []
    with pytest.raises(PlexdevError, match="its CustomResourceDefinition is not installed"):
        kube.apply({"apiVersion": absent.api_version, "kind": "Gateway", "metadata": metadata})


def test_lists_select_and_deletes_are_told(kube: KubeClient, namespace: str) -> None:
    kube.apply(config_map(namespace, a="1"))

    listing = kube.list(CONFIG_MAP, namespace, labels="app=words")
    assert [(each["kind"], each["metadata"]["name"]) for each in listing["items"]] == [("ConfigMap", "words")]
    assert listing["metadata"]["resourceVersion"]
    assert kube.list(CONFIG_MAP, namespace, labels="app=others")["items"] == []
    assert kube.list(CONFIG_MAP, namespace, fields="metadata.name=words")["items"]
    assert kube.delete(CONFIG_MAP, "words", namespace) is True
    assert kube.delete(CONFIG_MAP, "words", namespace) is False
    assert kube.get(CONFIG_MAP, "words", namespace) is None


def test_the_log_of_what_runs_and_of_what_does_not(kube: KubeClient) -> None:
    pods = kube.list(POD, "kube-system", labels="component=etcd")["items"]
    name = pods[0]["metadata"]["name"]

    assert len(kube.log(name, "etcd", "kube-system", lines=3).splitlines()) == 3
    assert kube.log(name, "nothing", "kube-system") == ""
    assert kube.log("nobody", "etcd", "kube-system") == ""


def test_our_own_file_serves_kubectl_and_us(bare_cluster: Access, tmp_path: Path) -> None:
    ours = bare_cluster.write_private(tmp_path / "kubeconfig")

    done = run([*ours.kubectl, "get", "--raw", "/readyz"], timeout=30, purpose="does it answer?")
    assert done.stdout == "ok"
    assert read_access(ours.kubeconfig, ours.context) == ours
    with KubeClient(ours) as client:
        assert client.get(NAMESPACE, "default") is not None


def test_another_cluster_s_authority_is_not_believed(bare_cluster: Access) -> None:
    stranger = replace(bare_cluster, authority=None)

    with KubeClient(stranger) as client, pytest.raises(PlexdevError) as refusal:
        client.list(NODE)

    assert refusal.value.tag == "cluster-unreachable"
    assert "certificate" in str(refusal.value).lower()


def test_without_a_certificate_nothing_is_allowed(bare_cluster: Access) -> None:
    anonymous = replace(bare_cluster, certificate=None, key=None)
    with KubeClient(anonymous) as client, pytest.raises(PlexdevError, match="403 Forbidden"):
        client.list(NODE)
