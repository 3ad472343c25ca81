"""A Node reads a secret of its Project, encrypted with its NSK, from a real OpenBao."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.support.browsing import problem
from tests.support.enrolment import Agent, Site
from tests.support.openbao import OpenBaoServer
from tests.support.second_api import second_api

PASSWORD = "s3cret of the database, ümlaut"


@pytest.fixture
def node(site: Site) -> Agent:
    return site.node()


def read(node: Agent, name: str, *, node_id: str | None = None, **query: str) -> httpx.Response:
    path = f"/v1/nodes/{node_id or node.id}/secrets/{name}"
    return node.client.get(path, params=query, headers=node.headers)


def opened(node: Agent, response: httpx.Response) -> str:
    """Decrypt an envelope as plexd does."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/octet-stream"
    envelope = response.content
    return AESGCM(_nsk(node)).decrypt(envelope[:12], envelope[12:], None).decode()


def test_a_node_recovers_the_secret_with_its_nsk(openbao: OpenBaoServer, site: Site, node: Agent) -> None:
    openbao.write(_path(site), value=PASSWORD)

    first, second = read(node, "db-password"), read(node, "db-password")

    assert opened(node, first) == PASSWORD
    assert PASSWORD.encode() not in first.content
    assert first.content != second.content
    assert first.headers["cache-control"] == "no-store"
    assert first.headers["x-plexsphere-secret-version"] == "1"
    assert first.headers["x-plexsphere-secret-kid"] == second.headers["x-plexsphere-secret-kid"]
    rows = (
        "SELECT reason, relation, object_type || ':' || object_id FROM plexsphere.audit_entries"
        " WHERE correlation_id = %s"
    )
    assert site.plane.sql(rows, first.headers["x-correlation-id"]) == [
        ("granted", "secret.read", f"secret:{site.project_id}/db-password")
    ]
    assert PASSWORD not in site.plane.log.read_text()


def test_another_node_s_key_does_not_open_it(openbao: OpenBaoServer, site: Site, node: Agent) -> None:
    openbao.write(_path(site), value=PASSWORD)

    with pytest.raises(InvalidTag):
        opened(site.node(), read(node, "db-password"))


def test_versions(openbao: OpenBaoServer, site: Site, node: Agent) -> None:
    openbao.write(_path(site), value="first")
    openbao.write(_path(site), value="second")

    assert opened(node, read(node, "db-password")) == "second"
    assert opened(node, read(node, "db-password", version="1")) == "first"
    assert read(node, "db-password", version="2").headers["x-plexsphere-secret-version"] == "2"
    for version in ("3", "0", "-1", "x", "1.0", "9" * 30):
        assert problem(read(node, "db-password", version=version)) == (404, "secret_version_not_found")


@pytest.mark.parametrize("name", ["db-password", "Db-password", "..", "%2e%2e", "a.b", "a%2Fb", "x" * 64])
def test_a_secret_that_is_not_there(openbao: OpenBaoServer, site: Site, node: Agent, name: str) -> None:
    openbao.write(_path(site, "other"), value=PASSWORD)
    openbao.write(_path(site, "of-another-form"), password=PASSWORD)

    response = read(node, name)

    assert response.status_code == 404
    assert problem(read(node, "of-another-form")) == (404, "secret_not_found")
    assert site.plane.sql(
        "SELECT count(*) FROM plexsphere.audit_entries WHERE correlation_id = %s", response.headers["x-correlation-id"]
    ) == [(0,)]


def test_a_node_reads_the_secrets_of_its_own_project_only(openbao: OpenBaoServer, site: Site, node: Agent) -> None:
    openbao.write(_path(site.project()), value=PASSWORD)

    assert problem(read(node, "db-password")) == (404, "secret_not_found")
    assert problem(read(node, "db-password", node_id=site.node().id)) == (403, "node_id_mismatch")


def test_openbao_away_is_503_and_audited(openbao: OpenBaoServer, site: Site, node: Agent) -> None:
    openbao.stop()
    try:
        away = read(node, "db-password")
    finally:
        openbao.start()
    lost = read(node, "db-password")
    openbao.write(_path(site), value=PASSWORD)

    assert problem(away) == (503, "openbao_unavailable")
    assert site.plane.sql(
        "SELECT reason FROM plexsphere.audit_entries WHERE correlation_id = %s", away.headers["x-correlation-id"]
    ) == [("granted",)]
    assert problem(lost) == (404, "secret_not_found")
    assert opened(node, read(node, "db-password")) == PASSWORD


def test_without_openbao_the_surface_is_not_provisioned(site: Site, node: Agent, tmp_path: Path) -> None:
    with second_api(site.plane, tmp_path, PLEXSPHERE_OPENBAO_URL="") as client:
        response = read(replace(node, client=client), "db-password")

    assert (response.status_code, response.json()["code"]) == (501, "secrets_not_provisioned")


def _path(site: Site, name: str = "db-password") -> str:
    return f"domains/{site.domain_id}/projects/{site.project_id}/{name}"


def _nsk(node: Agent) -> bytes:
    encoded = node.bearer.split("_", 2)[2]
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))[16:]
