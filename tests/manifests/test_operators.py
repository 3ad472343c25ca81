"""Crossplane and External Secrets agree with what they serve: OpenBao, the API, and the seed."""

from __future__ import annotations

import json
from typing import Any

import yaml

from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.stack.kind.bring_up.object_groups import NEEDS_DEFINITIONS, ObjectGroups
from pytest_plexdev.stack.kind.images.load import ImageLoader
from pytest_plexdev.stack.kind.images.pins import read_pins
from pytest_plexdev.stack.kind.manifests.crds import read_sources, sources_of
from pytest_plexdev.stack.kind.settings import KindSettings
from tests.support.manifests import DEPLOY, by_name, objects, workloads

SYNC = objects(DEPLOY / "base" / "external-secrets")
CROSSPLANE = objects(DEPLOY / "base" / "crossplane")
OPENBAO = objects(DEPLOY / "base" / "openbao")
(STORE,) = by_name(SYNC, "SecretStore").values()
(SYNCED,) = by_name(SYNC, "ExternalSecret").values()
SOURCES = {source.name: source for source in read_sources()}
VAULT: KubeObject = STORE["spec"]["provider"]["vault"]


def test_definitions_and_controllers_are_of_one_version() -> None:
    assert SOURCES["external-secrets"].version == read_pins()["external-secrets"].tag


def test_a_lean_stack_has_no_definitions_of_external_secrets() -> None:
    assert {source.name for source in sources_of("full")} - {source.name for source in sources_of("lean")} == {
        "external-secrets"
    }


def test_every_kind_that_is_synced_is_vendored() -> None:
    files = {name.rpartition("/")[2] for name in SOURCES["external-secrets"].files}

    assert {f"external-secrets.io_{each['kind'].lower()}s.yaml" for each in (STORE, SYNCED)} <= files


def test_only_the_controllers_of_vendored_kinds_run() -> None:
    (controllers,) = workloads(SYNC)
    off = {each for each in controllers.main["args"] if each.endswith("=false")}

    assert {f"--enable-{kind}-reconciler=false" for kind in ("cluster-store", "push-secret")} <= off
    assert controllers.owner["metadata"]["annotations"][NEEDS_DEFINITIONS] == "external-secrets.io"


def test_the_store_is_openbao_with_its_token() -> None:
    (service,) = by_name(OPENBAO, "Service").values()
    token = VAULT["auth"]["tokenSecretRef"]

    assert VAULT["server"] == f"http://{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"
    assert token["key"] in by_name(OPENBAO, "Secret")[token["name"]]["stringData"]
    assert SYNCED["spec"]["secretStoreRef"] == {"kind": "SecretStore", "name": STORE["metadata"]["name"]}


def test_what_is_synced_is_what_openbao_is_seeded_with() -> None:
    (entry,) = SYNCED["spec"]["data"]
    (deployment,) = workloads(OPENBAO)
    (seed,) = [each["secret"] for each in deployment.pod["volumes"] if each.get("secret", {}).get("items")]
    places = {each["path"]: each["key"] for each in seed["items"]}
    stored = by_name(OPENBAO, "Secret")[seed["secretName"]]["stringData"][places[f"{entry['remoteRef']['key']}.json"]]

    assert entry["remoteRef"]["property"] in json.loads(stored)


def test_what_is_synced_lies_below_the_domain_that_uses_it() -> None:
    manifest = yaml.safe_load((DEPLOY / "seed" / "tenants.yaml").read_text(encoding="utf-8"))
    (beta,) = [each for each in manifest["domains"] if each["slug"] == "beta-llc"]
    (entry,) = SYNCED["spec"]["data"]

    assert entry["remoteRef"]["key"].startswith(f"domains/{beta['id']}/")


def test_the_api_reads_the_synced_secret(rendered: list[KubeObject]) -> None:
    (api,) = [each for each in workloads(rendered) if each.name == "plexsphere"]
    (variable,) = [each for each in api.main["env"] if each["name"] == "PLEXSPHERE_BETA_CLIENT_SECRET"]

    assert variable["valueFrom"]["secretKeyRef"] == {
        "name": SYNCED["spec"]["target"]["name"],
        "key": SYNCED["spec"]["data"][0]["secretKey"],
    }


def test_controllers_of_custom_kinds_wait_for_the_definitions(rendered: list[KubeObject]) -> None:
    definitions: list[Any] = [{"spec": {"names": {"kind": each["kind"]}}} for each in (STORE, SYNCED)]
    loading = ImageLoader(KindSettings(profile="full"), phases=None, note=print)  # type: ignore[arg-type]  # not used

    groups = ObjectGroups.of(rendered, definitions, loading)

    assert [each["metadata"]["name"] for each in groups.controllers] == ["external-secrets"]
    assert {each["kind"] for each in groups.custom} == {"SecretStore", "ExternalSecret"}
    assert "crossplane" in {each["metadata"]["name"] for each in groups.others}


def test_crossplane_fills_what_is_applied_empty() -> None:
    (core,) = workloads(CROSSPLANE)
    (init,) = [each for each in core.init_containers if each["name"] == "core-init"]
    wired = {each["name"]: each.get("value") for each in init["env"]}
    secrets = {name for name in wired.values() if name in by_name(CROSSPLANE, "Secret")}

    assert secrets == set(by_name(CROSSPLANE, "Secret"))
    assert not any({"data", "stringData"} & each.keys() for each in by_name(CROSSPLANE, "Secret").values())
    assert "webhooks" not in by_name(CROSSPLANE, "ValidatingWebhookConfiguration")["crossplane-no-usages"]
    assert wired["WEBHOOK_SERVICE_NAME"] in by_name(CROSSPLANE, "Service")


def test_crossplane_writes_only_its_own_secrets() -> None:
    (role,) = by_name(CROSSPLANE, "Role").values()
    (cluster_role,) = by_name(CROSSPLANE, "ClusterRole").values()
    everywhere = [rule["verbs"] for rule in cluster_role["rules"] if "secrets" in rule["resources"]]

    assert everywhere == [["get", "list", "watch"]]
    assert set(role["rules"][0]["resourceNames"]) == set(by_name(CROSSPLANE, "Secret"))
