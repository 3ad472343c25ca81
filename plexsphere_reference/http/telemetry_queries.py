"""Answer a query of a Domain's telemetry as its backend does.

The backend's tenant is the Domain of the path, so no expression reads another Domain's data.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol
from uuid import UUID

from starlette.responses import Response

from plexsphere_reference.http.context import Call
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.http.surfaces import domains
from plexsphere_reference.log import log
from plexsphere_reference.observability import loki, mimir
from plexsphere_reference.observability.parts import Observability
from plexsphere_reference.observability.upstream import (
    LARGEST_ANSWER,
    Answer,
    Upstream,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from plexsphere_reference.rules.telemetry_query import InvalidQuery, logs_parameters, metrics_parameters

_WITHIN_S: Final = 10.0
"""The query deadline in seconds."""
_REFUSALS: Final = frozenset((400, 413, 414, 422))
"""The statuses of a backend that are about the query. A starting one answers 404 or 405, as its routes are missing."""
_LONGEST_REASON: Final = 500


class _Query(Protocol):
    def __call__(
        self, upstream: Upstream, domain_id: UUID, parameters: Mapping[str, str], *, within_s: float
    ) -> Awaitable[Answer]: ...


async def query_metrics(call: Call) -> Response:
    """Run a PromQL query.

    Raises:
        Problem: A gate refused the query, or Mimir did not answer it.
    """
    domain_id = await _readable_domain(call, action="metrics.query")
    parameters = _valid(metrics_parameters, call)
    return _result(call, await _send(call, _parts(call).mimir, mimir.query, domain_id, parameters))


async def query_logs(call: Call) -> Response:
    """Run a LogQL query.

    Raises:
        Problem: A gate refused the query, or Loki did not answer it.
    """
    domain_id = await _readable_domain(call, action="logs.query")
    parameters = _valid(logs_parameters, call)
    return _result(call, await _send(call, _parts(call).loki, loki.query, domain_id, parameters))


def _parts(call: Call) -> Observability:
    assert call.plane.observability is not None, "the operation needs the variable of its backend"
    return call.plane.observability


async def _readable_domain(call: Call, *, action: str) -> UUID:
    domain_id = call.path_id("domain_id", code="invalid_domain_id")
    await call.require_read("domain_view", f"domain:{domain_id}", action=action, chain=domain_id)
    await domains.require_exists(call, domain_id)
    return domain_id


def _valid(check: Callable[[Mapping[str, str]], dict[str, str]], call: Call) -> dict[str, str]:
    try:
        return check(call.request.query_params)
    except InvalidQuery as error:
        raise Problem(400, error.code, error.detail) from error


async def _send(
    call: Call, upstream: Upstream | None, query: _Query, domain_id: UUID, parameters: Mapping[str, str]
) -> Answer:
    assert upstream is not None
    try:
        return await query(upstream, domain_id, parameters, within_s=_WITHIN_S)
    except UpstreamTimeout as error:
        _log_failure(call, str(error))
        raise Problem(504, "query_upstream_timeout", f"the backend did not answer within {_WITHIN_S:g} s") from error
    except UpstreamUnavailable as error:
        _log_failure(call, str(error))
        raise Problem(502, "query_upstream_unavailable", "the backend does not answer") from error


def _result(call: Call, answer: Answer) -> Response:
    """Project the backend's answer (schemas MetricsQueryResult and LogsQueryResult)."""
    text = answer.content.decode(errors="replace")
    if answer.status in _REFUSALS:
        raise Problem(400, "query_invalid", f"the backend refused the query: {text[:_LONGEST_REASON]}")
    if not 200 <= answer.status < 300:
        _log_failure(call, f"{answer.status}: {text[:_LONGEST_REASON]}")
        raise Problem(502, "query_upstream_unavailable", f"the backend answered {answer.status}")
    if not answer.is_complete:
        raise Problem(400, "query_invalid", f"the result is larger than {LARGEST_ANSWER} bytes; ask for less")
    return call.json({"status_code": answer.status, "body": text})


def _log_failure(call: Call, reason: str) -> None:
    log("WARN", "telemetry query failed", correlation_id=call.correlation_id, reason=reason)
