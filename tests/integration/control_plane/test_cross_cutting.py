"""Rules for every operation of every surface."""

from __future__ import annotations

import re
import uuid

import httpx
import pytest

from plexsphere_reference.http.operation import Operation
from tests.support.actors import refusal
from tests.support.contract import contract
from tests.support.control_plane import Plane
from tests.support.hostile_values import AUTHORIZATIONS
from tests.support.operations import (
    OPERATIONS,
    create,
    name_of,
    target,
    undone,
)

# ---- every answer ----------------------------------------------------------------------


def test_every_answer_has_a_correlation_id_of_its_own(acme: httpx.Client) -> None:
    answers = [acme.get("/v1/domains"), acme.get("/v1/health"), acme.get("/v1/domains/x"), acme.get("/nowhere")]

    found = {answer.headers["x-correlation-id"] for answer in answers}

    assert len(found) == len(answers)


def test_a_correlation_id_is_not_the_callers_to_choose(acme: httpx.Client) -> None:
    answer = acme.get("/v1/domains/x", headers={"X-Correlation-Id": "mine"})

    assert answer.headers["x-correlation-id"] != "mine"


def test_a_path_that_is_nowhere(acme: httpx.Client) -> None:
    for path in ("/v1/nothing", "/nothing", "/v1/domains/", "/v1//domains", "/v1/domains/a/b/c/d"):
        assert refusal(acme.get(path)) == (404, "not_found")


def test_a_method_that_a_path_has_not(acme: httpx.Client) -> None:
    answer = acme.put("/v1/domains", json={})

    assert refusal(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, POST"


def test_head_is_get_without_a_body(acme: httpx.Client) -> None:
    answer = acme.head("/v1/domains")

    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.skipif(contract() is None, reason="the contract's document is not beside the checkout")
def test_what_is_not_built_says_so(acme: httpx.Client) -> None:
    missing = undone()
    answers = {
        f"{method} {path}": acme.request(method, re.sub(r"\{\w+\}", lambda _: str(uuid.uuid4()), path))
        for method, path in missing
    }

    assert len(missing) > 100
    assert {name: answer.status_code for name, answer in answers.items() if answer.status_code != 501} == {}
    assert all(answer.json()["code"].endswith("_not_provisioned") for answer in answers.values())


# ---- who may ---------------------------------------------------------------------------


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.access != "public"], ids=name_of)
def test_without_a_credential_nothing_is_told(nobody: httpx.Client, operation: Operation) -> None:
    known = {"operator": "unauthenticated", "node": "unauthorized", "operator_or_node": "unauthenticated"}
    for path in (target(operation), target(operation, "x")):
        answer = nobody.request(operation.method, path, content=b"{")
        assert refusal(answer) == (401, known[operation.access])


@pytest.mark.parametrize("authorization", AUTHORIZATIONS, ids=lambda value: value[:30])
def test_a_credential_that_is_none(plane: Plane, nobody: httpx.Client, authorization: bytes) -> None:
    answer = nobody.get("/v1/domains", headers={b"Authorization": authorization})

    assert refusal(answer) == (401, "unauthenticated")


@pytest.mark.parametrize("ended", ["expires_at = now()", "revoked_at = now()"])
def test_a_token_that_has_ended(plane: Plane, ended: str) -> None:
    with plane.client() as client:
        assert client.get("/v1/domains").status_code == 200
        plane.sql(
            f"UPDATE plexsphere.api_tokens SET {ended} WHERE secret_hash = sha256(%s::bytea)",
            client.headers["Authorization"].removeprefix("Bearer ").encode(),
        )
        assert refusal(client.get("/v1/domains")) == (401, "unauthenticated")


@pytest.mark.parametrize("cookie", ["", "x", "psk_dev_x", "' OR 1=1--", "a" * 4000])
def test_a_cookie_that_is_none(nobody: httpx.Client, cookie: str) -> None:
    answer = nobody.get("/v1/domains", headers={"Cookie": f"plexsphere_session={cookie}"})

    assert refusal(answer) == (401, "unauthenticated")


# ---- cookies and their writes ----------------------------------------------------------


def test_a_session_reads_and_writes(session: httpx.Client) -> None:
    assert session.get("/v1/domains", headers={"X-Plexsphere-CSRF": ""}).status_code == 200
    assert create(session).status_code == 201
    assert create(session, Origin="", **{"Sec-Fetch-Site": "same-origin"}).status_code == 201


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X-Plexsphere-CSRF": ""}, "csrf_token_mismatch"),
        ({"X-Plexsphere-CSRF": "other"}, "csrf_token_mismatch"),
        ({"Origin": "https://evil.example"}, "csrf_origin_mismatch"),
        ({"Origin": "null"}, "csrf_origin_mismatch"),
        ({"Origin": ""}, "csrf_origin_mismatch"),
        ({"Origin": "", "Sec-Fetch-Site": "same-site"}, "csrf_origin_mismatch"),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, "csrf_origin_mismatch"),
    ],
    ids=str,
)
def test_a_write_that_another_page_could_have_sent(session: httpx.Client, headers: dict[str, str], code: str) -> None:
    assert refusal(create(session, **headers)) == (403, code)


def test_a_write_without_the_csrf_cookie(session: httpx.Client) -> None:
    session.headers["Cookie"] = session.headers["Cookie"].partition(";")[0]

    assert refusal(create(session)) == (403, "csrf_token_mismatch")


@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if each.access == "operator" and each.method != "GET"], ids=name_of
)
def test_every_write_by_cookie_is_held_to_csrf(session: httpx.Client, operation: Operation) -> None:
    answer = session.request(operation.method, target(operation), headers={"X-Plexsphere-CSRF": "other"})

    assert refusal(answer) == (403, "csrf_token_mismatch")


def test_a_bearer_needs_no_csrf(acme: httpx.Client) -> None:
    assert create(acme, Origin="https://elsewhere.example").status_code == 201
