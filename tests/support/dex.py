"""Start an identity provider, Dex or the stand-in, and use it with OpenID Connect."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import bcrypt
import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from pytest_plexdev.stack.embedded.dex_standin import IdpClient, IdpConfig, IdpUser, is_dex, write_dex_config

CLIENT = IdpClient(
    id="plexsphere-test",
    secret="plexsphere-test-secret",
    redirect_uris=("http://localhost:8080/v1/auth/callback", "http://localhost:8080/other?kept=1"),
    name="The plexsphere API",
)
OTHER_CLIENT = IdpClient(id="other", secret="a secret: 100% + ümlaut", redirect_uris=CLIENT.redirect_uris)


def new_config(issuer: str, bcrypt_cost: int = 10, *, api_address: str | None = None) -> IdpConfig:
    user = IdpUser(
        email="admin@example.com",
        password_hash=bcrypt.hashpw(b"password", bcrypt.gensalt(bcrypt_cost)).decode(),
        username="admin",
        user_id="08a8684b-db88-4b73-90a9-3cd1661f5466",
    )
    return IdpConfig(issuer=issuer, clients=(CLIENT, OTHER_CLIENT), users=(user,), api_address=api_address)


@dataclass
class Form(HTMLParser):
    """The first form of a page."""

    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self._inside, self._seen = False, False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "form" and not self._seen:
            self._inside = self._seen = True
            self.action = attributes.get("action") or ""
        if tag == "input" and self._inside and attributes.get("name"):
            self.fields[attributes["name"] or ""] = attributes.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "form"


@dataclass(frozen=True)
class Idp:
    """A running provider, and a browser that goes through its pages."""

    config: IdpConfig
    kind: str
    http: httpx.Client

    def url(self, path: str) -> str:
        return self.config.issuer + path

    def open(self, url: str) -> httpx.Response:
        """Follow redirects to a page, or until one leads to the client."""
        answer = self.http.get(url)
        while answer.is_redirect:
            target = urljoin(str(answer.url), answer.headers["location"])
            if not target.startswith(self.config.issuer):
                break
            answer = self.http.get(target)
        return answer

    def submit(self, page: httpx.Response, **fields: str) -> httpx.Response:
        form = Form()
        form.feed(page.text)
        answer = self.http.post(urljoin(str(page.url), form.action), data=form.fields | fields)
        if answer.is_redirect and answer.headers["location"].startswith("/"):
            return self.open(urljoin(str(page.url), answer.headers["location"]))
        return answer

    def authorize_url(self, **changes: str | None) -> str:
        """A correct authorization request with ``changes``; ``None`` omits a parameter."""
        query: dict[str, str | None] = {
            "client_id": CLIENT.id,
            "redirect_uri": CLIENT.redirect_uris[0],
            "response_type": "code",
            "scope": "openid profile email groups",
            "state": "the state",
            "nonce": "the nonce",
        }
        kept = {name: value for name, value in (query | changes).items() if value is not None}
        return str(httpx.URL(self.url("/auth"), params=kept))

    def sign_in(self, url: str, user: str = "admin@example.com") -> httpx.Response:
        return self.submit(self.open(url), login=user, password="password")

    def code(self, **changes: str | None) -> str:
        """A new code for an authorization request."""
        return query_of(self.sign_in(self.authorize_url(**changes)))["code"]

    def exchange(self, code: str, client: IdpClient = CLIENT, /, **changes: str) -> httpx.Response:
        values = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CLIENT.redirect_uris[0],
            "client_id": client.id,
            "client_secret": client.secret,
        }
        return self.http.post(self.url("/token"), data=values | changes)

    def tokens(self, **changes: str | None) -> dict[str, Any]:
        answer = self.exchange(self.code(**changes))
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    def refresh(self, token: str, client: IdpClient = CLIENT, /, **changes: str) -> httpx.Response:
        values = {"grant_type": "refresh_token", "refresh_token": token}
        credentials = {"client_id": client.id, "client_secret": client.secret}
        return self.http.post(self.url("/token"), data=values | credentials | changes)


def query_of(redirect: httpx.Response) -> dict[str, str]:
    """The query of the redirect to the client."""
    assert redirect.status_code == 303, redirect.text
    return dict(parse_qsl(urlsplit(redirect.headers["location"]).query, keep_blank_values=True))


def find_dex() -> Path | None:
    """The real Dex on ``PATH`` or in the test bed's cache."""
    cache = Path(os.environ.get("TESTBED_CACHE", "/var/cache/testbed"))
    on_path = shutil.which("dex")
    candidates = [Path(on_path)] if on_path else []
    return next((path for path in [*candidates, cache / "bin" / "dex"] if is_dex(path)), None)


@contextmanager
def run_stand_in(directory: Path) -> Iterator[IdpConfig]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        issuer = f"http://localhost:{listener.getsockname()[1]}/dex"
        config = new_config(issuer, bcrypt_cost=4, api_address=_free_address())
        config.write(directory / "idp.json")
        command = [sys.executable, "-m", "pytest_plexdev.stack.embedded.dex_standin"]
        arguments = ["--listen", f"fd:{listener.fileno()}", "--config", str(directory / "idp.json")]
        with _running([*command, *arguments], directory / "log", pass_fds=(listener.fileno(),)):
            _wait_until_healthy(config)
            yield config


@contextmanager
def run_real_dex(directory: Path, dex: Path) -> Iterator[IdpConfig]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    config = new_config(f"http://localhost:{port}/dex", api_address=_free_address())
    write_dex_config(config, directory / "dex.yaml")
    with _running([str(dex), "serve", str(directory / "dex.yaml")], directory / "log"):
        _wait_until_healthy(config)
        yield config


def _free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def _running(command: list[str], log: Path, *, pass_fds: tuple[int, ...] = ()) -> Iterator[None]:
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=output, pass_fds=pass_fds) as process,
    ):
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(5)
            finally:
                process.kill()


def _wait_until_healthy(config: IdpConfig) -> None:
    retrying = Retrying(
        retry=retry_if_exception_type(httpx.TransportError),
        wait=wait_fixed(0.02),
        stop=stop_after_delay(10),
        reraise=True,
    )
    answer = retrying(httpx.get, f"{config.issuer}/healthz")
    assert answer.text == "Health check passed"
