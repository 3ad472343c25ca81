"""Decode the control plane's RFC 9457 problems and raise them as :class:`ProblemError`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from pytest_plexdev.core.untrusted_json import decode_as

if TYPE_CHECKING:
    import httpx
    import pytest


CORRELATION_ID: Final = "X-Correlation-Id"
"""The header of every answer."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a refusal. Members that the answer lacks are empty.

    ``correlation_id`` is required in the contract of August 2026, and absent in that of July.
    """

    status: int = 0
    title: str = ""
    detail: str = ""
    instance: str = ""
    type: str = ""
    code: str = ""
    reason: str = ""
    correlation_id: str = ""
    child_counts: dict[str, int] = {}
    project_child_counts: dict[str, int] = {}

    @property
    def summary(self) -> str:
        """The refusal in one line: ``403 permission_denied: the detail (the reason)``."""
        head = " ".join(str(each) for each in (self.status, self.code or self.title) if each)
        reason = f" ({self.reason})" if self.reason else ""
        return f"{head}: {self.detail}{reason}" if self.detail else f"{head}{reason}"


class ProblemError(Exception):
    """The API refused a request.

    Attributes:
        status: The HTTP status.
        code: The stable code, such as ``domain_slug_conflict``; empty if the answer has none.
        detail: The API's explanation.
        correlation_id: Identifies the request in the audit entries and in the API's log.
        problem: The whole body.
        method: The request's method.
        path: The request's path.

    Example::

        import pytest
        from pytest_plexdev import ProblemError

        def test_a_slug_is_unique_in_its_domain(plexdev_tenant, plexdev_project):
            slug, domain_id = plexdev_project.slug, plexdev_tenant.domain_id
            with pytest.raises(ProblemError) as caught:
                plexdev_tenant.client.projects.create(domain_id=domain_id, name="Again", slug=slug)
            assert caught.value.status == 409
    """

    def __init__(self, problem: Problem, *, method: str, path: str) -> None:
        self.problem = problem
        self.status = problem.status
        self.code = problem.code
        self.detail = problem.detail
        self.correlation_id = problem.correlation_id
        self.method = method
        self.path = path
        super().__init__(problem, method, path)

    def __str__(self) -> str:
        from pytest_plexdev.masking.rule import mask

        lines = [f"{self.method} {self.path} -> {self.problem.summary}"]
        if self.correlation_id:
            lines.append(f"  correlation_id: {self.correlation_id}")
        return mask("\n".join(lines))  # a proxy in between may answer with anything

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.problem, self.method, self.path)


def _rebuild(problem: Problem, method: str, path: str) -> ProblemError:
    return ProblemError(problem, method=method, path=path)


def hides_its_frames(raised: pytest.ExceptionInfo[BaseException]) -> bool:
    """Whether to hide the client's frames (``__tracebackhide__``): for a refusal, only the test's request matters."""
    return raised.errisinstance(ProblemError)


def problem_of(response: httpx.Response) -> ProblemError:
    """Build the error for *response*, whose status is 400 or more. A body that is not a problem becomes the detail."""
    problem = _decoded(response)
    return ProblemError(problem, method=response.request.method, path=response.request.url.path)


def _decoded(response: httpx.Response) -> Problem:
    try:
        problem = decode_as(response.content, Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = " ".join(response.text.split())[:300]
        return Problem(status=response.status_code, title=response.reason_phrase, detail=text)
    correlation_id = problem.correlation_id or response.headers.get(CORRELATION_ID, "")
    return msgspec.structs.replace(problem, status=response.status_code, correlation_id=correlation_id)
