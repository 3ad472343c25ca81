"""``/v1/nodes/{id}/metrics``, ``/logs`` and ``/audit``: batches of a Node, handed to the ingest buffer.

What accepts them is imported with the first batch, so that an API without telemetry does not pay for it.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from plexsphere_reference.http.context import Call
from plexsphere_reference.http.operation import Handler, Operation


async def post_metrics(call: Call) -> Response:
    from plexsphere_reference.http.ingestion import accept

    return await accept(call, "metrics")


async def post_logs(call: Call) -> Response:
    from plexsphere_reference.http.ingestion import accept

    return await accept(call, "logs")


async def post_audit(call: Call) -> Response:
    from plexsphere_reference.http.ingestion import accept

    return await accept(call, "audit")


def _operation(signal: str, handler: Handler, backend: str) -> Operation:
    """Build an operation. Without its *backend* nothing would take a batch from the buffer, so it accepts none."""
    return Operation(
        method="POST",
        path=f"/v1/nodes/{{id}}/{signal}",
        handler=handler,
        surface="observability_ingest",
        needs=(backend,),
        access="node",
        body_error="ingest_batch_malformed",
        too_large_error="ingest_body_too_large",
    )


OPERATIONS: Final = (
    _operation("metrics", post_metrics, "PLEXSPHERE_MIMIR_URL"),
    _operation("logs", post_logs, "PLEXSPHERE_LOKI_URL"),
    _operation("audit", post_audit, "PLEXSPHERE_LOKI_URL"),
)
