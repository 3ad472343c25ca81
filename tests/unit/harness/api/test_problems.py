from __future__ import annotations

import pickle

import httpx
import pytest

from pytest_plexdev.api.problems import ProblemError, problem_of

REQUEST = httpx.Request("POST", "http://localhost:8080/v1/domains?x=1")


def test_a_problem_of_the_august_contract() -> None:
    body = {
        "type": "https://plexsphere.com/errors/domain-not-empty",
        "title": "Domain Not Empty",
        "status": 409,
        "detail": "it has children",
        "instance": "/v1/domains",
        "code": "domain_not_empty",
        "correlation_id": "c-1",
        "child_counts": {"projects": 2},
        "tomorrow": {"a": 1},
    }
    error = problem_of(httpx.Response(409, json=body, request=REQUEST))

    assert (error.status, error.code, error.correlation_id) == (409, "domain_not_empty", "c-1")
    assert error.problem.child_counts == {"projects": 2}
    assert str(error) == ("POST /v1/domains -> 409 domain_not_empty: it has children\n  correlation_id: c-1")


def test_july_has_no_correlation_id_and_the_header_may_have_it() -> None:
    body = {"status": 404, "title": "Not Found", "detail": "no"}
    headers = {"X-Correlation-Id": "c-2"}

    assert problem_of(httpx.Response(404, json=body, request=REQUEST)).correlation_id == ""
    assert problem_of(httpx.Response(404, json=body, headers=headers, request=REQUEST)).correlation_id == "c-2"


@pytest.mark.parametrize("content", [b"<h1>Bad Gateway</h1>", b"", b"\xff\xfe", b'["list"]', b'{"code": 7}'])
def test_a_body_that_is_no_problem_becomes_the_detail(content: bytes) -> None:
    error = problem_of(httpx.Response(502, content=content, request=REQUEST))

    assert (error.status, error.code) == (502, "")
    assert "502 Bad Gateway" in str(error)


def test_it_crosses_a_process_boundary() -> None:
    error = problem_of(httpx.Response(403, json={"code": "x", "detail": "d"}, request=REQUEST))
    again = pickle.loads(pickle.dumps(error))

    assert isinstance(again, ProblemError)
    assert str(again) == str(error)
