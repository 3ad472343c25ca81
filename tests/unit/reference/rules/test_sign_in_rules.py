from __future__ import annotations

import uuid

import pytest

from plexsphere_reference.rules.sign_in import (
    Binding,
    NoBinding,
    Unresolved,
    WrongReturn,
    check_return_to,
    choose,
    code_challenge,
)

ORIGIN = "http://localhost:8080"


def _binding(alias: str | None = None, *, primary: str = "no") -> Binding:
    return Binding(
        id=uuid.uuid4(),
        domain_id=uuid.uuid4(),
        issuer="http://localhost:5556/dex",
        client_id="c",
        client_secret_ref="env:X",
        discovery_url="http://dex:5556/dex/.well-known/openid-configuration",
        claim_mappings={},
        required_acr=(),
        required_amr=(),
        jit_policy="allow",
        alias=alias,
        primary=primary == "yes",
    )


def test_a_binding_is_chosen_by_id_alias_primary_or_being_alone() -> None:
    one, two, main = _binding("one"), _binding("two"), _binding("main", primary="yes")

    assert choose([one, two, main], binding_id=two.id) is two
    assert choose([one, two, main], binding_id=None, alias="one") is one
    assert choose([one, two, main], binding_id=None) is main
    assert choose([one], binding_id=None) is one


def test_several_bindings_without_a_primary_need_a_name() -> None:
    with pytest.raises(Unresolved, match="several IdP bindings"):
        choose([_binding("one"), _binding("two")], binding_id=None)


@pytest.mark.parametrize(("binding_id", "alias"), [(uuid.uuid4(), None), (None, "none"), (None, "")])
def test_a_binding_that_is_named_is_never_replaced(binding_id: uuid.UUID | None, alias: str | None) -> None:
    with pytest.raises(NoBinding):
        choose([_binding("one", primary="yes")], binding_id=binding_id, alias=alias)


def test_a_domain_without_bindings() -> None:
    with pytest.raises(NoBinding):
        choose([], binding_id=None)


@pytest.mark.parametrize(
    "value",
    ["/", "/?x=1", "/v1/device", "/v1/device?user_code=ABCD-EFGH", ORIGIN, f"{ORIGIN}/", f"{ORIGIN}/v1/docs#x"],
)
def test_where_a_sign_in_may_return_to(value: str) -> None:
    assert check_return_to(value, public_url=ORIGIN) == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "v1/device",
        "//evil.example/v1/device",
        "///v1/device",
        "/\\evil.example",
        "\\\\evil.example",
        "/v1/device\n",
        "/v1/device\x7f",
        "/v1/device/../../x",
        "/v1/device?x=é",
        "/ /evil.example",
        "http://localhost:8080@evil.example/",
        "http://user@localhost:8080/",
        "http://localhost:8080.evil.example/",
        "http://localhost:80800/",
        "https://localhost:8080/",
        "HTTP://localhost:8080\\@evil.example/",
        "javascript://localhost:8080/%0aalert(1)",
        "data:text/html,x",
        "http:/v1/device",
    ],
)
def test_where_it_may_not(value: str) -> None:
    with pytest.raises(WrongReturn):
        check_return_to(value, public_url=ORIGIN)


def test_the_challenge_is_the_one_of_rfc_7636() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

    assert code_challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
