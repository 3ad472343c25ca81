from __future__ import annotations

from typing import Any

import yaml

from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.stack.credentials import RUNBOOK, Credentials
from pytest_plexdev.stack.kind.manifests.transform import (
    INPUTS,
    READS_SECRETS,
    images_of,
    waits_for_a_secret,
    with_addresses,
    with_credentials,
    with_images,
    with_inputs,
    with_profile,
    with_seed,
)
from pytest_plexdev.stack.kind.settings import Addresses


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data}


def deployment(**spec: Any) -> dict[str, Any]:
    pod = {"containers": [{"name": "plexsphere", "image": "plexsphere:dev"}], **spec}
    return {
        "kind": "Deployment",
        "metadata": {"name": "plexsphere", "namespace": "default"},
        "spec": {"template": {"metadata": {"labels": {"a": "b"}}, "spec": pod}},
    }


def inputs(objects: list[dict[str, Any]], **contents: str) -> str:
    workload = next(each for each in with_inputs(objects, contents) if each["kind"] == "Deployment")
    annotation: str = workload["spec"]["template"]["metadata"]["annotations"][INPUTS]
    return annotation


def test_an_image_gets_its_tag_wherever_it_is() -> None:
    proxy = {
        "kind": "EnvoyProxy",
        "metadata": {"name": "p"},
        "spec": {"provider": {"envoyDeployment": {"container": {"image": "envoyproxy/envoy"}}}},
    }

    changed = with_images(
        [proxy, deployment(initContainers=[{"image": "busybox"}])], {"envoyproxy/envoy": "e:1", "busybox": "b:2"}
    )

    assert [images_of(each) for each in changed] == [{"e:1"}, {"b:2", "plexsphere:dev"}]


def test_ports_change_addresses_only_in_config_maps() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "http://localhost:8080"}}

    changed = with_addresses(
        [config_map("c", url="http://localhost:8080/x, http://localhost:5556/dex, http://dex:5556"), secret],
        Addresses(41000, 41001),
    )

    assert changed[0]["data"]["url"] == "http://localhost:41000/x, http://localhost:41001/dex, http://dex:5556"
    assert changed[1] == secret


def test_a_custom_seed_replaces_only_the_bootstrap_config_map() -> None:
    seed = "issuer: ${ISSUER}\ndiscovery_url: ${ISSUER}/.well-known/openid-configuration\n"

    bootstrap, other = with_seed(
        [config_map("plexsphere-bootstrap", **{"manifest.yaml": "old"}), config_map("other", a="old")], seed
    )

    assert bootstrap["data"]["manifest.yaml"].splitlines() == [
        "issuer: http://localhost:5556/dex",
        "discovery_url: http://dex:5556/dex/.well-known/openid-configuration",
    ]
    assert other["data"] == {"a": "old"}


def test_the_profile_is_recorded_in_the_sentinel_alone() -> None:
    sentinel = config_map("plexdev-sentinel", owner="pytest-plexdev", profile="lean")
    secret = {"kind": "Secret", "metadata": {"name": "plexdev-sentinel"}}
    other = config_map("other", profile="fast")

    recorded, *others = with_profile([sentinel, other, secret], "full")

    assert recorded["data"] == {"owner": "pytest-plexdev", "profile": "full"}
    assert others == [other, secret]


def test_pods_roll_when_what_they_read_changes() -> None:
    workload = deployment(
        volumes=[{"name": "v", "configMap": {"name": "read"}}],
        initContainers=[{"name": "i", "envFrom": [{"secretRef": {"name": "password"}}]}],
    )
    secret = {"kind": "Secret", "metadata": {"name": "password", "namespace": "default"}, "stringData": {"p": "1"}}
    stack = [workload, config_map("read", a="1"), config_map("unread", a="1"), secret]
    before = inputs(stack)

    assert inputs([workload, config_map("read", a="2"), config_map("unread", a="1"), secret]) != before
    assert inputs([*stack[:3], {**secret, "stringData": {"p": "2"}}]) != before
    assert inputs([workload, config_map("read", a="1"), config_map("unread", a="2"), secret]) == before
    assert inputs(stack, **{"plexsphere:dev": "other content"}) != before


def test_a_controller_is_rolled_by_a_secret_that_it_reads_itself() -> None:
    controller, secret = deployment(), {"kind": "Secret", "metadata": {"name": "token", "namespace": "default"}}
    controller["metadata"]["annotations"] = {READS_SECRETS: "token"}
    stack = [controller, {**secret, "stringData": {"t": "1"}}]

    assert inputs([controller, {**secret, "stringData": {"t": "2"}}]) != inputs(stack)


def test_a_config_map_of_another_namespace_is_another() -> None:
    workload = deployment(volumes=[{"configMap": {"name": "read"}}])
    elsewhere = config_map("read", a="2")
    elsewhere["metadata"]["namespace"] = "elsewhere"

    assert inputs([workload, elsewhere]) == inputs([workload])


def test_labels_and_annotations_of_a_template_stay() -> None:
    workload = deployment()
    workload["spec"]["template"]["metadata"]["annotations"] = {"mine": "1"}

    (changed,) = with_inputs([workload], {})

    assert changed["spec"]["template"]["metadata"]["labels"] == {"a": "b"}
    assert changed["spec"]["template"]["metadata"]["annotations"]["mine"] == "1"
    assert INPUTS not in workload["spec"]["template"]["metadata"]["annotations"]


def test_a_rebuilt_image_under_the_same_tag_restarts_its_pods() -> None:
    stack = with_images([deployment()], {"plexsphere:dev": "me/x:dev"})

    assert inputs(stack, **{"me/x:dev": "sha256:one"}) != inputs(stack, **{"me/x:dev": "sha256:two"})


def test_who_mounts_a_secret_that_nobody_applies_waits_for_it() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "made", "namespace": "default"}}
    mounts = deployment(volumes=[{"name": "v", "secret": {"secretName": "made"}}])

    assert waits_for_a_secret(mounts, [mounts])
    assert not waits_for_a_secret(mounts, [mounts, secret])
    assert not waits_for_a_secret(deployment(), [])
    assert not waits_for_a_secret(secret, [])


def test_the_secrets_of_a_fresh_cluster_are_its_own() -> None:
    files = sorted((deploy_directory() / "base").glob("*/secret*.yaml"))
    found = [each for file in files for each in yaml.safe_load_all(file.read_text(encoding="utf-8"))]
    objects = [each for each in found if "stringData" in each]
    own = Credentials.random()

    data = {each["metadata"]["name"]: each["stringData"] for each in with_credentials(objects, own)}

    assert with_credentials(objects, RUNBOOK) == objects
    at = f"postgres://plexsphere:{own.database}@postgres:5432/plexsphere?sslmode=disable"
    assert data["postgres-credentials"] == {
        "POSTGRES_USER": "plexsphere",
        "POSTGRES_PASSWORD": own.database,
        "POSTGRES_DB": "plexsphere",
        "DATABASE_URL": at,
    }
    signer = {"PLEXSPHERE_DATABASE_URL": f"{at}&application_name=plexsphere-signer"}
    assert data["plexsphere-signer-credentials"] == signer
    assert data["spicedb-credentials"] == {"SPICEDB_GRPC_PRESHARED_KEY": own.spicedb}
