"""The gRPC API that creates users at run time: the same of Dex and of the stand-in."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import bcrypt
import httpx
import pytest

from pytest_plexdev.dex_api.client import DexApi
from pytest_plexdev.errors import PlexdevError
from tests.support.dex import Idp, query_of
from tests.support.oidc_tokens import claims_of

HASH = bcrypt.hashpw(b"password", bcrypt.gensalt(10)).decode()
ADMIN = "admin@example.com"


@pytest.fixture
def api(idp: Idp) -> Iterator[DexApi]:
    assert idp.config.api_address is not None
    with DexApi(idp.config.api_address) as api:
        yield api


@pytest.fixture
def email() -> str:
    return f"Ada-{uuid.uuid4().hex[:8]}@example.com"


def create(api: DexApi, email: str, **changed: str) -> bool:
    values = {"password_hash": HASH, "username": "ada", "user_id": str(uuid.uuid4()), **changed}
    return api.create_user(email, **values)


def is_signed_in(answer: httpx.Response) -> bool:
    return answer.is_redirect and "code" in query_of(answer)


def test_a_created_user_signs_in_until_deleted(idp: Idp, api: DexApi, email: str) -> None:
    url = idp.authorize_url()
    assert not is_signed_in(idp.sign_in(url, email))

    assert create(api, email)
    assert is_signed_in(idp.sign_in(url, email))
    assert is_signed_in(idp.sign_in(url, email.lower()))

    assert api.delete_user(email)
    assert not is_signed_in(idp.sign_in(url, email))
    assert not api.delete_user(email)


def test_the_id_token_is_the_users(idp: Idp, api: DexApi, email: str) -> None:
    create(api, email)

    code = query_of(idp.sign_in(idp.authorize_url(), email))["code"]

    claims = claims_of(idp.exchange(code).json()["id_token"])
    assert (claims["email"].lower(), claims["email_verified"], claims["name"]) == (email.lower(), True, "ada")


def test_an_existing_user_is_kept(idp: Idp, api: DexApi, email: str) -> None:
    create(api, email)

    assert not create(api, email.upper(), password_hash=bcrypt.hashpw(b"other", bcrypt.gensalt(10)).decode())

    assert is_signed_in(idp.sign_in(idp.authorize_url(), email))


def test_users_of_the_configuration_are_not_changed(idp: Idp, api: DexApi) -> None:
    with pytest.raises(PlexdevError, match="static passwords: read-only cannot create password"):
        create(api, ADMIN.upper())
    with pytest.raises(PlexdevError, match="static passwords: read-only cannot delete password"):
        api.delete_user(ADMIN)

    assert is_signed_in(idp.sign_in(idp.authorize_url()))


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ({"user_id": ""}, "no user ID supplied"),
        ({"password_hash": ""}, "no hash of password supplied"),
        ({"password_hash": "password"}, "parsing bcrypt hash: "),
    ],
)
def test_an_incomplete_user_is_refused(api: DexApi, email: str, missing: dict[str, str], reason: str) -> None:
    with pytest.raises(PlexdevError, match=reason) as refused:
        create(api, email, **missing)

    assert refused.value.tag == "idp-users"
    assert not api.delete_user(email)
