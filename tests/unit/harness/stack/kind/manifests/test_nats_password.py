"""The NATS of a fresh cluster, in our own rendered manifests."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml

from pytest_plexdev.masking.rule import mask
from pytest_plexdev.stack.credentials import RUNBOOK, Credentials
from pytest_plexdev.stack.kind.manifests.transform import INPUTS, waits_for_a_secret, with_credentials, with_inputs
from tests.support.manifests import DEPLOY, by_name, overlay_objects

OWN = replace(Credentials.random(), database="own-database", nats="own-nats", spicedb="own-spicedb")


@pytest.fixture
def objects() -> list[dict[str, Any]]:
    return with_credentials(overlay_objects(), OWN)


def test_the_warm_cluster_s_stay_as_they_are() -> None:
    assert with_credentials(overlay_objects(), RUNBOOK) == overlay_objects()


def test_the_server_reads_its_password_from_a_file_of_a_secret(objects: list[dict[str, Any]]) -> None:
    secret = by_name(objects, "Secret")["nats-credentials"]
    pod = by_name(objects, "StatefulSet")["nats"]["spec"]["template"]["spec"]
    (server,) = pod["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in server["volumeMounts"]}
    (volume,) = (each for each in pod["volumes"] if "secret" in each)

    assert json.loads(secret["stringData"]["nats.conf"]) == {
        "authorization": {"user": "plexsphere", "password": "own-nats"}
    }
    assert server["args"] == [
        "--jetstream",
        "--store_dir=/data",
        "--http_port=8222",
        f"--config={mounts[volume['name']]}/nats.conf",
    ]
    assert volume["secret"]["secretName"] == "nats-credentials"
    # Only the file, and not the URL.
    assert volume["secret"]["items"] == [{"key": "nats.conf", "path": "nats.conf"}]


def test_the_api_reads_its_nats_url_from_the_secret(objects: list[dict[str, Any]]) -> None:
    config = by_name(objects, "ConfigMap")["plexsphere-config"]["data"]
    (api,) = by_name(objects, "Deployment")["plexsphere"]["spec"]["template"]["spec"]["containers"]
    told = [each for each in api["env"] if each["name"] == "PLEXSPHERE_NATS_URL"]
    url = by_name(objects, "Secret")["nats-credentials"]["stringData"]["PLEXSPHERE_NATS_URL"]

    assert "PLEXSPHERE_NATS_URL" not in config
    assert url == "nats://plexsphere:own-nats@nats:4222"
    assert [each["valueFrom"]["secretKeyRef"] for each in told] == [
        {"name": "nats-credentials", "key": "PLEXSPHERE_NATS_URL"}
    ]


def test_the_ingest_buffer_is_reached_by_the_same_url() -> None:
    patch: list[dict[str, Any]] = yaml.safe_load((DEPLOY / "overlays" / "dev" / "observability.yaml").read_text())
    added = [each["value"] for each in patch if each["op"] == "add"]
    full = overlay_objects()
    (api,) = by_name(full, "Deployment")["plexsphere"]["spec"]["template"]["spec"]["containers"]
    api["env"] += added

    (api,) = by_name(with_credentials(full, OWN), "Deployment")["plexsphere"]["spec"]["template"]["spec"]["containers"]

    variables = {each["name"]: each for each in api["env"]}
    assert [each["value"] for each in added if each["name"] == "PLEXSPHERE_OBS_NATS_URL"] == ["nats://nats:4222"]
    assert variables["PLEXSPHERE_OBS_NATS_URL"]["valueFrom"] == variables["PLEXSPHERE_NATS_URL"]["valueFrom"]
    assert len(variables) == len(api["env"])


def test_only_the_secret_has_the_password(objects: list[dict[str, Any]]) -> None:
    having = [each["metadata"]["name"] for each in objects if "own-nats" in json.dumps(each)]
    workloads = [each for each in objects if each["kind"] in {"Deployment", "StatefulSet", "Job"}]
    readers = {each["metadata"]["name"] for each in workloads if "nats-credentials" in json.dumps(each)}

    assert having == ["nats-credentials"]
    assert readers == {"nats", "plexsphere"}


def test_its_probes_need_no_password(objects: list[dict[str, Any]]) -> None:
    (server,) = by_name(objects, "StatefulSet")["nats"]["spec"]["template"]["spec"]["containers"]

    assert server["readinessProbe"]["httpGet"]["port"] == "monitor"
    assert set(server["livenessProbe"]) - {"periodSeconds", "failureThreshold"} == {"tcpSocket"}


def test_a_new_password_restarts_only_its_readers(objects: list[dict[str, Any]]) -> None:
    other = with_credentials(overlay_objects(), replace(OWN, nats="o"))
    before, after = (
        {
            (each["kind"], each["metadata"]["name"]): each["spec"]["template"]["metadata"]["annotations"][INPUTS]
            for each in with_inputs(stack, {})
            if each["kind"] in {"Deployment", "StatefulSet", "Job"}
        }
        for stack in (objects, other)
    )

    assert {name for name in before if before[name] != after[name]} == {
        ("StatefulSet", "nats"),
        ("Deployment", "plexsphere"),
    }
    assert not waits_for_a_secret(by_name(objects, "Deployment")["plexsphere"], objects)


def test_a_secret_that_is_shown_has_no_password_in_it(objects: list[dict[str, Any]]) -> None:
    secret = by_name(objects, "Secret")["nats-credentials"]

    assert "own-nats" not in mask(json.dumps(secret))
    assert "own-nats" not in mask(repr(secret))
