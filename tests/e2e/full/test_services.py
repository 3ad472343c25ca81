"""The services of the profile ``full`` that ``lean`` omits, each used through its own protocol."""

from __future__ import annotations

import io
import time
from urllib.parse import urlsplit

import httpx
import pytest
from minio import Minio

from pytest_plexdev.core.poll import poll
from pytest_plexdev.core.profiles import FURTHER_SERVICES
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import CONFIG_MAP
from pytest_plexdev.stack.kind.constants import NAMESPACE, SENTINEL
from pytest_plexdev.testkit.stack import Stack

TENANTS = ("0197a1b2-0000-7000-8000-000000000001", "0197a1b2-0000-7000-8000-000000000002")


def test_every_further_service_is_there_and_ready(full_stack: Stack) -> None:
    states = {verdict.name.partition("/")[2]: verdict.state for verdict in full_stack.verdicts()}

    assert {name: states.get(name) for name in FURTHER_SERVICES} == dict.fromkeys(FURTHER_SERVICES, "ready")
    assert full_stack.info.profile == "full"
    assert not set(FURTHER_SERVICES) & set(full_stack.info.left_out)


def test_the_profile_is_recorded_in_the_sentinel(full_client: KubeClient) -> None:
    sentinel = full_client.get(CONFIG_MAP, SENTINEL, NAMESPACE)

    assert sentinel is not None
    assert sentinel["data"]["profile"] == "full"


def test_openbao_stores_a_secret(full_stack: Stack) -> None:
    token = full_stack.credentials("openbao").secret
    with httpx.Client(base_url=full_stack.url("openbao"), headers={"X-Vault-Token": token}, trust_env=False) as client:
        written = client.post("/v1/secret/data/domains/acme", json={"data": {"client_secret": "s3cret"}})
        read = client.get("/v1/secret/data/domains/acme").json()
        refused = client.get("/v1/secret/data/domains/acme", headers={"X-Vault-Token": "plexsphere"})

    assert written.status_code == 200
    assert read["data"]["data"] == {"client_secret": "s3cret"}
    assert refused.status_code == 403


def test_seaweedfs_stores_an_object(full_stack: Stack) -> None:
    address = urlsplit(full_stack.url("seaweedfs")).netloc
    keys = full_stack.credentials("seaweedfs")
    client = Minio(address, access_key=keys.user, secret_key=keys.secret, secure=False)
    client.make_bucket("artifacts")
    client.put_object("artifacts", "plexd/index.json", io.BytesIO(b"{}"), 2)

    assert client.get_object("artifacts", "plexd/index.json").data == b"{}"
    assert httpx.get(f"http://{address}/artifacts/plexd/index.json", trust_env=False).status_code == 403


def test_mimir_keeps_tenants_apart(full_stack: Stack) -> None:
    url = full_stack.url("mimir")
    point = {"timeUnixNano": str(time.time_ns()), "asDouble": 42.0}
    metric = {"name": "plexd_cpu", "gauge": {"dataPoints": [point]}}
    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
    with httpx.Client(base_url=url, trust_env=False) as client:
        client.post("/otlp/v1/metrics", json=body, headers={"X-Scope-OrgID": TENANTS[0]}).raise_for_status()

        def value(tenant: str) -> list[object]:
            query = {"query": "plexd_cpu"}
            answer = client.get("/prometheus/api/v1/query", params=query, headers={"X-Scope-OrgID": tenant})
            return [each["value"][1] for each in answer.json()["data"]["result"]]

        assert poll(lambda: value(TENANTS[0]), every_s=0.2, timeout_s=10) == ["42"]
        assert value(TENANTS[1]) == []
        assert client.get("/prometheus/api/v1/query", params={"query": "plexd_cpu"}).status_code == 401


def test_loki_keeps_tenants_apart(full_stack: Stack) -> None:
    stream = {"stream": {"job": "plexd"}, "values": [[str(time.time_ns()), "mesh is up"]]}
    with httpx.Client(base_url=full_stack.url("loki"), trust_env=False) as client:
        client.post(
            "/loki/api/v1/push", json={"streams": [stream]}, headers={"X-Scope-OrgID": TENANTS[0]}
        ).raise_for_status()

        def lines(tenant: str) -> list[str]:
            query = {"query": '{job="plexd"}'}
            answer = client.get("/loki/api/v1/query_range", params=query, headers={"X-Scope-OrgID": tenant})
            return [line for each in answer.json()["data"]["result"] for _, line in each["values"]]

        assert poll(lambda: lines(TENANTS[0]), every_s=0.2, timeout_s=10) == ["mesh is up"]
        assert lines(TENANTS[1]) == []
        assert client.get("/loki/api/v1/query_range", params={"query": '{job="plexd"}'}).status_code == 401


def test_a_misspelt_server_is_named(full_stack: Stack) -> None:
    with pytest.raises(PlexdevError) as caught:
        full_stack.url("opnbao")

    assert caught.value.tag == "unknown-name"
    assert caught.value.fix == "did you mean openbao?"


def test_each_relaxed_posture_is_logged_once(full_stack: Stack) -> None:
    for service in FURTHER_SERVICES:
        lines = [line for line in full_stack.log(service).splitlines() if "insecure default active in dev mode" in line]
        assert len(lines) == 1, service
        assert f"dependency={service} " in lines[0]
