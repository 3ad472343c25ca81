"""Sign-ins whose client secret is in a real OpenBao, which a test may stop."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.control_plane import Plane
from tests.support.openbao import TOKEN, OpenBaoServer
from tests.support.rogue_idp import CLIENT
from tests.support.rogue_tenant import Tenant
from tests.support.second_api import second_api
from tests.support.waiting import until

SECRET = "s3cret-of-openbao"
OTHER = "01985a00-0000-7000-8000-00000000be01"


@dataclass(frozen=True)
class Rig:
    """The plane, and its OpenBao, which a test may stop."""

    plane: Plane
    openbao: OpenBaoServer


@pytest.fixture
def rig(plane: Plane, openbao: OpenBaoServer) -> Rig:
    return Rig(plane, openbao)


@pytest.fixture
def stored(rig: Rig, tenant: Tenant) -> Tenant:
    """A Domain whose binding refers to a secret that is in OpenBao."""
    rig.openbao.write(_path(tenant), client_secret=SECRET)
    tenant.set(client_secret_ref=_reference(tenant))
    return tenant


def test_the_secret_of_the_domain_is_sent_to_its_idp(rig: Rig, stored: Tenant) -> None:
    assert stored.sign_in().status_code == 303

    assert _sent(stored) == [SECRET]
    assert SECRET not in rig.plane.log.read_text()


def test_a_rotated_secret_is_used_by_the_next_sign_in(rig: Rig, stored: Tenant) -> None:
    assert stored.sign_in().status_code == 303
    rig.openbao.write(_path(stored), client_secret="rotated")
    assert stored.sign_in().status_code == 303

    assert _sent(stored) == [SECRET, "rotated"]


@pytest.mark.parametrize(
    "reference",
    [
        f"openbao:domains/{OTHER}/dex#client_secret",
        "openbao:domains/{own}#client_secret",
        "openbao:domains/{own}/#client_secret",
        f"openbao:domains/{{own}}/../{OTHER}/dex#client_secret",
        f"openbao:domains/{{own}}/%2e%2e/{OTHER}/dex#client_secret",
        f"openbao:domains/{{own}}/..%2f{OTHER}/dex#client_secret",
        f"openbao:domains/{{own}}/x/../../{OTHER}/dex#client_secret",
        "openbao:/domains/{own}/dex#client_secret",
        "openbao:domains/{own}//dex#client_secret",
        "openbao:domains/{own}/dex?version=1#client_secret",
        "openbao:domains/{own}/dex#",
        "openbao:domains/{own}/dex",
        "openbao:domains/{own}/dex#a#b",
        "openbao:domains/{own}/dex#client_secret\n",
        "openbao:secret/data/domains/{own}/dex#client_secret",
        "openbao:",
    ],
)
def test_a_reference_elsewhere_is_refused_and_never_resolves(rig: Rig, tenant: Tenant, reference: str) -> None:
    rig.openbao.write(f"domains/{OTHER}/dex", client_secret=SECRET)
    rig.openbao.write(f"domains/{tenant.domain_id}/dex", client_secret=SECRET)
    reference = reference.replace("{own}", tenant.domain_id)

    with rig.plane.client() as admin:
        created = admin.post("/v1/admin/idp", json=_binding(tenant, reference))
    tenant.set(client_secret_ref=reference)

    assert (created.status_code, created.json()["code"]) == (400, "invalid_idp_binding")
    assert f"openbao:domains/{tenant.domain_id}/<path>#<key>" in created.json()["detail"]
    assert tenant.refused() == (502, "idp_secret_unavailable")
    assert tenant.idp.token_forms == []


def test_a_binding_may_be_created_before_its_secret(rig: Rig, tenant: Tenant) -> None:
    with rig.plane.client() as admin:
        created = admin.post("/v1/admin/idp", json=_binding(tenant, _reference(tenant)))

    assert created.status_code == 201, created.text
    assert created.json()["client_secret_ref"] == _reference(tenant)


@pytest.mark.parametrize("values", [{}, {"other": SECRET}, {"client_secret": ""}, {"client_secret": {"deep": SECRET}}])
def test_without_a_text_under_the_key_there_is_no_secret(rig: Rig, tenant: Tenant, values: dict[str, object]) -> None:
    tenant.set(client_secret_ref=_reference(tenant))
    if values:
        rig.openbao.write(_path(tenant), **values)

    assert tenant.refused() == (502, "idp_secret_unavailable")
    assert f"reference=openbao:{_path(tenant)}#client_secret" in rig.plane.log.read_text().replace('"', "")
    assert SECRET not in rig.plane.log.read_text()


def test_a_deleted_secret_is_gone_at_once(rig: Rig, stored: Tenant) -> None:
    rig.openbao.delete(_path(stored))

    assert stored.refused() == (502, "idp_secret_unavailable")


def test_openbao_is_killed_and_comes_back(rig: Rig, stored: Tenant) -> None:
    with rig.plane.client(None) as client:
        assert client.get("/readyz").json()["status"] == "ready"
        rig.openbao.stop()
        try:
            away = stored.refused()
            readiness = client.get("/readyz")
        finally:
            rig.openbao.start()
        lost = stored.refused()
        rig.openbao.write(_path(stored), client_secret=SECRET)
        again = stored.sign_in()
        recovered = client.get("/readyz").json()["status"]

    assert away == (502, "openbao_unavailable")
    assert (readiness.status_code, readiness.json()["status"]) == (200, "degraded")
    (probe,) = [each for each in readiness.json()["probes"] if each["name"] == "secretstore"]
    assert (probe["ok"], probe["informational"]) == (False, True)
    assert lost == (502, "idp_secret_unavailable")
    assert (again.status_code, recovered) == (303, "ready")
    assert SECRET not in rig.plane.log.read_text()
    assert TOKEN not in rig.plane.log.read_text()


def test_an_openbao_that_hangs_is_not_waited_for(rig: Rig, stored: Tenant) -> None:
    rig.openbao.pause()
    started = time.monotonic()
    try:
        refused = stored.refused()
    finally:
        rig.openbao.resume()

    assert refused == (502, "openbao_unavailable")
    assert time.monotonic() - started < 4
    until(lambda: stored.sign_in().status_code == 303)


def test_an_openbao_that_refuses_the_token_is_unavailable(rig: Rig, stored: Tenant) -> None:
    rig.openbao.stop()
    rig.openbao.start(token="another-root-token")
    try:
        refused = stored.refused()
        with rig.plane.client(None) as client:
            (probe,) = [each for each in client.get("/readyz").json()["probes"] if each["name"] == "secretstore"]
    finally:
        rig.openbao.stop()
        rig.openbao.start()

    assert refused == (502, "openbao_unavailable")
    assert 'reason="answers 403: permission denied"' in rig.plane.log.read_text()
    assert probe["detail"] == "OpenBaoUnavailable: answers 403: permission denied"


def test_a_sealed_openbao_is_unavailable(rig: Rig, stored: Tenant) -> None:
    rig.openbao.seal()
    try:
        refused = stored.refused()
        with rig.plane.client(None) as client:
            readiness = client.get("/readyz").json()
    finally:
        rig.openbao.stop()
        rig.openbao.start()

    assert refused == (502, "openbao_unavailable")
    assert readiness["status"] == "degraded"


def test_a_plane_is_not_ready_before_openbao_served_once(rig: Rig, tmp_path: Path) -> None:
    rig.openbao.stop()
    try:
        with second_api(rig.plane, tmp_path) as client:
            until(lambda: _probe(client) is not None)
            before = client.get("/readyz").status_code
            rig.openbao.start()
            after = client.get("/readyz").status_code
            rig.openbao.stop()
            lost = client.get("/readyz")
    finally:
        rig.openbao.start()

    assert (before, after, lost.status_code) == (503, 200, 200)
    assert lost.json()["status"] == "degraded"


@pytest.mark.parametrize("missing", ["PLEXSPHERE_OPENBAO_URL", "PLEXSPHERE_OPENBAO_TOKEN"])
def test_without_a_variable_nothing_resolves_and_it_is_named(
    rig: Rig, stored: Tenant, tmp_path: Path, missing: str
) -> None:
    with second_api(rig.plane, tmp_path, **{missing: ""}) as client:
        until(lambda: _answers(client))
        probes = {each["name"] for each in client.get("/readyz").json()["probes"]}
        client.headers["Accept"] = "application/json"
        refused = Tenant(rig.plane, client, stored.idp, stored.domain_id, stored.binding_id).refused()
    log = (tmp_path / "plexsphere_reference-api.log").read_text()

    assert refused == (502, "idp_secret_unavailable")
    assert f'reason="{missing} is not set"' in log
    assert "secretstore" not in probes


def _path(tenant: Tenant) -> str:
    return f"domains/{tenant.domain_id}/idp"


def _reference(tenant: Tenant) -> str:
    return f"openbao:{_path(tenant)}#client_secret"


def _binding(tenant: Tenant, reference: str) -> dict[str, object]:
    return {
        "domain_id": tenant.domain_id,
        "issuer": "https://idp.example.com",
        "client_id": CLIENT,
        "client_secret_ref": reference,
        "discovery_url": "https://idp.example.com/.well-known/openid-configuration",
        "jit_policy": "allow",
    }


def _sent(tenant: Tenant) -> list[str]:
    """The client secrets that the identity provider got."""
    headers = [form["authorization"].removeprefix("Basic ") for form in tenant.idp.token_forms]
    return [base64.b64decode(each).decode().partition(":")[2] for each in headers]


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def _probe(client: httpx.Client) -> dict[str, object] | None:
    try:
        probes = client.get("/readyz").json()["probes"]
    except httpx.TransportError:
        return None
    return next((each for each in probes if each["name"] == "secretstore"), None)
