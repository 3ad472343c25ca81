"""Lifetimes of codes, tokens and sign-ins of the stand-in, with a clock that the test controls."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

import bcrypt
import httpx
import pytest

from pytest_plexdev.stack.embedded.dex_standin import IdpClient, IdpConfig, IdpUser
from pytest_plexdev.stack.embedded.dex_standin.app import create_app
from pytest_plexdev.stack.embedded.dex_standin.keys import signing_key

CALLBACK = "http://localhost/callback"
CLIENT = {"client_id": "client", "client_secret": "secret"}
EXPIRED = {"error": "invalid_grant", "error_description": "Invalid or expired code parameter."}
MINUTE = 60.0


@dataclass
class Clock:
    now: float = 1_800_000_000.5

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Idp:
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        password = bcrypt.hashpw(b"password", bcrypt.gensalt(4)).decode()
        config = IdpConfig(
            issuer="http://localhost/dex",
            clients=(IdpClient(id="client", secret="secret", redirect_uris=(CALLBACK,)),),
            users=(IdpUser(email="a@example.com", password_hash=password, username="a", user_id="1"),),
            id_token_lifetime=600,
            auth_request_lifetime=900,
        )
        self._app = create_app(config, signing_key(None), self.clock)

    def ask(self, method: str, path: str, **request: object) -> httpx.Response:
        async def answer() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
                return await http.request(method, path, **request)  # type: ignore[arg-type]

        return asyncio.run(answer())

    def begin(self, scope: str = "openid offline_access") -> str:
        """Begin a sign-in and return the URL of the login form."""
        request = {"client_id": "client", "redirect_uri": CALLBACK, "response_type": "code", "scope": scope}
        return self.ask("GET", "/dex/auth/local", params=request).headers["location"]

    def log_in(self, form: str) -> httpx.Response:
        return self.ask("POST", form, data={"login": "a@example.com", "password": "password"})

    def code(self) -> str:
        callback = self.log_in(self.begin()).headers["location"]
        return dict(parse_qsl(urlsplit(callback).query))["code"]

    def exchange(self, code: str) -> httpx.Response:
        values = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        return self.ask("POST", "/dex/token", data=values | CLIENT)


@pytest.fixture(scope="module")
def provider() -> Idp:
    return Idp()


@pytest.fixture
def idp(provider: Idp) -> Idp:
    provider.clock.now = Clock.now
    return provider


def test_a_code_lasts_half_an_hour(idp: Idp) -> None:
    code = idp.code()
    idp.clock.advance(30 * MINUTE - 1)

    assert idp.exchange(code).status_code == 200


def test_an_expired_code_is_a_server_error_until_it_is_forgotten(idp: Idp) -> None:
    """Dex 2.41 reports an expired code as a server error until its garbage collection has removed it."""
    code = idp.code()
    idp.clock.advance(30 * MINUTE + 1)
    kept = idp.exchange(code)
    idp.clock.advance(5 * MINUTE)
    forgotten = idp.exchange(code)

    assert (kept.status_code, kept.json()) == (500, {"error": "server_error"})
    assert (forgotten.status_code, forgotten.json()) == (400, EXPIRED)


def test_a_sign_in_must_be_finished_in_time(idp: Idp) -> None:
    form = idp.begin()
    idp.clock.advance(901)
    late = idp.log_in(form)
    idp.clock.advance(5 * MINUTE)
    forgotten = idp.log_in(form)

    assert (late.status_code, forgotten.status_code) == (400, 400)
    assert "User session has expired." in late.text
    assert "Requested resource does not exist." in forgotten.text


def test_a_token_expires(idp: Idp) -> None:
    token = idp.exchange(idp.code()).json()
    request = {"headers": {"Authorization": f"Bearer {token['access_token']}"}}
    idp.clock.advance(599)
    before = idp.ask("GET", "/dex/userinfo", **request)
    idp.clock.advance(2)
    after = idp.ask("GET", "/dex/userinfo", **request)
    introspected = idp.ask("POST", "/dex/token/introspect", data={"token": token["access_token"]})

    assert token["expires_in"] == 599
    assert (before.status_code, after.status_code) == (200, 403)
    assert after.json() == {
        "error": "access_denied",
        "error_description": "oidc: token is expired (Token Expiry: 2027-01-15 08:10:00 +0000 UTC)",
    }
    assert introspected.json() == {"active": False}


def test_a_refresh_token_does_not_expire(idp: Idp) -> None:
    token = idp.exchange(idp.code()).json()["refresh_token"]
    idp.clock.advance(365 * 24 * 60 * MINUTE)

    answer = idp.ask("POST", "/dex/token", data={"grant_type": "refresh_token", "refresh_token": token} | CLIENT)

    assert answer.status_code == 200


def test_abandoned_sign_ins_are_forgotten(idp: Idp) -> None:
    abandoned = [idp.begin() for _ in range(3)]
    idp.clock.advance(24 * 60 * MINUTE)
    fresh = idp.begin()

    assert [idp.ask("GET", form).status_code for form in abandoned] == [400, 400, 400]
    assert idp.ask("GET", fresh).status_code == 200


@pytest.mark.parametrize("size", [10 * 1024 * 1024, 10 * 1024 * 1024 + 1])
def test_a_form_may_be_as_large_as_gos(idp: Idp, size: int) -> None:
    body = b"grant_type=" + b"x" * (size - len(b"grant_type="))
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    answer = idp.ask("POST", "/dex/token", content=body, headers=form)

    too_large = size > 10 * 1024 * 1024
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_request" if too_large else "unsupported_grant_type"}
