from __future__ import annotations

from typing import Any

import pytest

from plexsphere_reference.rules.id_token import Expected, IdTokenRefused, check, person

NOW = 1_785_844_800.0
EXPECTED = Expected(issuer="http://i", client_id="c", nonce="n", now=NOW)


def _claims(**changed: Any) -> dict[str, Any]:
    return {"iss": "http://i", "aud": "c", "nonce": "n", "iat": NOW, "exp": NOW + 300, "sub": "s", **changed}


@pytest.mark.parametrize(
    "times",
    [{}, {"exp": NOW - 60}, {"iat": NOW + 60}, {"nbf": NOW + 60}, {"nbf": "x"}, {"exp": NOW + 0.5, "iat": 0}],
)
def test_clocks_may_be_a_minute_apart(times: dict[str, float]) -> None:
    check(_claims(**times), EXPECTED)


@pytest.mark.parametrize(
    ("times", "kind", "detail"),
    [
        ({"exp": NOW - 60.5}, "id_token_expired", "id_token has expired: exp is 2026-08-04T11:58:59Z"),
        ({"iat": NOW + 61}, "id_token_invalid", "id_token was issued in the future: iat is 2026-08-04T12:01:01Z"),
        ({"nbf": NOW + 61}, "id_token_invalid", "id_token is not yet valid: nbf is 2026-08-04T12:01:01Z"),
    ],
)
def test_more_is_refused_and_the_clocks_are_named(times: dict[str, float], kind: str, detail: str) -> None:
    with pytest.raises(IdTokenRefused) as refused:
        check(_claims(**times), EXPECTED)

    assert refused.value.kind == kind
    assert refused.value.detail == (
        f"{detail}; the control plane's clock is 2026-08-04T12:00:00Z; more than 60 s of clock skew is not accepted"
    )


def test_the_identity_providers_clock_is_named_where_it_is_known() -> None:
    expected = Expected(issuer="http://i", client_id="c", nonce="n", now=NOW, idp_clock=NOW - 400)

    with pytest.raises(IdTokenRefused, match=r"the identity provider's is 400 s behind \(clock skew of 60 s is"):
        check(_claims(exp=NOW - 100), expected)


def test_a_person_without_a_name_is_called_by_email_then_subject() -> None:
    def name(**claims: str) -> str:
        return person(_claims(**claims), {}, required_acr=[], required_amr=[]).display_name

    assert name(name="N", preferred_username="p", email="e@x") == "N"
    assert name(preferred_username="p", email="e@x") == "p"
    assert name(email="e@x") == "e@x"
    assert name() == "s"


def test_the_subject_is_the_claim_that_the_binding_names() -> None:
    claims = _claims(employee="42")

    assert person(claims, {"external_subject": "employee"}, required_acr=[], required_amr=[]).external_subject == "42"
    with pytest.raises(IdTokenRefused, match="names no subject"):
        person(claims, {"external_subject": "badge"}, required_acr=[], required_amr=[])


def test_at_most_sixteen_methods_are_kept_but_all_count() -> None:
    methods = [f"m{number}" for number in range(20)]

    who = person(_claims(amr=methods), {}, required_acr=[], required_amr=["m19"])

    assert who.amr == tuple(methods[:16])
