"""A broken or hostile identity provider never causes a 500, and its answers are not disclosed."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from io import BufferedIOBase
from typing import Any

import pytest

from tests.support.hostile_idp import refused
from tests.support.rogue_idp import RogueIdp
from tests.support.rogue_tenant import Tenant

DISCOVERY, TOKEN, KEYS = "/idp/.well-known/openid-configuration", "/idp/token", "/idp/keys"
CANNOT_BE_USED = "the identity provider of this IdP binding cannot be used; the log says why"

BODIES = {
    "empty": b"",
    "not UTF-8": b'{"issuer": "\xff", "error": "\xff", "id_token": "\xff", "keys": "\xff"}',
    "UTF-16": '{"issuer": "x"}'.encode("utf-16"),
    "a surrogate": b'{"issuer": "\\ud800", "error": "\\ud800", "keys": ["\\ud800"]}',
    "arrays, 3,000 deep": b"[" * 3000 + b"]" * 3000,
    "objects, 3,000 deep": b'{"a":' * 3000 + b"1" + b"}" * 3000,
    "an open end, 100,000 deep": b"[" * 100_000,
    "a known member, 3,000 deep": b'{"issuer":' + b"[" * 3000 + b"]" * 3000 + b"}",
    "a key, 3,000 deep": b'{"keys":[' + b'{"kty":' * 3000 + b"1" + b"}" * 3000 + b"]}",
    "a number beyond floats": b'{"issuer": 1e999, "error": 1e999, "keys": [1e999]}',
    "a number of 10,000 digits": b'{"issuer": ' + b"9" * 10_000 + b', "error": ' + b"9" * 10_000 + b"}",
    "NaN": b'{"issuer": NaN}',
    "text": b'"issuer"',
    "null": b"null",
    "a page": b"<!doctype html><title>Intranet</title>",
    "wrong types": b'{"issuer": [], "error": {}, "id_token": 7, "keys": {"a": 1}}',
    "two megabytes": b" " * 2_000_000,
}


def _raw(*parts: bytes, status: bytes = b"200 OK") -> Callable[[BufferedIOBase], object]:
    return lambda file: file.write(b"HTTP/1.1 " + status + b"\r\n" + b"".join(parts))


def _without_end(file: BufferedIOBase) -> None:
    file.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        file.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")


_GZIP = b"Content-Encoding: gzip\r\n\r\n"
WIRES: dict[str, Callable[[BufferedIOBase], object]] = {
    "nothing": lambda _: None,
    "no HTTP": lambda file: file.write(b"220 mail.example ESMTP\r\n"),
    "bytes": lambda file: file.write(bytes(range(256)) * 8),
    "cut off": _raw(b"Content-Length: 100\r\n\r\n{"),
    "a length that is none": _raw(b"Content-Length: many\r\n\r\n{}"),
    "two lengths": _raw(b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}}"),
    "a chunk that is none": _raw(b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
    "no end": _without_end,
    "inflated, fifty megabytes": lambda file: _raw(_GZIP, gzip.compress(b" " * 50_000_000, 1))(file),
    "not gzip": _raw(_GZIP, b"{}"),
    "an encoding nobody knows": _raw(b"Content-Encoding: \xff\r\n\r\n{}"),
    "a redirect": _raw(b"Location: http://169.254.169.254/\r\n\r\n", status=b"302 Found"),
    "a redirect to nowhere": _raw("Location: http://[€\r\n\r\n".encode(), status=b"302 Found"),
    "another protocol": _raw(b"Upgrade: x\r\nConnection: upgrade\r\n\r\n", status=b"101 Switching Protocols"),
    "no content": _raw(b"\r\n", status=b"204 No Content"),
    "a status that is none": _raw(b"\r\n{}", status=b"999 ?"),
    "headers without end": _raw(b"X: y\r\n" * 100_000),
    "a header that is none": _raw(b"X\x00: y\r\n\r\n{}"),
    "a thousand cookies": _raw(b"".join(b"Set-Cookie: a%d=b; Max-Age=99e9\r\n" % n for n in range(1000)) + b"\r\n{"),
}

URLS = (
    "http://[",
    "http://[::1",
    "http://[fe80::1%25eth0]/",
    "http://",
    "http:///auth",
    "http://:80/",
    "http://host:99999/",
    "http://host:0/",
    "http://host:port/",
    "http://user@host/",
    "http://user:password@host/",
    "https://accounts.example@evil.example/",
    "http://host/#fragment",
    "http://host\\@evil.example/",
    "http://ho st/",
    "http://host/a b",
    "http://€.example/",
    "http://host/€",
    "http://host/\r\nX-Injected: 1",
    "\thttp://host/",
    "http://host/\x00",
    "http://host/<script>",
    "http://-host/",
    "http://%68ost/",
    "http://" + "a" * 3000,
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "ftp://host/",
    "//host/",
    "/auth",
    "",
    "\ud800",
)


def _document(idp: RogueIdp, **members: Any) -> tuple[int, bytes]:
    _, body = idp.answer(DISCOVERY)
    return 200, json.dumps({**json.loads(body), **members}).encode()


# ---- whatever it answers ----------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 400])
def test_a_body_of_any_kind(tenant: Tenant, status: int) -> None:
    for path, kind, call in (
        (DISCOVERY, "idp_discovery_failed", tenant.start),
        (TOKEN, "idp_exchange_failed", tenant.sign_in),
        (KEYS, "idp_discovery_failed", tenant.sign_in),
    ):
        for body in BODIES.values():
            tenant.idp.answers = {path: (status, body)}
            refused(call(), kind)
    tenant.idp.answers = {}
    assert tenant.sign_in().status_code == 303


@pytest.mark.parametrize("name", WIRES)
def test_an_answer_of_any_kind(tenant: Tenant, name: str) -> None:
    for path, kind, call in (
        (DISCOVERY, "idp_discovery_failed", tenant.start),
        (TOKEN, "idp_exchange_failed", tenant.sign_in),
        (KEYS, "idp_discovery_failed", tenant.sign_in),
    ):
        tenant.idp.raw = {path: WIRES[name]}
        refused(call(), kind)
    tenant.idp.raw = {}
    assert tenant.sign_in().status_code == 303


@pytest.mark.parametrize("member", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_every_url_of_the_document_is_checked_before_it_is_used(tenant: Tenant, member: str) -> None:
    for url in URLS:
        tenant.idp.answers = {DISCOVERY: _document(tenant.idp, **{member: url})}
        refused(tenant.start(), "idp_discovery_failed")


@pytest.mark.parametrize("value", [None, 7, True, [], {}, ["http://host/"], 1e308])
def test_members_of_any_type(tenant: Tenant, value: object) -> None:
    methods = "token_endpoint_auth_methods_supported"
    for member in ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", methods):
        if (member, value) in ((methods, []), (methods, ["http://host/"])):
            continue
        tenant.idp.answers = {DISCOVERY: _document(tenant.idp, **{member: value})}
        refused(tenant.start(), "idp_discovery_failed")


def test_the_last_of_duplicate_members_is_checked_and_used(tenant: Tenant) -> None:
    _, body = _document(tenant.idp)
    tenant.idp.answers = {DISCOVERY: (200, b'{"issuer": "x", "jwks_uri": "javascript:x",' + body[1:])}
    assert tenant.sign_in().status_code == 303

    tenant.set(issuer=f"{tenant.idp.issuer}/other")
    tenant.idp.issuer += "/other"
    _, body = _document(tenant.idp)
    tenant.idp.answers = {DISCOVERY: (200, body[:-1] + b', "jwks_uri": "javascript:x"}')}
    refused(tenant.start(), "idp_discovery_failed")


@pytest.mark.parametrize(
    "date", ["yesterday", "Mon, 99 Foo 9999 99:99:99 GMT", "Mon, 01 Jan 0001 00:00:00 +2359", "9" * 400, "\x80"]
)
def test_a_clock_that_says_nothing(tenant: Tenant, date: str) -> None:
    tenant.idp.headers = {"Date": date}
    assert tenant.sign_in().status_code == 303

    tenant.idp.claims = {"exp": 1}
    assert tenant.refused() == (502, "id_token_expired")


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": {"a": 1}},
        {"aud": [[], {}, None]},
        {"exp": 10**400},
        {"exp": float("inf")},
        {"iat": float("nan")},
        {"nbf": -1e999},
        {"iss": ["x"]},
        {"nonce": {}},
        {"sub": ["x"]},
        {"sub": "\U0010ffff" * 200},
        {"azp": []},
        {"amr": {"a": 1}, "sub": None},
    ],
    ids=str,
)
def test_claims_of_any_type(tenant: Tenant, claims: dict[str, Any]) -> None:
    tenant.idp.claims = claims

    assert tenant.sign_in().status_code in (303, 400, 502)


def test_one_usable_key_among_others(tenant: Tenant) -> None:
    """RFC 7517 §5: unusable keys are ignored."""
    good = tenant.idp.key.as_dict(private=False)
    others: list[Any] = [7, None, [], {}, {"kty": []}, {"kty": "RSA"}, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}]
    others += [{**good, "kid": "e", "e": "A" * 9000}, {**good, "kid": "n", "n": "A" * 9000}, {**good, "use": "enc"}]
    others += [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, {"kty": "OKP", "crv": "Ed25519", "x": "AA"}]
    tenant.idp.answers = {KEYS: (200, json.dumps({"keys": [*others, good]}).encode())}

    assert tenant.sign_in().status_code == 303
