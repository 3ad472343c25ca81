"""The relying party with an identity provider that is wrong, rotates its keys, or has another address."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import RSAKey

from tests.support.browsing import problem
from tests.support.rogue_idp import CLIENT, SECRET, SECRET_REF, RogueIdp, rogue_idp
from tests.support.rogue_tenant import Tenant


@pytest.fixture
def own() -> Iterator[RogueIdp]:
    """An identity provider that the settings know nothing of."""
    with rogue_idp() as idp:
        yield idp


def test_what_is_sent_for_the_code(tenant: Tenant) -> None:
    assert tenant.sign_in().status_code == 303

    form = tenant.idp.token_forms[0]
    assert form.pop("authorization") == "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
    assert len(form.pop("code_verifier")) == 43
    assert form == {
        "grant_type": "authorization_code",
        "code": "a+code/of=the rogue",
        "redirect_uri": f"{tenant.plane.url}/v1/auth/callback",
    }


def test_what_the_token_says_is_who_one_is(tenant: Tenant) -> None:
    tenant.idp.claims = {"email": "ro@gue.example", "acr": "urn:mfa", "amr": ["pwd", "otp"], "aud": [CLIENT, "b"]}
    tenant.idp.claims["azp"] = CLIENT

    who = tenant.whoami()

    assert (who["email"], who["acr"], who["amr"]) == ("ro@gue.example", "urn:mfa", ["pwd", "otp"])
    assert who["domain_id"] == tenant.domain_id


def test_claim_mappings_say_which_claim_is_what(tenant: Tenant) -> None:
    tenant.set(claim_mappings='{"email": "mail", "display_name": "cn"}')
    tenant.idp.claims = {"mail": "m@x.example", "email": "other@x.example", "cn": "Ro Gue"}

    who = tenant.whoami()

    assert who["email"] == "m@x.example"
    stored = tenant.plane.sql("SELECT display_name FROM plexsphere.users WHERE id = %s", who["subject"])
    assert stored == [("Ro Gue",)]


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"iss": "https://evil.example"}, (502, "id_token_invalid")),
        ({"aud": "other"}, (502, "id_token_invalid")),
        ({"aud": None}, (502, "id_token_invalid")),
        ({"aud": [CLIENT, "other"]}, (502, "id_token_invalid")),
        ({"aud": [CLIENT, "other"], "azp": "other"}, (502, "id_token_invalid")),
        ({"azp": "other"}, (502, "id_token_invalid")),
        ({"nonce": "other"}, (400, "nonce_mismatch")),
        ({"nonce": None}, (400, "nonce_mismatch")),
        ({"exp": None}, (502, "id_token_invalid")),
        ({"exp": "tomorrow"}, (502, "id_token_invalid")),
        ({"exp": 1e300}, (502, "id_token_invalid")),
        ({"iat": None}, (502, "id_token_invalid")),
        ({"iat": True}, (502, "id_token_invalid")),
        ({"sub": None}, (502, "id_token_invalid")),
        ({"sub": ""}, (502, "id_token_invalid")),
        ({"sub": 7}, (502, "id_token_invalid")),
        ({"sub": "a\0b"}, (502, "id_token_invalid")),
        ({"sub": "\ud800"}, (502, "id_token_invalid")),
        ({"sub": "x" * 256}, (502, "id_token_invalid")),
    ],
)
def test_a_token_that_does_not_hold_is_refused(
    tenant: Tenant, claims: dict[str, object], expected: tuple[int, str]
) -> None:
    tenant.idp.claims = claims

    assert tenant.refused() == expected
    assert tenant.plane.sql("SELECT count(*) FROM plexsphere.users WHERE domain_id = %s", tenant.domain_id) == [(0,)]


def test_claims_that_cannot_be_shown_are_left_out(tenant: Tenant) -> None:
    tenant.idp.claims = {"email": "a\0b", "name": ["x"], "acr": {"a": 1}, "amr": ["pwd", 7, "\ud800"]}

    who = tenant.whoami()

    assert "email" not in who
    assert "acr" not in who
    assert who["amr"] == ["pwd"]


def test_a_token_that_nobody_signed_is_refused(tenant: Tenant) -> None:
    other = RSAKey.generate_key(2048, {"kid": "one"})
    forged = (
        tenant.idp.signed(other, "RS256"),
        tenant.idp.signed_with_public_key(),
        tenant.idp.unsigned(),
        "not.a.token",
        " ",
    )
    for id_token in forged:
        tenant.idp.id_token = id_token
        assert tenant.refused() == (502, "id_token_invalid")


def test_rotated_keys_are_fetched_when_they_are_met(tenant: Tenant) -> None:
    assert tenant.sign_in().status_code == 303
    assert tenant.sign_in().status_code == 303
    assert tenant.idp.requests.count("/idp/keys") == 1
    assert tenant.idp.requests.count("/idp/.well-known/openid-configuration") == 1

    for kid in ("two", "two"):  # a new id, then a new key under a known id
        tenant.idp.key = RSAKey.generate_key(2048, {"kid": kid})
        tenant.idp.published = [tenant.idp.key]
        assert tenant.sign_in().status_code == 303
    assert tenant.idp.requests.count("/idp/keys") == 3


def test_endpoints_are_dialled_where_the_discovery_document_is(tenant: Tenant) -> None:
    """As in a cluster: the issuer is the browser's address, the discovery URL the service's."""
    tenant.idp.issuer = tenant.idp.endpoints_at = "http://nowhere.invalid:5556/idp"
    tenant.set(issuer=tenant.idp.issuer)

    started = tenant.start().json()

    assert started["authorization_url"].startswith("http://nowhere.invalid:5556/idp/auth?")
    assert tenant.sign_in().status_code == 303
    assert {"/idp/token", "/idp/keys"} <= set(tenant.idp.requests)


def test_a_discovery_document_of_another_issuer_is_refused(tenant: Tenant) -> None:
    tenant.idp.issuer = "https://evil.example"

    assert problem(tenant.start()) == (502, "idp_discovery_failed")


@pytest.mark.parametrize(
    "answer", [(200, b""), (200, b"{}"), (200, b"[]"), (500, b"{}"), (302, b""), (200, b" " * 2_000_000)]
)
def test_what_is_no_discovery_document_is_refused(tenant: Tenant, answer: tuple[int, bytes]) -> None:
    tenant.idp.answers["/idp/.well-known/openid-configuration"] = answer

    assert problem(tenant.start()) == (502, "idp_discovery_failed")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "ftp://x/", "http://[", "x", "http://\udcff/"])
def test_a_discovery_url_that_leads_nowhere(tenant: Tenant, url: str) -> None:
    tenant.set(discovery_url=url.encode("utf-8", "replace").decode())

    assert problem(tenant.start()) == (502, "idp_discovery_failed")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((400, b'{"error":"invalid_grant","error_description":"Invalid or expired code parameter."}'), 400),
        ((401, b'{"error":"invalid_client"}'), 502),
        ((500, b"<html>"), 502),
        ((200, b"{}"), 502),
        ((200, b'{"id_token": 7}'), 502),
    ],
)
def test_what_the_token_endpoint_refuses(tenant: Tenant, answer: tuple[int, bytes], expected: int) -> None:
    tenant.idp.answers["/idp/token"] = answer

    assert tenant.refused() == (expected, "code_rejected" if expected == 400 else "idp_exchange_failed")


@pytest.mark.parametrize("keys", [b"", b"[]", b"{}", b'{"keys":[{"kty":"RSA"}]}', b'{"keys":7}', b'{"keys":[7]}'])
def test_a_key_set_that_cannot_be_read(tenant: Tenant, keys: bytes) -> None:
    tenant.idp.answers["/idp/keys"] = (200, keys)

    assert tenant.refused() == (502, "idp_discovery_failed")


@pytest.mark.parametrize(
    ("seconds", "says"), [(-400, "id_token has expired: exp is 2"), (90, "id_token was issued in the future: iat is 2")]
)
def test_clock_skew_is_named(tenant: Tenant, seconds: float, says: str) -> None:
    tenant.idp.clock_ahead = seconds

    response = tenant.sign_in()

    assert response.status_code == 502
    detail = response.json()["detail"]
    assert detail.startswith(says)
    told = re.search(r"the identity provider's is (\d+) s (ahead|behind) ", detail)
    assert told is not None
    assert abs(int(told[1]) - abs(seconds)) <= 1
    assert told[2] == ("ahead" if seconds > 0 else "behind")


@pytest.mark.parametrize("seconds", [-30, 30])
def test_a_little_skew_is_accepted(tenant: Tenant, seconds: float) -> None:
    tenant.idp.clock_ahead = seconds

    assert tenant.sign_in().status_code == 303


def test_required_acr_and_amr(tenant: Tenant) -> None:
    tenant.set(required_acr=["gold", "silver"], required_amr=["otp"])
    for claims in ({}, {"acr": "gold"}, {"acr": "bronze", "amr": ["otp"]}, {"acr": "gold", "amr": ["pwd"]}):
        tenant.idp.claims = claims
        assert tenant.refused() == (400, "assurance_insufficient")

    tenant.idp.claims = {"acr": "silver", "amr": ["pwd", "otp"]}
    assert tenant.sign_in().status_code == 303
    reasons = tenant.plane.sql(
        "SELECT reason FROM plexsphere.audit_entries WHERE chain_id = %s AND relation = 'auth.sign_in.complete'"
        " ORDER BY seq",
        tenant.domain_id,
    )
    assert [reason for (reason,) in reasons] == [*["caveat_violation"] * 4, "granted"]


def test_jit_deny_admits_only_who_is_known(tenant: Tenant) -> None:
    tenant.set(jit_policy="deny")
    assert tenant.refused() == (400, "jit_provisioning_denied")

    tenant.set(jit_policy="allow")
    who = tenant.whoami()
    tenant.set(jit_policy="deny")
    assert tenant.whoami() == who


def test_a_secret_that_does_not_resolve(tenant: Tenant) -> None:
    references = (
        "env:PLEXSPHERE_NO_CLIENT_SECRET",
        "env:PLEXSPHERE_DATABASE_URL",
        "ENV:PLEXSPHERE_ROGUE_CLIENT_SECRET",
    )
    for reference in (*references, "vault:x", ""):
        tenant.set(client_secret_ref=reference)
        assert tenant.refused() == (502, "idp_secret_unavailable")
    assert tenant.idp.token_forms == []


@pytest.mark.parametrize(
    "reference", ["env:PLEXSPHERE_DEX_CLIENT_SECRET", "env:PLEXSPHERE_SAMPLE_CLIENT_SECRET", SECRET_REF]
)
def test_a_plane_secret_is_never_sent_to_a_foreign_idp(tenant: Tenant, own: RogueIdp, reference: str) -> None:
    """A binding older than the settings, which no check of a create or a patch has validated."""
    tenant.idp = own
    tenant.set(issuer=own.issuer, discovery_url=own.discovery_url, client_secret_ref=reference)

    assert tenant.refused() == (502, "idp_secret_unavailable")
    assert own.token_forms == []
    log = tenant.plane.log.read_text()
    assert f"binding={tenant.binding_id} reference={reference} discovery_url={own.discovery_url}" in log


def test_the_prompt_goes_to_the_identity_provider(tenant: Tenant) -> None:
    url = tenant.start(prompt="login&state=mine").json()["authorization_url"]

    assert parse_qs(urlsplit(url).query)["prompt"] == ["login&state=mine"]
