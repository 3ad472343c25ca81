"""Any input of an identity provider is either usable or refused with the declared error."""

from __future__ import annotations

import base64
import contextlib
import functools
import json
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc.jwk import KeySet, RSAKey

from plexsphere_reference.key_sets import WrongKeySet, claims_of, key_set
from plexsphere_reference.log import log
from plexsphere_reference.oidc_providers import Metadata
from plexsphere_reference.rules.id_token import Expected, IdTokenRefused, check, person
from plexsphere_reference.rules.idp import is_web_url
from plexsphere_reference.untrusted_json import Unreadable, decode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=6), each, max_size=4),
    max_leaves=12,
)
MEMBERS = st.sampled_from(["kty", "use", "n", "e", "crv", "x", "y", "kid", "alg", "key_ops", "d", "x5c"])
VALUES = JSON | st.sampled_from(["RSA", "EC", "sig", "AQAB", "P-256", "A" * 342, "A" * 43, "RS256"])
HEADERS = st.dictionaries(
    st.sampled_from(["alg", "kid", "typ", "crit", "jwk", "jku", "b64", "x5c", "zip"]),
    JSON | st.sampled_from(["RS256", "ES256", "HS256", "none", "one"]),
)
ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine must not fail the test."""
EXPECTED = Expected(issuer="i", client_id="c", nonce="n", now=1.8e9)


@functools.cache
def _keys() -> KeySet:
    return KeySet([RSAKey.generate_key(2048, {"kid": "one"})])


@ANY_SPEED
@given(st.binary() | JSON.map(lambda each: json.dumps(each).encode()))
def test_content_is_the_document_or_unreadable(content: bytes) -> None:
    with contextlib.suppress(Unreadable):
        decode(content, Metadata)


@ANY_SPEED
@given(st.lists(JSON | st.dictionaries(MEMBERS, VALUES), max_size=5))
def test_a_key_set_has_usable_keys_or_is_wrong(keys: list[Any]) -> None:
    with contextlib.suppress(WrongKeySet):
        assert key_set(json.dumps({"keys": keys}).encode())


@ANY_SPEED
@given(HEADERS, JSON, st.binary(max_size=300))
def test_a_token_is_refused_unless_a_key_signed_it(header: dict[str, Any], payload: object, signature: bytes) -> None:
    parts = (json.dumps(header).encode(), json.dumps(payload).encode(), signature)
    token = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    with contextlib.suppress(IdTokenRefused):
        assert claims_of(token, _keys()) is None


@ANY_SPEED
@given(st.text())
def test_text_that_is_no_token_is_refused(text: str) -> None:
    with contextlib.suppress(IdTokenRefused):
        assert claims_of(text, _keys()) is None


@ANY_SPEED
@given(
    st.dictionaries(
        st.sampled_from(["iss", "aud", "azp", "exp", "iat", "nbf", "nonce", "sub", "email", "name", "acr", "amr"]),
        JSON | st.sampled_from(["i", "c", "n", 1.8e9, 1.9e9]),
    )
)
def test_claims_are_a_person_s_or_refused(claims: dict[str, Any]) -> None:
    with contextlib.suppress(IdTokenRefused):
        check(claims, EXPECTED)
    with contextlib.suppress(IdTokenRefused):
        person(claims, {}, required_acr=["a"], required_amr=["b"])


@ANY_SPEED
@given(st.text() | st.from_regex(r"https?://[^/]*(/.*)?", fullmatch=True))
def test_a_web_url_is_one_to_every_reader(text: str) -> None:
    if not is_web_url(text):
        return
    parts, url = urlsplit(text), httpx.URL(text)
    assert parts.scheme == url.scheme
    assert url.host
    assert not url.userinfo
    assert text.isascii()
    assert text.isprintable()


@pytest.mark.parametrize(
    "text",
    [
        "http://dex:5556/dex/.well-known/openid-configuration",
        "http://localhost:5556/dex",
        "https://login.example.com./a?b=c&d=%20",
        "http://[::1]:5556/dex",
        "http://127.0.0.1/",
        "https://my_host/~a/(b)",
        "HTTPS://EXAMPLE.COM",
    ],
)
def test_what_is_a_web_url(text: str) -> None:
    assert is_web_url(text)


def test_a_line_of_the_log_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    log("WARN", "said", reason='a\r\nb\x1b[2J\u2028"\ud800')

    assert capsys.readouterr().err == 'level=WARN msg="said" reason="a\\r\\nb\\x1b[2J\\u2028\\"\\ud800"\n'
