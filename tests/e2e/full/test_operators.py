"""Crossplane and External Secrets at work, and each service of the profile ``full`` after its Pod was deleted."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pytest_plexdev.core.people import ADMIN
from pytest_plexdev.core.poll import poll
from pytest_plexdev.core.profiles import FURTHER_SERVICES
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import CUSTOM_RESOURCE_DEFINITION, EXTERNAL_SECRET, POD, SECRET, KubeObject, Resource
from pytest_plexdev.readiness import wait_ready
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.rules.conditions import condition, is_true
from pytest_plexdev.stack.kind.constants import NAMESPACE
from pytest_plexdev.testkit.login import Logins
from pytest_plexdev.testkit.stack import Stack

CONFIG = Resource("apiextensions.crossplane.io/v1beta1", "EnvironmentConfig", "environmentconfigs", namespaced=False)
USAGE = Resource("protection.crossplane.io/v1beta1", "ClusterUsage", "clusterusages", namespaced=False)
SYNCED = "beta-llc-idp-client"
SYNCING = (ObjectRef("SecretStore", "openbao", NAMESPACE), ObjectRef("ExternalSecret", SYNCED, NAMESPACE))
CLIENT_SECRET = "plexsphere-test-secret"


@pytest.fixture
def protected(full_client: KubeClient) -> Iterator[str]:
    """The name of an object of Crossplane's that a Usage protects."""
    name = f"test-{secrets.token_hex(3)}"
    target = {"apiVersion": CONFIG.api_version, "kind": CONFIG.kind, "metadata": {"name": name}, "data": {"a": "b"}}
    spec = {
        "of": {"apiVersion": CONFIG.api_version, "kind": CONFIG.kind, "resourceRef": {"name": name}},
        "reason": "a test needs it",
    }
    full_client.apply(target)
    full_client.apply({"apiVersion": USAGE.api_version, "kind": USAGE.kind, "metadata": {"name": name}, "spec": spec})
    poll(
        lambda: condition((full_client.get(USAGE, name) or {}).get("status") or {}, "Ready"),
        until=is_true,
        every_s=0.1,
        timeout_s=10,
    )
    yield name
    full_client.delete(USAGE, name)
    poll(lambda: full_client.get(USAGE, name), until=lambda found: found is None, every_s=0.1, timeout_s=10)
    full_client.delete(CONFIG, name)


def test_crossplane_s_definitions_are_established(full_client: KubeClient) -> None:
    found = full_client.list(CUSTOM_RESOURCE_DEFINITION)["items"]
    of_crossplane = [each for each in found if each["spec"]["group"].endswith(".crossplane.io")]

    assert {"compositions", "compositeresourcedefinitions", "providers", "usages"} <= {
        each["spec"]["names"]["plural"] for each in of_crossplane
    }
    assert [each["metadata"]["name"] for each in of_crossplane if not _is_established(each)] == []


def test_crossplane_protects_what_is_in_use(full_client: KubeClient, protected: str) -> None:
    with pytest.raises(PlexdevError, match=r"nousages\.protection\.crossplane\.io.*a test needs it"):
        full_client.delete(CONFIG, protected)

    assert full_client.get(CONFIG, protected) is not None


def test_crossplane_refuses_an_invalid_composition(full_client: KubeClient) -> None:
    composition = {
        "apiVersion": "apiextensions.crossplane.io/v1",
        "kind": "Composition",
        "metadata": {"name": "without-steps"},
        "spec": {"compositeTypeRef": {"apiVersion": "example.org/v1", "kind": "Thing"}, "mode": "Pipeline"},
    }

    with pytest.raises(PlexdevError, match="an array of pipeline steps is required"):
        full_client.apply(composition, dry_run=True)


def test_no_provider_is_installed(full_client: KubeClient) -> None:
    assert full_client.list(Resource("pkg.crossplane.io/v1", "Provider", "providers", namespaced=False))["items"] == []


def test_the_client_secret_is_the_one_in_openbao(full_client: KubeClient) -> None:
    (source,) = full_client.list(EXTERNAL_SECRET, NAMESPACE)["items"]
    synced = full_client.get(SECRET, SYNCED, NAMESPACE)

    assert is_true(condition(source["status"], "Ready"))
    assert source["spec"]["data"][0]["remoteRef"]["key"] == "domains/01985a00-0000-7000-8000-00000000be01/dex"
    assert synced is not None
    assert base64.b64decode(synced["data"]["client_secret"]).decode() == CLIENT_SECRET


def test_beta_llc_signs_in_with_the_synced_secret(full_stack: Stack, tmp_path: Path) -> None:
    (beta,) = [each for each in full_stack.info.tenants if each.slug == "beta-llc"]
    logins = Logins(full_stack.anonymous, tmp_path, log="plexdev logs plexsphere")
    with psycopg.connect(full_stack.database_url) as database:
        query = "SELECT client_secret_ref FROM plexsphere.idp_bindings WHERE id = %s"
        reference = database.execute(query, [beta.binding_id]).fetchone()

    assert reference == ("env:PLEXSPHERE_BETA_CLIENT_SECRET",)
    assert logins(beta, user=ADMIN).whoami().domain_id == beta.domain_id


@pytest.mark.parametrize(
    ("path", "key", "why"),
    [
        ("domains/none", "client_secret", "Secret does not exist"),
        ("domains/01985a00-0000-7000-8000-00000000be01/dex", "none", 'cannot find secret data for key: "none"'),
    ],
)
def test_what_the_store_lacks_is_named_with_its_path(full_client: KubeClient, path: str, key: str, why: str) -> None:
    name = f"test-{secrets.token_hex(3)}"
    spec = {
        "secretStoreRef": {"kind": "SecretStore", "name": "openbao"},
        "target": {"name": name},
        "data": [{"secretKey": "k", "remoteRef": {"key": path, "property": key}}],
    }
    meta = {"name": name, "namespace": NAMESPACE}
    full_client.apply(
        {"apiVersion": EXTERNAL_SECRET.api_version, "kind": "ExternalSecret", "metadata": meta, "spec": spec}
    )
    try:
        with pytest.raises(PlexdevError) as doomed:
            wait_ready(full_client, [ObjectRef("ExternalSecret", name, NAMESPACE)], timeout=60)
    finally:
        full_client.delete(EXTERNAL_SECRET, name, NAMESPACE)

    assert doomed.value.tag == "doomed-object"
    assert f"no Secret {name} from SecretStore openbao, {path}#{key}: SecretSyncedError: {why}" in str(doomed.value)


@pytest.mark.parametrize("name", FURTHER_SERVICES)
def test_a_deleted_pod_comes_back(full_client: KubeClient, name: str) -> None:
    (before,) = _pods(full_client, name)
    full_client.delete(POD, before["metadata"]["name"], NAMESPACE)
    poll(
        lambda: [each["metadata"]["uid"] for each in _pods(full_client, name)],
        until=lambda uids: before["metadata"]["uid"] not in uids,
        every_s=0.1,
        timeout_s=30,
    )

    kind = "StatefulSet" if name == "seaweedfs" else "Deployment"
    wait_ready(full_client, [ObjectRef(kind, name, NAMESPACE), *SYNCING], timeout=60)


def _is_established(definition: KubeObject) -> bool:
    return is_true(condition(definition.get("status") or {}, "Established"))


def _pods(client: KubeClient, name: str) -> list[KubeObject]:
    found: list[KubeObject] = client.list(POD, NAMESPACE, labels=f"app.kubernetes.io/name={name}")["items"]
    return found
