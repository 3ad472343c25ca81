"""Assert that the API refused a request, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import msgspec
import pytest

from pytest_plexdev.api.problems import CORRELATION_ID, Problem, ProblemError
from pytest_plexdev.core.untrusted_json import decode_as
from pytest_plexdev.masking.rule import mask

_SHOWN_CHARACTERS: Final = 500


class Response(Protocol):
    """What is read of a response. Those of httpx, requests and Starlette's test client have it."""

    @property
    def status_code(self) -> int: ...
    @property
    def content(self) -> bytes: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


Refusal: TypeAlias = Response | ProblemError | pytest.ExceptionInfo[ProblemError]


def assert_problem(refusal: Refusal, status: int, code: str, *, reason: str | None = None) -> Problem:
    """Assert that the API refused a request with this status and code, and return the problem.

    If it did not, the assertion error has the request, the API's explanation and the correlation id.

    Args:
        refusal: The response of any HTTP client, a :class:`ProblemError`, or what ``pytest.raises`` caught.
        status: The HTTP status.
        code: The stable code, such as ``permission_denied``.
        reason: The reason beside the code; by default any.

    Raises:
        AssertionError: The request was not refused, or for another reason.

    Example::

        import httpx
        from pytest_plexdev import assert_problem

        def test_without_a_token_the_api_refuses(plexdev_stack):
            response = httpx.get(f"{plexdev_stack.api_url}/v1/domains", trust_env=False)
            assert_problem(response, 401, "unauthenticated")
    """
    __tracebackhide__ = True
    answer = _answer_of(refusal)
    problem = answer.problem
    if (problem.status, problem.code) == (status, code) and reason in (None, problem.reason):
        return problem
    wanted = Problem(status=status, code=code, reason=reason or "").summary
    raise AssertionError(f"expected {wanted}, got {answer}")


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """What the API answered.

    Attributes:
        problem: Its body, with the status of the response. Empty members if it is no problem.
        request: Method and URL or path; empty if the client does not say.
        body: The body as text, if it is no problem.
    """

    problem: Problem
    request: str
    body: str = ""

    def __str__(self) -> str:
        problem = self.problem
        facts = {
            "request": self.request,
            "correlation_id": problem.correlation_id,
            "body": self.body,
        }
        lines = [_shorten(mask(problem.summary))]
        lines += [f"  {name}: {_shorten(mask(text))}" for name, text in facts.items() if text]
        return "\n".join(lines)


def _answer_of(refusal: Refusal) -> _Answer:
    error = refusal.value if isinstance(refusal, pytest.ExceptionInfo) else refusal
    if isinstance(error, ProblemError):
        return _Answer(problem=error.problem, request=f"{error.method} {error.path}")
    return _answer_in(error)


def _answer_in(response: Response) -> _Answer:
    try:
        problem = decode_as(response.content, Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = Problem()
    correlation_id = problem.correlation_id or response.headers.get(CORRELATION_ID, "")
    return _Answer(
        problem=msgspec.structs.replace(problem, status=response.status_code, correlation_id=correlation_id),
        request=_request_of(response),
        body="" if problem.code else response.content.decode("utf-8", "replace"),
    )


def _request_of(response: Response) -> str:
    try:
        request = response.request  # type: ignore[attr-defined]  # not every client's response has it
        return f"{request.method} {request.url}"
    except (AttributeError, RuntimeError):  # httpx raises the latter for a response that a test has built
        return ""


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
