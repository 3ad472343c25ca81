"""A container's answer to its probe is part of the reason; an error of the request for it is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.readiness import ObjectRef, verdicts_now, wait_ready
from tests.support.watch_server import Server

REF = ObjectRef("Pod", "api", "default")
PATH = "/api/v1/namespaces/default/pods/api:8080/proxy/readyz"
READYZ = {
    "probes": [
        {"name": "postgres", "ok": True},
        {"name": "spicedb", "ok": False, "detail": "PERMISSION_DENIED:\ninvalid key"},
        {"name": "gateway", "ok": False, "informational": True},
        {"name": "signer", "ok": False},
    ]
}


def pod(probe: Any = None) -> KubeObject:
    asked = probe or {"httpGet": {"path": "/readyz", "port": "http"}}
    main = {"name": "main", "ports": [{"name": "http", "containerPort": 8080}], "readinessProbe": asked}
    status = {
        "phase": "Running",
        "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "False"}],
        "containerStatuses": [{"name": "main", "ready": False, "state": {"running": {}}}],
    }
    meta = {"name": "api", "namespace": "default", "uid": "u"}
    return {"kind": "Pod", "metadata": meta, "spec": {"containers": [main]}, "status": status}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        server.put([pod()])
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[KubeClient]:
    with KubeClient(server.api.access) as client:
        yield client


@pytest.mark.parametrize(
    ("status", "body", "output"),
    [
        (
            503,
            json.dumps(READYZ).encode(),
            "; /readyz answers: spicedb: PERMISSION_DENIED: invalid key; signer: no answer",
        ),
        (503, b"migrations\nare missing", "; /readyz answers: migrations are missing"),
        (
            503,
            b'{"probes": [{"name": "db", "detail": "no: postgresql://u:s3cr3t-pass@db/x, psk_dev_aaaa_bbbb"}]}',
            "; /readyz answers: db: no: postgresql://u:***@db/x, psk_***",
        ),
        (
            503,
            b'{"error": "refused", "client_secret": "s3cr3t"}',
            '; /readyz answers: {"error": "refused", "client_secret": "***"}',
        ),
        (503, b"refused\npassword: s3cr3t", "; /readyz answers: refused password: ***"),
        (500, b"\x1b[31mred", "; /readyz answers:  [31mred"),
        (503, b'{"probes": "none"}', '; /readyz answers: {"probes": "none"}'),
        (503, b'{"kind": "Status", "message": "dial tcp: refused"}', ""),
        (403, b"forbidden", ""),
        (404, b"no such pod", ""),
        (503, b"", ""),
    ],
)
def test_the_answer_is_part_of_the_reason(
    server: Server, client: KubeClient, status: int, body: bytes, output: str
) -> None:
    server.api.answers[PATH] = (status, body)

    (verdict,) = verdicts_now(client, [REF])

    assert verdict.reason == f"container main: not ready yet{output}"


def test_a_long_answer_is_cut(server: Server, client: KubeClient) -> None:
    server.api.answers[PATH] = (503, b"x" * 1_000_000)

    assert len(verdicts_now(client, [REF])[0].reason) < 400


@pytest.mark.parametrize("probe", [{"exec": {"command": ["true"]}}, {"tcpSocket": {"port": 8080}}])
def test_who_is_not_asked_by_http_gives_no_answer(server: Server, client: KubeClient, probe: Any) -> None:
    server.put([pod(probe)])
    server.api.answers[PATH] = (503, b"unheard")

    assert verdicts_now(client, [REF])[0].reason == "container main: not ready yet"


def test_a_wait_that_is_over_says_it(server: Server, client: KubeClient) -> None:
    server.api.answers[PATH] = (503, json.dumps(READYZ).encode())

    with pytest.raises(PlexdevError) as raised:
        wait_ready(client, [REF], timeout=2)

    assert "/readyz answers: spicedb: PERMISSION_DENIED: invalid key" in raised.value.why
