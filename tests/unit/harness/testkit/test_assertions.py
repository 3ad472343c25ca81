from __future__ import annotations

import httpx
import pytest

from pytest_plexdev import ProblemError, assert_problem
from pytest_plexdev.api.problems import problem_of

REQUEST = httpx.Request("POST", "http://localhost:1/v1/projects")
BODY = {
    "status": 403,
    "code": "permission_denied",
    "reason": "no_relation",
    "detail": "deploy is needed",
    "correlation_id": "c-1",
}


def refused(**members: object) -> httpx.Response:
    body = BODY | members
    return httpx.Response(int(str(body["status"])), json=body, request=REQUEST)


def message_of(response: httpx.Response, status: int, code: str, reason: str | None = None) -> str:
    with pytest.raises(AssertionError) as failed:
        assert_problem(response, status, code, reason=reason)
    return str(failed.value)


def test_the_problem_of_a_response_is_returned() -> None:
    problem = assert_problem(refused(), 403, "permission_denied", reason="no_relation")

    assert problem.detail == "deploy is needed"


def test_a_problem_error_and_what_was_caught_are_accepted() -> None:
    with pytest.raises(ProblemError) as caught:
        raise problem_of(refused())

    assert assert_problem(caught, 403, "permission_denied") == assert_problem(caught.value, 403, "permission_denied")


def test_another_refusal_is_explained() -> None:
    assert message_of(refused(), 404, "project_not_found") == (
        "expected 404 project_not_found, got 403 permission_denied: deploy is needed (no_relation)\n"
        "  request: POST http://localhost:1/v1/projects\n"
        "  correlation_id: c-1"
    )


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [(404, "permission_denied", None), (403, "forbidden", None), (403, "permission_denied", "suspended")],
)
def test_status_code_and_reason_each_count(status: int, code: str, reason: str | None) -> None:
    assert message_of(refused(), status, code, reason).startswith(f"expected {status} {code}")


def test_the_expected_reason_has_the_form_of_a_problem() -> None:
    message = message_of(refused(), 403, "permission_denied", "suspended")

    assert message.startswith(
        "expected 403 permission_denied (suspended), got 403 permission_denied: deploy is needed (no_relation)\n"
    )


def test_a_success_shows_its_body_without_secrets() -> None:
    response = httpx.Response(201, json={"id": "p-1", "token": "psb_dev_abcdefgh"}, request=REQUEST)
    message = message_of(response, 403, "permission_denied")

    assert message.startswith("expected 403 permission_denied, got 201\n")
    assert '  body: {"id":"p-1"' in message
    assert "abcdefgh" not in message


def test_a_page_of_a_proxy_is_shown() -> None:
    response = httpx.Response(502, text="<h1>Bad Gateway</h1>", headers={"X-Correlation-Id": "c-2"})

    assert message_of(response, 503, "authz_unavailable") == (
        "expected 503 authz_unavailable, got 502\n  correlation_id: c-2\n  body: <h1>Bad Gateway</h1>"
    )
