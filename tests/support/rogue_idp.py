"""An identity provider whose answers and signatures a test chooses, for tests of the relying party."""

from __future__ import annotations

import base64
import contextlib
import functools
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any
from urllib.parse import parse_qs

from joserfc import jws
from joserfc.jwk import KeySet, RSAKey

CLIENT, SECRET = "plexsphere-test", "rogue-client-secret"
SECRET_REF = "env:PLEXSPHERE_ROGUE_CLIENT_SECRET"
_HMAC_HEADER = b'{"alg":"HS256","kid":"one"}'
_NO_HEADER = b'{"alg":"none"}'


@functools.cache
def first_key() -> RSAKey:
    """Return the key that all tests share: generating one takes longer than most tests."""
    return RSAKey.generate_key(2048, {"kid": "one"})


@dataclass
class RogueIdp:
    """The provider's answers; tests change the members.

    Attributes:
        issuer: The issuer that it claims to be, which may differ from its address.
        raw: By path, a function that writes a complete response with its status line. The connection is then closed.
        clock_ahead: Seconds that its clock is ahead.
    """

    origin: str
    issuer: str
    endpoints_at: str
    claims: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=first_key)
    published: list[RSAKey] = field(default_factory=list)
    id_token: str | None = None
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    raw: dict[str, Callable[[BufferedIOBase], object]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    cookies_seen: list[str] = field(default_factory=list)
    clock_ahead: float = 0.0
    nonce: str = ""
    requests: list[str] = field(default_factory=list)
    token_forms: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.published = [self.key]

    @property
    def discovery_url(self) -> str:
        return f"{self.origin}/idp/.well-known/openid-configuration"

    def answer(self, path: str) -> tuple[int, bytes]:
        self.requests.append(path)
        if path in self.answers:
            return self.answers[path]
        body: dict[str, Any]
        match path:
            case "/idp/.well-known/openid-configuration":
                body = {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.endpoints_at}/auth",
                    "token_endpoint": f"{self.endpoints_at}/token",
                    "jwks_uri": f"{self.endpoints_at}/keys",
                }
            case "/idp/keys":
                body = dict(KeySet(list(self.published)).as_dict(private=False))
            case "/idp/token":
                body = {"id_token": self.id_token or self.signed(self.key, "RS256"), "token_type": "bearer"}
            case _:
                return 404, b"{}"
        return 200, json.dumps(body).encode()

    def signed(self, key: RSAKey, algorithm: str) -> str:
        return jws.serialize_compact({"alg": algorithm, "kid": key.kid}, self._payload(), key, [algorithm])

    def signed_with_public_key(self) -> str:
        """Return a token of the algorithm confusion attack: the public key is used as an HMAC secret."""
        text = f"{_b64(_HMAC_HEADER)}.{_b64(self._payload())}"
        return f"{text}.{_b64(hmac.digest(self.key.as_pem(private=False), text.encode(), 'sha256'))}"

    def unsigned(self) -> str:
        return f"{_b64(_NO_HEADER)}.{_b64(self._payload())}."

    def _payload(self) -> bytes:
        return json.dumps(self._claims()).encode()

    def _claims(self) -> dict[str, Any]:
        now = int(time.time() + self.clock_ahead)
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "rogue|1",
            "nonce": self.nonce,
            "iat": now,
            "exp": now + 300,
            **self.claims,
        }
        return {name: value for name, value in claims.items() if value is not None}


@contextmanager
def rogue_idp(port: int = 0) -> Iterator[RogueIdp]:
    """Run a provider on *port*, by default a free one. Its issuer is always new, because the plane caches issuers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(raw).items()}
            idp.token_forms.append({**form, "authorization": self.headers.get("authorization", "")})
            self._answer()

        def _answer(self) -> None:
            idp.cookies_seen += self.headers.get_all("cookie") or []
            if write := idp.raw.get(self.path):
                idp.requests.append(self.path)
                with contextlib.suppress(OSError):
                    write(self.wfile)
                self.close_connection = True
                return
            status, body = idp.answer(self.path)
            self.send_response_only(status)
            headers = {"Date": formatdate(time.time() + idp.clock_ahead, usegmt=True), **idp.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        origin = f"http://127.0.0.1:{server.server_port}"
        idp = RogueIdp(origin, issuer=f"{origin}/{secrets.token_hex(4)}", endpoints_at=f"{origin}/idp")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield idp
        finally:
            server.shutdown()
            thread.join()


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
