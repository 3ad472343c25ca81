"""An identity provider that is slow or curious: time limits, cookies, and what a caller learns."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from io import BufferedIOBase

from tests.support.control_plane import Plane
from tests.support.hostile_idp import refused
from tests.support.rogue_tenant import Tenant

DISCOVERY, TOKEN, KEYS = "/idp/.well-known/openid-configuration", "/idp/token", "/idp/keys"
CANNOT_BE_USED = "the identity provider of this IdP binding cannot be used; the log says why"


# ---- time -------------------------------------------------------------------------------


def test_a_provider_that_drips_is_given_up_once_for_all_who_wait(tenant: Tenant) -> None:
    ended = threading.Event()

    def drip(file: BufferedIOBase) -> None:
        file.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not ended.wait(0.1):
            file.write(b" ")

    tenant.idp.raw = {DISCOVERY: drip}
    body = {"domain_id": tenant.domain_id}
    began = time.monotonic()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: tenant.client.post("/v1/auth/sign-in", json=body, timeout=60), range(6)))
    took = time.monotonic() - began
    ended.set()

    for answer in answers:
        refused(answer, "idp_discovery_failed")
    assert tenant.idp.requests.count(DISCOVERY) < len(answers)
    assert took < 5 * len(answers)  # one after the other they would take that long


def test_cookies_of_providers_are_not_kept(tenant: Tenant) -> None:
    tenant.idp.headers = {"Set-Cookie": "a=b"}

    assert [tenant.sign_in().status_code for _ in range(2)] == [303, 303]
    assert tenant.idp.cookies_seen == []


# ---- disclosure -------------------------------------------------------------------------


def test_nobody_learns_what_a_probed_address_answered(plane: Plane, tenant: Tenant) -> None:
    """A Domain's admin chooses the dialled address: a sign-in must not be usable to scan the plane's network."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    addresses = [
        f"http://127.0.0.1:{port}/",
        "http://nowhere.invalid/",
        f"{plane.url}/v1/health",
        f"{plane.url}/v1/domains",
        f"{plane.issuer}/.well-known/openid-configuration",
        f"{plane.issuer}/nothing",
        tenant.idp.discovery_url.replace("/idp/", "/other/"),
    ]
    told = set()
    for address in addresses:
        tenant.set(discovery_url=address)
        response = tenant.start()
        told.add((response.status_code, *(response.json()[name] for name in ("code", "title", "detail"))))
        assert response.json()["correlation_id"] in plane.log.read_text()

    assert told == {(502, "idp_discovery_failed", "Idp Discovery Failed", CANNOT_BE_USED)}


def test_a_browser_is_told_no_more(tenant: Tenant) -> None:
    tenant.idp.answers = {TOKEN: (500, b'{"error":"secret","error_description":"of the intranet"}')}
    started = tenant.start().json()
    query = {"code": "x", "state": started["state"]}

    location = tenant.client.get("/v1/auth/callback", params=query).headers["location"]

    assert "auth_error_kind=idp_exchange_failed" in location
    assert "intranet" not in location
    assert "secret" not in location
