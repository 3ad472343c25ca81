"""``/v1/domains/{domain_id}/metrics/query`` and ``/logs/query``: a Domain's telemetry, as its backend returns it.

What asks the backends is imported with the first query, so that an API without telemetry does not pay for it.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from plexsphere_reference.http.context import Call
from plexsphere_reference.http.operation import Operation


async def query_metrics(call: Call) -> Response:
    from plexsphere_reference.http import telemetry_queries

    return await telemetry_queries.query_metrics(call)


async def query_logs(call: Call) -> Response:
    from plexsphere_reference.http import telemetry_queries

    return await telemetry_queries.query_logs(call)


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/v1/domains/{domain_id}/metrics/query",
        handler=query_metrics,
        surface="observability",
        needs=("PLEXSPHERE_MIMIR_URL",),
    ),
    Operation(
        method="GET",
        path="/v1/domains/{domain_id}/logs/query",
        handler=query_logs,
        surface="observability",
        needs=("PLEXSPHERE_LOKI_URL",),
    ),
)
